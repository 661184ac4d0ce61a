"""Reports: the picture of a policy, the table, and the page, from a run's folder."""

import dataclasses
import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from cattrs import structure

from jaxmech import report, results
from jaxmech.curve_drawing import smoothed
from jaxmech.experiments import EXPERIMENTS, Correlated, write_config
from jaxmech.experiments.sequential_price.drawing import order_table, price_table, tree_svg
from jaxmech.experiments.sequential_price.picture import (
    MAX_HISTORIES,
    PolicyPicture,
    Visits,
    picture_of,
)

SUMMARY = {
    "experiment": "brero2021/two_worlds",
    "objective": "welfare",
    "learned": {
        "mean": 0.69,
        "ci95": 0.001,
        "per_seed": [{"mean": m, "ci95": 0.002} for m in (0.689, 0.69, 0.691, 0.69)],
        "best": {"mean": 0.6904, "ci95": 0.0005, "seeds": [2, 1, 3]},
    },
    "baselines": {"random_serial_dictatorship": {"mean": 0.526, "ci95": 0.002}},
    "oracles": {"optimum": 0.6921875, "random_serial_dictatorship": 0.525},
    "certificates": {},
    "updates": 3,
    "environment_steps": 60,
    "seconds": 1.0,
    "compile_seconds": 2.0,
    "devices": ["cpu:0"],
    "versions": {"jaxmech": "0.1.0"},
}


def two_visits() -> Visits:
    """One unit, agents 1 then 0: in 3 of 4 episodes agent 1 passes at .8 and 0 gets .4."""
    return Visits(
        agents=np.array([[1, 0]] * 4),
        prices=np.array([[[0.8], [0.4]]] * 4),
        bundles=np.array([[[1], [0]], [[0], [1]], [[0], [1]], [[0], [0]]]),
        live=np.array([[True, False], [True, True], [True, True], [True, True]]),
        units=np.array([1]),
    )


def test_the_tree_follows_the_purchases():
    tree = picture_of(two_visits()).tree
    assert (tree.agent, tree.prices, tree.probability) == (1, (0.8,), 1.0)
    after = {branch.bundle: branch.after for branch in tree.branches}
    assert (after[(1,)].probability, after[(1,)].end) == (0.25, "over")
    second = after[(0,)]
    assert (second.agent, second.prices, second.probability) == (0, (0.4,), 0.75)
    ends = {branch.bundle: branch.after.probability for branch in second.branches}
    assert ends == {(1,): 0.5, (0,): 0.25}


def test_the_tables_count_visits_and_average_prices():
    picture = picture_of(two_visits())
    assert picture.order == [[0.0, 1.0], [0.75, 0.0]]
    np.testing.assert_allclose(picture.prices, [[[0.8], [0.4]]])


def long_visits(items: int) -> Visits:
    """Many histories: 12 agents in order, each buys item 0 or nothing on a coin's toss."""
    coins = np.random.default_rng(0).integers(0, 2, (512, 12, 1))
    bundles = np.concatenate([coins, np.zeros((512, 12, items - 1), int)], axis=-1)
    return Visits(
        agents=np.broadcast_to(np.arange(12), (512, 12)),
        prices=np.full((512, 12, items), 0.3),
        bundles=bundles,
        live=np.ones((512, 12), bool),
        units=np.full(items, 12),
    )


def histories(tree):
    yield tree
    for branch in tree.branches:
        yield from histories(branch.after)


@pytest.mark.parametrize("items", [1, 3])
def test_only_the_likeliest_histories_are_shown(items):
    picture = picture_of(long_visits(items))
    shown = list(histories(picture.tree))
    opened = [history for history in shown if history.agent is not None]
    hidden = [history for history in shown if history.end == "not_shown"]
    assert len(opened) <= MAX_HISTORIES
    assert min(history.probability for history in opened) >= max(
        history.probability for history in hidden
    )
    assert sum(history.probability for history in hidden) == pytest.approx(1)
    svg = tree_svg(picture.tree)
    assert svg.count("<rect") == len(opened)
    assert svg.count('class="not_shown"') == len(hidden)
    assert ("takes A" in svg) == (items > 1)


def test_a_picture_survives_json():
    picture = picture_of(two_visits())
    assert structure(json.loads(json.dumps(asdict(picture))), PolicyPicture) == picture


