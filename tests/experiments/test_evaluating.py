"""From a configuration to results, with mechanisms whose worth is known."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from jaxmech.experiments import EXPERIMENTS, Inventory, TwoWorlds
from jaxmech.experiments.building import baselines_and_oracles, build
from jaxmech.experiments.evaluating import evaluate_run
from jaxmech.runner import RunResult

EPISODES = 8192


@struct.dataclass
class OnePrice:
    """A stand-in for a learner: its state is the price it posts to the first agent left."""

    env: object = struct.field(pytree_node=False)

    def act(self, state, observation, key):
        scores = -jnp.arange(self.env.num_agents) / self.env.num_agents
        return jnp.append(scores, state)


def small(setting, **fields):
    return dataclasses.replace(
        EXPERIMENTS["brero2021/inventory"],
        setting=setting,
        evaluation_episodes=EPISODES,
        validation_episodes=EPISODES,
        **fields,
    )


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """4 agents of value 1/2 or 1, 2 units; three seeds would be best at price 1/2."""
    directory = tmp_path_factory.mktemp("run")
    lines = ["update,seed,objective,environment_steps"]
    lines += [f"{update},{seed},1.5,10" for update in (1, 2) for seed in range(4)]
    (directory / "metrics.csv").write_text("\n".join(lines) + "\n")
    study = build(small(Inventory(num_agents=4, num_items=2), seeds=4))
    study = dataclasses.replace(study, designer=OnePrice(study.env))
    result = RunResult(
        states=jnp.array([0.0, 0.5, 0.75, 0.6]),
        seeds=(0, 1, 2, 3),
        updates=2,
        metrics={},
        seconds=1.0,
        compile_seconds=2.0,
        interrupted_by=None,
        directory=directory,
    )
    return evaluate_run(study, result, *baselines_and_oracles(study))


def test_summary_has_the_agreed_fields(evaluated):
    summary, _ = evaluated
    assert set(summary) == {
        "experiment", "objective", "learned", "baselines", "oracles", "certificates", "updates",
        "environment_steps", "seconds", "compile_seconds", "devices", "versions",
    }  # fmt: skip
    assert {"mean", "ci95", "per_seed"} <= set(summary["learned"])
    assert summary["environment_steps"] == 80
    assert all(set(estimate) == {"mean", "ci95"} for estimate in summary["baselines"].values())


def test_learned_values_are_those_of_closed_forms(evaluated):
    summary, _ = evaluated
    # Price 0 sells to the first two agents: 2 * 3/4. A price from 1/2 up to 1 sells to the
    # first two who have value 1: the mean of min(2, Binomial(4, 1/2)) is 26/16.
    for estimate, expected in zip(
        summary["learned"]["per_seed"], [1.5, 26 / 16, 26 / 16, 26 / 16], strict=True
    ):
        assert abs(estimate["mean"] - expected) < 2 * estimate["ci95"]
        assert 0 < estimate["ci95"] < 0.02
    means = [estimate["mean"] for estimate in summary["learned"]["per_seed"]]
    assert summary["learned"]["mean"] == pytest.approx(np.mean(means))


def test_the_interval_over_seeds_is_students(evaluated):
    learned = evaluated[0]["learned"]
    means = np.array([estimate["mean"] for estimate in learned["per_seed"]])
    assert learned["ci95"] == pytest.approx(3.182446 * means.std(ddof=1) / 2, rel=1e-5)


def test_the_best_three_seeds_leave_out_the_worst(evaluated):
    best = evaluated[0]["learned"]["best"]
    assert sorted(best["seeds"]) == [1, 2, 3]
    assert abs(best["mean"] - 26 / 16) < 0.02


def test_simulated_baselines_agree_with_exact_values(evaluated):
    summary, _ = evaluated
    names = {
        "random_serial_dictatorship",
        "anonymous_static_prices",
        "personalised_static_prices",
        "offline_optimum",
    }
    assert set(summary["baselines"]) == names
    assert set(summary["oracles"]) == names | {"optimum"}
    for name in names:
        simulated = summary["baselines"][name]
        assert abs(simulated["mean"] - summary["oracles"][name]) < 2 * simulated["ci95"], name
    assert summary["oracles"]["random_serial_dictatorship"] == pytest.approx(1.5)


def test_the_picture_is_of_the_best_seed(evaluated):
    _, picture = evaluated
    assert picture.tree.agent == 0
    assert 0.5 <= picture.tree.prices[0] <= 0.75
    buys = [branch for branch in picture.tree.branches if branch.bundle == (1,)]
    assert buys[0].after.probability == pytest.approx(0.5, abs=0.03)
    assert buys[0].after.agent == 1
    assert picture.order[0] == [1.0, 0.0, 0.0, 0.0]


def test_a_config_that_changes_the_rules_leaves_out_what_it_makes_wrong():
    study = build(small(TwoWorlds(3), objective="revenue"))
    mechanisms, oracles = baselines_and_oracles(study)
    assert set(mechanisms) == {"random_serial_dictatorship"}
    assert set(oracles) <= {"optimum"}
    study = build(small(TwoWorlds(3), objective="max_min"))
    assert baselines_and_oracles(study)[1] == {}
    study = build(small(TwoWorlds(3), buys_at_zero_utility=True))
    assert set(baselines_and_oracles(study)[1]) == {
        "offline_optimum",
        "random_serial_dictatorship",
    }


@pytest.fixture
def samples(tmp_path) -> Path:
    values = np.random.default_rng(0).uniform(size=(50, 3, 1))
    np.savez(tmp_path / "values.npz", values=values)
    return tmp_path / "values.npz"


def test_own_values_are_split_for_evaluation(samples):
    study = build(
        dataclasses.replace(EXPERIMENTS["own_values"], samples=str(samples), held_out=0.3)
    )
    train = np.asarray(study.params.distribution.values).ravel()
    test = np.asarray(study.test_params.distribution.values).ravel()
    assert (len(train), len(test)) == (35 * 3, 15 * 3)
    assert not set(train) & set(test)
    assert study.setting.units == (1,)
    # Observations mean the same in both: prices are scaled alike.
    assert float(study.test_params.price_high) == float(train.max())
    _, oracles = baselines_and_oracles(study)
    held_out = np.asarray(study.test_params.distribution.values)
    assert oracles["offline_optimum"] == pytest.approx(held_out.max(axis=1).mean())
    assert "anonymous_static_prices" not in oracles


def test_own_values_replace_the_setting_of_any_experiment(samples):
    experiment = dataclasses.replace(
        EXPERIMENTS["brero2021/two_worlds"], samples=str(samples), units=(2,)
    )
    study = build(experiment)
    assert (study.env.num_agents, study.setting.units) == (3, (2,))
    assert experiment.title == "brero2021/two_worlds: values.npz"


def test_own_values_need_a_file():
    with pytest.raises(ValueError, match=r"samples: got None; own_values needs a file"):
        build(EXPERIMENTS["own_values"])


def test_schedules_end_with_the_last_update_unless_told():
    study = build(small(TwoWorlds(3), updates=70))
    assert study.designer.anneal_updates == 70.0
    ppo = dataclasses.replace(EXPERIMENTS["brero2021/inventory"].ppo, anneal_updates=9.0)
    assert build(small(TwoWorlds(3), ppo=ppo)).designer.anneal_updates == 9.0


def test_seeds_follow_the_first():
    assert list(build(small(TwoWorlds(3), seeds=2, first_seed=5)).seeds) == [5, 6]
