"""Action and observation spaces, with the attributes gymnax gives its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.checks import InvalidValueError


@dataclass(frozen=True)
class Discrete:
    """The integers 0 to ``n - 1``."""

    n: int

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def dtype(self) -> Any:
        return jnp.int32

    def sample(self, key: jax.Array) -> jax.Array:
        """One uniform draw, int32 []."""
        return jax.random.randint(key, (), 0, self.n, self.dtype)

    def contains(self, x: Any) -> jax.Array:
        """Whether ``x`` is in the space, bool []."""
        x = jnp.asarray(x)
        return jnp.logical_and(x >= 0, x < self.n)


@dataclass(frozen=True, eq=False)
class Box:
    """Arrays of a given shape with elementwise bounds ``low <= x <= high``.

    Attributes:
      low, high: scalars, or arrays that broadcast to ``shape``.
      shape: the shape of one element.
    """

    low: Any
    high: Any
    shape: tuple[int, ...]

    @property
    def dtype(self) -> Any:
        return jnp.result_type(float)

    def sample(self, key: jax.Array) -> jax.Array:
        """One uniform draw between the bounds, float [*shape]."""
        low, high = jnp.asarray(self.low, self.dtype), jnp.asarray(self.high, self.dtype)
        return low + (high - low) * jax.random.uniform(key, self.shape, self.dtype)

    def contains(self, x: Any) -> jax.Array:
        """Whether every element of ``x`` is within the bounds, bool []."""
        return jnp.logical_and(jnp.all(x >= self.low), jnp.all(x <= self.high))


@dataclass(frozen=True)
class Simplex:
    """Shares of a whole: arrays of ``size`` numbers from 0 whose sum is 1."""

    size: int

    SUM_TOLERANCE: ClassVar[float] = 1e-3
    """How far the sum may lie from 1."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def dtype(self) -> Any:
        return jnp.result_type(float)

    def sample(self, key: jax.Array) -> jax.Array:
        """One uniform draw, float [size]."""
        draws = jax.random.exponential(key, self.shape, self.dtype)
        return draws / jnp.sum(draws)

    def contains(self, x: Any) -> jax.Array:
        """Whether ``x`` is in the space, bool []."""
        whole = jnp.abs(jnp.sum(x) - 1) <= self.SUM_TOLERANCE
        return jnp.logical_and(jnp.min(x) >= 0, whole)

    def check(self, field: str, shares: Any) -> None:
        """Refuses what is not in the space, and not traced.

        Raises:
          InvalidValueError: another shape, a number below 0 or not finite, or a sum other than 1.
        """
        given = np.asarray(shares)
        checks.shape(field, given, "shares", self.shape)
        checks.numbers(field, given, low=0)
        total = float(np.sum(given))
        if abs(total - 1) > self.SUM_TOLERANCE:
            got = f"shares that sum to {total:g}"
            raise InvalidValueError(field, shares, "shares that sum to 1", got=got)
