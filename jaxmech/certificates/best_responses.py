"""How much a bidder can gain against a whole profile of bid functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.agents.bidders.bid_functions import BidFunction, BidFunctions, bids_at
from jaxmech.agents.bidders.interim_rules import InterimRule, chance_of_highest, check_rule
from jaxmech.certificates.gain_bounds import (
    Budget,
    GainBound,
    Mechanism,
    Utility,
    check_bids,
    draw_auctions,
    quasilinear,
    response_gains,
)
from jaxmech.checks import InvalidValueError
from jaxmech.intervals import simultaneous_intervals

SMALLEST_STEP = 8
"""By how many units of rounding of the highest bid tied bids are told apart."""


def exploitability(
    mechanism: Mechanism,
    distribution: Any,
    profile: BidFunctions | Sequence[BidFunction],
    key: jax.Array,
    *,
    utility: Utility = quasilinear,
    num_profiles: int = 16_384,
    num_bids: int = 64,
    num_bins: int = 64,
    highest_bid: float | None = None,
) -> GainBound:
    """Expected gain of the best response found, for the bidder who gains most.

    Each bidder's response is one bid for each bin of its own value, the best of a grid on one
    half of the draws; its gain is measured on the other half, so that the choice does not
    flatter it. All responses meet the same draws. Where the distribution has signals, bids
    are functions of the signal, and responses respond to it.

    Args:
      mechanism: from bids [bidders] to the outcome; see ``gain_bounds.Mechanism``.
      distribution: of values or signals [bidders]: see ``gain_bounds.draw_auctions``.
      profile: the bid functions of all bidders.
      key: for the draws of values.
      utility: of values and outcome.
      num_profiles: draws to choose responses on, and as many to measure them.
      num_bids: bids tried, evenly spaced from 0 to ``highest_bid``.
      num_bins: bins of the own value, of equal probability.
      highest_bid: by default the highest value drawn.

    Raises:
      ValueError: a single policy instead of a profile, too few or too many bid functions,
        values that are not one for each bidder, a bid that is NaN, infinite or below 0, or
        numbers too small to estimate from.
    """
    num_bidders = _bidders_of(profile)
    checks.integer("num_profiles", num_profiles, low=2)
    checks.integer("num_bids", num_bids, low=2)
    checks.integer("num_bins", num_bins)
    draws = draw_auctions(distribution, key, 2 * num_profiles, num_bidders)
    truths = draws.truths
    if truths.shape[1:] != (num_bidders,):
        raise InvalidValueError(
            "profile",
            num_bidders,
            "one bid function for each bidder's one value",
            got=f"bid functions of {num_bidders} bidders for values of shape {truths.shape[1:]}",
            verb="allowed is",
        )
    if isinstance(profile, BidFunctions):
        bids = jax.vmap(profile)(truths)
    else:
        bids = jnp.stack([bids_at(bid, truths[:, i]) for i, bid in enumerate(profile)], axis=-1)
    check_bids("profile", bids)
    top = float(jnp.max(draws.values)) if highest_bid is None else highest_bid
    responses = jnp.linspace(0.0, top, num_bids)
    gains = response_gains(mechanism, utility, draws, bids, responses, num_bins)
    per_bidder = np.asarray(gains, np.float64)
    budget = Budget(num_profiles, num_bids, value_bins=num_bins, response_range=(0.0, top))
    return GainBound.of(
        per_bidder.mean(axis=-1), simultaneous_intervals(per_bidder), "interim", budget
    )


def interim_exploitability(
    rule: InterimRule, profile: BidFunctions, *, num_bids: int = 1024
) -> GainBound:
    """Exploitability by quadrature, for independent values and an auction with a known rule.

    Exact in the chances of winning, for values and bids linear between the grid's points and
    ties broken in favour of the higher value; responses are searched at every value of the
    grid among ``num_bids`` even bids and all bids of the profile. The gain that lies between
    two bids is missed: of second order in their distance where utility is smooth.

    Args:
      rule: the auction, such as ``interim_rules.first_price``; hashable.
      profile: the bid functions of all bidders.
      num_bids: even bids tried, from 0, or below it the profile's lowest bid, to just above
        its highest: a higher one wins no more. The budget states the range.

    Returns:
      The bound, ``per_bidder`` for one bidder of each group.

    Raises:
      ValueError: no interim rule, a single policy instead of a profile, bids that are NaN or
        infinite, or fewer than 2 bids.
    """
    check_rule(rule)
    if not isinstance(profile, BidFunctions):
        raise InvalidValueError(
            "profile",
            profile,
            "BidFunctions of all bidders (bid_functions.tabulated makes them of closed forms)",
            got=type(profile).__name__,
        )
    checks.integer("num_bids", num_bids, low=2)
    if not np.isfinite(profile.bids).all():
        raise InvalidValueError(
            "profile", profile.bids, "finite numbers", got="bids that are NaN or infinite"
        )
    lowest, highest = min(float(jnp.min(profile.bids)), 0.0), float(jnp.max(profile.bids))
    # Where all bid 0, a bid above it is small next to the values.
    scale = highest - lowest or float(jnp.max(profile.values))
    response_range = (lowest, highest + scale / num_bids)
    found = _interim_gains(rule, num_bids, profile, response_range, scale)
    gains = np.asarray(found, np.float64)
    budget = Budget(profile.levels.size - 2, num_bids, response_range=response_range)
    return GainBound.of(gains, np.zeros_like(gains), "interim", budget)


@partial(jax.jit, static_argnums=(0, 1))
def _interim_gains(
    rule: InterimRule,
    num_bids: int,
    profile: BidFunctions,
    response_range: tuple[float, float],
    scale: float,
) -> jax.Array:
    """float [groups], expected gain of a bidder of each group."""
    step = SMALLEST_STEP * jnp.finfo(profile.bids.dtype).eps * scale
    tied = jnp.diff(profile.bids, prepend=profile.bids[:, :1] - 1) <= 0
    own = profile.bids + step * jnp.cumsum(tied, axis=-1)
    # A rule's payment may be an integral over the bids, so all of them are in one grid.
    even = jnp.linspace(*response_range, num_bids, dtype=profile.bids.dtype)
    tried = jnp.sort(jnp.concatenate([even, own.ravel()]))
    cdfs = jax.vmap(partial(jnp.interp, tried, left=0.0, right=1.0), in_axes=(0, None))(
        own, profile.levels
    )
    chance = chance_of_highest(cdfs, profile.group_sizes)
    winning, payment = jax.vmap(rule, in_axes=(None, 0))(tried, chance)
    middles = slice(1, -1)

    def gain(values: jax.Array, bids: jax.Array, win: jax.Array, pay: jax.Array) -> jax.Array:
        utility = values[:, None] * win[None] - pay[None]
        best = jnp.max(utility, axis=-1)
        at = jnp.searchsorted(tried, bids)
        return jnp.mean(best - jnp.take_along_axis(utility, at[:, None], axis=-1)[:, 0])

    return jax.vmap(gain)(profile.values[:, middles], own[:, middles], winning, payment)


def _bidders_of(profile: BidFunctions | Sequence[BidFunction]) -> int:
    if isinstance(profile, BidFunctions):
        return profile.num_bidders
    if not isinstance(profile, Sequence) or not all(callable(bid) for bid in profile):
        raise InvalidValueError(
            "profile",
            profile,
            (
                "BidFunctions or a sequence with the bid function of each bidder, as a "
                "single policy has no exploitability"
            ),
        )
    return len(profile)
