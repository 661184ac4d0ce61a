"""What can be swept of the consumers and their taxes, and its defaults."""

from __future__ import annotations

import math
from typing import Protocol

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from jaxmech import checks, struct
from jaxmech.environments.incentives.params import probabilities_of

PREFERENCES = ((0.6, 0.3, 0.1), (0.1, 0.7, 0.2))
"""Of the two types of Thoma et al. (2024) for their three goods."""


@struct.dataclass
class ConsumerTaxParams:
    """What can be swept. Money is in the units of assets; wages and prices before taxes are 1.

    Attributes:
      temperature: float [], what a consumer gains by a nat of entropy of what it does in a period.
      preferences: float [types, goods], exponents of the goods in what a basket is worth.
      type_probabilities: float [types], of each being the consumer's.
      discount: float [], of a period, for consumers and for who sets the taxes.
      hours_step: float [], one step of working time.
      spending_step: float [], one step of spending on a good, taxes included.
      effort: float [], times the square of the working time: what work costs.
      comfort: float [], assets ``x > 0`` are worth ``log(1 + x / comfort)``; a debt costs itself.
      largest_assets: float [], and the largest debt.
      noise: float [], standard deviation of what else happens to assets in a period.
      initial_deviation: float [], standard deviation of the assets at the start, around 0.
      consumption_weight: float [], what a unit of each good is worth to who sets the taxes.
      revenue_weight: float [], times ``log(1 + revenue)``: what revenue is worth.
      highest_rate: float [], of any tax.
    """

    temperature: jax.Array = struct.number(low=0)
    preferences: jax.Array
    type_probabilities: jax.Array
    discount: jax.Array
    hours_step: jax.Array
    spending_step: jax.Array
    effort: jax.Array
    comfort: jax.Array
    largest_assets: jax.Array
    noise: jax.Array
    initial_deviation: jax.Array
    consumption_weight: jax.Array
    revenue_weight: jax.Array
    highest_rate: jax.Array


class Sizes(Protocol):
    """What parameters have to fit: the choices of consumers, or anything with their sizes."""

    @property
    def num_goods(self) -> int: ...


def params_of(
    sizes: Sizes,
    *,
    temperature: float = 0.1,
    preferences: ArrayLike = PREFERENCES,
    type_probabilities: ArrayLike | None = None,
    discount: float = 0.9,
    hours_step: float = 0.89,
    spending_step: float = 1.25,
    effort: float = 0.1,
    comfort: float = 20.0,
    largest_assets: float = 100.0,
    noise: float = 5.0,
    initial_deviation: float = math.sqrt(2),
    consumption_weight: float = 3.0,
    revenue_weight: float = 5.0,
    highest_rate: float = 2.0,
) -> ConsumerTaxParams:
    """Parameters, by default the economy of Thoma et al. (2024).

    Args:
      sizes: the choices.
      type_probabilities: equal unless given.

    Raises:
      ValueError: a number out of range, preferences for another number of goods, or the wrong
        number of probabilities.
    """
    for name, value in (("temperature", temperature), ("effort", effort)):
        checks.number(name, value, low=0)
    checks.number("discount", discount, low=0, below=1)
    above = {
        "hours_step": hours_step,
        "spending_step": spending_step,
        "comfort": comfort,
        "largest_assets": largest_assets,
        "noise": noise,
        "initial_deviation": initial_deviation,
        "highest_rate": highest_rate,
    }
    for name, value in above.items():
        checks.number(name, value, above=0)
    checks.number("consumption_weight", consumption_weight)
    checks.number("revenue_weight", revenue_weight)
    exponents = checks.reals("preferences", preferences, "real numbers [types, goods]")
    checks.axes("preferences", exponents, "types", "goods")
    shape = (len(exponents), sizes.num_goods)
    checks.shape("preferences", exponents, "[types, goods]", shape)
    checks.numbers("preferences", exponents, above=0)
    chances = probabilities_of("type_probabilities", type_probabilities, "types", len(exponents))
    return ConsumerTaxParams(
        preferences=jnp.asarray(exponents, float),
        type_probabilities=jnp.asarray(chances, float),
        temperature=jnp.asarray(temperature, float),
        discount=jnp.asarray(discount, float),
        effort=jnp.asarray(effort, float),
        consumption_weight=jnp.asarray(consumption_weight, float),
        revenue_weight=jnp.asarray(revenue_weight, float),
        **{name: jnp.asarray(value, float) for name, value in above.items()},
    )
