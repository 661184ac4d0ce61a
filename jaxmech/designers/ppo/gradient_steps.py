"""Passes of gradient steps over experience, in shuffled minibatches of environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from jaxmech import struct
from jaxmech.designers.ppo.surrogate import Batch, rows_of, weighted_mean

Loss = Callable[[Any, Batch], tuple[jax.Array, dict[str, jax.Array]]]
"""(parameters, rows) -> the loss and metrics, float [] each; ``approximate_kl`` among them."""


@struct.dataclass
class _Learning:
    """What one gradient step hands to the next.

    Attributes:
      parameters: float [parameters]. As one vector: a step over every array of a small
        network takes CPUs longer to start than to compute.
      optimizer: state of Adam, over the same vector.
      stopped: bool [], whether ``target_kl`` was passed.
    """

    parameters: jax.Array
    optimizer: optax.OptState
    stopped: jax.Array


def start_optimizer(parameters: Any) -> optax.OptState:
    """State of the optimiser before the first step."""
    return _adam().init(ravel_pytree(parameters)[0])


def improve(
    parameters: Any,
    optimizer: optax.OptState,
    batch: Batch,
    key: jax.Array,
    *,
    loss: Loss,
    learning_rate: jax.Array,
    max_gradient_norm: float,
    target_kl: float,
    num_epochs: int,
    num_minibatches: int,
) -> tuple[Any, optax.OptState, dict[str, jax.Array]]:
    """``num_epochs`` passes of Adam over ``batch``.

    Args:
      parameters: where to start.
      optimizer: from ``start_optimizer`` or the call before.
      batch: every array [steps, environments, ...].
      key: of the shuffles.
      loss: what to descend.
      learning_rate: float [].
      max_gradient_norm: longer gradients are shortened to this norm.
      target_kl: steps from the first whose ``approximate_kl`` is larger change nothing.
      num_epochs: passes over the batch.
      num_minibatches: parts of each pass; they divide the environments.

    Returns:
      parameters, optimizer, and the loss's metrics with ``gradient_norm`` (before it is
      bounded), means over the steps taken.
    """
    start, restore = ravel_pytree(parameters)

    def gradient_step(learning: _Learning, environments: jax.Array) -> tuple[_Learning, Any]:
        (_, metrics), gradient = jax.value_and_grad(
            lambda vector: loss(restore(vector), rows_of(batch, environments)), has_aux=True
        )(learning.parameters)
        stopped = learning.stopped | (metrics["approximate_kl"] > target_kl)
        norm = optax.tree.norm(gradient)
        bounded = jnp.minimum(1, max_gradient_norm / (norm + 1e-6)) * gradient
        step, optimizer = _adam().update(bounded, learning.optimizer)
        moved = learning.parameters - learning_rate * step
        parameters, optimizer = jax.tree.map(
            lambda new, old: jnp.where(stopped, old, new),
            (moved, optimizer),
            (learning.parameters, learning.optimizer),
        )
        metrics = {**metrics, "gradient_norm": norm}
        return _Learning(parameters, optimizer, stopped), (metrics, ~stopped)

    def epoch(learning: _Learning, key: jax.Array) -> tuple[_Learning, Any]:
        # Whole environments are shuffled: permuting single steps costs far more.
        order = jax.random.permutation(key, batch.weight.shape[1])
        return jax.lax.scan(gradient_step, learning, order.reshape(num_minibatches, -1))

    learning = _Learning(start, optimizer, jnp.zeros((), bool))
    learning, (metrics, taken) = jax.lax.scan(epoch, learning, jax.random.split(key, num_epochs))
    means = {name: weighted_mean(metric, taken) for name, metric in metrics.items()}
    return restore(learning.parameters), learning.optimizer, means


def _adam() -> optax.GradientTransformation:
    return optax.scale_by_adam(eps=1e-5)
