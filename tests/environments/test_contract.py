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

from jaxmech.environments.protocol import params_or_default
from jaxmech.wrappers import five_value

each_case = pytest.mark.parametrize(("name", "options"), CASES)
few_cases = pytest.mark.parametrize(("name", "options"), FEW)


@partial(jax.jit, static_argnums=0)
def sample_action(env, key, params):
    return env.action_space(params).sample(key)


@partial(jax.jit, static_argnums=0)
def jitted_rollout(env, key, params):
    """Also some actions, and of observations, final ones and actions which are in their spaces."""
    steps = rollout(env, key, params)
    actions = jax.vmap(env.action_space(params).sample)(jax.random.split(key, 20))
    contains = jax.vmap(env.observation_space(params).contains)
    inside = (
        contains(steps[0]),
        contains(steps[-1]["final_observation"]),
        jax.vmap(env.action_space(params).contains)(actions),
    )
    return steps, actions, inside


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
    (observations, *_, info), actions, inside = jitted_rollout(env, jax.random.key(1), params)
    space = env.observation_space(params)
    for seen in (observations, info["final_observation"]):
        assert seen.shape == (steps, *space.shape)
        assert seen.dtype == space.dtype
    assert actions.shape == (20, *env.action_space(params).shape)
    assert actions.dtype == env.action_space(params).dtype
    assert [of_each.shape for of_each in inside] == [(steps,), (steps,), (20,)]
    assert all(np.all(of_each) for of_each in inside)


@few_cases
def test_parameters_default_to_those_of_the_environment(name, options, monkeypatch):
    """As in gymnax, whose wrappers leave them out: both ways are the same program."""
    env, _ = make(name, options)
    kind, params, key = type(env), env.default_params, jax.random.key(0)

    def one_step(key, *params):
        observation, state = env.reset(key, *params)
        action = env.action_space(*params).sample(key)
        return observation, env.step(key, state, action, *params)

    # What is found while a caller is traced has the same numbers.
    found = []
    jax.eval_shape(lambda: found.append(params_or_default(env, None)))
    assert_equal(found[0], params)
    assert abstract(jax.eval_shape(one_step, key)) == abstract(
        jax.eval_shape(one_step, key, params)
    )

    # Bare methods: compiled ones would keep the defaults put in their place.
    for method in ("reset", "step", "step_env"):
        monkeypatch.setattr(kind, method, inspect.unwrap(getattr(kind, method)))

    def left_out(key, params):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "default_params", params)
            return one_step(key)

    given, defaults = (
        jax.make_jaxpr(jax.jit(lambda key, params, f=program: f(key, params)))(key, params)
        for program in (one_step, left_out)
    )
    # The text of a single equation, unlike that of a whole program, names no shared parts.
    texts = [[str(equation) for equation in program.eqns] for program in (given, defaults)]
    assert len(texts[0]) == 1 and texts[0] == texts[1]
    assert_equal(given.consts, defaults.consts)


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
    (_, _, reward, terminated, truncated, info), *_ = jitted_rollout(env, jax.random.key(1), params)
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


def compiled_of(method):
    """The compiled method inside of one that checks its action or parameters first."""
    return method if hasattr(method, "_cache_size") else method.__wrapped__


@each_case
def test_repeated_steps_trace_once(name, options):
    env, params = make(name, options)
    reset, step = compiled_of(type(env).reset), compiled_of(type(env).step)
    _, state = env.reset(jax.random.key(0), params)
    action = sample_action(env, jax.random.key(0), params)
    _, state, *_ = env.step(jax.random.key(0), state, action, params)
    traced = reset._cache_size(), step._cache_size()
    for index in range(3):
        key = jax.random.key(index)
        _, state, *_ = env.step(key, state, sample_action(env, key, params), params)
    env.reset(jax.random.key(1), params)
    assert (reset._cache_size(), step._cache_size()) == traced


@each_case
def test_a_finished_episode_starts_afresh(name, options):
    """``step`` is ``step_env``, with ``reset`` where it ended, on halves of the same key."""
    env, params = make(name, options)
    _, state = env.reset(jax.random.key(0), params)
    ends = 0
    for index in range(3 * params.max_steps_in_episode):
        key, action_key = jax.random.split(jax.random.key(index))
        action = sample_action(env, action_key, params)
        step_key, reset_key = jax.random.split(key)
        observation, after, reward, terminated, truncated, info = env.step(
            key, state, action, params
        )
        final, unreset, *bare = env.step_env(step_key, state, action, params)
        done = bool(terminated | truncated)
        ends += done
        assert_equal((reward, terminated), tuple(bare[:2]))
        assert_equal(info["final_observation"], final)
        expected = env.reset(reset_key, params) if done else (final, unreset)
        assert_equal((observation, after), expected)
        state = after
    assert ends >= 3


@few_cases
def test_default_parameters_run(name, options):
    env, own = make(name, options)
    params = env.default_params
    start = jax.eval_shape(env.reset, jax.random.key(0), params)
    assert abstract(start) == abstract(jax.eval_shape(env.reset, jax.random.key(0), own))
    (_, _, reward, terminated, truncated, _), _, inside = jitted_rollout(
        env, jax.random.key(1), params
    )
    assert np.all(inside[0])
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
        env.reset(jax.random.key(0), params)
        traced.add(compiled_of(type(env).reset)._cache_size())
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
        (observations, *_), _, inside = jitted_rollout(env, jax.random.key(1), params)
        assert observations.dtype == env.observation_space(params).dtype == jnp.dtype("float64")
        assert np.all(inside[0])


@each_case
def test_five_value_view_runs_the_same_episode(name, options):
    env, params = make(name, options)
    view = five_value(env)
    assert view.name == name
    assert_equal(view.default_params, env.default_params)
    _, state = env.reset(jax.random.key(0), params)
    assert_equal(view.reset(jax.random.key(0), params)[1], state)
    for index in range(params.max_steps_in_episode):
        key = jax.random.key(index)
        action = sample_action(env, key, params)
        observation, after, reward, terminated, truncated, info = env.step(
            key, state, action, params
        )
        five = view.step(key, state, action, params)
        assert len(five) == 5
        assert_equal(five[:4], (observation, after, reward, terminated | truncated))
        assert set(five[4]) == {*info, "truncated"}
        if index == 0:
            assert abstract(jax.eval_shape(view.step, key, state, action, params)) == abstract(five)
        state = after
