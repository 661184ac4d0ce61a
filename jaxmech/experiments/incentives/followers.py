"""How well agents act who are smoothed in a decision process of their own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct
from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    policy_values,
    soft_policy_iteration,
    soft_policy_values,
)
from jaxmech.agents.responses.game import Game, Policies


@struct.dataclass
class FollowerCheck:
    """Of one policy in one process; of several, every array [...].

    Attributes:
      residual: float [], the largest change of a value by one more sweep of value iteration, of the
        smoothed optimum and of the plain one.
      smoothed_gain: float [], what the smoothed optimum would add, entropy counted, from the state
        on from which it adds most.
      gain: float [], what a best policy would add, entropy not counted, from such a state on.
      allowance: float [], the most that entropy can be worth from any state on: what a smoothed
        optimum may leave of such a gain.
    """

    residual: jax.Array
    smoothed_gain: jax.Array
    gain: jax.Array
    allowance: jax.Array


def follower_check(
    process: DecisionProcess,
    policy: jax.Array,
    temperature: Any,
    *,
    plain: DecisionProcess | None = None,
    earned: jax.Array | None = None,
    choices: int | None = None,
) -> FollowerCheck:
    """Compares a policy with the optima, smoothed and plain, from every state on.

    Args:
      process: of the smoothed agent, without a prior.
      policy: float [states, actions].
      temperature: float [], from 0 and finite.
      plain: the process of the same agent without entropy; ``process`` unless given.
      earned: float [states, actions], what actions give the agent who follows the policy, entropy
        not counted; the rewards of ``process`` unless given.
      choices: among which each decision is made; the actions of ``process`` unless given.
    """
    optimum = soft_policy_iteration(process, temperature)
    best = soft_policy_iteration(process if plain is None else plain, 0.0)
    smoothed = soft_policy_values(process, policy, temperature)
    return FollowerCheck(
        residual=jnp.maximum(optimum.residual, best.residual),
        smoothed_gain=jnp.max(optimum.values - smoothed),
        gain=jnp.max(best.values - policy_values(process, policy, earned)),
        # As if all decisions to come were made at random.
        allowance=temperature
        * np.log(process.num_actions if choices is None else choices)
        / (1 - jnp.max(process.discounts)),
    )


def gains_as_another(
    game: Game, policies: Policies, mechanism: jax.Array, params: Any
) -> jax.Array:
    """What each type would gain by acting as the other type that serves it best, float [types].

    Entropy does not count, as in the utilities of the game. Negative where every other type's
    policy serves it worse than its own; 0 where there is a single type.

    Args:
      game: of a single agent that has one of several types.
      policies: every array [types, ...].
      mechanism: float [coefficients].
    """
    own = game.utilities(policies, mechanism, params)

    def of(shift: int) -> jax.Array:
        others = jax.tree.map(lambda each: jnp.roll(each, shift, axis=0), policies)
        return game.utilities(others, mechanism, params)

    others = jnp.stack([of(shift) for shift in range(1, max(2, own.size))])
    return jnp.max(others, axis=0) - own
