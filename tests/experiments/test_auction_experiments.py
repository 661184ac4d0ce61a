"""The computed studies of auctions: what they find, their folders, and what they refuse."""

import json
from dataclasses import asdict, replace

import pytest
import yaml
from command_line import command

from jaxmech import findings_report, report
from jaxmech.experiments import (
    EXPERIMENTS,
    KINDS,
    ExponentialValues,
    LogNormalValues,
    PowerValues,
    UniformValues,
    kind_of,
    read_config,
    write_config,
)
from jaxmech.experiments.auctions.revenue_equivalence import _DISTRIBUTIONS
from jaxmech.experiments.computing import compute
from jaxmech.reports import earlier_findings as findings

NAMES = ("auctions/revenue_equivalence", "auctions/equilibrium", "auctions/squashing")

QUICK_SQUASHING = ["auctions/squashing", "--bidders", "4", "--slots", "2", "--auctions", "500"]

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")


def revenues(**changes):
    experiment = replace(EXPERIMENTS["auctions/revenue_equivalence"], **changes)
    found = compute(experiment)
    return found, found.results["revenues"]


@pytest.fixture(scope="module")
def by_rule():
    """Uniform and log-normal values, three bidders."""
    return revenues(distributions=("uniform", "log_normal"), bidders=(3,), auctions=50_000)


def test_simulated_revenues_are_those_of_theory(by_rule):
    found, records = by_rule
    assert len(records) == 6
    for one in records:
        assert abs(one["standard_errors"]) < 4, one
        assert 0 < one["ci95"] < 0.03, one
    uniform = [one for one in records if one["distribution"] == "uniform"]
    assert [one["exact"] for one in uniform] == pytest.approx([1 / 2] * 3, abs=1e-6)
    # With the best reserve, of 1/2.
    assert [one["optimal"] for one in uniform] == pytest.approx([17 / 32] * 3, abs=1e-5)
    assert found.seconds > 0 and found.compile_seconds > 0


def test_the_table_says_what_its_intervals_are_over(by_rule):
    found, _ = by_rule
    (table,) = found.tables
    assert "95 % interval over auctions" in " ".join(table.notes)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[0][:3] == ("uniform", "3", "first_price")


def test_the_best_reserve_earns_the_optimum_under_every_rule():
    _, records = revenues(
        distributions=("exponential",), bidders=(3,), myerson_reserve=True, auctions=50_000
    )
    for one in records:
        assert one["entry_value"] == pytest.approx(1, abs=1e-6)
        assert one["exact"] == pytest.approx(one["optimal"], rel=1e-4)
        assert abs(one["standard_errors"]) < 4, one
    reserves = {one["rule"]: one["reserve"] for one in records}
    # In all-pay auctions the reserve is the value times the chance that it wins.
    assert reserves["all_pay"] == pytest.approx((1 - 2.718281828**-1) ** 2, abs=1e-5)
    assert reserves["first_price"] == pytest.approx(1, abs=1e-6)


def test_several_units():
    found, records = revenues(
        distributions=("power",), bidders=(5,), units=2, reserve=0.5, auctions=50_000
    )
    assert {one["rule"] for one in records} == {"discriminatory_price", "uniform_price"}
    assert records[0]["exact"] == pytest.approx(records[1]["exact"], abs=1e-6)
    for one in records:
        assert abs(one["standard_errors"]) < 4, one
    assert "Optimal auction" not in found.tables[0].columns


def test_a_reserve_that_nobody_meets_earns_nothing():
    _, records = revenues(distributions=("uniform",), bidders=(2,), reserve=3.0, auctions=100)
    assert [(one["mean"], one["exact"], one["standard_errors"]) for one in records] == [
        (0.0, 0.0, 0.0)
    ] * 3


def test_values_are_drawn_with_the_numbers_given():
    _, records = revenues(
        distributions=("uniform",),
        rules=("second_price",),
        bidders=(2,),
        auctions=20_000,
        uniform=UniformValues(low=1.0, high=4.0),
    )
    assert records[0]["exact"] == pytest.approx(2, abs=1e-6)
    assert abs(records[0]["standard_errors"]) < 4


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


def test_learned_equilibria_are_near_the_closed_forms():
    experiment = replace(EXPERIMENTS["auctions/equilibrium"], bidders=(2,), iterations=200)
    found = compute(experiment)
    records = found.results["equilibria"]
    assert [(one["rule"], one["values"], one["others"]) for one in records] == [
        ("first_price", "U[0, 1]", ""),
        ("all_pay", "U[0, 1]", ""),
        ("first_price", "U[0, 1]", "U[0, 2]"),
        ("first_price", "U[0, 2]", "U[0, 1]"),
    ]
    for one in records:
        assert one["l2_distance"] < 0.005, one
        assert one["exploitability_at_least"] < 1e-3, one
        assert one["seconds"] > 0
    notes = " ".join(found.tables[0].notes)
    assert "lower bound" in notes and "1,024 bids" in notes and "64 values" in notes
    assert [figure.name for figure in found.figures] == [
        "first_price",
        "all_pay",
        "first_price_asymmetric",
    ]


