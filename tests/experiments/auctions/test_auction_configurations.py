"""What the auction studies refuse, and when they are as their papers describe them."""

from dataclasses import replace

import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.experiments.auctions.configuration import (
    EQUILIBRIUM,
    REVENUE_EQUIVALENCE,
    SQUASHING,
    ExponentialValues,
    LogNormalValues,
    UniformValues,
)
from jaxmech.experiments.configuration_files import config_of, read_config, text_of
from jaxmech.experiments.registry import study_called

STUDIES = (REVENUE_EQUIVALENCE, EQUILIBRIUM, SQUASHING)


@pytest.mark.parametrize(
    ("study", "changes", "answer"),
    [
        (REVENUE_EQUIVALENCE, {"bidders": (1,)}, "bidders: got 1; allowed are integers from 2"),
        (REVENUE_EQUIVALENCE, {"bidders": (2, 2)}, r"bidders: got \(2, 2\); allowed are entries"),
        (REVENUE_EQUIVALENCE, {"auctions": 1}, "auctions: got 1"),
        (REVENUE_EQUIVALENCE, {"units": 2}, "units: got 2; allowed are integers from 1"),
        (
            REVENUE_EQUIVALENCE,
            {"rules": ("uniform_price",)},
            "rules: got 'uniform_price' with units 1; allowed are first_price",
        ),
        (REVENUE_EQUIVALENCE, {"distributions": ()}, "distributions: got none"),
        (REVENUE_EQUIVALENCE, {"reserve": -1.0}, "reserve: got -1.0"),
        (
            REVENUE_EQUIVALENCE,
            {"reserve": 1.0, "myerson_reserve": True},
            "reserve: got 1.0 with myerson_reserve",
        ),
        (REVENUE_EQUIVALENCE, {"seed": -1}, "seed: got -1"),
        (REVENUE_EQUIVALENCE, {"uniform": UniformValues(high=0.0)}, "uniform.high: got 0.0"),
        (REVENUE_EQUIVALENCE, {"uniform": UniformValues(low=-1.0)}, "uniform.low: got -1.0"),
        (
            REVENUE_EQUIVALENCE,
            {"exponential": ExponentialValues(float("nan"))},
            "exponential.rate: got nan; allowed are finite numbers above 0",
        ),
        (
            REVENUE_EQUIVALENCE,
            {"log_normal": LogNormalValues(mu=float("inf"))},
            "log_normal.mu: got inf; allowed are finite numbers",
        ),
        (EQUILIBRIUM, {"bidders": (2, 1)}, "bidders: got 1"),
        (EQUILIBRIUM, {"num_bids": 2}, "num_bids: got 2; allowed are integers from 3"),
        (EQUILIBRIUM, {"num_values": 1}, "num_values: got 1"),
        (EQUILIBRIUM, {"iterations": 0}, "iterations: got 0"),
        (EQUILIBRIUM, {"responses": 1}, "responses: got 1"),
        (EQUILIBRIUM, {"rules": (), "asymmetric": False}, "rules: got none"),
        (SQUASHING, {"slots": 14}, "slots: got 14; allowed are integers from 1 to the number"),
        (SQUASHING, {"spearman": (1.5,)}, "spearman: got 1.5; allowed are numbers from -1 to 1"),
        (SQUASHING, {"spearman": (0.4, 0.4)}, "spearman: got .*entries that differ"),
        (SQUASHING, {"squash": (float("inf"),)}, "squash: got inf"),
        (SQUASHING, {"click_decay": 0.5}, "click_decay: got 0.5"),
        (SQUASHING, {"bidders": 1, "slots": 1}, "bidders: got 1"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_its_field(study, changes, answer):
    with pytest.raises(InvalidValueError, match=answer):
        replace(study, **changes)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_study_is_registered_and_read_back_from_its_file(study, tmp_path):
    assert study_called(study.name) is study
    assert study.is_as_described
    path = tmp_path / "config.yaml"
    path.write_text(text_of(config_of(study.resolved())))
    assert read_config(path) == study.resolved()


def test_the_rules_of_so_many_units_are_filled_in():
    assert REVENUE_EQUIVALENCE.resolved().rules == ("first_price", "second_price", "all_pay")
    several = replace(REVENUE_EQUIVALENCE, units=2, bidders=(3,)).resolved()
    assert several.rules == ("discriminatory_price", "uniform_price")


def test_a_study_of_other_auctions_does_not_say_that_it_reproduces_a_paper():
    assert replace(REVENUE_EQUIVALENCE, seed=3, auctions=100).is_as_described
    assert replace(SQUASHING, seed=3, auctions=100).is_as_described
    for other in (
        replace(REVENUE_EQUIVALENCE, reserve=0.5),
        replace(EQUILIBRIUM, iterations=1),
        replace(SQUASHING, slots=11),
    ):
        assert not other.is_as_described
