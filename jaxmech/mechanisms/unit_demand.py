"""Vickrey-Clarke-Groves for agents who want one item each (Leonard 1983)."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmech import checks
from jaxmech.mechanisms.checks import Numbers, as_floats
from jaxmech.mechanisms.outcome import Outcome

TABULATED_ITEMS = 6
"""Most items whose sets are tabulated; beyond, assignments are found by augmenting paths."""


def vickrey_clarke_groves(values: Numbers, *, key: jax.Array | None = None) -> Outcome:
    """An assignment of greatest total value; agents pay what the others lose by them.

    Up to ``TABULATED_ITEMS`` items the best values of all sets of items are tabulated, which
    is exact, has no loops of unknown length and gives all removed-agent optima at once; beyond,
    the Hungarian algorithm of optax solves the assignment once for all and once without each.

    Args:
      values: float [agents, items], reported, in units of money.
      key: breaks ties at random, by a random order of the agents. Without it, up to
        ``TABULATED_ITEMS`` items, the first agent gets the first item that any best assignment
        gives it, then the second agent, and so on; with more items ties are the solver's.

    Returns:
      ``allocation`` int32 [agents, items], of single units; an item nobody values may go to an
      agent without one. ``payments`` float [agents], at most the value of what is received.

    Raises:
      ValueError: ``values`` are negative, NaN, infinite or of another shape. Numbers that are
        traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or negative ones give
        nonsense.
    """
    (values,) = as_floats({"values": values})
    checks.axes("values", values, "agents", "items")
    agents, items = values.shape
    if key is not None:
        order = jax.random.permutation(key, agents)
        outcome = vickrey_clarke_groves(values[order])
        back = jnp.argsort(order)
        return Outcome(outcome.allocation[back], outcome.payments[back])
    if items <= TABULATED_ITEMS:
        allocation, total, total_without = _by_table(values)
    else:
        allocation, total, total_without = _by_paths(values)
    received = jnp.sum(jnp.where(allocation > 0, values, 0), axis=1)
    lost_by_others = total_without - (total - received)
    # Rounding in the sums must neither pay an agent nor charge more than the value.
    return Outcome(allocation, jnp.minimum(jnp.maximum(lost_by_others, 0), received))


@partial(jax.jit, inline=True)
def _by_table(values: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Allocation, its value, and the best value without each agent, float [agents].

    Sets of items are the numbers whose binary digits they are. The table of some agents is
    float [sets]: their best value from that set.
    """
    items = values.shape[1]
    nobody = jnp.zeros(2**items, values.dtype)

    def with_one_more(table: jax.Array, agent: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.max(_choices(table, agent), axis=0), table

    everybody, later = lax.scan(with_one_more, nobody, values, reverse=True)
    _, earlier = lax.scan(with_one_more, nobody, values)
    # The complement of a set stands at the mirrored place.
    without = jnp.max(earlier + later[:, ::-1], axis=1)
    sets = jnp.arange(2**items)

    def choose(left: jax.Array, agent: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        table, of_agent = agent
        options = jnp.where(sets == left, _choices(table, of_agent), -jnp.inf)
        row = jnp.arange(items) == jnp.argmax(jnp.max(options, axis=1))
        return left - jnp.sum(jnp.where(row, 2 ** jnp.arange(items), 0)), row

    _, allocation = lax.scan(choose, jnp.asarray(2**items - 1), (later, values))
    return allocation.astype(jnp.int32), everybody[-1], without


def _choices(table: jax.Array, agent: jax.Array) -> jax.Array:
    """Best values if one more agent takes each item or, in the last row, none.

    Args:
      table: float [sets].
      agent: float [items], that agent's values.

    Returns:
      float [items + 1, sets]; -inf where the item is not in the set.
    """
    items = agent.shape[0]
    rows = []
    for item in range(items):
        # Sets with and without the item, side by side along the middle axis.
        lacking = table.reshape(-1, 2, 2**item)[:, :1]
        row = jnp.concatenate([jnp.full_like(lacking, -jnp.inf), lacking + agent[item]], axis=1)
        rows.append(row.reshape(-1))
    return jnp.stack([*rows, table])


@partial(jax.jit, inline=True)
def _by_paths(values: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As ``_by_table``, by the Hungarian algorithm."""
    # Imported where it is used: no other rule needs it.
    from optax.assignment import hungarian_algorithm

    agents = values.shape[0]

    def best(values: jax.Array) -> tuple[jax.Array, jax.Array]:
        agent, item = hungarian_algorithm(-lax.stop_gradient(values))
        allocation = jnp.zeros(values.shape, jnp.int32).at[agent, item].set(1)
        return allocation, jnp.sum(jnp.where(allocation > 0, values, 0))

    allocation, total = best(values)
    present = ~jnp.eye(agents, dtype=bool)
    _, without = jax.vmap(lambda here: best(jnp.where(here[:, None], values, 0)))(present)
    return allocation, total, without
