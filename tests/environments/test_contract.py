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
from contract_cases import CASES, FEW, make, rollout

from jaxmech.wrappers import five_value

each_case = pytest.mark.parametrize(("name", "options"), CASES)
few_cases = pytest.mark.parametrize(("name", "options"), FEW)


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


@partial(jax.jit, static_argnums=0)
def jitted_rollout(env, key, params):
    return rollout(env, key, params)


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


@few_cases
def test_parameters_default_to_those_of_the_environment(name, options):
    """As in gymnax, whose wrappers leave them out."""
    env, _ = make(name, options)

    @jax.jit
    def one_step(key, *params):
        observation, state = env.reset(key, *params)
        action = env.action_space(*params).sample(key)
        return observation, env.step(key, state, action, *params)

    key = jax.random.key(0)
    given, left_out = one_step(key, env.default_params), one_step(key)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), given, left_out)


@each_case
def test_an_action_of_another_shape_is_refused(name, options):
    env, params = make(name, options)
    _, state = jax.eval_shape(env.reset, jax.random.key(0), params)
    asked = env.action_space(params).shape
    others = [(4, *asked), *([(), (asked[0] - 1,), (asked[0] + 1,)] if asked else [])]
    for shape in others:
        action = jax.ShapeDtypeStruct(shape, float)
        with pytest.raises(ValueError, match=r"^action: got shape .*allowed are .*jax\.vmap"):
            jax.eval_shape(env.step_env, jax.random.key(1), state, action, params)


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
    assert "final_observation" in info


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


def dtypes_of_floats(tree):
    return {
        leaf.dtype for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)
    }


@each_case
def test_float64(name, options):
    with jax.enable_x64(True):
        env, params = make(name, options)
        start = jax.eval_shape(env.reset, jax.random.key(0), params)
        action = jax.eval_shape(env.action_space(params).sample, jax.random.key(0))
        stepped = jax.eval_shape(env.step, jax.random.key(0), start[1], action, params)
        assert dtypes_of_floats((params, start, stepped)) == {jnp.dtype("float64")}
        assert abstract(stepped[:2]) == abstract(start)


@pytest.mark.slow
@few_cases
def test_runs_in_float64(name, options):
    with jax.enable_x64(True):
        env, params = make(name, options)
        observations = jitted_rollout(env, jax.random.key(1), params)[0]
        space = env.observation_space(params)
        assert observations.dtype == space.dtype == jnp.dtype("float64")
        assert jax.vmap(space.contains)(observations).all()


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
