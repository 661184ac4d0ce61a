"""Paired differences between schemes, and their intervals."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from jaxmech.experiments import EXPERIMENTS
from jaxmech.experiments.reserve_pricing.ablation import ablation
from jaxmech.experiments.reserve_pricing.comparison import ORDERINGS, paired, verdict
from jaxmech.experiments.reserve_pricing.schemes import SCHEMES, Played


def test_paired_intervals_are_students():
    values, others = np.array([1.0, 2.0, 4.0, 4.0]), np.array([0.5, 2.0, 3.0, 2.5])
    found = paired(values, others)
    test = stats.ttest_rel(values, others)
    low, high = test.confidence_interval(0.95)
    assert found["mean"] == pytest.approx((low + high) / 2)
    assert found["ci95"] == pytest.approx((high - low) / 2)
    assert found["percent"] == pytest.approx(100 * 0.75 / 2)
    assert (found["ahead"], found["behind"]) == (3, 0)
    assert verdict(found) == "not told apart"
    assert verdict({"mean": 1.0, "ci95": 0.9}) == "more"
    assert verdict({"mean": -1.0, "ci95": 0.9}) == "less"
    assert paired(values, np.zeros(4))["percent"] is None


def test_percents_are_ratios_of_means():
    others = np.array([0.5, 2.0, 3.0, 2.5])
    same = paired(3 * others, others)
    assert same["percent"] == pytest.approx(200)
    assert same["percent_ci95"] == pytest.approx(0, abs=1e-9)
    # The delta method against many samples of a known population.
    rng = np.random.default_rng(0)
    draws = rng.lognormal(0, 0.3, (2000, 60))
    values = 1.5 * draws + 0.2 * rng.standard_normal(draws.shape)
    truth = 100 * (values.mean() / draws.mean() - 1)
    found = [paired(one, other) for one, other in zip(values, draws, strict=True)]
    covered = [abs(one["percent"] - truth) <= one["percent_ci95"] for one in found]
    assert 0.93 < np.mean(covered) < 0.97


def test_orderings_are_of_schemes_each_named_once():
    assert {name for pair in ORDERINGS for name in pair} <= set(SCHEMES)
    assert len(set(ORDERINGS)) == len(ORDERINGS)


def test_the_ablation_has_larger_moves_and_static_reserves_on_the_same_days():
    study = EXPERIMENTS["tang2017/reserve_pricing"]
    varied = replace(study.ablation, depth_and_simulations=((1, 16),), held_days=(6,), models=())
    study = replace(study, ablation=varied)
    earned = dict(zip(SCHEMES, np.arange(len(SCHEMES)) + 1.0, strict=True))
    played = {}
    for name, revenue in earned.items():
        # Only the first 3 keywords and 4 days are those of the ablation.
        of_days = np.full((5, 6), 100.0)
        of_days[:3, :4] = revenue
        played[name] = Played(of_days, None)
    searched = []

    def run(name, *program):
        searched.append(name)
        return np.full((3, 4), 50.0 + len(searched)), None

    keywords, clock = SimpleNamespace(day_keys=np.zeros((3, 4))), SimpleNamespace(run=run)
    records = ablation(study, None, None, keywords, np.zeros((3, 2)), played, clock)
    small, large = "0.95, 1.05", "0.5, 0.8, 0.95, 1.05, 1.25, 2"
    assert {(one["varied"], one["value"]): one["revenue"]["mean"] for one in records} == {
        ("depth, simulations", "1, 16"): 51,
        ("held_days", 6): earned["tree_search_from_static"],
        ("factors", large): 52,
        ("factors, from deployed", small): earned["tree_search"],
        ("factors, from deployed", large): earned["tree_search_larger_moves"],
        ("no search", "static best on the initial bids"): earned["static_initial"],
        ("no search", "static best in hindsight"): earned["static_hindsight"],
    }
    assert len(searched) == 2 and searched[1].endswith("6 factors")
    for one in records:
        usual = earned["tree_search_from_static"]
        assert one["against_usual"]["mean"] == one["revenue"]["mean"] - usual
