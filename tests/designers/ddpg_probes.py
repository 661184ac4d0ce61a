"""An environment whose values are known, and small learners of it, for the tests of DDPG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.designers import DDPG
from jaxmech.spaces import Box

NEVER = -1
FEW: dict[str, Any] = {
    "num_environments": 8,
    "rollout_length": 4,
    "gradient_steps": 16,
    "batch_size": 32,
    "replay_size": 2048,
    "learning_starts": 128,
    "hidden": (32,),
    "actor_learning_rate": 3e-3,
    "critic_learning_rate": 1e-2,
    "target_rate": 0.05,
    "exploration_noise": 0.2,
}
KEYS = jax.random.split(jax.random.key(0), 5)


# What is rewarded, seen and when episodes end are numbers, so that tests share one program.
@struct.dataclass
class ProbeParams:
    constant: Any = 0.0
    distance: Any = 0.0
    shows_time: Any = 0.0
    terminates_after: Any = NEVER
    truncates_after: Any = NEVER


@dataclass(frozen=True)
class Probe:
    """Sees a number from -.5 to .5, drawn anew every step, and, if it shows that, the time.

    The reward is a constant, less a weight times the squared distance of the action to the
    number seen.
    """

    bound: float = 2.0

    def _observe(self, key, time, params):
        seen = jax.random.uniform(key, (), minval=-0.5, maxval=0.5)
        return jnp.stack([seen, params.shows_time * time])

    def reset(self, key, params):
        observation = self._observe(key, 0, params)
        return observation, (observation, jnp.zeros((), jnp.int32))

    def step(self, key, state, action, params):
        observation, time = state
        reward = params.constant - params.distance * jnp.square(action[0] - observation[0])
        time = time + 1
        terminated = time == params.terminates_after
        truncated = ~terminated & (time == params.truncates_after)
        after_key, reset_key = jax.random.split(key)
        after = self._observe(after_key, time, params)
        stepped, fresh = (after, (after, time)), self.reset(reset_key, params)
        observation, state = jax.tree.map(
            lambda new, old: jnp.where(terminated | truncated, new, old), fresh, stepped
        )
        return observation, state, reward, terminated, truncated, {"final_observation": after}

    def action_space(self, params):
        return Box(-self.bound, self.bound, (1,))

    def observation_space(self, params):
        return Box(-jnp.inf, jnp.inf, (2,))


def probing(*, env=Probe(), options=(), **params):
    return DDPG(env, ProbeParams(**params), **{**FEW, **dict(options)})


@jax.jit
def start(designer, key):
    return designer.init(key)


@jax.jit
def update(designer, state):
    return designer.update(state)
