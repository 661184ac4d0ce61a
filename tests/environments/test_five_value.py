"""The older protocol: what trainers written for it check, and that one of them learns."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech import spaces
from jaxmech.wrappers import five_value


@pytest.fixture
def small():
    """Three agents, one item, revenue: random prices leave most of it on the table."""
    return jaxmech.make(
        "sequential_price", num_agents=3, objective="revenue", statistic="agents_items"
    )


def test_equal_environments_have_equal_views(small):
    env, _ = small
    other, _ = jaxmech.make("sequential_price", num_agents=4)
    assert five_value(env) == five_value(env) != five_value(other)


def test_parameters_may_be_left_out(small):
    env, _ = small
    view = five_value(env)
    observation, state = view.reset(jax.random.key(0))
    np.testing.assert_array_equal(observation, view.reset(jax.random.key(0), env.default_params)[0])
    action = view.action_space().sample(jax.random.key(1))
    assert len(view.step(jax.random.key(2), state, action)) == 5
    assert view.observation_space().shape == observation.shape


def test_what_is_no_environment_is_refused(small):
    env, _ = small
    with pytest.raises(ValueError, match="five-value view"):
        five_value(five_value(env))
    with pytest.raises(ValueError, match="'reset' is needed"):
        five_value("sequential_price")


def test_truncation_counts_as_done():
    class Truncating:
        """Ends by its time limit at once."""

        default_params = None

        def reset(self, key, params):
            return jnp.zeros(1), jnp.zeros(())

        def step(self, key, state, action, params):
            no, yes = jnp.array(False), jnp.array(True)
            return jnp.zeros(1), state, jnp.ones(()), no, yes, {"final_observation": jnp.ones(1)}

        def action_space(self, params):
            return spaces.Discrete(4)

        observation_space = action_space

    view = five_value(Truncating())
    *_, reward, done, info = view.step(jax.random.key(0), jnp.zeros(()), 0)
    assert bool(done) and bool(info["truncated"]) and reward == 1


def test_gymnax_is_not_imported_for_its_spaces():
    code = (
        "import sys, jaxmech, jaxmech.wrappers as w;"
        "env, params = jaxmech.make('sequential_price');"
        "space = w.five_value(env).action_space(params);"
        "print(type(space).__module__, 'gymnax' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert shown.stdout.split() == ["jaxmech.spaces", "False"]


def test_gymnax_spaces_once_gymnax_is_there(small):
    gymnax_spaces = pytest.importorskip("gymnax.environments.spaces")
    env, params = small
    view = five_value(env)
    for ours, theirs in [
        (env.action_space(params), view.action_space(params)),
        (env.observation_space(params), view.observation_space(params)),
    ]:
        assert isinstance(theirs, gymnax_spaces.Box)
        assert (theirs.shape, theirs.dtype) == (ours.shape, ours.dtype)
        np.testing.assert_array_equal(theirs.low, ours.low)
        np.testing.assert_array_equal(theirs.high, ours.high)


@pytest.mark.slow
@pytest.mark.usefixtures("promote_ranks")
def test_rejax_ppo_learns_to_sell(small):
    """61,000 steps of rejax's PPO against uniformly random scores and prices."""
    rejax = pytest.importorskip("rejax")
    env, params = small

    @partial(jax.jit, static_argnums=0)
    def random_return(env, key, params):
        reset_key, key = jax.random.split(key)
        _, state = env.reset(reset_key, params)

        def step(state, key):
            action_key, step_key = jax.random.split(key)
            action = env.action_space(params).sample(action_key)
            _, state, reward, *_ = env.step_env(step_key, state, action, params)
            return state, reward

        keys = jax.random.split(key, params.max_steps_in_episode)
        return jax.lax.scan(step, state, keys)[1].sum()

    keys = jax.random.split(jax.random.key(1), 2000)
    by_chance = jax.vmap(lambda key: random_return(env, key, params))(keys).mean()

    algorithm = rejax.PPO.create(
        env=five_value(env),
        env_params=params,
        num_envs=64,
        num_steps=16,
        total_timesteps=64 * 16 * 60,
        eval_freq=64 * 16 * 20,
        skip_initial_evaluation=True,
        num_epochs=4,
        num_minibatches=4,
        learning_rate=1e-2,
        gamma=1.0,
        max_grad_norm=0.5,
        ent_coef=0.0,
    )
    keys = jax.random.split(jax.random.key(0), 3)
    _, (lengths, returns) = jax.jit(jax.vmap(algorithm.train))(keys)
    assert returns.shape == (3, 3, 128) and lengths.max() <= params.max_steps_in_episode
    # Chance earns .26; runs with other keys learned .35 to .44 in as many steps.
    assert (returns[:, 1:].mean(axis=(1, 2)) > by_chance + 0.05).sum() >= 2
