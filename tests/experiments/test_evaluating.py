"""From a configuration to results, with mechanisms whose worth is known."""

import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech import struct
from jaxmech.agents import Samples
from jaxmech.experiments import EXPERIMENTS, Correlated, Inventory, TwoWorlds
from jaxmech.experiments.sequential_price.building import build, references_of
from jaxmech.experiments.sequential_price.evaluating import best_seeds, evaluate_run
from jaxmech.oracles import NotKnownError
from jaxmech.oracles import sequential_price as exact
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
    result = run_result([0.0, 0.5, 0.75, 0.6], directory)
    return evaluate_run(study, result, references_of(study))


def run_result(prices, directory, compile_seconds=2.0):
    return RunResult(
        states=jnp.array(prices),
        seeds=tuple(range(len(prices))),
        updates=2,
        metrics={},
        seconds=1.0,
        compile_seconds=compile_seconds,
        interrupted_by=None,
        directory=directory,
    )


def test_summary_has_the_agreed_fields(evaluated):
    summary, _ = evaluated
    assert set(summary) == {
        "experiment", "objective", "learned", "baselines", "oracles", "certificates", "updates",
        "environment_steps", "seconds", "compile_seconds", "devices", "versions",
        "held_out_samples", "oracles_numerical", "oracles_missing",
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
    assert "ci95" not in best


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
    references = references_of(study)
    assert set(references.mechanisms) == {"random_serial_dictatorship"}
    assert set(references.oracles) <= {"optimum"}
    study = build(small(TwoWorlds(3), objective="max_min"))
    references = references_of(study)
    # One item among three agents: somebody gets nothing.
    assert references.oracles == {"optimum": 0, "offline_optimum": 0}
    references = references_of(build(small(Correlated(3, 3), objective="max_min")))
    # The least of three values iid U[0, 1] has mean 1/4 and variance 3/80; 4,000 are drawn.
    assert set(references.oracles) == {"offline_optimum"}
    assert references.numerical == ("offline_optimum",)
    assert references.oracles["offline_optimum"] == pytest.approx(1 / 4, abs=4 * 0.0031)
    assert "got 'max_min'" in references.missing["optimum"]
    study = build(small(TwoWorlds(3), buys_at_zero_utility=True))
    references = references_of(study)
    assert set(references.oracles) == {"offline_optimum", "random_serial_dictatorship"}
    assert all("buys_at_zero_utility" in reason for reason in references.missing.values())
    assert len(references.missing) == 3


def test_only_refusals_leave_a_value_out(monkeypatch):
    study = build(small(TwoWorlds(3)))

    def refuse(*_, **__):
        raise NotKnownError("delta: got 0.5")

    def fail(*_, **__):
        raise ValueError("a mistake in the program")

    monkeypatch.setattr(exact, "optimal", refuse)
    references = references_of(study)
    assert references.missing == {"optimum": "delta: got 0.5"}
    assert references.numerical == ()
    monkeypatch.setattr(exact, "optimal", fail)
    with pytest.raises(ValueError, match="a mistake"):
        references_of(study)


def test_prices_found_by_search_are_not_called_exact():
    references = references_of(build(small(Correlated(3, 1, delta=0.5))))
    assert "personalised_static_prices" in references.numerical
    assert set(references.numerical) <= set(references.oracles)
    assert "delta" in references.missing["optimum"]


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_bounds_stand_in_for_an_optimum_that_is_not_known(objective):
    oracles = references_of(build(small(Correlated(4, 2, delta=0.5), objective=objective))).oracles
    low, high = oracles["purchase_history_lower_bound"], oracles["known_centre_upper_bound"]
    assert low < high < oracles.get("offline_optimum", 2)
    assert low > oracles.get("personalised_static_prices", 0)
    known = references_of(build(small(Correlated(4, 2), objective=objective))).oracles
    assert "optimum" in known and "known_centre_upper_bound" not in known


@pytest.mark.parametrize(
    ("objective", "subtracts"), [("welfare", True), ("revenue", True), ("max_min", False)]
)
def test_the_offline_optimum_is_subtracted_where_that_helps(objective, subtracts):
    experiment = small(TwoWorlds(3), objective=objective)
    assert experiment.resolved().subtract_offline_optimum is subtracts
    assert build(experiment).env.subtract_offline_optimum is subtracts
    told = dataclasses.replace(experiment, subtract_offline_optimum=not subtracts)
    assert told.resolved() == told


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
    assert float(study.test_params.price_high.max()) == float(train.max())
    references = references_of(study)
    oracles = references.oracles
    held_out = np.asarray(study.test_params.distribution.values)
    assert oracles["offline_optimum"] == pytest.approx(held_out.max(axis=1).mean())
    assert "anonymous_static_prices" not in oracles
    assert "samples trained on" in references.missing["anonymous_static_prices"]


def sampled_study(samples, **fields):
    """Posts one price; 10 of 50 samples of three agents' values are held out."""
    experiment = dataclasses.replace(
        EXPERIMENTS["own_values"], samples=str(samples), evaluation_episodes=100, **fields
    )
    study = build(experiment)
    return dataclasses.replace(study, designer=OnePrice(study.env))


def first_above(values, price):
    """Value of the first agent of each sample whose value is above the price, or 0."""
    return np.array([next((v for v in sample[:, 0] if v > price), 0.0) for sample in values])


def test_held_out_samples_are_each_played_once(samples, tmp_path):
    study = sampled_study(samples, seeds=2)
    prices = [0.3, 0.6]
    summary, _ = evaluate_run(study, run_result(prices, tmp_path), references_of(study))
    held_out = np.asarray(study.test_params.distribution.values)
    assert summary["held_out_samples"] == len(held_out) == 10
    worth = np.array([first_above(held_out, price) for price in prices])
    t_9, t_1 = 2.262157, 12.706205
    errors = worth.std(axis=1, ddof=1) / np.sqrt(10)
    for estimate, mean, error in zip(
        summary["learned"]["per_seed"], worth.mean(axis=1), errors, strict=True
    ):
        assert estimate["mean"] == pytest.approx(mean, rel=1e-5)
        assert estimate["ci95"] == pytest.approx(t_9 * error, rel=1e-4)
    # Over samples and over seeds, in quadrature.
    by_sample = t_9 * worth.mean(axis=0).std(ddof=1) / np.sqrt(10)
    by_seed = t_1 * worth.mean(axis=1).std(ddof=1) / np.sqrt(2)
    expected = np.hypot(by_sample, by_seed)
    assert summary["learned"]["ci95"] == pytest.approx(expected, rel=1e-4)
    offline = summary["baselines"]["offline_optimum"]
    assert offline["mean"] == pytest.approx(held_out.max(axis=1).mean(), rel=1e-5)
    # However often a random mechanism is played, there are only ten samples.
    rsd = summary["baselines"]["random_serial_dictatorship"]
    assert rsd["ci95"] > 0.04


def test_seeds_are_chosen_without_the_held_out_samples(samples):
    study = sampled_study(samples, seeds=2, validation_episodes=4000)
    price = jnp.array([0.9, 0.3])
    worthless = Samples(study.test_params.distribution.values * 0, study.env.demand)
    chosen = best_seeds(study, price)
    blind = dataclasses.replace(study, test_params=study.params.replace(distribution=worthless))
    train = np.asarray(study.params.distribution.values)
    better = int(first_above(train, 0.3).mean() > first_above(train, 0.9).mean())
    assert chosen == best_seeds(blind, price) == [better, 1 - better]


def test_compiling_adds_up_over_evaluations(samples, tmp_path):
    study = sampled_study(samples, seeds=1, validation_episodes=10)
    references = references_of(study)
    summary, _ = evaluate_run(study, run_result([0.3], tmp_path), references)
    assert summary["compile_seconds"] == 2.0
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    again, _ = evaluate_run(study, run_result([0.3], tmp_path, compile_seconds=0.0), references)
    assert again["compile_seconds"] == 2.0


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
