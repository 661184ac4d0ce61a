"""Distributions of one bidder's value whose quantiles are not a formula.

They have the methods that ``jaxmech.agents.values.univariate`` describes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special, stats
from numpy.typing import NDArray

from jaxmech import checks, struct
from jaxmech.agents.values.univariate import Real, Shape
from jaxmech.checks import InvalidValueError

_NORMAL_RANGE = 6.0
_MAX_DEGREE = 80
_LOGIT_ERROR = 1e-7
_MASS_OUTSIDE = 1e-6


@struct.dataclass
class Empirical:
    """The user's own values, drawn with replacement; ``empirical`` makes one.

    It has no density. ``virtual_value`` is that of the atom at or next below a value.

    Attributes:
      samples: float [samples], ascending.

    Raises:
      ValueError: ``samples`` of NumPy or a list descend.
    """

    has_atoms = True

    samples: jax.Array

    def __post_init__(self) -> None:
        # Not those of JAX: a gradient is such a distribution too, and need not ascend.
        given = isinstance(self.samples, np.ndarray | list)
        if given and (np.diff(np.asarray(self.samples), axis=-1) < 0).any():
            raise InvalidValueError(
                "samples",
                self.samples,
                "ascending ones (data.empirical sorts them)",
                got="some that descend",
            )

    @property
    def support(self) -> tuple[Real, Real]:
        return self.samples[0], self.samples[-1]

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.samples[jax.random.randint(key, shape, 0, self.samples.size)]

    def cdf(self, value: Real) -> jax.Array:
        return jnp.searchsorted(self.samples, value, side="right") / self.samples.size

    def survival(self, value: Real) -> jax.Array:
        above = self.samples.size - jnp.searchsorted(self.samples, value, side="right")
        return above / self.samples.size

    def quantile(self, probability: Real) -> jax.Array:
        """The smallest sample whose cdf is at least the probability."""
        rank = jnp.ceil(jnp.asarray(probability) * self.samples.size).astype(int) - 1
        return self.samples[jnp.clip(rank, 0, self.samples.size - 1)]

    def virtual_value(self, value: Real) -> jax.Array:
        """``v - P(V > v) (next v - v) / P(V = v)``: the slope of the revenue curve."""
        size = self.samples.size
        up_to = jnp.maximum(jnp.searchsorted(self.samples, value, side="right"), 1)
        atom = self.samples[up_to - 1]
        below = jnp.searchsorted(self.samples, atom, side="left")
        following = self.samples[jnp.minimum(up_to, size - 1)]
        return atom - (size - up_to) * (following - atom) / (up_to - below)


@struct.dataclass
class Beta:
    """Beta on [0, 1], for qualities.

    The log-odds of the value are a polynomial of the standard normal at the same quantile,
    within 1e-7 for moderate parameters: many times faster than inverting the incomplete beta
    function or rejection sampling. It is fitted on the host, so that ``alpha`` and ``beta``
    are static: they cannot be traced or swept, and other ones compile anew.

    Attributes:
      alpha, beta: the exponents of ``x`` and ``1 - x`` plus 1.

    Raises:
      ValueError: a parameter not above 0 or not finite, or so small that the polynomial
        misses the log-odds by more than .01.
    """

    alpha: float = struct.field(pytree_node=False)
    beta: float = struct.field(pytree_node=False)

    def __post_init__(self) -> None:
        for field in ("alpha", "beta"):
            number = float(getattr(self, field))
            checks.number(field, number, above=0)
            object.__setattr__(self, field, number)
        _log_odds_of_normal(self.alpha, self.beta)

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Float [degree + 1], Chebyshev coefficients on [-6, 6]."""
        return _log_odds_of_normal(self.alpha, self.beta)

    @property
    def support(self) -> tuple[Real, Real]:
        return 0.0, 1.0

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.of_normal(jax.random.normal(key, shape))

    def of_normal(self, normal: Real) -> jax.Array:
        """The value at the same quantile as ``normal`` of N(0, 1), which is cut at +-6."""
        scaled = jnp.clip(jnp.asarray(normal) / _NORMAL_RANGE, -1, 1)
        # Clenshaw's recurrence: monomials of this degree would lose half of float32's digits.
        before = last = jnp.zeros_like(scaled)
        for index in range(self.log_odds.shape[0] - 1, 0, -1):
            last, before = 2 * scaled * last - before + self.log_odds[index], last
        return special.expit(scaled * last - before + self.log_odds[0])

    def cdf(self, value: Real) -> jax.Array:
        return special.betainc(self.alpha, self.beta, jnp.clip(value, 0, 1))

    def survival(self, value: Real) -> jax.Array:
        return special.betainc(self.beta, self.alpha, 1 - jnp.clip(value, 0, 1))

    def quantile(self, probability: Real) -> jax.Array:
        return self.of_normal(special.ndtri(probability))

    def density(self, value: Real) -> jax.Array:
        return stats.beta.pdf(jnp.asarray(value), self.alpha, self.beta)


