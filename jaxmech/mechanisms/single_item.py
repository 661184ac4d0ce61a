"""One item, sealed bids: first price, second price, all pay (Krishna, "Auction Theory", 2).

Every rule sells to the highest bid of those who take part: whose bid is at or above their
reserve, a bid of 0 with a reserve of 0 included, unless ``takes_part`` says that they stay out.
Whoever takes part pays the entry fee, on top of the price. Among equal bids the lowest index
wins, or with a ``key`` each equally likely.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech.mechanisms.checks import Bools, Numbers, bids_and_charges, who_takes_part
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.ranking import leaders, tie_order


def first_price(
    bids: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
    takes_part: Bools | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """The highest bid wins and pays itself.

    Args:
      bids: float [bidders], in units of money.
      reserve: float [] or [bidders], the least bid that takes part.
      entry_fee: float [], paid by all who take part.
      takes_part: bool [bidders], who does if the bid is at or above the reserve; by default all.
      key: breaks ties at random; by default the lowest index wins.

    Returns:
      ``allocation`` int32 [bidders], 1 for the winner; ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN, or infinite where it is not a reserve; or a shape is
        another. Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: a
        NaN or negative bid counts as none.
    """
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee)
    takes_part = who_takes_part(takes_part, bids, reserve)
    wins = _highest(bids, takes_part, key)
    payments = jnp.where(wins, bids, 0) + jnp.where(takes_part, entry_fee, 0)
    return Outcome(wins.astype(jnp.int32), payments)


def second_price(
    bids: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
    takes_part: Bools | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """The highest bid wins and pays the next highest of those who take part, or its reserve.

    With personal reserves these are eager: who bids below the own reserve sets no price.

    Args:
      bids: float [bidders], in units of money.
      reserve: float [] or [bidders], the least bid that takes part.
      entry_fee: float [], paid by all who take part.
      takes_part: bool [bidders], who does if the bid is at or above the reserve; by default all.
      key: breaks ties at random; by default the lowest index wins.

    Returns:
      ``allocation`` int32 [bidders], 1 for the winner; ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN, or infinite where it is not a reserve; or a shape is
        another. Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: a
        NaN or negative bid counts as none.
    """
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee)
    takes_part = who_takes_part(takes_part, bids, reserve)
    order = tie_order(bids.shape[0], key)
    top = leaders(jnp.where(takes_part, bids, -jnp.inf), 2, order)
    wins = (order == top.order[0]) & takes_part
    price = jnp.maximum(top.scores[1], reserve)
    payments = jnp.where(wins, price, 0) + jnp.where(takes_part, entry_fee, 0)
    return Outcome(wins.astype(jnp.int32), payments)


def all_pay(
    bids: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
    takes_part: Bools | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """The highest bid wins, and all who take part pay their bids.

    Args:
      bids: float [bidders], in units of money.
      reserve: float [] or [bidders], the least bid that takes part.
      entry_fee: float [], paid by all who take part.
      takes_part: bool [bidders], who does if the bid is at or above the reserve; by default all.
      key: breaks ties at random; by default the lowest index wins.

    Returns:
      ``allocation`` int32 [bidders], 1 for the winner; ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN, or infinite where it is not a reserve; or a shape is
        another. Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: a
        NaN or negative bid counts as none.
    """
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee)
    takes_part = who_takes_part(takes_part, bids, reserve)
    wins = _highest(bids, takes_part, key)
    return Outcome(wins.astype(jnp.int32), jnp.where(takes_part, bids + entry_fee, 0))


def _highest(bids: jax.Array, takes_part: jax.Array, key: jax.Array | None) -> jax.Array:
    """Who wins, bool [bidders]."""
    order = tie_order(bids.shape[0], key)
    top = leaders(jnp.where(takes_part, bids, -jnp.inf), 1, order)
    return (order == top.order[0]) & takes_part
