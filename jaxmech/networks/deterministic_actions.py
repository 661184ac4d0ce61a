"""From an actor's raw outputs to the environment's actions, with and without exploring.

What a deterministic policy has in place of a distribution over actions. An action map is a PyTree,
such as a ``jaxmech.struct`` dataclass, whose functions are pure.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.checks import InvalidValueError
from jaxmech.spaces import Simplex


class ActionMap(Protocol):
    """What a deterministic designer needs to know of actions; all arrays may be batched.

    ``raw`` is what the actor's network gives, float [..., *shape].
    """

    def greedy(self, raw: jax.Array) -> jax.Array:
        """The environment's action; differentiable, as the actor learns through it."""
        ...

    def explore(self, key: jax.Array, raw: jax.Array, noise: jax.Array | float) -> jax.Array:
        """An action near the greedy one, as far from it as ``noise`` says."""
        ...

    def random(self, key: jax.Array, raw: jax.Array) -> jax.Array:
        """Any action, for a time in which nothing has been learned."""
        ...


@struct.dataclass
class BoundedActions:
    """Arrays between bounds: the hyperbolic tangent of raw outputs spans them.

    Where a bound is infinite, raw outputs are the environment's actions, moved to the other bound
    beyond it.

    Attributes:
      low, high: float, scalars or arrays that broadcast to the shape of an action.
    """

    low: Any
    high: Any

    def greedy(self, raw: jax.Array) -> jax.Array:
        """float [..., *shape]."""
        low, high, bounded = self._bounds(raw)
        # What is not chosen must be finite too: its gradient is multiplied by 0.
        middle = jnp.where(bounded, low / 2 + high / 2, 0)
        spanned = middle + self._half_range(raw) * jnp.tanh(raw)
        return jnp.clip(jnp.where(bounded, spanned, raw), low, high)

    def explore(self, key: jax.Array, raw: jax.Array, noise: jax.Array | float) -> jax.Array:
        """Normal noise is added, and what goes beyond a bound moved back to it.

        Args:
          noise: its standard deviation as a share of half the range; where a bound is infinite,
            in units of the action.
        """
        low, high, _ = self._bounds(raw)
        added = noise * self._half_range(raw) * jax.random.normal(key, raw.shape, raw.dtype)
        return jnp.clip(self.greedy(raw) + added, low, high)

    def random(self, key: jax.Array, raw: jax.Array) -> jax.Array:
        """Uniform between bounds; where one is infinite, standard normal around ``raw``."""
        low, high, bounded = self._bounds(raw)
        uniform_key, normal_key = jax.random.split(key)
        uniform = jax.random.uniform(uniform_key, raw.shape, raw.dtype, -1, 1)
        within = low / 2 + high / 2 + self._half_range(raw) * uniform
        around = raw + jax.random.normal(normal_key, raw.shape, raw.dtype)
        return jnp.clip(jnp.where(bounded, within, around), low, high)

    def _bounds(self, raw: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Lowest, highest, and whether both are finite, [..., *shape]."""
        low, high = (
            jnp.broadcast_to(
                jax.lax.broadcast_to_rank(jnp.asarray(bound, raw.dtype), raw.ndim), raw.shape
            )
            for bound in (self.low, self.high)
        )
        return low, high, jnp.isfinite(low) & jnp.isfinite(high)

    def _half_range(self, raw: jax.Array) -> jax.Array:
        low, high, bounded = self._bounds(raw)
        return jnp.where(bounded, high / 2 - low / 2, 1)


@struct.dataclass
class SimplexActions:
    """Shares, the softmax of raw scores along the last axis: never negative, of sum 1.

    What has a score of -inf, or one so far below the highest that its share is 0, is left out of
    every action, also of those that explore. One score at least must be finite.
    """

    def greedy(self, raw: jax.Array) -> jax.Array:
        """float [..., shares]."""
        return jax.nn.softmax(raw)

    def explore(self, key: jax.Array, raw: jax.Array, noise: jax.Array | float) -> jax.Array:
        """Normal noise is added to the scores, so that actions stay shares.

        Args:
          noise: its standard deviation.
        """
        return jax.nn.softmax(raw + noise * jax.random.normal(key, raw.shape, raw.dtype))

    def random(self, key: jax.Array, raw: jax.Array) -> jax.Array:
        """Uniform over the simplex of what is not left out."""
        # Normalised exponentials are uniform over the simplex. One can be drawn as 0.
        drawn = jax.random.exponential(key, raw.shape, raw.dtype)
        scores = jnp.log(jnp.maximum(drawn, jnp.finfo(drawn.dtype).tiny))
        return jax.nn.softmax(jnp.where(jax.nn.softmax(raw) > 0, scores, -jnp.inf))


def actions_for(space: Any) -> BoundedActions | SimplexActions:
    """The action map that suits an action space.

    Raises:
      InvalidValueError: the space is neither a box nor a simplex.
    """
    if isinstance(space, Simplex):
        return SimplexActions()
    if hasattr(space, "low") and hasattr(space, "high"):
        return BoundedActions(space.low, space.high)
    raise InvalidValueError("action_space", space, "a box and a simplex, whose actions are arrays")
