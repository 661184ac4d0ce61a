"""Paired differences between schemes, and their intervals."""

import numpy as np
import pytest
from scipy import stats

from jaxmech.experiments.reserve_comparison import paired, verdict


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
