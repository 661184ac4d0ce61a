"""What every registered environment promises, whatever it models."""

from __future__ import annotations

import copy
import inspect
import pickle
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    CorrelatedUniform,
    Samples,
    Setting,
    UnitDemand,
)
from jaxmech.agents.joint_distributions import CopulaValueQuality
from jaxmech.agents.value_distributions import LogNormal
from jaxmech.environments import names
from jaxmech.wrappers import five_value


def uniform(demand, units):
    return Setting(CorrelatedUniform(jnp.asarray(0.3, float), 3, demand), units)


def bundles(num_items, units):
    demand = BundleDemand(num_items)
    values = np.random.default_rng(0).uniform(0, 2, (5, 3, *demand.values_shape))
    return Setting(Samples(jnp.asarray(values, float), demand), units)


# A setting is made anew in each test, so that it has the precision of that test.
CASES = [(name, {}) for name in names()] + [
    ("sequential_price", {"setting": "correlated", "num_agents": 4, "num_items": 2, "delta": 0.3}),
    ("sequential_price", {"setting": "inventory", "num_agents": 3, "num_items": 2,
                          "statistic": "allocation", "objective": "revenue"}),
    ("sequential_price", {"num_agents": 3, "statistic": "agents_items", "objective": "max_min",
                          "subtract_offline_optimum": True}),
    ("sequential_price", {"setting": "max_min", "objective": "max_min"}),
    ("sequential_price", {"setting": partial(uniform, UnitDemand(2), (2, 1)),
                          "statistic": "last_visit", "subtract_offline_optimum": True}),
    ("sequential_price", {"setting": partial(uniform, AdditiveDemand(2), (1, 2)),
                          "statistic": "allocation"}),
    ("sequential_price", {"setting": partial(bundles, 2, (2, 1)),
                          "subtract_offline_optimum": True}),
    ("repeated_auction", {"bidders": ["hedge", "exp3", "truthful"],
                          "num_participants": 2, "num_slots": 2, "num_rounds": 3,
                          "statistic": "bidders", "personal_reserves": True,
                          "value_draws": "once", "random_ties": True, "bid_grid": 5}),
    ("repeated_auction", {"bidders": "equilibrium", "num_bidders": 3, "num_participants": 2,
                          "num_rounds": 3, "payment_rule": "first_price",
                          "objective": "welfare", "distribution": lambda: LogNormal(0.35, 0.71)}),
    ("repeated_auction", {"num_bidders": 20, "num_participants": 2, "num_rounds": 2,
                          "filtering": "lazy", "objective": "max_min",
                          "distribution": CopulaValueQuality}),
    ("reserve_pricing", {"num_bidders": 1, "days": 3, "num_bins": 6, "memory": 1,
                         "auctions_per_day": 4, "statistic": "summary", "revenue": "sampled",
                         "filtering": "lazy", "squash": 0.5}),
]  # fmt: skip

FEW = CASES[: len(names())] + [CASES[place] for place in (7, 10, -1)]
"""Each environment as it comes, and with most of its options changed."""

pytestmark = pytest.mark.usefixtures("compile_quickly")
each_case = pytest.mark.parametrize(("name", "options"), CASES)
few_cases = pytest.mark.parametrize(("name", "options"), FEW)


def make(name, options):
    made = {key: value() if callable(value) else value for key, value in options.items()}
    return jaxmech.make(name, **made)


@partial(jax.jit, static_argnums=0)
def reset(env, key, params):
    return env.reset(key, params)


@partial(jax.jit, static_argnums=0)
def step(env, key, state, action, params):
    return env.step(key, state, action, params)


@partial(jax.jit, static_argnums=0)
def step_env(env, key, state, action, params):
    return env.step_env(key, state, action, params)


@partial(jax.jit, static_argnums=0)
def sample_action(env, key, params):
    return env.action_space(params).sample(key)


def rollout(env, key, params):
    """Three longest episodes of uniformly random actions; all outputs of ``step``, stacked."""

    def one(carry, key):
        _, state = carry
        action_key, step_key = jax.random.split(key)
        action = env.action_space(params).sample(action_key)
        observation, state, *rest = env.step(step_key, state, action, params)
        return (observation, state), (observation, state, *rest)

    reset_key, steps_key = jax.random.split(key)
    start = env.reset(reset_key, params)
    steps = 3 * params.max_steps_in_episode
    return jax.lax.scan(one, start, jax.random.split(steps_key, steps))[1]


