"""What learned mechanisms are compared with: values that are known, and why others are not."""

import dataclasses

import numpy as np
import pytest
from unkept import Unkept

from jaxmech.agents.settings.named import Correlated, TwoWorlds
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.sequential_price.problem import problem_of, references_of
from jaxmech.oracles import NotKnownError
from jaxmech.oracles import sequential_price as exact


def references(setting, **fields):
    study = dataclasses.replace(study_called("brero2021/inventory"), setting=setting, **fields)
    study = study.resolved()
    return references_of(problem_of(study), Unkept())


def known(found):
    return {name: one.value for name, one in found.oracles.items() if one.value is not None}


def missing(found):
    return {name: one.missing for name, one in found.oracles.items() if one.missing}


def numerical(found):
    return {name for name, one in found.oracles.items() if not one.exact}


def test_a_configuration_that_changes_the_rules_leaves_out_what_it_makes_wrong():
    found = references(TwoWorlds(3), objective="revenue")
    assert set(found.baselines) == {"random_serial_dictatorship"}
    assert set(known(found)) <= {"optimum"}
    # One item among three agents: somebody gets nothing.
    found = references(TwoWorlds(3), objective="max_min")
    assert known(found) == {"optimum": 0, "offline_optimum": 0}
    found = references(TwoWorlds(3), buys_at_zero_utility=True)
    assert set(known(found)) == {"offline_optimum", "random_serial_dictatorship"}
    assert all("buys_at_zero_utility" in reason for reason in missing(found).values())
    assert len(missing(found)) == 3


def test_the_offline_optimum_of_the_least_value_is_searched_for():
    found = references(Correlated(3, 3), objective="max_min")
    # The least of three values iid U[0, 1] has mean 1/4 and variance 3/80; 4,000 are drawn.
    assert set(known(found)) == {"offline_optimum"}
    assert numerical(found) == {"offline_optimum"}
    assert known(found)["offline_optimum"] == pytest.approx(1 / 4, abs=4 * 0.0031)
    assert "got 'max_min'" in missing(found)["optimum"]


def test_only_refusals_leave_a_value_out(monkeypatch):
    def refuse(*_, **__):
        raise NotKnownError("delta: got 0.5")

    def fail(*_, **__):
        raise ValueError("a mistake in the program")

    monkeypatch.setattr(exact, "optimal", refuse)
    found = references(TwoWorlds(3))
    assert missing(found) == {"optimum": "delta: got 0.5"}
    assert numerical(found) == set()
    # What is shown while learning is the optimum, or else the offline optimum.
    assert found.beside == {"offline optimum": known(found)["offline_optimum"]}
    monkeypatch.setattr(exact, "optimal", fail)
    with pytest.raises(ValueError, match="a mistake"):
        references(TwoWorlds(3))


def test_prices_found_by_search_are_not_called_exact():
    found = references(Correlated(3, 1, delta=0.5))
    assert "personalised_static_prices" in numerical(found)
    assert numerical(found) <= set(known(found))
    assert "delta" in missing(found)["optimum"]


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_bounds_stand_in_for_an_optimum_that_is_not_known(objective):
    values = known(references(Correlated(4, 2, delta=0.5), objective=objective))
    low, high = values["purchase_history_lower_bound"], values["known_centre_upper_bound"]
    assert low < high < values.get("offline_optimum", 2)
    assert low > values.get("personalised_static_prices", 0)
    values = known(references(Correlated(4, 2), objective=objective))
    assert "optimum" in values and "known_centre_upper_bound" not in values


def test_own_values_are_split_for_evaluation(tmp_path):
    values = np.random.default_rng(0).uniform(size=(50, 3, 1))
    np.savez(tmp_path / "values.npz", values=values)
    study = dataclasses.replace(
        study_called("own_values"), samples=str(tmp_path / "values.npz"), held_out=0.3
    ).resolved()
    problem = problem_of(study)
    train = np.asarray(problem.params.distribution.values).ravel()
    held_out = np.asarray(problem.held_out.values)
    assert (len(train), held_out.size) == (35 * 3, 15 * 3)
    assert not set(train) & set(held_out.ravel())
    assert problem.params.units.tolist() == [1]
    # Observations mean the same in both: prices are scaled alike.
    assert float(problem.test_params.price_high.max()) == float(train.max())
    found = references_of(problem, Unkept())
    assert known(found)["offline_optimum"] == pytest.approx(held_out.max(axis=1).mean())
    assert "samples trained on" in missing(found)["anonymous_static_prices"]
    assert set(found.baselines) >= {"anonymous_static_prices", "personalised_static_prices"}


def test_own_values_replace_the_setting_of_any_study(tmp_path):
    np.savez(tmp_path / "values.npz", values=np.ones((10, 3, 1)))
    study = dataclasses.replace(
        study_called("brero2021/two_worlds"), samples=str(tmp_path / "values.npz"), units=(2,)
    ).resolved()
    problem = problem_of(study)
    assert (problem.env.num_agents, problem.params.units.tolist()) == (3, [2])
    assert study.title == "brero2021/two_worlds: values.npz"
