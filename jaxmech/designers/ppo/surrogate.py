"""The clipped surrogate of proximal policy optimisation (Schulman et al. 2017, eq. 7 to 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.networks.action_distributions import ActionDistribution


@struct.dataclass
class Batch:
    """Experience as the loss sees it; every array leads with the same one or two axes.

    Attributes:
      observation: float [..., features], as the environment gave it.
      action: raw, see ``jaxmech.networks.action_distributions``.
      log_prob: float [...], of the action when it was taken.
      value: float [...], as estimated then.
      advantage: float [...], of mean 0 and variance 1.
      target: float [...], what the value should have been.
      weight: float [...], 1 for steps inside episodes, else 0.
      starts: bool [...], whether an episode begins with the step; None without a carry.
      carry: float [1, environments, width], or as rows [environments, width], what the policy
        carried before the first step; None where it carries nothing.
    """

    observation: jax.Array
    action: Any
    log_prob: jax.Array
    value: jax.Array
    advantage: jax.Array
    target: jax.Array
    weight: jax.Array
    starts: jax.Array | None = None
    carry: jax.Array | None = None


def clipped_surrogate(
    parameters: Any,
    batch: Batch,
    *,
    network: Callable[[Any, Batch], tuple[Any, jax.Array]],
    distribution: ActionDistribution,
    mask: jax.Array | None = None,
    clip: jax.Array | float,
    value_clip: jax.Array | float,
    value_weight: jax.Array | float,
    entropy_bonus: jax.Array | float,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss, float [], and its parts by name; see ``PPO`` for the other arguments.

    Args:
      parameters: what the gradient is taken by.
      batch: steps as rows.
      network: (parameters, batch) -> parameters of the action distribution, and values.
      distribution: of the actions.
      mask: bool [..., choices], those allowed; None where all are.

    ``approximate_kl`` is the mean of ``ratio - 1 - log(ratio)``, an estimate of the
    divergence of the new policy from the old that is never negative.
    """
    of_distribution, value = network(parameters, batch)
    log_prob, entropy = distribution.log_prob_and_entropy(batch.action, of_distribution, mask)
    log_ratio = log_prob - batch.log_prob
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1 - clip, 1 + clip)
    gain = jnp.minimum(ratio * batch.advantage, clipped * batch.advantage)
    nearby = batch.value + jnp.clip(value - batch.value, -value_clip, value_clip)
    error = jnp.maximum(jnp.square(value - batch.target), jnp.square(nearby - batch.target))

    policy_loss = -weighted_mean(gain, batch.weight)
    value_loss = weighted_mean(error, batch.weight)
    entropy = weighted_mean(entropy, batch.weight)
    loss = policy_loss + value_weight * value_loss - entropy_bonus * entropy
    return loss, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": entropy,
        "approximate_kl": weighted_mean(ratio - 1 - log_ratio, batch.weight),
        "clip_fraction": weighted_mean(jnp.abs(ratio - 1) > clip, batch.weight),
    }


def rows_of(batch: Batch, environments: jax.Array) -> Batch:
    """The steps of some environments as rows: on CPU a product over two leading axes takes
    half as long again as over one."""

    def rows(leaf: jax.Array) -> jax.Array:
        chosen = leaf[:, environments]
        return chosen.reshape((-1,) + chosen.shape[2:])

    return jax.tree.map(rows, batch)


def weighted_mean(x: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean of ``x`` where ``weight`` is 1, float []; 0 where it is 0 throughout."""
    return jnp.sum(x * weight) / jnp.maximum(jnp.sum(weight), 1)


def explained_variance(batch: Batch) -> jax.Array:
    """One less the share of the targets' variance that the values leave unexplained."""

    def variance(x: jax.Array) -> jax.Array:
        return weighted_mean(jnp.square(x - weighted_mean(x, batch.weight)), batch.weight)

    return 1 - variance(batch.target - batch.value) / jnp.maximum(variance(batch.target), 1e-8)