@struct.dataclass
class FromDistrax:
    """Any univariate distribution of distrax that has a cdf, or one with the same methods.

    Attributes:
      distribution: with ``sample(seed=, sample_shape=)``, ``prob`` and ``cdf``.
      low, high: ends of the support, from 0.

    Raises:
      ValueError: ``low`` negative, or a probability outside the support of more than 1e-6.
    """

    distribution: Any
    low: Real = 0.0
    high: Real = float("inf")

    def __post_init__(self) -> None:
        checks.leaf("low", self.low, low=0)
        if checks.is_number(self.low) and checks.is_number(self.high):
            # An atom at the lower end is inside.
            below = np.nextafter(np.float32(self.low), np.float32(-np.inf))
            ends = jnp.minimum(below, -jnp.finfo(jnp.float32).tiny if self.low == 0 else below)
            self._require_no_mass("low", self.low, self.distribution.cdf(ends))
            self._require_no_mass("high", self.high, 1 - self.cdf(self.high))

    def _require_no_mass(self, field: str, end: Real, outside: jax.Array) -> None:
        # Where the distribution itself is traced, this is not known.
        if not isinstance(outside, jax.core.Tracer) and outside > _MASS_OUTSIDE:
            name = type(self.distribution).__name__
            raise InvalidValueError(
                field,
                end,
                "supports with all of the distribution",
                got=f"{end} with {name}, of which {float(outside):.3g} is beyond",
            )

    @property
    def has_atoms(self) -> bool:
        """Whether whole numbers are drawn."""
        drawn = jax.eval_shape(self.sample, jax.random.key(0))
        return bool(jnp.issubdtype(drawn.dtype, jnp.integer))

    @property
    def support(self) -> tuple[Real, Real]:
        return self.low, self.high

    def sample(self, key: jax.Array, shape: Shape = ()) -> jax.Array:
        return self.distribution.sample(seed=key, sample_shape=shape)

    def cdf(self, value: Real) -> jax.Array:
        return self.distribution.cdf(jnp.clip(value, self.low, self.high))

    def survival(self, value: Real) -> jax.Array:
        return 1 - self.cdf(value)

    def quantile(self, probability: Real) -> jax.Array:
        """By bisection, as distrax has no inverse of the cdf; ``high`` at 1."""
        return _bisected(self.cdf, jnp.asarray(probability, float), self.low, self.high)

    def density(self, value: Real) -> jax.Array:
        inside = (value >= self.low) & (value <= self.high)
        return jnp.where(inside, self.distribution.prob(value), 0.0)


@lru_cache(maxsize=256)
def _log_odds_of_normal(alpha: float, beta: float) -> NDArray[np.float64]:
    from scipy.special import betaincinv, ndtr

    def log_odds(normal: NDArray[np.float64]) -> NDArray[np.float64]:
        # Each tail by its own inverse: 1 - x has no digits left where x is near 1.
        return np.log(betaincinv(alpha, beta, ndtr(normal))) - np.log(
            betaincinv(beta, alpha, ndtr(-normal))
        )

    normal = np.linspace(-_NORMAL_RANGE, _NORMAL_RANGE, 1001)
    with np.errstate(divide="ignore"):
        wanted = log_odds(normal)
    # Quantiles of parameters near 0 underflow.
    if not np.all(np.isfinite(wanted)):
        raise _too_small(alpha, beta)
    for degree in range(8, _MAX_DEGREE + 1, 4):
        domain = [-_NORMAL_RANGE, _NORMAL_RANGE]
        fit = np.polynomial.Chebyshev.interpolate(log_odds, degree, domain=domain)
        error = np.max(np.abs(fit(normal) - wanted))
        if error < _LOGIT_ERROR:
            break
    if error > 0.01:
        raise _too_small(alpha, beta)
    return np.asarray(fit.coef, np.float64)


def _too_small(alpha: float, beta: float) -> ValueError:
    return ValueError(
        f"alpha, beta: got {alpha}, {beta}; too small for the quantiles to be fitted "
        "(allowed are about .1 and above)"
    )


def _bisected(
    cdf: Callable[[jax.Array], jax.Array], probability: jax.Array, low: Real, high: Real
) -> jax.Array:
    """The least float where the cdf reaches the probability, elementwise; ``low >= 0``."""
    bits = jnp.finfo(probability.dtype).bits
    number = jnp.dtype(f"int{bits}")

    def number_of(value: Real) -> jax.Array:
        wide = jnp.broadcast_to(jnp.asarray(value, probability.dtype), probability.shape)
        return jax.lax.bitcast_convert_type(wide, number)

    def value_of(number: jax.Array) -> jax.Array:
        return jax.lax.bitcast_convert_type(number, probability.dtype)

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        below, above = ends
        middle = below + (above - below) // 2
        short = cdf(value_of(middle)) < probability
        return jnp.where(short, middle, below), jnp.where(short, above, middle)

    # Floats from 0 up are in the order of their bits: halving these suits any unit of money.
    ends = number_of(low), number_of(high)
    found = value_of(jax.lax.fori_loop(0, bits - 1, halve, ends)[1])
    found = jnp.where(probability <= cdf(value_of(ends[0])), low, found)
    return jnp.where(probability >= 1, high, found)
