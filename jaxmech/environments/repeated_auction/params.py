"""What can be swept of a repeated auction, and its defaults."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.bidders.population import BidderPopulation
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.univariate import UnivariateDistribution
from jaxmech.checks import InvalidValueError
from jaxmech.environments.click_rates import CLICK_DECAY


@struct.dataclass
class RepeatedAuctionParams:
    """What can be swept.

    Attributes:
      distribution: of one bidder's value of a click; bidders are independent. Of value and
        quality together, where it is a ``CopulaValueQuality``.
      population: how the bidders bid.
      quality: float [bidders], factor of each bidder's click probability; not read where
        qualities are drawn.
      click_rates: float [slots], click probability at quality 1, from the first slot down.
      bid_high: float [], highest reserve, and the scale of bids and prices in observations.
      utility_scale: float [], utilities are divided by this before bidders learn of them.
      squash_high: float [], largest squashing exponent; 0 ranks by bid, 1 by expected
        revenue.
      num_rounds: rounds of an episode.
    """

    distribution: UnivariateDistribution | CopulaValueQuality
    population: BidderPopulation
    quality: jax.Array
    click_rates: jax.Array
    bid_high: jax.Array
    utility_scale: jax.Array
    squash_high: jax.Array
    num_rounds: int = struct.field(pytree_node=False, default=20)

    @property
    def max_steps_in_episode(self) -> int:
        """Every episode has as many rounds."""
        return self.num_rounds


def params_of(
    distribution: UnivariateDistribution | CopulaValueQuality,
    population: BidderPopulation,
    *,
    num_slots: int = 1,
    quality: Sequence[float] | None = None,
    click_rates: Sequence[float] | None = None,
    bid_high: float | None = None,
    utility_scale: float | None = None,
    squash_high: float = 1.0,
    num_rounds: int = 20,
) -> RepeatedAuctionParams:
    """Parameters, with defaults for what is not given.

    Args:
      quality: 1 for every bidder unless given.
      click_rates: ``CLICK_DECAY ** -slot`` unless given.
      bid_high: the highest value, or where there is none the value exceeded with
        probability .001.
      utility_scale: ``bid_high`` times the highest click rate and the highest quality; where
        quality is drawn, the highest click rate times the product of value and quality
        exceeded with probability .001.

    Raises:
      ValueError: a number out of range, or the wrong number of them.
    """
    num_bidders = population.num_bidders
    qualities = np.asarray(np.ones(num_bidders) if quality is None else quality, float)
    default = CLICK_DECAY ** -np.arange(num_slots, dtype=float)
    rates = np.asarray(default if click_rates is None else click_rates, float)
    checks.shape("quality", qualities, "[bidders]", (num_bidders,))
    checks.shape("click_rates", rates, "[slots]", (num_slots,))
    for field, numbers in (("quality", qualities), ("click_rates", rates)):
        checks.numbers(field, numbers, above=0)
    if np.any(np.diff(rates) > 0):
        raise InvalidValueError("click_rates", click_rates, "numbers that never rise")
    checks.integer("num_rounds", num_rounds)
    if bid_high is None:
        bid_high = _highest_value(distribution)
    if utility_scale is None:
        worth_of_best_slot = (
            _highest_product(distribution)
            if isinstance(distribution, CopulaValueQuality)
            else bid_high * float(qualities.max())
        )
        utility_scale = worth_of_best_slot * float(rates.max())
    checks.number("bid_high", bid_high, above=0)
    checks.number("utility_scale", utility_scale, above=0)
    checks.number("squash_high", squash_high, low=0)
    return RepeatedAuctionParams(
        distribution=jax.tree.map(lambda leaf: jnp.asarray(leaf, float), distribution),
        population=population,
        quality=jnp.asarray(qualities, float),
        click_rates=jnp.asarray(rates, float),
        bid_high=jnp.asarray(bid_high, float),
        utility_scale=jnp.asarray(utility_scale, float),
        squash_high=jnp.asarray(squash_high, float),
        num_rounds=num_rounds,
    )


def _highest_value(distribution: UnivariateDistribution | CopulaValueQuality) -> float:
    values = distribution.values if isinstance(distribution, CopulaValueQuality) else distribution
    highest = float(values.support[1])
    return highest if np.isfinite(highest) else float(values.quantile(0.999))


def _highest_product(distribution: CopulaValueQuality) -> float:
    """Of value and quality; quality, often far below 1, is high where the value is."""
    drawn = distribution.sample(jax.random.key(0), 1 << 16)
    return float(jnp.quantile(drawn.values * drawn.quality, 0.999))