def test_a_few_iterations_are_not_called_an_equilibrium():
    experiment = replace(
        EXPERIMENTS["auctions/equilibrium"], bidders=(2,), iterations=1, asymmetric=False
    )
    records = compute(experiment).results["equilibria"]
    assert max(one["l2_distance"] for one in records) > 0.02
    assert max(one["exploitability_at_least"] for one in records) > 1e-3


@pytest.fixture(scope="module")
def rankings():
    experiment = replace(EXPERIMENTS["auctions/squashing"], squash=(0.0, 1.0), auctions=20_000)
    return compute(experiment)


def test_ranking_by_bid_against_ranking_by_revenue(rankings):
    by_bid = {one["spearman"]: one for one in rankings.results["rankings"] if one["squash"] == 0.0}
    for spearman, share in ((0.0, 1.032), (0.4, 1.184)):
        ratio = by_bid[spearman]["revenue_share"]
        assert abs(ratio["mean"] - share) < 0.001 + 2 * ratio["ci95"]
        assert by_bid[spearman]["efficiency"]["mean"] < 0.97
    for one in rankings.results["rankings"]:
        if one["squash"] == 1.0:
            assert one["revenue_share"]["mean"] == pytest.approx(1)
            assert one["efficiency"]["mean"] == pytest.approx(1)
            # Who is clicked often is ranked higher.
            assert one["clicks"]["mean"] > by_bid[one["spearman"]]["clicks"]["mean"]


def test_the_published_gain_is_quoted_for_its_setting_only(rankings):
    assert "25 %" in rankings.headline
    notes = rankings.tables[0].notes
    assert "not established" in notes[-2]
    at_kendall = next(
        one["revenue_share"]["mean"] - 1
        for one in rankings.results["rankings"]
        if (one["spearman"], one["squash"]) == (0.57, 0)
    )
    assert f"is {100 * at_kendall:.2f} ±" in notes[-1]
    other = replace(
        EXPERIMENTS["auctions/squashing"], bidders=3, slots=2, squash=(0.0,), auctions=10
    )
    found = compute(other)
    assert "25" not in found.headline + " ".join(found.tables[0].notes[-1:])
    assert "not asked for" in compute(replace(other, squash=(0.5,))).headline


@pytest.fixture(scope="module")
def folder(tmp_path_factory, leave_jax_as_it_is):
    """The folder of a quick run."""
    made = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert command("run", *QUICK_SQUASHING) == 0
    return made / "runs" / "auctions-squashing-1"


def test_a_run_writes_its_whole_folder(folder):
    for name in ("config.yaml", "summary.json", "report.html", "figures/revenue.png"):
        assert (folder / name).stat().st_size > 0, name
    content = yaml.safe_load((folder / "config.yaml").read_text())
    assert (content["kind"], content["bidders"], content["squash"][0]) == ("squashing", 4, 0.0)
    assert read_config(folder / "config.yaml").slots == 2
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["experiment"] == "auctions/squashing"
    assert len(summary["results"]["rankings"]) == 3 * 5
    for field in ("headline", "tables", "figures", "seconds", "compile_seconds"):
        assert summary[field], field
    assert summary["devices"] and summary["versions"]["jax"]


