"""DDPG on environments whose values are known."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct
from jaxmech.designers import DDPG, train
from jaxmech.spaces import Box

NEVER = -1
SEEDS = 5
FEW = {
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


# What is rewarded and when episodes end are numbers, so that tests share one program.
@struct.dataclass
class ProbeParams:
    """Of a ``Probe``: the weight of the distance, a constant reward, and when episodes end."""

    distance: float
    constant: float
    terminates_after: int
    truncates_after: int


@dataclass(frozen=True)
class Probe:
    """The observation is uniform from -.5 to .5 and redrawn every step; the reward is a constant
    less the squared distance of the action, from -2 to 2, to the observation."""

    def reset(self, key, params):
        seen = jax.random.uniform(key, (1,), minval=-0.5, maxval=0.5)
        return seen, (seen, jnp.zeros((), jnp.int32))

    def step(self, key, state, action, params):
        seen, time = state
        reward = params.constant - params.distance * jnp.sum(jnp.square(action - seen))
        time = time + 1
        terminated = time == params.terminates_after
        truncated = ~terminated & (time == params.truncates_after)
        observation, _ = self.reset(key, params)
        time = jnp.where(terminated | truncated, 0, time)
        info = {"final_observation": observation}
        return observation, (observation, time), reward, terminated, truncated, info

    def action_space(self, params):
        return Box(-2.0, 2.0, (1,))

    def observation_space(self, params):
        return Box(-0.5, 0.5, (1,))


def probing(distance=0.0, constant=0.0, terminates_after=NEVER, truncates_after=NEVER, **options):
    params = ProbeParams(distance, constant, terminates_after, truncates_after)
    return DDPG(Probe(), params, **(FEW | options))


@jax.jit
def trained(designer, keys):
    return jax.lax.map(lambda key: train(designer, key, updates=100)[0], keys)


@jax.jit
def acts(designer, states, observations):
    """[seeds, observations, ...]"""
    return jax.vmap(
        lambda state: jax.vmap(lambda seen: designer.policy(state).act(seen, None, None)[0])(
            observations
        )
    )(states)


@jax.jit
def values(designer, states, observations, actions):
    """[seeds, observations]"""
    return jax.vmap(lambda state: designer._value(state.learned.critic, observations, actions))(
        states
    )


KEYS = jax.random.split(jax.random.key(0), SEEDS)
SEEN = np.float32([[-0.4], [0.0], [0.4]])


def test_it_does_what_the_observation_asks_for_and_knows_the_reward():
    designer = probing(distance=1.0, terminates_after=1)
    states = trained(designer, KEYS)
    close = np.abs(np.asarray(acts(designer, states, SEEN)) - SEEN).max(axis=(1, 2))
    assert np.sum(close < 0.1) >= 4
    actions = np.float32([[0.1], [-0.5], [0.8]])
    exact = -np.square(actions - SEEN)[:, 0]
    errors = np.abs(np.asarray(values(designer, states, SEEN, actions)) - exact).max(axis=1)
    assert np.sum(errors < 0.1) >= 4
