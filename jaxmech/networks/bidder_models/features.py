"""What bidder models see of a day.

Money enters as logarithms of ratios only: with all bids and reserves multiplied by a factor
the features stay and the prediction moves along the bins. The features of a bidder do not
depend on how the others are ordered, and their number not on how many there are.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.keywords.bid_history import BidBins, BidHistory

NUM_RIVALS = 3
"""How many rivals a bidder's features show, those of the highest scores."""

NUM_DAY_FEATURES = 12 + 2 * NUM_RIVALS
NUM_RESERVE_FEATURES = 3

_CHANGES = (2, 4, 7)
"""The features that compare a day with the day before: of bids, reserve and impressions."""

_FAR = 3.0
"""Logarithms of ratios are cut here, about 20 times and a twentieth."""

_CHANGE_SCALE = 10.0
"""Changes from day to day are about a tenth in logarithms."""

_NEWEST_WEIGHT = 0.4
"""Of a day's histogram in the mean of the days up to it."""


@struct.dataclass
class BidSummary:
    """A day in few numbers, float [..., bidders] each but the histogram.

    Attributes:
      location: mean logarithm of the positive bids of the last day that had any, before the
        first such day that of the reserve.
      spread: standard deviation of the same, at least half the width of a bin; before the
        first such day a whole width.
      log_reserve: logarithm of the day's reserve, within the bins of positive bids.
      impressions: of the day, per auction.
      histogram: float [..., bidders, bins], of positive bids only, mean of the days with any
        up to this one, with weights that fall geometrically; before the first such day all
        in the bin of no bid.
    """

    location: jax.Array
    spread: jax.Array
    log_reserve: jax.Array
    impressions: jax.Array
    histogram: jax.Array


@struct.dataclass
class SeenDays:
    """Days as models see them; without the first axis, one day.

    Attributes:
      histograms: float [days, bidders, bins].
      features: float [days, bidders, NUM_DAY_FEATURES].
      summary: of the days up to each; arrays [days, bidders, ...].
    """

    histograms: jax.Array
    features: jax.Array
    summary: BidSummary


def day_features(
    before: BidSummary, day: BidHistory, quality: jax.Array, bins: BidBins
) -> tuple[BidSummary, jax.Array]:
    """The summary of a day, and its features, float [bidders, NUM_DAY_FEATURES].

    Args:
      before: summary of the day before.
      day: one day of a history: its arrays without their first axis.
      quality: float [bidders], each bidder's factor of the click probability.
      bins: those of the histograms.
    """
    now = _summary(before, day, bins)
    impressions, clicks, cost = jnp.moveaxis(day.kpis, -1, 0)
    clicked = clicks > 0
    log_price = jnp.log(jnp.where(clicked & (cost > 0), cost / jnp.where(clicked, clicks, 1), 1))
    price = jnp.where(clicked & (cost > 0), _cut(log_price - now.location), -_FAR)
    positive_quality = jnp.where(quality > 0, quality, 1)
    eligible = _eligible_share(day.histograms, day.reserves, bins)
    own = [
        day.histograms[..., 0],
        jnp.log(now.spread) + 1,
        _cut(_CHANGE_SCALE * (now.location - before.location)),
        now.location - now.log_reserve,
        _cut(_CHANGE_SCALE * (now.log_reserve - before.log_reserve)),
        eligible,
        impressions,
        _cut(_CHANGE_SCALE * (impressions - before.impressions)),
        jnp.where(quality > 0, clicks / positive_quality, 0),
        price,
        _cut(cost / (positive_quality * jnp.exp(now.location))),
        _cut(jnp.log(positive_quality) + 2.5),
    ]
    own_features = jnp.stack([_cut(feature) for feature in own], axis=-1)
    log_score = jnp.where(quality > 0, jnp.log(positive_quality) + now.location, -jnp.inf)
    return now, jnp.concatenate([own_features, _rivals(log_score, eligible)], axis=-1)


def see_days(days: BidHistory, quality: jax.Array, bins: BidBins) -> SeenDays:
    """All days of a history, from their first on; features need no parameters.

    Args:
      days: any number of them, the oldest first.
      quality: float [bidders].
      bins: those of the histograms.
    """

    def step(before: BidSummary, day: BidHistory) -> tuple[BidSummary, SeenDays]:
        now, features = day_features(before, day, quality, bins)
        return now, SeenDays(day.histograms, features, now)

    seen: SeenDays = jax.lax.scan(step, _summary_before(days, bins), days)[1]
    return seen


def without_changes(features: jax.Array) -> jax.Array:
    """Features of a day, float [..., features], as they are if nothing is known before it."""
    return jnp.where(jnp.isin(jnp.arange(NUM_DAY_FEATURES), jnp.array(_CHANGES)), 0, features)


