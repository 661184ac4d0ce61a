"""Several units of one item to bidders who want one each (Krishna, "Auction Theory", 12).

The highest bids of those who take part win a unit each; units nobody takes part for stay
unsold. Who takes part, the entry fee and ties are as for one item.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.mechanisms.checks import Bools, Numbers, bids_and_charges, who_takes_part
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.ranking import highest_other, tie_order, winners


def uniform_price(
    bids: Numbers,
    units: int,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
    takes_part: Bools | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """Winners pay the highest losing bid of those who take part, or their reserve if higher.

    Truthful, as each bidder wants one unit: this is Vickrey's auction.

    Args:
      bids: float [bidders], in units of money.
      units: how many there are; static.
      reserve: float [] or [bidders], the least bid that takes part.
      entry_fee: float [], paid by all who take part.
      takes_part: bool [bidders], who does if the bid is at or above the reserve; by default all.
      key: breaks ties at random; by default the lowest index wins.

    Returns:
      ``allocation`` int32 [bidders], 1 for winners; ``payments`` float [bidders].

    Raises:
      ValueError: ``units`` is not an int above 0; a number is negative, NaN, or infinite where it
        is not a reserve; or a shape is another. Numbers that are traced, as under ``jax.jit`` or
        ``jax.vmap``, are not checked: a NaN or negative bid counts as none.
    """
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee)
    takes_part = who_takes_part(takes_part, bids, reserve)
    scores = jnp.where(takes_part, bids, -jnp.inf)
    wins = winners(scores, checks.integer("units", units), tie_order(bids.shape[0], key))
    price = jnp.maximum(highest_other(scores, wins), reserve)
    payments = jnp.where(wins, price, 0) + jnp.where(takes_part, entry_fee, 0)
    return Outcome(wins.astype(jnp.int32), payments)


def discriminatory_price(
    bids: Numbers,
    units: int,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
    takes_part: Bools | None = None,
    key: jax.Array | None = None,
) -> Outcome:
    """Winners pay their own bids.

    Args:
      bids: float [bidders], in units of money.
      units: how many there are; static.
      reserve: float [] or [bidders], the least bid that takes part.
      entry_fee: float [], paid by all who take part.
      takes_part: bool [bidders], who does if the bid is at or above the reserve; by default all.
      key: breaks ties at random; by default the lowest index wins.

    Returns:
      ``allocation`` int32 [bidders], 1 for winners; ``payments`` float [bidders].

    Raises:
      ValueError: ``units`` is not an int above 0; a number is negative, NaN, or infinite where it
        is not a reserve; or a shape is another. Numbers that are traced, as under ``jax.jit`` or
        ``jax.vmap``, are not checked: a NaN or negative bid counts as none.
    """
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee)
    takes_part = who_takes_part(takes_part, bids, reserve)
    scores = jnp.where(takes_part, bids, -jnp.inf)
    wins = winners(scores, checks.integer("units", units), tie_order(bids.shape[0], key))
    payments = jnp.where(wins, bids, 0) + jnp.where(takes_part, entry_fee, 0)
    return Outcome(wins.astype(jnp.int32), payments)
