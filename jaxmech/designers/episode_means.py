"""What a learner reports of the episodes that ended, update by update."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.designers.rollout import EpisodeTotals
from jaxmech.environments.protocol import Environment, step_once


def no_episode(env: Environment, params: Any) -> dict[str, jax.Array]:
    """NaN in the form of ``means_of_episodes``; asks ``env`` whether it reports an objective."""

    def info(key: jax.Array) -> dict[str, jax.Array]:
        _, state = env.reset(key, params)
        action = env.action_space(params).sample(key)
        return step_once(env, key, state, action, params)[-1]

    reported = ("objective",) if "objective" in jax.eval_shape(info, jax.random.key(0)) else ()
    return dict.fromkeys(
        ("episode_return", "episode_length", *reported),
        jnp.full((), jnp.nan, jnp.result_type(float)),
    )


def means_of_episodes(totals: EpisodeTotals, before: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Means over the episodes that ended, float [] each; ``before`` where none did."""
    sums = {"episode_return": totals.return_sum, "episode_length": totals.length_sum}
    if totals.objective_sum is not None:
        sums["objective"] = totals.objective_sum
    return {
        name: jnp.where(totals.episodes > 0, total / jnp.maximum(totals.episodes, 1), before[name])
        for name, total in sums.items()
    }