def test_the_drawing_says_who_pays_what():
    picture = picture_of(two_visits())
    svg = tree_svg(picture.tree)
    for words in ("agent 2", "at 0.8", "buys 25 %", "passes 75 %", "agent 1", "buys 67 %"):
        assert words in svg, words
    assert "<td" in order_table(picture)
    assert "0.4" in price_table(picture.prices[0])


def test_an_item_sold_out_from_the_start_of_play_leaves_no_gap_in_the_table():
    assert "0.5" in price_table([[0.5, None], [None, None]])


def test_rows_put_simulated_beside_exact():
    rows = [row.cells for row in results.rows(SUMMARY)]
    assert rows[0] == ("Learned, mean of 4 seeds", "0.6900 ± 0.0010", "", "99.68")
    assert rows[1][0] == "Learned, mean of the best 3"
    assert rows[2] == ("Optimal sequential price mechanism", "", "0.6922", "100.00")
    assert rows[3] == ("Random serial dictatorship", "0.5260 ± 0.0020", "0.5250", "75.85")
    assert "99.68 % of the exact optimum, 0.6922" in results.headline(SUMMARY)


def test_without_the_optimum_shares_are_of_the_offline_optimum():
    summary = SUMMARY | {
        "oracles": {},
        "baselines": {"offline_optimum": {"mean": 0.7, "ci95": 0.001}},
    }
    assert results.columns(summary)[3] == "% of offline optimum"
    assert results.rows(summary)[0].cells[3] == f"{100 * 0.69 / 0.7:.2f}"
    revenue = summary | {"objective": "revenue"}
    assert results.rows(revenue)[0].cells[3] == ""
    assert results.headline(revenue) == "Learned revenue 0.6900 ± 0.0010."


def test_without_the_optimum_shares_are_of_its_upper_bound_if_known():
    summary = SUMMARY | {"objective": "revenue", "oracles": {"known_centre_upper_bound": 0.75}}
    assert results.columns(summary)[3] == "% of upper bound"
    assert results.rows(summary)[0].cells[3] == "92.00"
    assert "92.00 % of an upper bound of the optimum, 0.7500" in results.headline(summary)


def test_the_best_seeds_may_have_no_interval():
    best = {"mean": 0.6904, "seeds": [2, 1, 3]}
    summary = SUMMARY | {"learned": SUMMARY["learned"] | {"best": best}}
    assert results.rows(summary)[1].cells[1] == "0.6904"
    assert any("no interval" in note for note in results.notes(summary))


def test_values_found_by_search_are_marked():
    summary = SUMMARY | {
        "oracles": SUMMARY["oracles"] | {"personalised_static_prices": 0.68},
        "oracles_numerical": ["personalised_static_prices"],
    }
    exact = {row.cells[0]: row.cells[2] for row in results.rows(summary)}
    assert exact["Personalised static prices"] == f"0.6800 {results.NUMERICAL}"
    assert exact["Random serial dictatorship"] == "0.5250"
    assert any(results.NUMERICAL in note for note in results.notes(summary))
    assert not any(results.NUMERICAL in note for note in results.notes(SUMMARY))


def test_notes_say_how_many_samples_there_were_and_what_is_not_known():
    summary = SUMMARY | {
        "held_out_samples": 10,
        "oracles_missing": {"optimum": "delta: got 0.5", "offline_optimum": "too [costly]"},
    }
    notes = " ".join(results.notes(summary))
    assert "10 held-out samples, each played equally often" in notes
    assert "quadrature" in notes
    assert "chosen on samples trained on" in notes
    assert "Optimal sequential price mechanism (delta: got 0.5)." in notes
    assert "too [costly]" in results.rich_table(summary).caption.replace("\\[", "[")


def test_a_reference_of_zero_gives_no_share():
    summary = SUMMARY | {"oracles": {"optimum": 0.0}}
    assert results.headline(summary) == "Learned welfare 0.6900 ± 0.0010."
    assert results.rows(summary)[0].cells[3] == ""


