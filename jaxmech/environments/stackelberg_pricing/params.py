"""What can be swept of a leader who prices a shared capacity, and its defaults."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct


@struct.dataclass
class StackelbergPricingParams:
    """What can be swept.

    Attributes:
      curvatures: float [followers], ``a``.
      lowest_price: float [], of each ``p_i``; the highest is 0.
      highest_slope: float [], of ``q``; the lowest is 0.
      target: float [], what the leader wants all followers together to take.
      usual_price: float [], from which each ``p_i`` departs at a cost.
      departure_cost: float [], of the square of a departure.
      revenue_weight: float [], of what followers pay.
    """

    curvatures: jax.Array
    lowest_price: jax.Array
    highest_slope: jax.Array
    target: jax.Array
    usual_price: jax.Array
    departure_cost: jax.Array
    revenue_weight: jax.Array


def params_of(
    curvatures: ArrayLike = (1.0, 1.5, 0.8, 1.2, 2.0, 0.9, 1.8, 1.1),
    *,
    lowest_price: float = -5.0,
    highest_slope: float = 0.2,
    target: float = 0.9,
    usual_price: float = -2.0,
    departure_cost: float = 0.1,
    revenue_weight: float = 0.3,
) -> StackelbergPricingParams:
    """Parameters; those unless given are the example's, with 8 followers.

    Args:
      curvatures: float [followers], above 0.
      lowest_price: below 0.
      highest_slope, departure_cost, revenue_weight: from 0.
      target, usual_price: finite.

    Raises:
      ValueError: a number out of range.
    """
    curvatures = np.asarray(curvatures, np.float64)
    checks.axes("curvatures", curvatures, "followers")
    checks.numbers("curvatures", curvatures, above=0)
    checks.number("lowest_price", lowest_price, below=0)
    for field, value in (
        ("highest_slope", highest_slope),
        ("departure_cost", departure_cost),
        ("revenue_weight", revenue_weight),
    ):
        checks.number(field, value, low=0)
    checks.number("target", target)
    checks.number("usual_price", usual_price)
    numbers = (
        curvatures,
        lowest_price,
        highest_slope,
        target,
        usual_price,
        departure_cost,
        revenue_weight,
    )
    return StackelbergPricingParams(*(jnp.asarray(number, float) for number in numbers))
