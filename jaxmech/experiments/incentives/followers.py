"""How well agents act who are smoothed in a decision process of their own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    policy_values,
    soft_policy_iteration,
    soft_policy_values,
)


@struct.dataclass
class FollowerCheck:
    """Of one policy in one process; of several, every array [...].

    Attributes:
      residual: float [], the largest change of a value by one more sweep of value iteration, of the
        smoothed optimum and of the plain one.
      smoothed_gain: float [], what the smoothed optimum would add, entropy counted, from the state
        on from which it adds most.
      gain: float [], what a best policy would add, entropy not counted, from such a state on.
      excess: float [], how much more that is, in the worst state, than the entropy of the policy is
        worth there. Not above 0 for the smoothed optimum.
    """

    residual: jax.Array
    smoothed_gain: jax.Array
    gain: jax.Array
    excess: jax.Array


def follower_check(
    process: DecisionProcess,
    policy: jax.Array,
    temperature: Any,
    *,
    plain: DecisionProcess | None = None,
    earned: jax.Array | None = None,
) -> FollowerCheck:
    """Compares a policy with the optima, smoothed and plain, from every state on.

    Args:
      process: of the smoothed agent, without a prior.
      policy: float [states, actions].
      temperature: float [], from 0 and finite.
      plain: the process of the same agent without entropy; ``process`` unless given.
      earned: float [states, actions], what actions give the agent who follows the policy, entropy
        not counted; the rewards of ``process`` unless given.
    """
    optimum = soft_policy_iteration(process, temperature)
    best = soft_policy_iteration(process if plain is None else plain, 0.0)
    smoothed = soft_policy_values(process, policy, temperature)
    return FollowerCheck(
        residual=jnp.maximum(optimum.residual, best.residual),
        smoothed_gain=jnp.max(optimum.values - smoothed),
        gain=jnp.max(best.values - policy_values(process, policy, earned)),
        excess=jnp.max(best.values - smoothed),
    )
