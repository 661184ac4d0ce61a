"""Distributions of one bidder's value, or of its quality, in an auction.

Each is a PyTree whose numbers are leaves, so that they can be swept by ``vmap``, with

- ``sample(key, shape=())``: independent draws, float ``[*shape]``; ``shape`` ``(bidders,)``
  gives the values of one auction with iid bidders;
- ``cdf(value)``, ``P(V <= value)``, and ``survival(value)``, ``P(V > value)``, which keeps
  its digits where the cdf is near 1;
- ``quantile(probability)``, the inverse of the cdf;
- ``density(value)``, where it has one;
- ``support``: lowest and highest value, the latter possibly infinite;
- ``has_atoms``, True, where single values have a probability; left out elsewhere.

All but ``sample`` work elementwise. ``virtual_value(value)`` is there where it has a closed
form; ``jaxmech.agents.virtual_value`` differentiates the cdf elsewhere. The numbers of a
distribution are checked when they are Python's or NumPy's, which arrays and traced ones are
not. To sweep them, give ``vmap`` arrays and ``in_axes=0``: a distribution of axes would be
checked as one of numbers.

The named ones are not distrax's because those have no quantile, from which draws and grids
are made here, and importing them takes 2 s; ``FromDistrax`` takes any of them.
"""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
from jax.scipy import special, stats

from jaxmech import checks, struct

Real = jax.Array | float
Shape = tuple[int, ...]


class UnivariateDistribution(Protocol):
    """A distribution of single numbers."""

    @property
    def support(self) -> tuple[Real, Real]: ...

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array: ...

    def cdf(self, value: Real) -> jax.Array: ...

    def survival(self, value: Real) -> jax.Array: ...

    def quantile(self, probability: Real) -> jax.Array: ...


@struct.dataclass
class Uniform:
    """Uniform on [low, high].

    Raises:
      ValueError: not 0 <= low < high < infinity.
    """

    low: Real = 0.0
    high: Real = 1.0

    def __post_init__(self) -> None:
        checks.leaf("low", self.low, low=0)
        checks.above_low(self.low, self.high)

    @property
    def support(self) -> tuple[Real, Real]:
        return self.low, self.high

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.quantile(jax.random.uniform(key, shape))

    def cdf(self, value: Real) -> jax.Array:
        return jnp.clip((value - self.low) / (self.high - self.low), 0, 1)

    def survival(self, value: Real) -> jax.Array:
        return jnp.clip((self.high - value) / (self.high - self.low), 0, 1)

    def quantile(self, probability: Real) -> jax.Array:
        return jnp.asarray(self.low + (self.high - self.low) * probability)

    def density(self, value: Real) -> jax.Array:
        inside = (value >= self.low) & (value <= self.high)
        return jnp.where(inside, 1 / (self.high - self.low), 0.0)

    def virtual_value(self, value: Real) -> jax.Array:
        return jnp.asarray(2 * value - self.high)


@struct.dataclass
class Exponential:
    """Exponential with mean 1 / rate.

    Raises:
      ValueError: ``rate`` not above 0 or not finite.
    """

    rate: Real = 1.0

    def __post_init__(self) -> None:
        checks.leaf("rate", self.rate, above=0)

    @property
    def support(self) -> tuple[Real, Real]:
        return 0.0, jnp.inf

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.quantile(jax.random.uniform(key, shape))

    def cdf(self, value: Real) -> jax.Array:
        return -jnp.expm1(-self.rate * jnp.maximum(value, 0))

    def survival(self, value: Real) -> jax.Array:
        return jnp.exp(-self.rate * jnp.maximum(value, 0))

    def quantile(self, probability: Real) -> jax.Array:
        return -jnp.log1p(-probability) / self.rate

    def density(self, value: Real) -> jax.Array:
        return jnp.where(value >= 0, self.rate * self.survival(value), 0.0)

    def virtual_value(self, value: Real) -> jax.Array:
        return jnp.asarray(value - 1 / self.rate)