@partial(jax.jit, static_argnums=0)
def jitted_rollout(env, key, params):
    return rollout(env, key, params)


@partial(jax.jit, static_argnums=0)
def batch_of_rollouts(env, keys, params):
    return jax.vmap(partial(rollout, env))(keys, params)


def abstract(tree):
    """Shape, dtype and weak type of every leaf."""
    return jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type),
        jax.eval_shape(lambda tree: tree, tree),
    )


def assert_equal(first, second):
    chex.assert_trees_all_equal(first, second)


@each_case
def test_arguments_are_in_the_order_of_gymnax(name, options):
    env, _ = make(name, options)
    for method, arguments in {
        "reset": ["key", "params"],
        "step": ["key", "state", "action", "params"],
        "step_env": ["key", "state", "action", "params"],
        "action_space": ["params"],
        "observation_space": ["params"],
    }.items():
        assert list(inspect.signature(getattr(env, method)).parameters) == arguments
    assert env.name == name


@each_case
def test_observations_and_actions_are_in_their_spaces(name, options):
    env, params = make(name, options)
    steps = 3 * params.max_steps_in_episode
    observations, _, _, _, _, info = jitted_rollout(env, jax.random.key(1), params)
    space = env.observation_space(params)
    for seen in (observations, info["final_observation"]):
        assert seen.shape == (steps, *space.shape)
        assert seen.dtype == space.dtype
        assert jax.vmap(space.contains)(seen).all()
    actions = jax.vmap(env.action_space(params).sample)(jax.random.split(jax.random.key(0), 20))
    assert actions.shape == (20, *env.action_space(params).shape)
    assert actions.dtype == env.action_space(params).dtype
    assert jax.vmap(env.action_space(params).contains)(actions).all()


@each_case
def test_step_gives_six_values_of_the_right_kind(name, options):
    env, params = make(name, options)
    steps = 3 * params.max_steps_in_episode
    _, _, reward, terminated, truncated, info = jitted_rollout(env, jax.random.key(1), params)
    assert reward.shape == terminated.shape == truncated.shape == (steps,)
    assert reward.dtype == jnp.result_type(float)
    assert terminated.dtype == truncated.dtype == bool
    assert np.isfinite(reward).all()
    # Three longest episodes hold at least three ends.
    assert (terminated | truncated).sum() >= 3
    assert {"final_observation"} < set(info)


@each_case
def test_info_has_the_same_keys_and_kinds_everywhere(name, options):
    env, params = make(name, options)
    _, state = jax.eval_shape(env.reset, jax.random.key(0), params)
    action = jax.eval_shape(env.action_space(params).sample, jax.random.key(1))
    info = jax.eval_shape(env.step, jax.random.key(2), state, action, params)[-1]
    bare = jax.eval_shape(env.step_env, jax.random.key(2), state, action, params)[-1]
    del info["final_observation"]
    assert abstract(info) == abstract(bare)


@each_case
def test_step_keeps_shapes_dtypes_and_no_type_is_weak(name, options):
    env, params = make(name, options)
    start = jax.eval_shape(env.reset, jax.random.key(0), params)
    action = jax.eval_shape(env.action_space(params).sample, jax.random.key(0))
    for method in (env.step, env.step_env):
        observation, state, *rest = jax.eval_shape(
            method, jax.random.key(0), start[1], action, params
        )
        assert abstract((observation, state)) == abstract(start)
        weak = [leaf.weak_type for leaf in jax.tree.leaves((start, observation, state, rest))]
        assert not any(weak)


@each_case
def test_repeated_steps_trace_once(name, options):
    env, params = make(name, options)
    _, state = reset(env, jax.random.key(0), params)
    action = sample_action(env, jax.random.key(0), params)
    _, state, *_ = step(env, jax.random.key(0), state, action, params)
    traced = reset._cache_size(), step._cache_size()
    for index in range(3):
        key = jax.random.key(index)
        _, state, *_ = step(env, key, state, sample_action(env, key, params), params)
    reset(env, jax.random.key(1), params)
    assert (reset._cache_size(), step._cache_size()) == traced


