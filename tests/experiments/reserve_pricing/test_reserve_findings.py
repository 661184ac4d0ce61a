"""What the study of daily reserve prices shows of what it has computed."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmech.experiments.reserve_pricing.bidder_models import TrainedModels
from jaxmech.experiments.reserve_pricing.configuration import RESERVE_PRICING
from jaxmech.experiments.reserve_pricing.findings import findings_of
from jaxmech.experiments.reserve_pricing.results import Results, numbers_of
from jaxmech.experiments.reserve_pricing.schemes import EXACT, LABELS, SCHEMES

STUDY = replace(RESERVE_PRICING, keywords=6, days=16, last_days=5)


def schemes(seed, names=SCHEMES):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(1, 2, (6, 16)) + number / 10 for number, name in enumerate(names)}


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(9)
    nats = {name: 2 + rng.uniform(0, 1, 4) for name in ("mlp", "mlp, 28 days", "lstm")}
    foreseen = {name: rng.uniform(1, 2, (6, 10)) for name in ("true", "mlp", "lstm")}
    return Results(
        deployed_reserve=0.2,
        played=schemes(0),
        still=schemes(1, [name for name in SCHEMES if name not in (EXACT, "ppo")]),
        models=TrainedModels({}, nats, np.full(4, 1.5)),
        foreseen=foreseen,
        ablation={("held_days", "15"): rng.uniform(1, 2, 5)},
        listed=(7, 6),
    )


def test_tables_and_figures_are_of_everything_computed(results):
    found = findings_of(STUDY, results)
    assert [table.title for table in found.tables] == [
        "Revenue of 6 keywords",
        "Orderings",
        "Where bidders never react",
        "Bidder models, held out",
        "Foresight of the planner",
        "Tree search, one thing varied",
    ]
    for table in found.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    assert [row[0] for row in found.tables[0].rows] == [LABELS[name] for name in SCHEMES]
    notes = " ".join(found.tables[0].notes)
    assert "The keywords compared are all that were not learned on, each once" in notes
    assert "has two parts" in notes
    assert [figure.name for figure in found.figures] == ["revenue", "never_reacting"]
    revenue = found.figures[0].curves[0]
    # Two whole weeks of 16 days.
    assert revenue.x == (4.0, 11.0)
    first_week = results.played["deployed"][:, :7].mean()
    assert revenue.y[0] == pytest.approx(first_week)
    assert "Over 16 days tree search from static best earns" in found.headline


def test_what_was_not_computed_is_not_shown(results):
    found = findings_of(STUDY, replace(results, still=None, ablation={}, listed=None))
    assert len(found.tables) == 4 and len(found.figures) == 1
    assert "never react" not in found.headline
    assert {one.cell for one in found.records} == {"", "reacting", "bidder_models", "foresight"}


def test_estimates_and_records_have_the_numbers_of_the_comparison(results):
    found = findings_of(STUDY, results)
    numbers = numbers_of(STUDY, results)
    assert list(found.estimates) == list(SCHEMES)
    for name, estimate in found.estimates.items():
        revenue = numbers.means["reacting", name, "last_days.revenue"]
        assert (estimate.mean, estimate.half_width) == (revenue.mean, revenue.half_width)
    records = {(one.cell, one.scheme, one.metric): one for one in found.records}
    assert len(records) == len(found.records)
    against = numbers.differences["reacting", "tree_search", "last_days.against_greedy"]
    found_against = records["reacting", "tree_search", "last_days.against_greedy"]
    assert found_against.value == against.difference.mean
    assert found_against.half_width == against.difference.half_width
    percent = records["reacting", "tree_search", "last_days.against_greedy.percent"]
    assert percent.value == against.percent.mean
    assert records["reacting", "tree_search", "last_days.against_greedy.ahead"].value == 0 + (
        against.ahead
    )
    assert records["bidder_models", "lstm", "above_lstm"].value == 0
    for name in ("mlp", "lstm"):
        absolute = records["foresight", name, "5_days_ahead.absolute_percent"].value
        assert absolute >= abs(records["foresight", name, "5_days_ahead.bias_percent"].value)
    revenue = results.ablation["held_days", "15"]
    assert records["ablation", "held_days: 15", "revenue"].value == revenue.mean()
    # On the first keywords, as many as the ablation has.
    usual = results.played["tree_search_from_static"][:5].mean(axis=1)
    less_usual = records["ablation", "held_days: 15", "against_usual"].value
    assert less_usual == pytest.approx((revenue - usual).mean())


def test_a_scheme_that_earned_nothing_has_no_percents(results):
    nothing = {name: np.zeros((6, 16)) for name in SCHEMES}
    found = findings_of(STUDY, replace(results, played=nothing, still=None, ablation={}))
    records = {(one.cell, one.scheme, one.metric): one for one in found.records}
    percent = records["reacting", "greedy", "all_days.against_deployed.percent"]
    assert (percent.value, percent.half_width) == (None, None)
    assert found.tables[0].rows[0][3] == "of 0"
