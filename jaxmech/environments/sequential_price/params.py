"""What can be swept of a sequential price mechanism, and its defaults."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents import Setting, ValueDistribution


@struct.dataclass
class SequentialPriceParams:
    """What can be swept.

    Attributes:
      distribution: joint distribution of the agents' values.
      units: int32 [items], units for sale of each type.
      price_high: float [items], or [] for all alike, highest price that can be posted of
        each item, in units of money. A bound near the values of each item lets prices of
        cheap items be told apart.
      buys_at_zero_utility: bool [], whether an indifferent agent buys. The paper's
        figures have it False: an agent buys only at strictly positive utility.
    """

    distribution: ValueDistribution
    units: jax.Array
    price_high: jax.Array
    buys_at_zero_utility: jax.Array

    @property
    def max_steps_in_episode(self) -> int:
        """Every agent is visited at most once."""
        return self.distribution.num_agents


def params_of(
    setting: Setting,
    *,
    price_high: float | None = None,
    buys_at_zero_utility: bool = False,
) -> SequentialPriceParams:
    """Parameters for a setting; prices of an item go up to its highest value unless given.

    Raises:
      ValueError: ``price_high`` is not positive.
    """
    if price_high is not None:
        checks.number("price_high", price_high, above=0, finite=False)
    highest = setting.distribution.highest_values if price_high is None else price_high
    return SequentialPriceParams(
        distribution=setting.distribution,
        units=jnp.asarray(setting.units, jnp.int32),
        price_high=jnp.asarray(highest, float),
        buys_at_zero_utility=jnp.asarray(buys_at_zero_utility),
    )