@each_case
def test_a_finished_episode_starts_afresh(name, options):
    """``step`` is ``step_env``, with ``reset`` where it ended, on halves of the same key."""
    env, params = make(name, options)
    _, state = reset(env, jax.random.key(0), params)
    ends = 0
    for index in range(3 * params.max_steps_in_episode):
        key, action_key = jax.random.split(jax.random.key(index))
        action = sample_action(env, action_key, params)
        step_key, reset_key = jax.random.split(key)
        observation, after, reward, terminated, truncated, info = step(
            env, key, state, action, params
        )
        final, unreset, *bare = step_env(env, step_key, state, action, params)
        done = bool(terminated | truncated)
        ends += done
        assert_equal((reward, terminated), tuple(bare[:2]))
        assert_equal(info["final_observation"], final)
        expected = reset(env, reset_key, params) if done else (final, unreset)
        assert_equal((observation, after), expected)
        state = after
    assert ends >= 3


@few_cases
def test_same_episode_alone_or_in_a_batch_of_keys_and_parameters(name, options):
    env, params = make(name, options)
    keys = jax.random.split(jax.random.key(3), 5)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(keys)), params)
    batch = batch_of_rollouts(env, keys, stacked)
    alone = jitted_rollout(env, keys[2], params)
    assert_equal(jax.tree.map(lambda leaf: leaf[2], batch), alone)


@few_cases
def test_default_parameters_run(name, options):
    env, own = make(name, options)
    params = env.default_params
    start = jax.eval_shape(env.reset, jax.random.key(0), params)
    assert abstract(start) == abstract(jax.eval_shape(env.reset, jax.random.key(0), own))
    observations, _, reward, terminated, truncated, _ = jitted_rollout(
        env, jax.random.key(1), params
    )
    assert jax.vmap(env.observation_space(params).contains)(observations).all()
    assert np.isfinite(reward).all()
    assert (terminated | truncated).sum() >= 3


@each_case
def test_copies_and_pickles_are_equal(name, options):
    env, params = make(name, options)
    for thing in (env, five_value(env)):
        for duplicate in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
            other = duplicate(thing)
            assert other == thing and hash(other) == hash(thing)
    for duplicate in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        assert jax.tree.structure(duplicate(params)) == jax.tree.structure(params)
        assert_equal(duplicate(params), params)


@each_case
def test_equal_configurations_compile_once(name, options):
    traced = set()
    for _ in range(2):
        env, params = make(name, options)
        reset(env, jax.random.key(0), params)
        traced.add(reset._cache_size())
    assert len(traced) == 1


@each_case
def test_configurations_are_frozen(name, options):
    env, _ = make(name, options)
    with pytest.raises(AttributeError):
        env.num_agents = 2


@few_cases
def test_float64(name, options):
    with jax.enable_x64(True):
        env, params = make(name, options)
        observations, state, reward, _, _, info = jitted_rollout(env, jax.random.key(1), params)
        floats = [
            leaf
            for leaf in jax.tree.leaves((params, observations, state, reward, info))
            if jnp.issubdtype(leaf.dtype, jnp.floating)
        ]
        assert {leaf.dtype for leaf in floats} == {jnp.dtype("float64")}
        space = env.observation_space(params)
        assert observations.dtype == space.dtype
        assert jax.vmap(space.contains)(observations).all()
        start = jax.eval_shape(env.reset, jax.random.key(0), params)
        action = jax.eval_shape(env.action_space(params).sample, jax.random.key(0))
        stepped = jax.eval_shape(env.step, jax.random.key(0), start[1], action, params)
        assert abstract(stepped[:2]) == abstract(start)


@each_case
def test_five_value_view_runs_the_same_episode(name, options):
    env, params = make(name, options)
    view = five_value(env)
    assert view.name == name
    assert_equal(view.default_params, env.default_params)
    _, state = reset(env, jax.random.key(0), params)
    assert_equal(reset(view, jax.random.key(0), params)[1], state)
    for index in range(params.max_steps_in_episode):
        key = jax.random.key(index)
        action = sample_action(env, key, params)
        observation, after, reward, terminated, truncated, info = step(
            env, key, state, action, params
        )
        five = step(view, key, state, action, params)
        assert len(five) == 5
        assert_equal(five[:4], (observation, after, reward, terminated | truncated))
        assert set(five[4]) == {*info, "truncated"}
        state = after