@struct.dataclass
class LogNormal:
    """Log-normal: ``log V ~ N(mu, sigma^2)``.

    Raises:
      ValueError: ``mu`` not finite, ``sigma`` not above 0 or not finite.
    """

    mu: Real = 0.0
    sigma: Real = 1.0

    def __post_init__(self) -> None:
        checks.leaf("mu", self.mu)
        checks.leaf("sigma", self.sigma, above=0)

    @property
    def support(self) -> tuple[Real, Real]:
        return 0.0, jnp.inf

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.of_normal(jax.random.normal(key, shape))

    def of_normal(self, normal: Real) -> jax.Array:
        """The value at the same quantile as ``normal`` of N(0, 1)."""
        return jnp.exp(self.mu + self.sigma * normal)

    def cdf(self, value: Real) -> jax.Array:
        return special.ndtr(self._to_normal(value))

    def survival(self, value: Real) -> jax.Array:
        return special.ndtr(-self._to_normal(value))

    def quantile(self, probability: Real) -> jax.Array:
        return self.of_normal(special.ndtri(probability))

    def density(self, value: Real) -> jax.Array:
        positive = jnp.where(jnp.asarray(value) > 0, value, 1.0)
        density = stats.norm.pdf(self._to_normal(positive)) / (self.sigma * positive)
        return jnp.where(jnp.asarray(value) > 0, density, 0.0)

    def virtual_value(self, value: Real) -> jax.Array:
        positive = jnp.where(jnp.asarray(value) > 0, value, 1.0)
        normal = self._to_normal(positive)
        # In logarithms, as in the tails both the survival and the density underflow.
        mills_ratio = jnp.exp(special.log_ndtr(-normal) - stats.norm.logpdf(normal))
        virtual = positive * (1 - self.sigma * mills_ratio)
        return jnp.where(jnp.asarray(value) > 0, virtual, -jnp.inf)

    def _to_normal(self, value: Real) -> jax.Array:
        return (jnp.log(jnp.maximum(value, 0)) - self.mu) / self.sigma


@struct.dataclass
class Power:
    """``P(V <= v) = (v / high)^exponent`` on [0, high]; uniform at ``exponent`` 1.

    Raises:
      ValueError: ``exponent`` or ``high`` not above 0 or not finite.
    """

    exponent: Real = 1.0
    high: Real = 1.0

    def __post_init__(self) -> None:
        checks.leaf("exponent", self.exponent, above=0)
        checks.leaf("high", self.high, above=0)

    @property
    def support(self) -> tuple[Real, Real]:
        return 0.0, self.high

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.quantile(jax.random.uniform(key, shape))

    def cdf(self, value: Real) -> jax.Array:
        return jnp.clip(value / self.high, 0, 1) ** self.exponent

    def survival(self, value: Real) -> jax.Array:
        # The first form keeps its digits near the top; 1 - cdf is as good elsewhere.
        return -jnp.expm1(self.exponent * jnp.log(jnp.clip(value / self.high, 0, 1)))

    def quantile(self, probability: Real) -> jax.Array:
        return self.high * jnp.asarray(probability) ** (1 / self.exponent)

    def density(self, value: Real) -> jax.Array:
        inside = (value >= 0) & (value <= self.high)
        share = jnp.clip(value / self.high, 0, 1)
        return jnp.where(inside, self.exponent / self.high * share ** (self.exponent - 1), 0.0)


@struct.dataclass
class TruncatedEqualRevenue:
    """``P(V >= v) = low / v`` on [low, high], with an atom of mass ``low / high`` at the top.

    Every price in the support earns ``low`` from one bidder; the virtual value is 0 below
    the top. Without the atom the mean would be infinite as ``high`` grows.

    Raises:
      ValueError: not 0 < low < high < infinity.
    """

    has_atoms = True

    low: Real
    high: Real

    def __post_init__(self) -> None:
        checks.leaf("low", self.low, above=0)
        checks.above_low(self.low, self.high)

    @property
    def support(self) -> tuple[Real, Real]:
        return self.low, self.high

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.quantile(jax.random.uniform(key, shape))

    def cdf(self, value: Real) -> jax.Array:
        return 1 - self.survival(value)

    def survival(self, value: Real) -> jax.Array:
        return jnp.where(value >= self.high, 0.0, self.low / jnp.maximum(value, self.low))

    def quantile(self, probability: Real) -> jax.Array:
        sold = jnp.maximum(1 - jnp.asarray(probability), self.low / self.high)
        return jnp.minimum(self.low / sold, self.high)

    def density(self, value: Real) -> jax.Array:
        """Of the continuous part: the atom at ``high`` has none."""
        inside = (value >= self.low) & (value < self.high)
        return jnp.where(inside, self.low / jnp.maximum(value, self.low) ** 2, 0.0)

    def virtual_value(self, value: Real) -> jax.Array:
        return jnp.where(value >= self.high, self.high, 0.0)
