"""What can be swept of a Bertrand duopoly, and its defaults."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct


@struct.dataclass
class BertrandParams:
    """What can be swept.

    Attributes:
      costs: float [2], of each unit of each firm.
      intercept: float [], the price at which nothing of a good is bought while the other is not
        to be had.
      substitutability: float [], of the two goods: 0 for goods that have nothing to do with each
        other, near 1 for goods that are nearly the same.
      highest_price: float [], that firms choose from where they choose from a grid.
      tax_low, tax_high: float [], ends of the taxes per unit sold.
      temperature: float [], in units of money: 0 for firms that choose best. Read where prices are
        chosen from a grid.
    """

    costs: jax.Array
    intercept: jax.Array
    substitutability: jax.Array
    highest_price: jax.Array
    tax_low: jax.Array
    tax_high: jax.Array
    temperature: jax.Array = struct.number(low=0)


def params_of(
    costs: ArrayLike = (0.2, 0.2),
    *,
    intercept: float = 1.0,
    substitutability: float = 0.5,
    highest_price: float | None = None,
    tax_low: float = -1.0,
    tax_high: float = 1.0,
    temperature: float = 0.0,
) -> BertrandParams:
    """Parameters; those unless given are of two firms that are alike.

    Args:
      costs: float [2], from 0.
      intercept: above 0.
      substitutability: from 0 to below 1.
      highest_price: above 0; ``intercept``, at which nothing is sold, unless given.
      tax_low, tax_high: finite; negative ones are subsidies.
      temperature: from 0, finite.

    Raises:
      ValueError: a number out of range, or other than two costs.
    """
    costs = np.asarray(costs, np.float64)
    checks.shape("costs", costs, "one for each of two firms", (2,))
    checks.numbers("costs", costs, low=0)
    checks.number("intercept", intercept, above=0)
    checks.number("substitutability", substitutability, low=0, below=1)
    highest_price = intercept if highest_price is None else highest_price
    checks.number("highest_price", highest_price, above=0)
    checks.number("tax_low", tax_low)
    checks.number("tax_high", tax_high, above=tax_low)
    checks.number("temperature", temperature, low=0)
    numbers = (costs, intercept, substitutability, highest_price, tax_low, tax_high, temperature)
    return BertrandParams(*(jnp.asarray(number, float) for number in numbers))
