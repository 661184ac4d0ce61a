"""A distribution's functions in float64 on NumPy arrays, for oracles on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.agents.values.univariate import UnivariateDistribution

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class HostDistribution:
    """Evaluates in float64 whatever JAX's default precision; not traceable.

    Attributes:
      distribution: of concrete numbers.
    """

    distribution: UnivariateDistribution

    @property
    def support(self) -> tuple[float, float]:
        low, high = self.distribution.support
        return float(low), float(high)

    def cdf(self, value: ArrayLike) -> Floats:
        return self.apply(_cdf, value)

    def survival(self, value: ArrayLike) -> Floats:
        return self.apply(_survival, value)

    def at_least(self, value: ArrayLike) -> Floats:
        """``P(V >= value)``, which counts an atom at ``value``."""
        return self.survival(np.nextafter(np.asarray(value, np.float64), -np.inf))

    def quantile(self, probability: ArrayLike) -> Floats:
        return self.apply(_quantile, probability)

    def apply(
        self, function: Callable[[UnivariateDistribution, jax.Array], jax.Array], value: ArrayLike
    ) -> Floats:
        """``function(distribution, value)``, elementwise in values of any shape.

        Args:
          function: one of a module, so that it compiles once.
          value: float [...].
        """
        values = np.asarray(value, np.float64)
        # Padded to powers of two: grids of many sizes share few compiled programs.
        padded = np.resize(values, max(64, 1 << max(values.size - 1, 0).bit_length()))
        with jax.enable_x64(True):
            precise = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), self.distribution)
            # The class is an argument as a user's own may lack it in its structure, see
            # jaxmech.struct.
            applied = _apply(precise, padded, function, type(self.distribution))
            result = np.asarray(applied, np.float64)
        return result[: values.size].reshape(values.shape)


def integrals(function: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Integrals of a function from each low to each high, by Gauss quadrature.

    Args:
      function: elementwise, of float [..., nodes].
      low, high: float [...].
    """
    half = (np.asarray(high) - low) / 2
    nodes = np.asarray(low)[..., None] + half[..., None] * (_NODES + 1)
    return half * (function(nodes) @ _WEIGHTS)


@partial(jax.jit, static_argnames=("function", "of_class"))
def _apply(
    distribution: UnivariateDistribution,
    value: jax.Array,
    function: Callable[[UnivariateDistribution, jax.Array], jax.Array],
    of_class: type,
) -> jax.Array:
    del of_class
    return function(distribution, value)


def _cdf(distribution: UnivariateDistribution, value: jax.Array) -> jax.Array:
    return distribution.cdf(value)


def _survival(distribution: UnivariateDistribution, value: jax.Array) -> jax.Array:
    return distribution.survival(value)


def _quantile(distribution: UnivariateDistribution, value: jax.Array) -> jax.Array:
    return distribution.quantile(value)
