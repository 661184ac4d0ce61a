"""The plain networks of a deterministic actor-critic: an action, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.networks.actor_critic import MLP

_OUTPUT_SCALE = 0.01
"""Actions start in the middle and values near 0 (Lillicrap et al. 2016, section 7)."""


class DeterministicActor(nn.Module):
    """A multilayer perceptron from a flat observation to raw actions.

    Attributes:
      hidden: width of each hidden layer.
      observation_shape, action_shape: of the environment.
    """

    hidden: Sequence[int]
    observation_shape: tuple[int, ...]
    action_shape: tuple[int, ...]

    @nn.compact
    def __call__(self, observation: jax.Array) -> jax.Array:
        """float [..., *observation_shape] -> float [..., *action_shape]."""
        features = _flat(observation, self.observation_shape)
        size = math.prod(self.action_shape)
        raw = MLP(self.hidden, size, _OUTPUT_SCALE, nn.relu)(features)
        return raw.reshape(*raw.shape[:-1], *self.action_shape)


class ActionValue(nn.Module):
    """A multilayer perceptron from a flat observation and action to a value.

    Attributes:
      hidden: width of each hidden layer.
      observation_shape, action_shape: of the environment.
    """

    hidden: Sequence[int]
    observation_shape: tuple[int, ...]
    action_shape: tuple[int, ...]

    @nn.compact
    def __call__(self, observation: jax.Array, action: jax.Array) -> jax.Array:
        """float [..., *observation_shape], float [..., *action_shape] -> float [...]."""
        features = jnp.concatenate(
            [_flat(observation, self.observation_shape), _flat(action, self.action_shape)], -1
        )
        return MLP(self.hidden, 1, _OUTPUT_SCALE, nn.relu)(features)[..., 0]


def _flat(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """[..., *shape] as [..., numbers]."""
    return x.reshape(*x.shape[: x.ndim - len(shape)], math.prod(shape))
