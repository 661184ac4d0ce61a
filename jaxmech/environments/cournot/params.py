"""What can be swept of a Cournot market, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks, struct


@struct.dataclass
class CournotParams:
    """What can be swept. Each firm's cost of ``q`` units is ``cost q + curvature q^2 / 2``.

    Attributes:
      intercept: float [], the price at which nothing is sold.
      slope: float [], by which the price falls for every unit sold.
      costs: float [firms], of the first unit.
      curvatures: float [firms], by which the cost of the next unit rises for every unit.
      emissions: float [firms], per unit made.
      damage: float [], ``d`` where emissions ``E`` do damage ``d E^2 / 2``.
      lowest, highest: float [firms], quantities that a firm can choose between.
      tax_low, tax_high: float [], ends of the tax per unit of emissions.
      temperature: float [], in units of money: 0 for firms that choose best. Read where quantities
        are chosen from a grid.
    """

    intercept: jax.Array
    slope: jax.Array
    costs: jax.Array
    curvatures: jax.Array
    emissions: jax.Array
    damage: jax.Array
    lowest: jax.Array
    highest: jax.Array
    tax_low: jax.Array
    tax_high: jax.Array
    temperature: jax.Array = struct.number(low=0)


def params_of(
    costs: ArrayLike = (1.0, 2.0, 3.0),
    *,
    intercept: float = 10.0,
    slope: float = 1.0,
    curvatures: ArrayLike = 0.5,
    emissions: ArrayLike = (1.0, 0.6, 0.2),
    damage: float = 2.0,
    lowest: ArrayLike = 0.0,
    highest: ArrayLike | None = None,
    tax_low: float = -10.0,
    tax_high: float = 10.0,
    temperature: float = 0.0,
) -> CournotParams:
    """Parameters; those unless given are of three firms, of which the cheapest emits most.

    Args:
      costs: float [firms], from 0; how many firms there are.
      intercept, slope: above 0.
      curvatures, emissions: one for all firms or one for each, from 0.
      damage: from 0.
      lowest, highest: one for all firms or one for each; the highest is ``intercept / slope``
        unless given, which sells at a price of 0.
      tax_low, tax_high: finite; negative ones are subsidies.
      temperature: from 0, finite.

    Raises:
      ValueError: a number out of range, or another number of them than there are firms.
    """
    costs = np.asarray(costs, np.float64)
    checks.axes("costs", costs, "firms")
    checks.number("intercept", intercept, above=0)
    checks.number("slope", slope, above=0)
    checks.number("damage", damage, low=0)
    checks.number("tax_low", tax_low)
    checks.number("tax_high", tax_high, above=tax_low)
    checks.number("temperature", temperature, low=0)
    given: Mapping[str, ArrayLike] = {
        "costs": costs,
        "curvatures": curvatures,
        "emissions": emissions,
        "lowest": lowest,
        "highest": intercept / slope if highest is None else highest,
    }
    each = {field: _one_each(field, values, costs.size) for field, values in given.items()}
    if not np.all(each["lowest"] < each["highest"]):
        allowed = f"numbers above lowest ({checks.shown(lowest)})"
        raise checks.InvalidValueError("highest", highest, allowed)
    numbers = {
        "intercept": intercept,
        "slope": slope,
        "damage": damage,
        "tax_low": tax_low,
        "tax_high": tax_high,
        "temperature": temperature,
    }
    return CournotParams(
        **{field: jnp.asarray(value, float) for field, value in {**each, **numbers}.items()}
    )


def _one_each(field: str, values: ArrayLike, num_firms: int) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    checks.shape(field, array, "one for all or one for each firm", (), (num_firms,))
    checks.numbers(field, array, low=0)
    return np.broadcast_to(array, (num_firms,))