def reserve_features(last: BidSummary, reserves: jax.Array, bins: BidBins) -> jax.Array:
    """Features of the reserves of the day to predict, float [..., NUM_RESERVE_FEATURES].

    Args:
      last: summary of the day before it.
      reserves: float [...], money per click.
      bins: those of the histograms.
    """
    log_reserve = log_reserves(reserves, bins)
    features = [
        last.location - log_reserve,
        _CHANGE_SCALE * (log_reserve - last.log_reserve),
        _eligible_share(last.histogram, reserves, bins),
    ]
    return jnp.stack([_cut(feature) for feature in features], axis=-1)


def log_reserves(reserves: jax.Array, bins: BidBins) -> jax.Array:
    """Logarithms of reserves, those beyond the bins moved to the nearest positive bid."""
    return jnp.log(jnp.clip(reserves, bins.edges[1], bins.edges[-1]))


def bin_width(bins: BidBins) -> jax.Array:
    """Mean width of the bins of positive bids in logarithms, float []."""
    return (jnp.log(bins.edges[-1]) - jnp.log(bins.edges[1])) / (bins.num_bins - 1)


def _summary_before(days: BidHistory, bins: BidBins) -> BidSummary:
    """Of the day before the first: that of the first, so that nothing changes."""
    first = jax.tree.map(lambda day: day[0], days)
    log_reserve = log_reserves(first.reserves, bins)
    width = jnp.broadcast_to(bin_width(bins), log_reserve.shape)
    none = jnp.zeros_like(first.histograms).at[..., 0].set(1)
    unknown = BidSummary(log_reserve, width, log_reserve, first.kpis[..., 0], none)
    return _summary(unknown, first, bins)


def _summary(before: BidSummary, day: BidHistory, bins: BidBins) -> BidSummary:
    log_centres = jax.lax.broadcast_to_rank(jnp.log(bins.centres[1:]), day.histograms.ndim)
    total = jnp.sum(day.histograms[..., 1:], axis=-1)
    bids = total > 0
    positive = day.histograms[..., 1:] / jnp.where(bids, total, 1)[..., None]
    mean = jnp.sum(positive * log_centres, axis=-1)
    deviations = jnp.square(log_centres - mean[..., None])
    variance = jnp.sum(positive * deviations, axis=-1)
    spread = jnp.sqrt(jnp.maximum(variance, jnp.square(bin_width(bins) / 2)))
    none = jnp.zeros_like(positive[..., :1])
    positive = jnp.concatenate([none, positive], axis=-1)
    # Known only after the first day with bids, which then counts in full.
    weight = jnp.maximum(_NEWEST_WEIGHT, before.histogram[..., :1])
    newest = before.histogram + weight * (positive - before.histogram)
    return BidSummary(
        location=jnp.where(bids, mean, before.location),
        spread=jnp.where(bids, spread, before.spread),
        log_reserve=log_reserves(day.reserves, bins),
        impressions=day.kpis[..., 0],
        histogram=jnp.where(bids[..., None], newest, before.histogram),
    )


def _eligible_share(histograms: jax.Array, reserves: jax.Array, bins: BidBins) -> jax.Array:
    """Share of bids at or above the reserves, float [...], bins counted as wholes."""
    centres = jax.lax.broadcast_to_rank(bins.centres, reserves.ndim + 1)
    reaches = (centres > 0) & (centres >= reserves[..., None])
    return jnp.sum(jnp.where(reaches, histograms, 0), axis=-1)


def _rivals(log_score: jax.Array, eligible: jax.Array) -> jax.Array:
    """Each bidder's strongest rivals, float [bidders, 2 * NUM_RIVALS], the strongest first.

    Their lead in the logarithm of quality times bid, and their share of eligible bids.
    """
    num_bidders = log_score.shape[-1]
    others = ~jnp.eye(num_bidders, dtype=bool)
    competes = others & ((eligible > 0) & jnp.isfinite(log_score))[None]
    own = jnp.where(jnp.isfinite(log_score), log_score, 0)
    lead = jnp.where(competes, _cut(log_score[None] - own[:, None]), -_FAR)
    share = jnp.where(competes, eligible[None], 0)
    columns = []
    for _ in range(NUM_RIVALS):
        strongest = jnp.argmax(lead, axis=-1, keepdims=True)
        chosen = jnp.arange(num_bidders)[None] == strongest
        columns += [jnp.max(lead, axis=-1), jnp.sum(jnp.where(chosen, share, 0), axis=-1)]
        lead, share = jnp.where(chosen, -_FAR, lead), jnp.where(chosen, 0, share)
    return jnp.stack(columns, axis=-1)


def _cut(number: jax.Array) -> jax.Array:
    return jnp.clip(number, -_FAR, _FAR)