def test_the_report_is_rebuilt_from_the_folder(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    page = folder / "report.html"
    before = page.read_text()
    page.unlink()
    assert command("report", str(folder)) == 0
    shown = capsys.readouterr().out
    for words in ("4 bidders, 2 slots", "Rank correlation", "Efficiency", "±", "report.html"):
        assert words in shown
    after = page.read_text()
    assert abs(len(after) - len(before)) < 200
    assert after.count("<svg") == 3
    for words in ("Lahaie and Pennock", "4 bidders, 2 slots", "click_decay", "Configuration"):
        assert words in after


def test_a_finished_study_is_not_computed_again(folder, capsys):
    before = (folder / "summary.json").read_bytes()
    assert command("resume", str(folder)) == 0
    assert "already finished" in capsys.readouterr().out
    assert (folder / "summary.json").read_bytes() == before


def test_a_stopped_study_is_computed_by_resuming(tmp_path, capsys):
    experiment = replace(
        EXPERIMENTS["auctions/squashing"], bidders=4, slots=2, squash=(1.0,), auctions=500
    )
    write_config(experiment, tmp_path / "config.yaml")
    assert command("report", str(tmp_path)) == 0
    assert "not been computed yet" in capsys.readouterr().out
    assert command("resume", str(tmp_path)) == 0
    assert (tmp_path / "summary.json").is_file()


def test_a_run_is_never_overwritten(folder, capsys):
    assert command("run", *QUICK_SQUASHING, "--directory", str(folder)) == 2
    assert "exists already" in capsys.readouterr().err


def test_an_unreadable_summary_is_named(tmp_path):
    write_config(EXPERIMENTS["auctions/squashing"], tmp_path / "config.yaml")
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(ValueError, match="summary.json: not the summary of a study"):
        findings_report.show(tmp_path)


def test_findings_read_back_the_same(tmp_path):
    curve = findings.Curve("a", (0.0, 1.0), (2.0, 3.0), (0.1, 0.2), "points")
    found = findings.Findings(
        headline="Nothing.",
        results={"one": 1},
        tables=(findings.Table("t", ("a", "b"), (("1", "2"),), ("note",)),),
        figures=(findings.Figure("f", "caption", "x", "y", (curve,)),),
        seconds=1.0,
    )
    findings.write(tmp_path, found, {"experiment": "e"})
    read, summary = findings.read(tmp_path)
    assert read == found
    assert summary["experiment"] == "e"


def test_the_report_of_learning_refuses_a_computed_study(folder):
    with pytest.raises(ValueError, match="kind 'squashing'; allowed is 'sequential_price'"):
        report.read_run(folder)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_kind_and_can_be_resolved(name):
    experiment = EXPERIMENTS[name]
    assert KINDS[kind_of(experiment)].configuration is type(experiment)
    assert experiment.name == experiment.title == name
    assert experiment.summary


def test_a_config_without_a_kind_is_of_sequential_prices(tmp_path):
    path = tmp_path / "config.yaml"
    write_config(EXPERIMENTS["brero2021/colors"], path)
    lines = path.read_text().splitlines(keepends=True)
    assert lines[0] == "kind: sequential_price\n"
    path.write_text("".join(lines[1:]))
    assert read_config(path) == EXPERIMENTS["brero2021/colors"]
    path.write_text("kind: squahsing\n" + "".join(lines[1:]))
    with pytest.raises(ValueError, match="did you mean 'squashing'"):
        read_config(path)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("revenue_equivalence --bidders 1", "bidders: got 1; allowed are integers from 2"),
        ("revenue_equivalence --auctions 1", "auctions: got 1"),
        ("revenue_equivalence --units 2", "units: got 2; allowed are integers from 1"),
        ("revenue_equivalence --rules uniform_price", "rules: got 'uniform_price' with units 1"),
        ("revenue_equivalence --rules third_price", "third_price"),
        ("revenue_equivalence --distributions", "distributions: got none"),
        ("revenue_equivalence --reserve -1", "reserve: got -1.0"),
        ("revenue_equivalence --reserve 1 --myerson-reserve", "reserve: got 1.0 with myerson"),
        ("revenue_equivalence --seed -1", "seed: got -1"),
        ("revenue_equivalence --uniform.high 0", "uniform.high: got 0.0"),
        ("revenue_equivalence --uniform.low -1", "uniform.low: got -1.0"),
        ("revenue_equivalence --exponential.rate nan", "exponential.rate: got nan"),
        ("revenue_equivalence --log-normal.mu inf", "--log-normal.mu: got inf"),
        ("equilibrium --bidders 2 1", "bidders: got 1"),
        ("equilibrium --num-bids 2", "--num-bids: got 2; allowed are integers from 3"),
        ("equilibrium --num-values 1", "--num-values: got 1"),
        ("equilibrium --iterations 0", "iterations: got 0"),
        ("equilibrium --responses 1", "responses: got 1"),
        ("equilibrium --rules --no-asymmetric", "rules: got none"),
        ("squashing --slots 14", "slots: got 14; allowed are integers from 1 to the number"),
        ("squashing --spearman 1.5", "spearman: got 1.5; allowed are numbers from -1 to 1"),
        ("squashing --squash inf", "squash: got inf"),
        ("squashing --click-decay 0.5", "--click-decay: got 0.5"),
        ("squashing --bidders 1 --slots 1", "bidders: got 1"),
    ],
)
def test_mistakes_get_one_clean_answer(arguments, answer, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert command("run", *f"auctions/{arguments}".split()) == 2
    shown = capsys.readouterr()
    assert answer in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert not list(tmp_path.iterdir())


def test_the_studies_are_listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert command("list") == 0
    shown = capsys.readouterr().out
    for name in NAMES:
        assert name in shown
    assert "Lahaie and Pennock 2007" in shown
