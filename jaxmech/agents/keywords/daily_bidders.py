"""Bidders for the slots of one keyword, who set a bid once a day.

A bidder has a strategy bid, which it may reconsider every morning, when the reserves of the
day are known (Tang 2017, section 4). The bids it places in the day scatter around it. Four
kinds of bidders, told apart by their parameters alone, so that any mix of them is one program:

- inactive: keeps its bid most days (``activity`` near 0), else responds like the next;
- best response: bids for the slot that would have earned most at yesterday's prices, the bid
  balanced so that it would gain as much one slot up at its own bid (Cary et al. 2007, "Greedy
  bidding strategies for keyword auctions");
- quantal response: chooses the slot by logit, with finite ``precision``;
- KPI target: multiplies its bid by ``exp(rate * (target - KPI of yesterday))``.

No strategy bid exceeds the bidder's value, and nobody bids where the reserve does.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.keywords.bid_history import KPIS
from jaxmech.mechanisms.position import Filtering, ranking_weights
from jaxmech.mechanisms.ranking import leaders, tie_order

KINDS = ("inactive", "quantal_response", "best_response", "kpi_target")

LEAST_BID = 1e-15
"""What a free slot costs, money per click: a bid of 0 gets none. So far above the least positive
number that the scatter of a day's bids does not round it to 0."""


@struct.dataclass
class DailyBidders:
    """The bidders of a keyword; every field is an array [bidders].

    Attributes:
      values: float, money per click.
      quality: float, factor of the click probability.
      activity: float, probability that the bidder reconsiders its bid on a day.
      precision: float, of its choice among slots, per share of its value that it would keep
        of a click at click rate 1; infinite for a best response.
      aims_at_kpi: bool, whether it adjusts its bid to a target instead.
      kpi: int32, which of ``KPIS`` that is.
      target: float, of this indicator, per auction.
      adjustment_rate: float, change of the log bid per unit of the indicator missed.
      scatter: float, standard deviation of the log bids of a day.
    """

    values: jax.Array
    quality: jax.Array
    activity: jax.Array
    precision: jax.Array
    aims_at_kpi: jax.Array
    kpi: jax.Array
    target: jax.Array
    adjustment_rate: jax.Array
    scatter: jax.Array


@struct.dataclass
class Yesterday:
    """What bidders react to.

    Attributes:
      bids: float [bidders], strategy bids; 0 of those that did not bid.
      reserves: float [bidders].
      kpis: float [bidders, 3], ``KPIS`` of the day per auction.
    """

    bids: jax.Array
    reserves: jax.Array
    kpis: jax.Array


def next_bids(
    bidders: DailyBidders,
    strategy_bids: jax.Array,
    yesterday: Yesterday,
    key: jax.Array,
    *,
    reserves: jax.Array,
    click_rates: jax.Array,
    filtering: Filtering = "eager",
    squash: float = 1.0,
) -> jax.Array:
    """The strategy bids of today, float [bidders].

    Args:
      strategy_bids: float [bidders], of yesterday.
      key: draws who reconsiders, and the quantal responses.
      reserves: float [bidders], of today.
      click_rates: float [slots], not rising.
      filtering, squash: of the auctions.
    """
    num_slots = click_rates.shape[0]
    tiny = jnp.finfo(strategy_bids.dtype).tiny
    uniforms = jax.random.uniform(
        key, (strategy_bids.shape[0], num_slots + 2), strategy_bids.dtype, minval=tiny
    )
    noise = -jnp.log(-jnp.log(uniforms[:, 1:])) / bidders.precision[:, None]
    prices = slot_prices(
        bidders.quality, yesterday, reserves, num_slots, filtering=filtering, squash=squash
    )
    responses = balanced_bids(bidders.values, prices, click_rates, noise)
    adjusted = bids_towards_target(bidders, strategy_bids, yesterday.kpis)
    reconsidered = jnp.where(bidders.aims_at_kpi, adjusted, responses)
    return jnp.where(uniforms[:, 0] < bidders.activity, reconsidered, strategy_bids)