@pytest.mark.parametrize(
    ("changes", "described"),
    [
        ({}, True),
        ({"seeds": 2}, True),
        ({"setting": Correlated(delta=0.25)}, True),
        ({"setting": Correlated(delta=0.3)}, False),
        ({"setting": Correlated(num_agents=5)}, False),
        ({"samples": "values.csv"}, False),
        ({"objective": "revenue"}, False),
        ({"buys_at_zero_utility": True}, False),
    ],
)
def test_only_the_experiment_described_is_said_to_reproduce_a_result(changes, described, tmp_path):
    experiment = dataclasses.replace(EXPERIMENTS["brero2021/correlated"], **changes)
    write_config(experiment, tmp_path / "config.yaml")
    page = report.write_report(report.read_run(tmp_path)).read_text()
    assert ("Reproduces" in page) == described
    assert (experiment.summary in page) == described


@pytest.fixture
def folder(tmp_path):
    """A run of two seeds that was killed while it wrote its last line."""
    write_config(EXPERIMENTS["brero2021/two_worlds"], tmp_path / "config.yaml")
    lines = ["update,seed,objective,environment_steps"]
    for update in (1, 2, 3):
        lines += [f"{update},{seed},{0.5 + update / 10 + seed / 100},10" for seed in (0, 1)]
    (tmp_path / "metrics.csv").write_text("\n".join(lines) + "\n4,0,0.9,10\n4,1,0.")
    return tmp_path


def test_curves_count_steps_for_each_seed_and_ignore_an_unfinished_line(folder):
    curves = report.read_run(folder).curves
    np.testing.assert_array_equal(curves.steps, [[10, 10], [20, 20], [30, 30]])
    np.testing.assert_allclose(curves.objective, [[0.6, 0.61], [0.7, 0.71], [0.8, 0.81]])
    assert curves.total_steps == 60


def test_a_run_not_evaluated_yet_has_curves_and_says_so(folder):
    page = report.write_report(report.read_run(folder)).read_text()
    assert "has not been evaluated yet" in page
    assert (folder / "figures" / "learning_curves.png").stat().st_size > 1000
    assert (folder / "figures" / "learning_curves.svg").stat().st_size > 1000


def test_the_page_holds_everything_and_links_nowhere(folder):
    report.write_evaluation(folder, SUMMARY, picture_of(two_visits()))
    page = report.write_report(report.read_run(folder)).read_text()
    for words in (
        "brero2021/two_worlds",
        "0.6900 ± 0.0010",
        "The learned mechanism",
        "The mechanism of seed 2",
        "agent 2",
        "Mean price by visit and units left",
        "ppo.learning_rate",
    ):
        assert words in page, words
    assert page.count("<svg") == 2
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace('xlink:href="#', 'href="#'))
    assert "<script" not in page
    assert "@import" not in page


def test_smoothing_keeps_straight_lines_and_averages_noise():
    line = np.linspace(0, 5, 300)
    np.testing.assert_allclose(smoothed(line)[5:-5], line[5:-5])
    np.testing.assert_allclose(smoothed(np.ones(300)), 1)
    noise = np.random.default_rng(0).normal(size=600)
    assert smoothed(noise).std() < 0.4
    assert smoothed(noise)[-1] == pytest.approx(noise[-11:].mean())
    np.testing.assert_allclose(smoothed(line[:3]), line[:3], atol=1e-12)


def test_each_seed_is_drawn_once(folder):
    report.write_report(report.read_run(folder))
    svg = (folder / "figures" / "learning_curves.svg").read_text()
    assert [svg.count(f"<!-- seed {seed} -->") for seed in (0, 1, 2)] == [1, 1, 0]


def test_one_seed_has_an_interval_over_episodes():
    seeds = SUMMARY["learned"]["per_seed"][:1]
    learned = {**SUMMARY["learned"], "per_seed": seeds, "best": {"mean": 0.69, "seeds": [0]}}
    note = results.notes({**SUMMARY, "learned": learned})[0]
    assert note == "Simulated: mean and 95 % interval over episodes."
    assert "over seeds" in results.notes(SUMMARY)[0]


def test_the_folder_of_a_panel_is_told_from_a_run(tmp_path):
    (tmp_path / "panel.json").write_text("{}")
    with pytest.raises(ValueError, match="directory: got .*, a panel's"):
        report.read_run(tmp_path)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no such folder"):
        report.read_run(tmp_path / "nothing")
    with pytest.raises(ValueError, match="no such file"):
        report.read_run(tmp_path)
