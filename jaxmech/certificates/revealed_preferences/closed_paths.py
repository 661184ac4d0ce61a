"""How far choices are from maximising any utility: the widest closed path of comparisons.

An agent chose bundle t under a constraint ``g_t <= 0`` for t = 1, ..., T. ``costs[t, s]`` is what
bundle s lacks of being feasible when t was chosen, ``g_t(x_s) - g_t(x_t)``: below 0 where s was
cheaper than t, which was chosen all the same, and so is revealed to be better. A closed path of
such comparisons is a contradiction (Afriat 1967). Its width is the least of the amounts by which
they hold, and the gap is the width of the widest one: what each comparison must be allowed to be
off by, ``u_s - u_t <= lambda_t (costs[t, s] + gap)`` with all ``lambda_t > 0``. Where the spending
of every choice is 1 it is 1 less Afriat's critical cost efficiency index.

No linear program is needed, as only comparisons of numbers are: what is found is exact in any
precision. A set of observations of which each has, within the set, a comparison of at least some
width holds a closed path of that width, and the observations of a closed path are such a set. So
observations are taken out by the widest comparison that is left to them, the least first, and the
gap is the largest of these numbers at the time when they are taken out. All that lies below what
was reached before goes at once: a few passes over the comparisons, where paths through all
triples of observations would take as many as there are observations.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct


@struct.dataclass
class ClosedPath:
    """The widest closed path of comparisons, and its width.

    Attributes:
      gap: float [], its width, 0 where no closed path has one above 0. It is differentiable where
        one comparison alone decides it: moved by -1 with the cost of that comparison, and by none
        of the others.
      members: bool [observations], whether the path leads through them; none where the gap is 0.
      following: int32 [observations], the observation that each member was better than, the next
        one of the path; -1 outside.
    """

    gap: jax.Array
    members: jax.Array
    following: jax.Array


def pareto_gap(costs: jax.Array) -> jax.Array:
    """The width of the widest closed path, float []; ``widest_closed_path`` says which it is.

    Differentiable as that is; its value alone takes less.

    Args:
      costs: float [observations, observations], of one agent. What stands on the diagonal is not
        read. Of several agents the gap is the largest of theirs; batches go through ``jax.vmap``.

    Raises:
      InvalidValueError: an array of another shape.
    """
    _check(costs)
    return _gap(costs)


def widest_closed_path(costs: jax.Array) -> ClosedPath:
    """The widest closed path of comparisons.

    Args:
      costs: float [observations, observations], see ``pareto_gap``.

    Raises:
      InvalidValueError: an array of another shape.
    """
    _check(costs)
    width = widths(jax.lax.stop_gradient(costs))
    core, _ = _core(width)
    following = jnp.argmax(jnp.where(core, width, -jnp.inf), axis=1)
    members = _cycle(following, jnp.argmax(core))
    narrow = jnp.where(members, jnp.max(jnp.where(core, width, -jnp.inf), axis=1), jnp.inf)
    first = jnp.argmin(narrow)
    found = -costs[first, following[first]]
    violated = members & (narrow[first] > 0)
    return ClosedPath(
        gap=jnp.where(narrow[first] > 0, found, 0),
        members=violated,
        following=jnp.where(violated, following, -1).astype(jnp.int32),
    )


def widths(costs: jax.Array) -> jax.Array:
    """By how much each comparison holds, float [observations, observations]; -inf with itself."""
    return jnp.where(jnp.eye(costs.shape[0], dtype=bool), -jnp.inf, -costs)


def widest(width: jax.Array) -> jax.Array:
    """The width of the widest closed path, float [], below 0 too: -inf of one observation alone.

    Args:
      width: float [observations, observations], see ``widths``.
    """
    return _core(width)[1]


@jax.custom_jvp
def _gap(costs: jax.Array) -> jax.Array:
    return jnp.maximum(widest(widths(costs)), 0)


@_gap.defjvp
def _gap_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return jax.jvp(lambda costs: widest_closed_path(costs).gap, primals, tangents)


def _check(costs: jax.Array) -> None:
    checks.axes("costs", costs, "observations", "observations")
    size = costs.shape[0]
    checks.shape("costs", costs, "[observations, observations]", (size, size))


def _core(width: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Observations each of which has a comparison with another as wide as the widest path, bool.

    And that width, float [].
    """
    # Two observations that contradict each other: near the answer in most sets.
    pairs = jnp.minimum(width, width.T)
    in_pairs = jnp.max(pairs, axis=1)
    one = jnp.argmax(in_pairs)
    other = jnp.argmax(pairs[one])
    places = jnp.arange(width.shape[0])
    start = (places == one) | (places == other)

    def thinner(
        state: tuple[jax.Array, jax.Array, jax.Array],
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        left, core, reached = state
        best = jnp.max(jnp.where(left, width, -jnp.inf), axis=1)
        least = jnp.min(jnp.where(left, best, jnp.inf))
        core = jnp.where(least > reached, left, core)
        reached = jnp.maximum(reached, least)
        return left & (best > reached), core, reached

    everything = jnp.ones_like(start)
    _, core, reached = jax.lax.while_loop(
        lambda state: jnp.any(state[0]), thinner, (everything, start, in_pairs[one])
    )
    return core, reached


def _cycle(following: jax.Array, start: jax.Array) -> jax.Array:
    """Places that are come back to from a start, bool [places], by ``following``, int [places]."""
    size = following.shape[0]
    steps = max(1, (size - 1).bit_length())
    ahead, powers = following, []
    for _ in range(steps):
        powers.append(ahead)
        ahead = ahead[ahead]
    # At least as many steps as there are places: on the cycle.
    members = jnp.arange(size) == ahead[start]
    for power in powers:
        members |= jnp.zeros_like(members).at[power].max(members)
    return members
