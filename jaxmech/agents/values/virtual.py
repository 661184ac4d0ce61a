"""Virtual values (Myerson 1981): what a bidder's value is worth to a revenue maximiser."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import checks, struct
from jaxmech.agents.values.host import Floats, HostDistribution
from jaxmech.agents.values.numerical import Empirical
from jaxmech.agents.values.univariate import Real, UnivariateDistribution


def density(distribution: UnivariateDistribution, value: Real) -> jax.Array:
    """The density at ``value``, elementwise: the derivative of the cdf if none is given."""
    if hasattr(distribution, "density"):
        return distribution.density(value)
    value = jnp.asarray(value, float)
    return jax.jvp(distribution.cdf, (value,), (jnp.ones_like(value),))[1]


def virtual_value(distribution: UnivariateDistribution, value: Real) -> jax.Array:
    """``v - (1 - F(v)) / f(v)``, elementwise; pure, so it can be traced and differentiated.

    Not ironed: it may decrease. Where the distribution has no closed form, ``f`` is its
    density, and where it has none, the derivative of its cdf. Below the support, and in gaps
    of it, the virtual value is minus infinity, as a price there sells no more than the next
    value above; at its top and above, and where the survival rounds to 0, it is the value.
    """
    low, high = distribution.support
    if hasattr(distribution, "virtual_value"):
        plain = distribution.virtual_value(value)
    else:
        of_value = density(distribution, value)
        survival = distribution.survival(value)
        # The derivative of a division by 0 is NaN, though the branch is not taken.
        hazard = survival / jnp.where(of_value > 0, of_value, 1)
        plain = jnp.where((of_value > 0) | (survival <= 0), value - hazard, -jnp.inf)
    return jnp.where(value >= high, value, jnp.where(value < low, -jnp.inf, plain))


@struct.dataclass
class IronedVirtualValue:
    """The ironed virtual value as a function, never decreasing; see ``ironed_virtual_value``.

    Attributes:
      distribution: of the value.
      edges: float [cells - 1], ascending: the values that part the support into cells.
      lowest, highest: float [cells], never decreasing: the range the plain virtual value is
        cut to in each cell. They are equal where it is ironed.
    """

    distribution: UnivariateDistribution
    edges: jax.Array
    lowest: jax.Array
    highest: jax.Array

    def __call__(self, value: Real) -> jax.Array:
        """Elementwise; traceable."""
        low, _ = self.distribution.support
        cell = jnp.searchsorted(self.edges, value, side="right")
        plain = virtual_value(self.distribution, value)
        ironed = jnp.clip(plain, self.lowest[cell], self.highest[cell])
        return jnp.where(value < low, -jnp.inf, ironed)


def ironed_virtual_value(
    distribution: UnivariateDistribution, *, cells: int = 4096
) -> IronedVirtualValue:
    """Virtual values made monotone: slopes of the concave hull of the revenue curve.

    The hull is found on the host in float64, on ``cells`` equal steps of the quantile;
    outside the ironed intervals the plain virtual value stays exact. For ``Empirical`` the
    samples are the steps and the result is exact.

    Args:
      distribution: of concrete numbers; finite mean.
      cells: steps of the quantile, at least 1.

    Raises:
      ValueError: ``cells`` below 1.
    """
    checks.integer("cells", cells)
    exact = isinstance(distribution, Empirical)
    if isinstance(distribution, Empirical):
        values = np.asarray(distribution.samples, np.float64)
        cells = len(values)
        values = np.append(values, values[-1])
    else:
        values = HostDistribution(distribution).quantile(np.linspace(0, 1, cells + 1))
    sold = np.arange(cells, -1, -1) / cells
    slopes = revenue_slopes(values, sold)
    level = concave_slopes(values, sold)
    ironed = np.abs(level - slopes) > 1e-9 * np.max(np.abs(slopes))
    ironed = _whole_blocks(level, ironed | exact)
    lowest = np.maximum.accumulate(np.where(ironed, level, -np.inf))
    highest = np.minimum.accumulate(np.where(ironed, level, np.inf)[::-1])[::-1]
    return IronedVirtualValue(
        distribution,
        jnp.asarray(values[1:-1], float),
        jnp.asarray(lowest, float),
        jnp.asarray(highest, float),
    )


def revenue_slopes(values: Floats, sold: Floats) -> Floats:
    """Slopes of the revenue curve ``value * sold``: mean virtual values, float [steps].

    Args:
      values: float [steps + 1], prices, ascending; the last may be infinite.
      sold: float [steps + 1], probability of a sale at each, strictly descending to 0.
    """
    # Selling with probability 0 earns 0, also where the highest value is infinite.
    revenue = np.append(sold[:-1] * values[:-1], 0)
    return np.diff(revenue) / np.diff(sold)


def concave_slopes(values: Floats, sold: Floats) -> Floats:
    """Slopes of the concave hull of the revenue curve, ascending with the value."""
    from scipy.optimize import isotonic_regression

    return isotonic_regression(revenue_slopes(values, sold), weights=-np.diff(sold)).x


def _whole_blocks(level: Floats, ironed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All cells of the same level as an ironed one."""
    starts = np.flatnonzero(np.append(True, np.diff(level) != 0))
    block = np.cumsum(np.append(False, np.diff(level) != 0))
    return np.logical_or.reduceat(ironed, starts)[block]
