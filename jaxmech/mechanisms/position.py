"""Position auctions: slots sold per click (Varian 2007; Edelman, Ostrovsky, Schwarz 2007).

A bidder of quality q in a slot of click rate alpha is clicked with probability alpha q.
Bidders who take part, those whose bid is at or above their reserve, are ranked by
q^squash times bid: squash 1 ranks by revenue, 0 by bid (Lahaie and Pennock 2007).
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.mechanisms.checks import Numbers, position_auction
from jaxmech.mechanisms.outcome import Outcome
from jaxmech.mechanisms.ranking import Leaders, leaders, tie_order

Filtering = Literal["eager", "lazy"]


@struct.dataclass
class PositionOutcome(Outcome):
    """Who gets which slot, and what it costs.

    Attributes:
      allocation: int32 [bidders, slots], 1 for the bidder a slot shows.
      payments: float [bidders], expected per impression: ``clicks`` times ``price_per_click``.
      clicks: float [bidders], probability of a click.
      price_per_click: float [bidders], 0 without a slot.
    """

    clicks: jax.Array
    price_per_click: jax.Array


def generalized_second_price(
    bids: Numbers,
    quality: Numbers,
    click_rates: Numbers,
    reserve: Numbers = 0.0,
    *,
    squash: Numbers = 1.0,
    filtering: Filtering = "eager",
    key: jax.Array | None = None,
) -> PositionOutcome:
    """Weighted generalised second price: a click costs the least bid that keeps the slot.

    With weights w = quality^squash that is w_j b_j / w_i, j the next ranked, or bidder i's
    reserve if higher or if there is no j.

    Args:
      bids: float [bidders], money per click.
      quality: float [bidders].
      click_rates: float [slots], not rising, of the slots from the best to the worst.
      reserve: float [] or [bidders], money per click.
      squash: float [], exponent of the quality in the ranking.
      filtering: what happens to bids below their reserve. "eager" removes them before
        ranking; "lazy" after it, so that they set prices and their slots stay empty.
      key: breaks ties at random; by default the lowest index goes first.

    Raises:
      ValueError: ``filtering`` is another; a number is negative, NaN, or infinite where it is not a
        reserve; there are more slots than bidders; ``click_rates`` rise; or a shape is another.
        Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or
        negative ones give nonsense.
    """
    checks.one_of("filtering", filtering, get_args(Filtering))
    bids, quality, click_rates, squash, reserve = position_auction(
        {"bids": bids, "quality": quality}, click_rates, squash, reserve
    )
    weights = ranking_weights(quality, squash)
    scores = weights * bids
    takes_part = bids >= reserve
    if filtering == "eager":
        scores = jnp.where(takes_part, scores, -jnp.inf)
    order = tie_order(bids.shape[0], key)
    ranked = leaders(scores, click_rates.shape[0] + 1, order)
    allocation, clicks, place = _slots(ranked, order, takes_part, quality, click_rates)
    next_score = jnp.zeros_like(bids)
    for slot in range(click_rates.shape[0]):
        next_score = jnp.where(place == slot, ranked.scores[slot + 1], next_score)
    price = jnp.where(place >= 0, _keeping_bid(next_score, weights, bids, reserve), 0)
    return PositionOutcome(allocation, clicks * price, clicks, price)


def position_vcg(
    bids: Numbers,
    quality: Numbers,
    click_rates: Numbers,
    reserve: Numbers = 0.0,
    *,
    squash: Numbers = 1.0,
    key: jax.Array | None = None,
) -> PositionOutcome:
    """Vickrey-Clarke-Groves for slots: bidders pay what the others lose by them.

    Each step up the slots is paid for, by the clicks it adds, at the least bid that earns it;
    so bids below their reserve, removed before ranking, and other ``squash`` than 1 leave it
    truthful (the laddered auction of Aggarwal, Goel and Motwani 2006). These are also the
    payments of the lowest symmetric equilibrium of the generalised second price with the same
    ``squash``, if there are no reserves.

    Args:
      bids: float [bidders], money per click.
      quality: float [bidders].
      click_rates: float [slots], not rising, of the slots from the best to the worst.
      reserve: float [] or [bidders], money per click.
      squash: float [], exponent of the quality in the ranking.
      key: breaks ties at random; by default the lowest index goes first.

    Raises:
      ValueError: a number is negative, NaN, or infinite where it is not a reserve; there are more
        slots than bidders; ``click_rates`` rise; or a shape is another. Numbers that are traced, as
        under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or negative ones give nonsense.
    """
    bids, quality, click_rates, squash, reserve = position_auction(
        {"bids": bids, "quality": quality}, click_rates, squash, reserve
    )
    weights = ranking_weights(quality, squash)
    takes_part = bids >= reserve
    order = tie_order(bids.shape[0], key)
    ranked = leaders(
        jnp.where(takes_part, weights * bids, -jnp.inf), click_rates.shape[0] + 1, order
    )
    allocation, clicks, place = _slots(ranked, order, takes_part, quality, click_rates)
    click_rate, paid = jnp.zeros_like(bids), jnp.zeros_like(bids)
    for slot in reversed(range(click_rates.shape[0])):
        added = click_rates[slot] - (click_rates[slot + 1] if slot + 1 < len(click_rates) else 0)
        climbs = (place >= 0) & (place <= slot)
        step = _keeping_bid(ranked.scores[slot + 1], weights, bids, reserve)
        paid = paid + jnp.where(climbs, added * step, 0)
        click_rate = click_rate + jnp.where(climbs, added, 0)
    shown = click_rate > 0
    price = jnp.where(shown, paid / jnp.where(shown, click_rate, 1), 0)
    price = jnp.where(place >= 0, jnp.minimum(jnp.maximum(price, reserve), bids), 0)
    return PositionOutcome(allocation, clicks * price, clicks, price)


def ranking_weights(quality: jax.Array, squash: jax.Array) -> jax.Array:
    """``quality ** squash``, elementwise; the gradient is 0 where the quality is 0."""
    positive = quality > 0
    # The slope at 0 is infinite for squash below 1, and NaN in what is not even ranked by it.
    return jnp.where(
        positive, jnp.where(positive, quality, 1) ** squash, jnp.where(squash > 0, 0, 1)
    )


def _slots(
    ranked: Leaders,
    order: jax.Array,
    takes_part: jax.Array,
    quality: jax.Array,
    click_rates: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Allocation, int32 [bidders, slots]; clicks, float [bidders]; slot or -1, int [bidders]."""
    shows = (order[:, None] == ranked.order[None, :-1]) & takes_part[:, None]
    place = jnp.full(order.shape, -1)
    click_rate = jnp.zeros_like(quality)
    # Selecting slot by slot: XLA adds up short rows, such as those of slots, far more slowly.
    for slot in range(click_rates.shape[0]):
        here = (order == ranked.order[slot]) & takes_part
        place = jnp.where(here, slot, place)
        click_rate = jnp.where(here, click_rates[slot], click_rate)
    return shows.astype(jnp.int32), quality * click_rate, place


def _keeping_bid(
    score: jax.Array, weights: jax.Array, bids: jax.Array, reserve: jax.Array
) -> jax.Array:
    """The least bids that take part and reach ``score``, which ``bids`` do."""
    positive = (weights > 0) & (score > 0)
    needed = jnp.where(positive, score / jnp.where(positive, weights, 1), 0)
    # Rounding must not charge more than the bid.
    return jnp.minimum(jnp.maximum(needed, reserve), bids)