def slot_prices(
    quality: jax.Array,
    yesterday: Yesterday,
    reserves: jax.Array,
    num_slots: int,
    *,
    filtering: Filtering = "eager",
    squash: float = 1.0,
) -> jax.Array:
    """The least bid that gets a bidder each slot, or a better one, float [bidders, slots].

    Against yesterday's strategy bids of the others, with eager filtering of those that met
    their reserves, at today's ``reserves``, float [bidders]. ``LEAST_BID`` where any bid does,
    infinite where none does.
    """
    takes_part = yesterday.bids > 0
    if filtering == "eager":
        takes_part &= yesterday.bids >= yesterday.reserves
    weights = quality
    if squash != 1:
        weights = ranking_weights(quality, jnp.asarray(squash, quality.dtype))
    scores = jnp.where(takes_part, weights * yesterday.bids, -jnp.inf)
    ranked = leaders(scores, num_slots + 1, tie_order(scores.shape[0], None)).scores
    # Without itself, whoever is in a slot finds there the next below.
    is_above = takes_part[:, None] & (scores[:, None] >= ranked[None, :-1])
    to_beat = jnp.maximum(jnp.where(is_above, ranked[1:], ranked[:-1]), 0)
    ranked_above_0 = weights[:, None] > 0
    needed = jnp.where(
        ranked_above_0, to_beat / jnp.where(ranked_above_0, weights[:, None], 1), to_beat * jnp.inf
    )
    least = jnp.maximum(reserves, LEAST_BID)[:, None]
    return jnp.maximum(jnp.where(to_beat > 0, needed, 0), least)


def balanced_bids(
    values: jax.Array, prices: jax.Array, click_rates: jax.Array, noise: jax.Array
) -> jax.Array:
    """Bids for the slots that earn most at given prices, float [bidders].

    A click at price p in a slot of click rate alpha earns ``alpha (1 - p / v)`` of the value v.
    The bid for slot k is ``v - alpha_k / alpha_(k-1) (v - p_k)``, half-way from price to value
    for the first: no price of a better slot is below it unless that slot earns more. It is v
    where every slot costs more than that, and 0 where no slot is chosen though one would earn.

    Args:
      values: float [bidders].
      prices: float [bidders, slots].
      click_rates: float [slots].
      noise: float [bidders, slots + 1], added to the share earned in each slot and, last, in
        none; 0 for the best response.
    """
    values = values[:, None]
    affordable = prices <= values
    prices = jnp.where(affordable, prices, values)
    margin = values - prices
    shares = click_rates[None] * margin / jnp.where(values > 0, values, 1)
    earned = jnp.where(affordable, shares + noise[:, :-1], -jnp.inf)
    best, bid = noise[:, -1], jnp.where(affordable[:, -1], 0, values[:, 0])
    # From the last slot up, so that of equals the best slot is taken, and any rather than none.
    for slot in reversed(range(click_rates.shape[0])):
        ratio = jnp.asarray(0.5, values.dtype)
        if slot > 0:
            above = click_rates[slot - 1]
            ratio = click_rates[slot] / jnp.where(above > 0, above, 1)
        wanted = earned[:, slot] >= best
        balanced = jnp.maximum(values[:, 0] - ratio * margin[:, slot], prices[:, slot])
        best = jnp.where(wanted, earned[:, slot], best)
        bid = jnp.where(wanted, balanced, bid)
    return bid


def bids_towards_target(
    bidders: DailyBidders, strategy_bids: jax.Array, kpis: jax.Array
) -> jax.Array:
    """Bids moved towards the target by yesterday's ``kpis``, at most the value, float [bidders].

    Args:
      strategy_bids: float [bidders], of yesterday.
      kpis: float [bidders, 3].
    """
    watched = jnp.arange(len(KPIS))[None] == bidders.kpi[:, None]
    reached = jnp.sum(jnp.where(watched, kpis, 0), axis=-1)
    factor = jnp.exp(bidders.adjustment_rate * (bidders.target - reached))
    return jnp.minimum(strategy_bids * factor, bidders.values)


def placed_bids(bidders: DailyBidders, strategy_bids: jax.Array, reserves: jax.Array) -> jax.Array:
    """Strategy bids of those whose value is at or above their reserve, else 0, float [bidders]."""
    return jnp.where(reserves > bidders.values, 0, strategy_bids)


def scattered_bids(bidders: DailyBidders, bids: jax.Array, normals: jax.Array) -> jax.Array:
    """A day's bids, log-normal with median ``bids``, float [auctions, bidders].

    Args:
      bids: float [bidders].
      normals: float [auctions, bidders], standard normal.
    """
    return bids[None] * jnp.exp(bidders.scatter[None] * normals)
