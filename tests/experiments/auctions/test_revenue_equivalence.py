"""Simulated revenues of auction rules beside those of theory."""

from dataclasses import asdict, replace

import pytest

from jaxmech.experiments.auctions.configuration import (
    REVENUE_EQUIVALENCE,
    ExponentialValues,
    LogNormalValues,
    PowerValues,
    UniformValues,
)
from jaxmech.experiments.auctions.revenue_equivalence import _DISTRIBUTIONS
from jaxmech.experiments.workspace import Workspace


def found(directory, **changes):
    """Findings, and numbers by rule and metric of each cell."""
    findings = Workspace(directory, say=[].append).run(replace(REVENUE_EQUIVALENCE, **changes))
    numbers = {(one.cell, one.scheme, one.metric): one for one in findings.records}
    return findings, numbers


def are_near(numbers):
    far = [one for key, one in numbers.items() if key[2] == "standard_errors" and one.value]
    return all(abs(one.value) < 4 for one in far)


@pytest.fixture(scope="module")
def uniform(tmp_path_factory):
    """Uniform values, three bidders."""
    directory = tmp_path_factory.mktemp("run")
    return found(directory, distributions=("uniform",), bidders=(3,), auctions=20_000)


def test_simulated_revenues_are_those_of_theory(uniform):
    findings, numbers = uniform
    assert are_near(numbers)
    for rule in ("first_price", "second_price", "all_pay"):
        revenue = numbers["uniform_3", rule, "revenue"]
        assert 0 < revenue.half_width < 0.03
        estimate = findings.estimates[f"uniform_3_{rule}"]
        assert (estimate.mean, estimate.half_width) == (revenue.value, revenue.half_width)
        assert estimate.over == "auctions"
        assert findings.oracles[f"uniform_3_{rule}"].value == pytest.approx(1 / 2, abs=1e-6)
        assert numbers["uniform_3", rule, "closed_form"].value == pytest.approx(1 / 2, abs=1e-6)
    # With the best reserve, of 1/2.
    optimal = findings.oracles["uniform_3_optimal"]
    assert optimal.value == pytest.approx(17 / 32, abs=1e-5)
    assert not optimal.exact


def test_the_table_says_what_its_intervals_are_over(uniform):
    findings, _ = uniform
    (table,) = findings.tables
    assert "95 % interval over auctions" in " ".join(table.notes)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[0][:3] == ("uniform", "3", "first_price")
    assert findings.headline.startswith("3 simulated revenues")


def test_a_study_goes_on_with_what_it_kept(tmp_path):
    """Stopped after the first of two numbers of bidders, it simulates the second alone."""
    changes = {"distributions": ("power",), "rules": ("second_price",), "auctions": 1_000}
    findings, _ = found(tmp_path, bidders=(2, 3), **changes)
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert kept == {"power_2.npz", "power_2_exact.npz", "power_3.npz", "power_3_exact.npz"}
    # Means are kept, not samples.
    assert sum(path.stat().st_size for path in (tmp_path / "kept").iterdir()) < 20_000
    before = (tmp_path / "kept" / "power_2.npz").stat().st_mtime_ns
    for name in ("manifest.json", "summary.json", "kept/power_3.npz"):
        (tmp_path / name).unlink()
    again, _ = found(tmp_path, bidders=(2, 3), **changes)
    assert again == findings
    assert (tmp_path / "kept" / "power_2.npz").stat().st_mtime_ns == before


@pytest.mark.slow
def test_unbounded_values(tmp_path):
    _, numbers = found(
        tmp_path, distributions=("log_normal", "exponential"), bidders=(3,), auctions=50_000
    )
    assert are_near(numbers)


@pytest.mark.slow
def test_the_best_reserve_earns_the_optimum_under_every_rule(tmp_path):
    _, numbers = found(
        tmp_path,
        distributions=("exponential",),
        bidders=(3,),
        myerson_reserve=True,
        auctions=50_000,
    )
    assert are_near(numbers)
    of = {(rule, metric): one.value for (_, rule, metric), one in numbers.items()}
    for rule in ("first_price", "second_price", "all_pay"):
        assert of[rule, "entry_value"] == pytest.approx(1, abs=1e-6)
        assert of[rule, "closed_form"] == pytest.approx(of[rule, "optimal_revenue"], rel=1e-4)
    # In all-pay auctions the reserve is the value times the chance that it wins.
    assert of["all_pay", "reserve"] == pytest.approx((1 - 2.718281828**-1) ** 2, abs=1e-5)
    assert of["first_price", "reserve"] == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_several_units(tmp_path):
    findings, numbers = found(
        tmp_path, distributions=("power",), bidders=(5,), units=2, reserve=0.5, auctions=50_000
    )
    assert are_near(numbers)
    assert {rule for _, rule, _ in numbers} == {"discriminatory_price", "uniform_price"}
    exact = [one.value for key, one in numbers.items() if key[2] == "closed_form"]
    assert exact[0] == pytest.approx(exact[1], abs=1e-6)
    assert "Optimal auction" not in findings.tables[0].columns
    assert "power_5_optimal" not in findings.oracles


def test_a_reserve_that_nobody_meets_earns_nothing(tmp_path):
    _, numbers = found(
        tmp_path, distributions=("uniform",), bidders=(2,), reserve=3.0, auctions=100
    )
    for metric in ("revenue", "closed_form", "standard_errors"):
        assert [one.value for key, one in numbers.items() if key[2] == metric] == [0.0] * 3


def test_values_are_drawn_with_the_numbers_given(tmp_path):
    _, numbers = found(
        tmp_path,
        distributions=("uniform",),
        rules=("second_price",),
        bidders=(2,),
        auctions=20_000,
        uniform=UniformValues(low=1.0, high=4.0),
    )
    assert numbers["uniform_2", "second_price", "closed_form"].value == pytest.approx(2, abs=1e-6)
    assert are_near(numbers)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("uniform", UniformValues()),
        ("exponential", ExponentialValues()),
        ("log_normal", LogNormalValues()),
        ("power", PowerValues()),
    ],
)
def test_numbers_of_values_are_those_of_their_distributions(name, numbers):
    assert asdict(_DISTRIBUTIONS[name](**asdict(numbers))) == asdict(numbers)
