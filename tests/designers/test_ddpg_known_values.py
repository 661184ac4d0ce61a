"""DDPG finds what is known: values of single steps and of episodes, and the best actions."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ddpg_probes import FEW, KEYS, Probe, ProbeParams, probing
from flax import linen as nn
from tiers import slowly

import jaxmech
from jaxmech.designers import DDPG, train
from jaxmech.spaces import Box, Simplex


@jax.jit
def trained(designer, keys):
    """The states of several seeds after 100 updates."""
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


def errors(designer, observations, actions, expected):
    """Of the values learned, the largest of each seed."""
    states = trained(designer, KEYS)
    learned = values(designer, states, np.float32(observations), np.float32(actions))
    return np.abs(np.asarray(learned) - np.float32(expected)).max(axis=1)


SEEN = [[-0.4, 0.0], [0.0, 0.0], [0.4, 0.0]]


def test_it_does_what_the_observation_asks_for():
    designer = probing(distance=1.0, terminates_after=1)
    actions = np.asarray(acts(designer, trained(designer, KEYS), np.float32(SEEN)))[..., 0]
    off = np.abs(actions - np.float32(SEEN)[:, 0]).max(axis=1)
    # The best constant action, 0, is off by .4.
    assert np.sum(off < 0.15) >= 4


def test_the_value_of_one_step_is_its_reward():
    designer = probing(distance=1.0, constant=0.5, terminates_after=1)
    actions = [[0.1], [-0.5], [0.8]]
    rewards = [0.5 - 0.5**2, 0.5 - 0.5**2, 0.5 - 0.4**2]
    assert np.sum(errors(designer, SEEN, actions, rewards) < 0.05) >= 4


def test_termination_cuts_the_value():
    # Two steps of reward 1, the time of which is seen: 1 + gamma at the first, 1 at the second.
    designer = probing(constant=1.0, shows_time=1.0, terminates_after=2, options={"gamma": 0.9})
    off = errors(designer, [[0.2, 0.0], [0.2, 1.0]], [[0.0], [0.0]], [1.9, 1.0])
    assert np.sum(off < 0.05) >= 4


def test_being_cut_short_does_not_cut_the_value():
    # Reward 1 for ever is worth 1 / (1 - gamma), however often the clock cuts the episode.
    designer = probing(constant=1.0, truncates_after=2, options={"gamma": 0.5})
    off = errors(designer, SEEN, [[0.0]] * 3, [2.0] * 3)
    assert np.sum(off < 0.05) >= 4


@dataclass(frozen=True)
class Bandit:
    """One step, in which a unit is divided among four arms; arm 2 pays most."""

    truncates = False

    def reset(self, key, params):
        return jnp.ones(1, jnp.int32), jnp.zeros(())

    def step_env(self, key, state, action, params):
        reward = jnp.sum(jnp.array([0.2, 0.5, 1.0, 0.7]) * action)
        # What is no allocation would be seen at once.
        is_allocation = self.action_space(params).contains(action)
        reward = jnp.where(is_allocation, reward, -1000)
        return jnp.ones(1, jnp.int32), state, reward, jnp.ones((), bool), {"objective": reward}

    def action_space(self, params):
        return Simplex(4)

    def observation_space(self, params):
        return Box(0, 1, (1,))


def test_shares_go_to_the_best_arm_and_sum_to_one_all_the_while():
    designer = DDPG(Bandit(), None, **(FEW | {"exploration_noise": 0.5}))

    @jax.jit
    def run(key):
        state, metrics = train(designer, key, updates=100)
        return designer.policy(state).act(jnp.ones(1, jnp.int32), None, None)[0], metrics

    best = 0
    for key in KEYS[:3]:
        action, metrics = run(key)
        best += action[2] > 0.9
        assert np.asarray(metrics["objective"]).min() >= 0.2
        # At random at first: every arm alike.
        assert np.mean(metrics["objective"][:4]) == pytest.approx(0.6, abs=0.05)
        np.testing.assert_array_equal(metrics["episode_return"], metrics["objective"])
    assert best >= 2


@pytest.mark.parametrize("form", ["shares", *slowly("scores")])
def test_impressions_are_allocated_by_shares_and_by_scores(form):
    env, params = jaxmech.make(
        "impression_allocation", num_sellers=3, action_form=form, num_rounds=6, reputation=0.0
    )
    designer = DDPG(env, params, **(FEW | {"gradient_steps": 1}))
    # The first episodes, of 6 steps of each of 8 environments, end in the second update.
    state, metrics = jax.jit(lambda key: train(designer, key, updates=2))(KEYS[0])
    assert state.replay.steps.observation.shape == (256, 8, 3, 22)
    assert float(metrics["episodes"][1]) == 8
    # The mean reward of a round: no price p earns more than p (1 - p) <= 1/4.
    assert 0.05 < float(metrics["objective"][1]) <= 0.25


@dataclass(frozen=True)
class Everywhere(Probe):
    """Actions without bounds."""

    def action_space(self, params):
        return Box(-jnp.inf, jnp.inf, (1,))


class Linear(nn.Module):
    """An actor of one's own: the number seen times a weight that starts at 0."""

    @nn.compact
    def __call__(self, observation):
        return nn.Dense(1, use_bias=False, kernel_init=nn.initializers.zeros)(observation[:, :1])


class Quadratic(nn.Module):
    """A critic of one's own, that can tell the reward exactly: a constant less a weight times
    the squared distance."""

    @nn.compact
    def __call__(self, observation, action):
        constant = self.param("constant", nn.initializers.zeros, ())
        weight = self.param("weight", nn.initializers.ones, ())
        return constant - weight * jnp.square(action[:, 0] - observation[:, 0])


def test_networks_of_ones_own_find_the_truth_where_actions_have_no_bounds():
    params = ProbeParams(distance=2.0, constant=3.0, terminates_after=1)
    rates = {"actor_learning_rate": 3e-2, "critic_learning_rate": 3e-2}
    designer = DDPG(Everywhere(), params, actor=Linear(), critic=Quadratic(), **(FEW | rates))
    state, _ = jax.jit(lambda key: train(designer, key, updates=60))(KEYS[0])
    critic = state.learned.critic["params"]
    assert float(critic["constant"]) == pytest.approx(3.0, abs=1e-2)
    assert float(critic["weight"]) == pytest.approx(2.0, abs=1e-2)
    assert float(state.learned.actor["params"]["Dense_0"]["kernel"][0, 0]) == pytest.approx(
        1.0, abs=1e-2
    )
