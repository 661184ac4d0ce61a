"""The auction of one item that raises most (Myerson 1981)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.mechanisms.checks import Numbers, as_floats
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.ranking import leaders, tie_order


def myerson(
    bids: Numbers,
    virtual_value: Callable[[jax.Array], jax.Array],
    *,
    inverse: Callable[[jax.Array], jax.Array] | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """The highest virtual value wins, if it is 0 or above, and pays the least bid that wins.

    Truthful for any ``virtual_value`` that does not fall; raises most if it is the (ironed)
    virtual value v - (1 - F(v)) / f(v) of the distribution the values are from.

    Args:
      bids: float [bidders], in units of money.
      virtual_value: from bids, float [bidders], to virtual values, float [bidders]; elementwise
        and not falling, but it may differ between bidders. NaN and -inf never win. Of a
        distribution: ``lambda v: agents.virtual_value(distribution, v)``, or where that may
        fall ``agents.ironed_virtual_value(distribution)``.
      inverse: from virtual values, float [bidders], to the least bids that reach them, where
        ``virtual_value`` has no flat parts. By default the payment is the least floating-point
        number that wins, found by bisection, which has no gradient.
      key: breaks ties of virtual values, which ironing makes common, at random; by default the
        lowest index wins. The payment is the least bid that wins given how ties are broken.

    Returns:
      ``allocation`` int32 [bidders], 1 for the winner; ``payments`` float [bidders].

    Raises:
      ValueError: ``bids`` are negative, NaN, infinite or of another shape; ``virtual_value`` is no
        function; or a function returns another shape. Numbers that are traced, as under ``jax.jit``
        or ``jax.vmap``, are not checked: NaN or negative ones give nonsense.
    """
    if not callable(virtual_value):
        raise InvalidValueError(
            "virtual_value",
            virtual_value,
            "functions of bids, such as lambda v: agents.virtual_value(distribution, v)",
        )
    (bids,) = as_floats({"bids": bids})
    checks.axes("bids", bids, "bidders")
    virtual = virtual_value(bids)
    checks.shape("virtual_value(bids)", virtual, "[bidders]", bids.shape)
    order = tie_order(bids.shape[0], key)
    takes_part = virtual >= 0
    top = leaders(jnp.where(takes_part, virtual, -jnp.inf), 2, order)
    wins = (order == top.order[0]) & takes_part
    to_beat = jnp.maximum(top.scores[1], 0)
    if inverse is None:
        wins_ties = (top.scores[1] < 0) | (order < top.order[1])

        def winning(bid: jax.Array) -> jax.Array:
            reached = virtual_value(bid)
            return (reached > to_beat) | ((reached == to_beat) & wins_ties)

        price = _least(winning, bids)
    else:
        price = inverse(jnp.full_like(bids, to_beat))
        checks.shape("inverse(virtual values)", price, "[bidders]", bids.shape)
        # Rounding in the inverse must not charge more than the bid.
        price = jnp.clip(price, 0, bids)
    return Outcome(wins.astype(jnp.int32), jnp.where(wins, price, 0))


def _least(winning: Callable[[jax.Array], jax.Array], bids: jax.Array) -> jax.Array:
    """The least bids that win, among all floats; ``bids`` where those do not win."""
    bits = jnp.finfo(bids.dtype).bits
    # Floats from 0 up are in the order of their bits, of which halving reaches the last.
    highest = jax.lax.bitcast_convert_type(
        jnp.abs(jax.lax.stop_gradient(bids)), jnp.dtype(f"int{bits}")
    )

    def bid_of(number: jax.Array) -> jax.Array:
        return jax.lax.bitcast_convert_type(number, bids.dtype)

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        losing, won = ends
        middle = losing + (won - losing) // 2
        wins = winning(bid_of(middle))
        return jnp.where(wins, losing, middle), jnp.where(wins, middle, won)

    lowest = jnp.zeros_like(highest)
    _, won = jax.lax.fori_loop(0, bits - 1, halve, (lowest, highest))
    return jnp.where(winning(bid_of(lowest)), 0, bid_of(won))
