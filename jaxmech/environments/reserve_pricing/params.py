"""What can be swept of daily reserve pricing, and its defaults."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.agents.keywords.distribution import (
    KeywordDistribution,
    SampledKeywords,
    keyword_distribution,
)
from jaxmech.checks import InvalidValueError
from jaxmech.environments.click_rates import CLICK_DECAY

WIDEST_BIN = 1.3
"""Highest ratio of a bin's ends where keywords' money makes the bins reach further down."""


class TooFewBinsError(InvalidValueError):
    """Bins too wide to tell apart the bids of listed keywords."""


@struct.dataclass
class ReservePricingParams:
    """What can be swept.

    Attributes:
      distribution: of the keywords.
      click_rates: float [slots], click probability at quality 1, from the first slot down.
      deployed_reserves: float [bidders], in force before the first day.
      reserve_high: float [], highest reserve.
      bins: of bids, in the money of the values and reserves.
      max_steps_in_episode: the environment's ``days``.
    """

    distribution: KeywordDistribution
    click_rates: jax.Array
    deployed_reserves: jax.Array
    reserve_high: jax.Array
    bins: BidBins
    max_steps_in_episode: int = struct.field(pytree_node=False)

    @property
    def money_scale(self) -> jax.Array:
        """What money is divided by in observations, float []: no bid or reserve is above."""
        return jnp.maximum(self.reserve_high, self.bins.edges[-1])


class Sizes(Protocol):
    """What parameters have to fit: the environment, or anything with its sizes."""

    @property
    def num_bidders(self) -> int: ...

    @property
    def num_slots(self) -> int: ...

    @property
    def num_bins(self) -> int: ...

    @property
    def days(self) -> int: ...


def params_of(
    sizes: Sizes,
    distribution: KeywordDistribution | None = None,
    *,
    click_rates: ArrayLike | None = None,
    deployed_reserves: ArrayLike = 0.2,
    reserve_high: float | None = None,
    bid_low: float | None = None,
    bid_high: float | None = None,
) -> ReservePricingParams:
    """Parameters, with defaults for what is not given.

    Args:
      sizes: the environment.
      distribution: ``keyword_distribution()`` unless given.
      click_rates: ``CLICK_DECAY ** -slot`` unless given.
      deployed_reserves: a number or one for each bidder, from 0 to ``reserve_high``.
      reserve_high: the highest value, or where there is none the value exceeded with
        probability .001.
      bid_low, bid_high: ends of the bins. ``bid_high`` is 1.25 times the highest value or
        reserve, whichever is more, unless given. ``bid_low`` is ``bid_high / 200`` unless given,
        and for listed keywords no more than a tenth of the lowest keyword's median bid.

    Raises:
      ValueError: a number out of range, or the wrong number of them.
      TooFewBinsError: listed keywords whose money differs so much that ``num_bins`` cannot tell
        their bids apart; a ``ValueError`` too.
    """
    distribution = keyword_distribution() if distribution is None else distribution
    if not isinstance(distribution, KeywordDistribution):
        raise InvalidValueError(
            "distribution", distribution, "a KeywordDistribution", verb="allowed is"
        )
    if reserve_high is None:
        reserve_high = distribution.highest_value
    checks.number("reserve_high", reserve_high, above=0)
    default = CLICK_DECAY ** -np.arange(sizes.num_slots, dtype=float)
    rates = np.asarray(default if click_rates is None else click_rates, float)
    checks.shape("click_rates", rates, "[slots]", default.shape)
    in_range = np.all((rates >= 0) & (rates <= 1)) and rates[0] > 0
    if not in_range or np.any(np.diff(rates) > 0):
        raise InvalidValueError(
            "click_rates", rates, "numbers from 0 to 1 that never rise, the first above 0"
        )
    reserves = np.asarray(deployed_reserves, float)
    checks.shape("deployed_reserves", reserves, "a number or [bidders]", (), (sizes.num_bidders,))
    if not np.all((reserves >= 0) & (reserves <= reserve_high)):
        raise InvalidValueError(
            "deployed_reserves", reserves, f"numbers from 0 to reserve_high, {reserve_high}"
        )
    if bid_high is None:
        bid_high = 1.25 * max(reserve_high, distribution.highest_value)
    bid_low = _bid_low(distribution, bid_high, sizes.num_bins) if bid_low is None else bid_low
    return ReservePricingParams(
        distribution=distribution,
        click_rates=jnp.asarray(rates, float),
        deployed_reserves=jnp.asarray(np.broadcast_to(reserves, (sizes.num_bidders,)), float),
        reserve_high=jnp.asarray(reserve_high, float),
        bins=BidBins.log_spaced(bid_low, bid_high, sizes.num_bins),
        max_steps_in_episode=sizes.days,
    )


def _bid_low(distribution: KeywordDistribution, bid_high: float, num_bins: int) -> float:
    usual = bid_high / 200
    keywords = distribution.values_and_quality
    if not isinstance(keywords, SampledKeywords) or usual <= keywords.lowest_median / 10:
        return usual
    lowest = keywords.lowest_median / 10
    ratio = (bid_high / lowest) ** (1 / (num_bins - 1))
    if ratio > WIDEST_BIN:
        raise TooFewBinsError(
            "num_bins",
            num_bins,
            f"each bin would end {ratio:.2g} times as high as it begins, allowed is {WIDEST_BIN}: "
            "more bins, bid_low, or load_keywords(..., relative=True)",
            got=f"{num_bins}, for keywords whose median bids go down to "
            f"{keywords.lowest_median:g} where the highest bid is {keywords.highest_value:g}",
            verb="",
        )
    return lowest
