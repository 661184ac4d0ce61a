"""Hyper-parameters of DDPG: one definition for the learner and for the command line."""

from __future__ import annotations

import dataclasses
import math
import pickle
import subprocess
import sys

import jax
import pytest
import tyro

import jaxmech
from jaxmech.checks import InvalidValueError
from jaxmech.designers import DDPG, DDPGHyperParameters
from jaxmech.networks import BoundedActions


@pytest.fixture(scope="module")
def learner():
    env, params = jaxmech.make("repeated_auction", num_rounds=2)
    return DDPG(env, params, hidden=(4,), gamma=0.9)


def test_configurations_do_not_need_jax():
    code = (
        "import sys; from jaxmech.designers import DDPGHyperParameters; "
        "DDPGHyperParameters(gamma=0.5); print('jax' in sys.modules)"
    )
    shown = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert shown.strip() == "False"


def test_the_learner_has_them_all_and_tells_numbers_from_sizes(learner):
    floats = {
        "gamma", "actor_learning_rate", "critic_learning_rate", "target_rate",
        "exploration_noise", "max_gradient_norm", "reward_scale",
    }  # fmt: skip
    named = {path[0].name for path, _ in jax.tree_util.tree_flatten_with_path(learner)[0]}
    assert named == floats | {"params"}
    fields = {field.name for field in dataclasses.fields(DDPGHyperParameters)}
    assert fields - floats == {
        "num_environments", "rollout_length", "gradient_steps", "batch_size", "replay_size",
        "learning_starts", "hidden",
    }  # fmt: skip
    assert vars(DDPGHyperParameters()).items() <= vars(DDPG(learner.env, learner.params)).items()


def test_the_learner_is_replaced_pickled_and_holds_its_actions_as_numbers(learner):
    bounded = learner.replace(gamma=0.5, actions=BoundedActions(-1.0, 2.0))
    again = pickle.loads(pickle.dumps(bounded))
    assert jax.tree.structure(again) == jax.tree.structure(bounded)
    assert again.gamma == 0.5 and again.actions == bounded.actions
    assert len(jax.tree.leaves(bounded)) == len(jax.tree.leaves(learner)) + 2


def test_flags_are_the_fields(capsys):
    arguments = ["--actor-learning-rate", "0.5", "--hidden", "8", "9", "--replay-size", "5000"]
    given = tyro.cli(DDPGHyperParameters, args=arguments)
    assert given == DDPGHyperParameters(actor_learning_rate=0.5, hidden=(8, 9), replay_size=5000)
    with pytest.raises(SystemExit):
        tyro.cli(DDPGHyperParameters, args=["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Discount factor." in shown and "Transitions drawn for a gradient step." in shown


@pytest.mark.parametrize(
    ("options", "field", "allowed"),
    [
        ({"num_environments": 0}, "num_environments", "integers from 1"),
        ({"rollout_length": None}, "rollout_length", "integers from 1"),
        ({"gradient_steps": 2.5}, "gradient_steps", "integers from 1"),
        ({"batch_size": 0}, "batch_size", "integers from 1"),
        ({"hidden": (8, 0)}, "hidden", "integers from 1"),
        ({"hidden": 8}, "hidden", "integers from 1, one or more in a tuple"),
        ({"replay_size": 127}, "replay_size", "needed are at least 128, two rollouts of 8"),
        ({"replay_size": 700, "learning_starts": 641}, "learning_starts", "up to .* 640"),
        ({"learning_starts": 0}, "learning_starts", "integers from 1"),
        ({"gamma": 1.1}, "gamma", "numbers from 0 to 1"),
        ({"target_rate": -0.1}, "target_rate", "numbers from 0 to 1"),
        ({"actor_learning_rate": -1.0}, "actor_learning_rate", "finite numbers from 0"),
        ({"critic_learning_rate": math.nan}, "critic_learning_rate", "finite numbers from 0"),
        ({"exploration_noise": math.inf}, "exploration_noise", "finite numbers from 0"),
        ({"max_gradient_norm": -1.0}, "max_gradient_norm", "numbers from 0"),
        ({"reward_scale": math.inf}, "reward_scale", "finite numbers"),
    ],
)
def test_values_out_of_range_are_refused_by_name(learner, options, field, allowed):
    for made in (DDPGHyperParameters, lambda **given: DDPG(learner.env, learner.params, **given)):
        with pytest.raises(InvalidValueError, match=rf"^{field}: got .*{allowed}"):
            made(**options)
