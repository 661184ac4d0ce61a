"""Hyper-parameters of PPO: one definition for the learner and for the command line."""

from __future__ import annotations

import dataclasses
import math
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tyro

import jaxmech
from jaxmech import designers
from jaxmech.checks import InvalidValueError
from jaxmech.designers import PPO, PPOHyperParameters


@pytest.fixture(scope="module")
def learner():
    env, params = jaxmech.make("repeated_auction", num_rounds=2)
    return PPO(env, params, num_environments=2, num_minibatches=1, hidden=(4,), clip=0.3)


def test_configurations_do_not_need_jax():
    code = (
        "import sys; from jaxmech.designers import PPOHyperParameters; "
        "from jaxmech.designers.ppo import hyper_parameters; print('jax' in sys.modules)"
    )
    shown = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert shown.strip() == "False"


def test_the_learner_has_them_all_and_tells_numbers_from_sizes(learner):
    floats = {
        field.name
        for field in dataclasses.fields(PPOHyperParameters)
        if field.metadata.get("pytree_node", True)
    }
    assert {"learning_rate", "clip", "gamma", "anneal_updates", "reward_scale"} <= floats
    assert {"num_environments", "hidden", "architecture"}.isdisjoint(floats)
    named = {
        path[0].name for path, _ in jax.tree_util.tree_flatten_with_path(learner)[0] if len(path)
    }
    unset = {name for name in floats if getattr(learner, name) is None}
    assert named == (floats - unset) | {"params"}
    assert vars(PPOHyperParameters()).items() <= vars(PPO(learner.env, learner.params)).items()


@pytest.mark.slow
def test_the_learner_is_replaced_pickled_and_swept(learner):
    assert learner.replace(learning_rate=0.5).learning_rate == 0.5
    again = pickle.loads(pickle.dumps(learner))
    assert jax.tree.structure(again) == jax.tree.structure(learner)
    rates = jnp.array([0.0, 1e-2, 1e-1])

    def moved(rate, key):
        one = learner.replace(learning_rate=rate)
        start = one.init(key)
        after, _ = one.update(start)
        pairs = zip(
            jax.tree.leaves(after.parameters), jax.tree.leaves(start.parameters), strict=True
        )
        return sum(jnp.sum(jnp.abs(new - old)) for new, old in pairs)

    distances = jax.jit(jax.vmap(moved, (0, None)))(rates, jax.random.key(0))
    assert distances[0] == 0
    assert (np.diff(distances) > 0).all()


@pytest.mark.slow
def test_what_is_left_open_is_as_if_it_were_not_there(learner):
    key = jax.random.key(1)
    plain = learner.replace(learning_rate=1e-2)
    written = plain.replace(anneal_updates=math.inf, reward_scale=1.0, initial_log_scale=-1.0)
    first, second = (
        jax.jit(lambda key, one=one: one.update(one.init(key))[0])(key) for one in (plain, written)
    )
    for one, other in zip(
        jax.tree.leaves(first.parameters), jax.tree.leaves(second.parameters), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_flags_are_the_fields():
    arguments = ["--learning-rate", "0.5", "--hidden", "8", "9", "--anneal-updates", "30"]
    given = tyro.cli(PPOHyperParameters, args=arguments)
    assert given == PPOHyperParameters(learning_rate=0.5, hidden=(8, 9), anneal_updates=30.0)


def test_every_flag_has_help(capsys):
    with pytest.raises(SystemExit):
        tyro.cli(PPOHyperParameters, args=["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Discount factor." in shown and "Bound on the norm of a gradient." in shown


@pytest.mark.parametrize(
    ("options", "field", "allowed"),
    [
        ({"num_environments": 0}, "num_environments", "integers from 1"),
        ({"num_epochs": 2.5}, "num_epochs", "integers from 1"),
        ({"rollout_length": 0}, "rollout_length", "integers from 1"),
        ({"memory_width": 0}, "memory_width", "integers from 1"),
        ({"hidden": (8, 0)}, "hidden", "integers from 1"),
        ({"num_minibatches": 3}, "num_minibatches", "divide num_environments"),
        ({"rollout_by": "day"}, "rollout_by", "'step', 'episode'"),
        ({"architecture": "flatt"}, "architecture", "'flat'"),
        ({"learning_rate": -1.0}, "learning_rate", "finite numbers from 0"),
        ({"learning_rate": math.nan}, "learning_rate", "finite numbers from 0"),
        ({"gamma": 1.1}, "gamma", "numbers from 0 to 1"),
        ({"anneal_updates": 0.5}, "anneal_updates", "numbers from 1"),
        ({"reward_scale": math.inf}, "reward_scale", "finite numbers"),
        ({"architecture": "symmetric", "normalize_observations": True}, "normalize", "False"),
    ],
)
def test_values_out_of_range_are_refused_by_name(learner, options, field, allowed):
    for made in (PPOHyperParameters, lambda **given: PPO(learner.env, learner.params, **given)):
        with pytest.raises(InvalidValueError, match=rf"^{field}.*{allowed}"):
            made(**options)


def test_everything_exported_is_there():
    for name in designers.__all__:
        assert getattr(designers, name) is not None
