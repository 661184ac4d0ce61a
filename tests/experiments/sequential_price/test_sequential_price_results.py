"""The table and the sentence of a study: simulated beside exact, with what a reader must know."""

from dataclasses import replace

import pytest

from jaxmech.experiments.sequential_price.results import NUMERICAL, Results
from jaxmech.reports.findings import Estimate, Oracle

RESULTS = Results(
    title="brero2021/two_worlds",
    objective="welfare",
    estimates={
        "learned": Estimate(0.69, 0.001, (0.689, 0.69, 0.691, 0.69), (0.002,) * 4),
        "learned_best": Estimate(0.6904),
        "random_serial_dictatorship": Estimate(0.526, 0.002),
    },
    oracles={"optimum": Oracle(0.6921875), "random_serial_dictatorship": Oracle(0.525)},
    best_seeds=(2, 1, 3),
)


def with_oracles(**oracles):
    return replace(RESULTS, oracles=oracles)


def test_rows_put_simulated_beside_exact():
    table = RESULTS.table
    assert table.columns == ("Mechanism", "Simulated welfare", "Exact", "% of optimum")
    assert table.rows == (
        ("Learned, mean of 4 seeds", "0.6900 ± 0.0010", "", "99.68"),
        ("Learned, mean of the best 3", "0.6904", "", "99.74"),
        ("Optimal sequential price mechanism", "", "0.6922", "100.00"),
        ("Random serial dictatorship", "0.5260 ± 0.0020", "0.5250", "75.85"),
    )
    assert table.emphasised == (0, 1)
    assert "99.68 % of the exact optimum, 0.6922" in RESULTS.headline


def test_without_the_optimum_shares_are_of_the_offline_optimum():
    estimates = {**RESULTS.estimates, "offline_optimum": Estimate(0.7, 0.001)}
    results = replace(RESULTS, oracles={}, estimates=estimates)
    assert results.table.columns[3] == "% of offline optimum"
    assert results.table.rows[0][3] == f"{100 * 0.69 / 0.7:.2f}"
    revenue = replace(results, objective="revenue")
    assert revenue.table.rows[0][3] == ""
    assert revenue.headline == "Learned revenue 0.6900 ± 0.0010."


def test_without_the_optimum_shares_are_of_its_upper_bound_if_known():
    results = replace(with_oracles(known_centre_upper_bound=Oracle(0.75)), objective="revenue")
    assert results.table.columns[3] == "% of upper bound"
    assert results.table.rows[0][3] == "92.00"
    assert "92.00 % of an upper bound of the optimum, 0.7500" in results.headline


def test_values_found_by_search_are_marked():
    assert not any(NUMERICAL in note for note in RESULTS.notes)
    found = Oracle(0.68, exact=False)
    results = with_oracles(**RESULTS.oracles, personalised_static_prices=found)
    exact = {row[0]: row[2] for row in results.table.rows}
    assert exact["Personalised static prices"] == f"0.6800 {NUMERICAL}"
    assert exact["Random serial dictatorship"] == "0.5250"
    assert any(NUMERICAL in note for note in results.notes)


def test_notes_say_how_many_samples_there_were_and_what_is_not_known():
    unknown = Oracle(None, missing="delta: got 0.5")
    results = replace(with_oracles(optimum=unknown, offline_optimum=unknown), held_out=10)
    notes = " ".join(results.notes)
    assert "10 held-out samples, each played equally often" in notes
    assert "quadrature" in notes
    assert "chosen on samples trained on" in notes
    assert (
        "No exact value: Optimal sequential price mechanism; Offline optimum (all values known) "
        "(delta: got 0.5)."
    ) in notes
    assert "one sample gives no interval" in replace(results, held_out=1).notes[0]


def test_the_best_seeds_have_no_interval_and_the_notes_say_why():
    assert any("They have no interval" in note for note in RESULTS.notes)
    all_chosen = replace(RESULTS, best_seeds=(0, 2, 1, 3))
    assert len(all_chosen.table.rows) == len(RESULTS.table.rows) - 1
    assert not any("chosen" in note for note in all_chosen.notes)


@pytest.mark.parametrize("value", [0.0, None])
def test_no_reference_gives_no_share(value):
    results = with_oracles(optimum=Oracle(value))
    assert results.headline == "Learned welfare 0.6900 ± 0.0010."
    assert results.table.rows[0][3] == ""


def test_one_seed_has_an_interval_over_episodes():
    learned = Estimate(0.69, 0.001, (0.69,), (0.001,))
    one = replace(RESULTS, estimates={**RESULTS.estimates, "learned": learned}, best_seeds=(0,))
    assert one.notes[0] == "Simulated: mean and 95 % interval over episodes."
    assert one.table.rows[0][0] == "Learned"
    assert "over seeds" in RESULTS.notes[0]


def test_references_are_exact_where_that_is_known():
    assert RESULTS.references == {
        "Optimal sequential price mechanism": 0.6921875,
        "Random serial dictatorship": 0.525,
    }
