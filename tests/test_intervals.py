"""Intervals against SciPy's and by how often they hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jaxmech import intervals

DRAWN = np.random.default_rng(0).normal(3.0, 2.0, (4, 7))


def test_students_interval_is_that_of_scipy():
    low, high = stats.t.interval(0.95, 6, DRAWN.mean(axis=-1), stats.sem(DRAWN, axis=-1))
    np.testing.assert_allclose(intervals.students_interval(DRAWN), (high - low) / 2, rtol=1e-12)


def test_normal_interval_is_that_of_scipy():
    low, high = stats.norm.interval(0.95, DRAWN.mean(axis=-1), stats.sem(DRAWN, axis=-1))
    np.testing.assert_allclose(intervals.normal_interval(DRAWN), (high - low) / 2, rtol=1e-6)


def test_one_value_has_no_interval_anywhere():
    one, other = np.array([2.0]), np.array([4.0])
    assert intervals.students_interval(one) is None
    assert intervals.normal_interval(one) is None
    assert intervals.standard_error(one) is None
    assert intervals.mean_of(one) == intervals.Mean(2.0, None)
    assert intervals.ratio_of_means(one, other) == intervals.Mean(0.5, None)
    compared = intervals.paired_comparison(one, other)
    assert compared.difference == intervals.Mean(-2.0, None)
    assert compared.percent == intervals.Mean(-50.0, None)
    assert compared.verdict == "not known from one pair"


def test_interval_of_a_ratio_holds_19_times_of_20():
    generator = np.random.default_rng(1)
    for sign in (1, -1):
        others = sign * generator.normal(2.0, 0.5, (2000, 400))
        values = 1.5 * others + generator.normal(0.0, 0.5, others.shape)
        found = [
            intervals.ratio_of_means(*pair, intervals.normal_interval)
            for pair in zip(values, others, strict=True)
        ]
        held = np.mean([abs(one.mean - 1.5) <= one.half_width for one in found])
        # Three standard errors of a share of .95 of 2,000.
        assert held == pytest.approx(0.95, abs=0.015)


def test_pairs_are_told_apart_where_unpaired_values_are_not():
    others = np.array([1.0, 5.0, 9.0, 13.0])
    compared = intervals.paired_comparison(others + np.array([0.9, 1.1, 1.0, 1.0]), others)
    assert compared.difference.mean == pytest.approx(1.0)
    assert compared.percent.mean == pytest.approx(100 / 7)
    assert (compared.ahead, compared.behind, compared.verdict) == (4, 0, "more")
    assert intervals.paired_comparison(others, others + 1).verdict == "less"
    mixed = intervals.paired_comparison(others, others + np.array([1, -1, 1, -1.5]))
    assert (mixed.ahead, mixed.behind, mixed.verdict) == (2, 2, "not told apart")


def test_differences_of_rounding_are_none():
    others = np.array([1.0, 1e6])
    compared = intervals.paired_comparison(others * (1 + 1e-9), others)
    assert (compared.ahead, compared.behind) == (0, 0)
    assert intervals.paired_comparison(others, np.zeros(2)).percent is None
