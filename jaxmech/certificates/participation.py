"""Whether bidders are ever worse off than by staying away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from jaxmech import checks
from jaxmech.certificates.gain_bounds import (
    Draws,
    Mechanism,
    Notion,
    Utility,
    bins_of,
    check_bids,
    draw_auctions,
    outcome_of,
    quasilinear,
)
from jaxmech.checks import InvalidValueError

SMALLEST_BIN = 32
"""Draws in a bin, from which its mean is estimated."""


@dataclass(frozen=True)
class IndividualRationality:
    """Utilities below 0 found among sampled value profiles.

    Attributes:
      violated: whether any was found, beyond the tolerance ("ex_post") or beyond its
        interval as well ("interim").
      violation_probability: share of profiles in which some bidder's utility is below 0, or
        of bidders' bins whose mean is.
      violation_upper_bound: that the probability is below with 95 % confidence (Clopper and
        Pearson's one-sided bound); none is proved to be 0 by sampling. 1 for "interim".
      mean_shortfall: what the bidders lack to 0 in one auction, summed and averaged; for
        "interim", of their means in bins.
      lowest_utility: float [bidders], the lowest utility seen, or lowest mean of a bin.
      lowest_utility_half_width: float [bidders], of its 95 % interval, which allows for
        the choice of the bin and for wins too rare to be drawn; 0 for "ex_post".
      notion: "ex_post": of every profile; "interim": of the mean at the own value.
      profiles: number of profiles drawn.
    """

    violated: bool
    violation_probability: float
    violation_upper_bound: float
    mean_shortfall: float
    lowest_utility: NDArray[np.float64]
    lowest_utility_half_width: NDArray[np.float64]
    notion: Notion
    profiles: int


def individual_rationality(
    mechanism: Mechanism,
    distribution: Any,
    key: jax.Array,
    *,
    num_bidders: int | None = None,
    bids: Callable[[jax.Array], jax.Array] | None = None,
    notion: Notion = "ex_post",
    utility: Utility = quasilinear,
    num_profiles: int = 16_384,
    num_bins: int = 32,
    utility_range: float | None = None,
    tolerance: float = 1e-5,
) -> IndividualRationality:
    """Whether taking part is worth it to every bidder, on sampled value profiles.

    Intervals of "interim" means are empirical Bernstein bounds (Maurer and Pontil 2009,
    theorem 4), as where a bin draws no win its standard error says nothing.

    Args:
      mechanism: from reports [bidders] or [bidders, items] to the outcome; see
        ``gain_bounds.Mechanism``.
      distribution: of values: see ``gain_bounds.draw_auctions``.
      key: for the draws.
      num_bidders: how many bidders, unless the distribution says it.
      bids: from the values of a profile, or its signals, to its reports, such as
        ``BidFunctions``; by default the truth.
      notion: "ex_post" or "interim", which needs one value for each bidder.
      utility: of true values and outcome.
      num_profiles: value profiles drawn.
      num_bins: bins of the own value, of equal probability, for "interim"; any with fewer
        than 32 draws, as values with atoms can leave, are passed over.
      utility_range: by how much utilities of a bin can differ, for "interim"; by default the
        range of all that were drawn, of any bidder and value.
      tolerance: utility below 0 that is taken for rounding, in units of the values.

    Raises:
      ValueError: an unknown notion, "interim" with several values for each bidder, or numbers
        too small to estimate from; or a bid that is NaN, infinite or below 0.
    """
    checks.one_of("notion", notion, get_args(Notion))
    checks.integer("num_profiles", num_profiles, low=2)
    checks.integer("num_bins", num_bins)
    if notion == "interim" and num_profiles < SMALLEST_BIN * num_bins:
        raise InvalidValueError(
            "num_profiles",
            num_profiles,
            f"integers from {SMALLEST_BIN} for each bin",
            got=f"{num_profiles} for {num_bins} bins",
        )
    if utility_range is not None:
        checks.number("utility_range", utility_range, low=0)
    draws = draw_auctions(distribution, key, num_profiles, num_bidders)
    truths = draws.truths
    if notion == "interim" and truths.ndim != 2:
        raise InvalidValueError(
            "notion",
            notion,
            "'ex_post', as bins need one value for each bidder",
            got=f"'interim' for values of shape {truths.shape[1:]}",
            verb="allowed is",
        )
    reports = truths
    if bids is not None:
        made = jax.vmap(lambda truth: jnp.asarray(bids(truth), truth.dtype))(truths)
        # One number is reported whatever the truth.
        reports = jnp.broadcast_to(made[:, None], truths.shape) if made.ndim == 1 else made
        check_bids("bids", reports)
    utilities = np.asarray(_utilities(mechanism, utility, draws, reports), np.float64)
    if notion == "ex_post":
        return _ex_post(utilities, tolerance)
    bins = np.asarray(bins_of(truths, truths, num_bins))
    width = float(np.ptp(utilities)) if utility_range is None else utility_range
    return _interim(utilities, bins, num_bins, width, tolerance)


def _ex_post(utilities: NDArray[np.float64], tolerance: float) -> IndividualRationality:
    """From ``utilities: float [profiles, bidders]``."""
    profiles = len(utilities)
    violations = int(np.sum(np.any(utilities < -tolerance, axis=-1)))
    all_violate = violations == profiles
    upper = 1.0 if all_violate else betaincinv(violations + 1, profiles - violations, 0.95)
    lowest = utilities.min(axis=0)
    return IndividualRationality(
        violated=violations > 0,
        violation_probability=violations / profiles,
        violation_upper_bound=float(upper),
        mean_shortfall=_shortfall(utilities, tolerance),
        lowest_utility=lowest,
        lowest_utility_half_width=np.zeros_like(lowest),
        notion="ex_post",
        profiles=profiles,
    )


def _interim(
    utilities: NDArray[np.float64],
    bins: NDArray[np.int32],
    num_bins: int,
    utility_range: float,
    tolerance: float,
) -> IndividualRationality:
    """From ``utilities: float [profiles, bidders]`` and the bins of the own values."""
    profiles, bidders = utilities.shape
    of_bins = np.stack([_bin_means(utilities[:, i], bins[:, i], num_bins) for i in range(bidders)])
    count, means, variances = np.moveaxis(of_bins, 1, 0)
    # Two sides of every bin.
    log_odds = np.log(2 * 2 * means.size / 0.05)
    halves = np.sqrt(2 * variances * log_odds / count)
    halves = halves + 7 * utility_range * log_odds / (3 * (count - 1))
    enough = count >= SMALLEST_BIN
    lowest = np.argmin(np.where(enough, means, np.inf), axis=-1)[:, None]
    short = np.where(enough & (means < -tolerance), -means, 0.0)
    return IndividualRationality(
        violated=bool(np.any(enough & (means + halves < -tolerance))),
        violation_probability=float(np.mean(means[enough] < -tolerance)),
        violation_upper_bound=1.0,
        mean_shortfall=float(np.sum(short * count) / profiles),
        lowest_utility=np.take_along_axis(means, lowest, axis=-1)[:, 0],
        lowest_utility_half_width=np.take_along_axis(halves, lowest, axis=-1)[:, 0],
        notion="interim",
        profiles=profiles,
    )


def _bin_means(
    utilities: NDArray[np.float64], bins: NDArray[np.int32], num_bins: int
) -> NDArray[np.float64]:
    """Number of draws, at least 2, their mean and variance, float [3, bins]."""
    drawn = np.bincount(bins, minlength=num_bins)
    count = np.maximum(drawn, 2)
    mean = np.bincount(bins, utilities, num_bins) / np.maximum(drawn, 1)
    variance = np.bincount(bins, (utilities - mean[bins]) ** 2, num_bins) / (count - 1)
    return np.stack([count, mean, variance])


def _shortfall(utilities: NDArray[np.float64], tolerance: float) -> float:
    short = np.where(utilities < -tolerance, -utilities, 0.0)
    return float(short.sum(axis=-1).mean())


@partial(jax.jit, static_argnums=(0, 1))
def _utilities(
    mechanism: Mechanism, utility: Utility, draws: Draws, reports: jax.Array
) -> jax.Array:
    def of_one(draw: Draws, reported: jax.Array) -> jax.Array:
        return jnp.asarray(utility(draw.values, outcome_of(mechanism, reported, draw.quality)))

    return jax.vmap(of_one)(draws, reports)
