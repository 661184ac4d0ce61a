"""A panel's runs: made once, gone on with where stopped, and compared."""

import dataclasses
import json
import signal

import pytest
from command_line import command

import jaxmech
from jaxmech import panel, panel_results
from jaxmech.cli import commands as cli
from jaxmech.experiments import read_config, running
from jaxmech.experiments.sequential_price.panels import PANELS, Protocol

TINY = Protocol(
    seeds=2, updates=2, num_environments=16, evaluation_episodes=400, validation_episodes=400
)
pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")

COMPARED = ("agents_items", "anonymous_static_prices")


def kitchen_sink():
    return dataclasses.replace(PANELS["brero2021/figure_3d"], mechanisms=COMPARED)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of panels, with one that was stopped within its first run and gone on with."""
    directory = tmp_path_factory.mktemp("panels")
    train = jaxmech.runner.run

    def stopped(designer, **options):
        result = train(designer, **options | {"updates": 1})
        return dataclasses.replace(result, interrupted_by=signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxmech.runner, "run", stopped)
        assert panel.run_all([kitchen_sink()], TINY, directory) == 128 + signal.SIGTERM
    folder = directory / "brero2021-figure_3d"
    assert [path.name for path in folder.iterdir()] == ["agents_items"]
    started = (folder / "agents_items" / "metrics.csv").read_text()
    assert panel.run_all([kitchen_sink()], TINY, directory) == 0
    assert (folder / "agents_items" / "metrics.csv").read_text().startswith(started)
    return directory


def folder_in(directory):
    return panel_results.folder_of(kitchen_sink(), directory)


def test_each_mechanism_is_an_ordinary_run(finished):
    for name in COMPARED:
        run = folder_in(finished) / name
        assert read_config(run / "config.yaml") == kitchen_sink().experiments(TINY)[name]
        lines = (run / "metrics.csv").read_text().splitlines()
        assert len(lines) == 1 + 2 * 2
        assert (run / "report.html").is_file()


def test_the_comparison_is_what_the_runs_found(finished):
    folder = folder_in(finished)
    comparison = panel_results.read(folder)
    assert list(comparison["mechanisms"]) == list(COMPARED)
    for name in COMPARED:
        summary = json.loads((folder / name / "summary.json").read_text())
        assert comparison["mechanisms"][name]["mean"] == summary["learned"]["mean"]
        assert comparison["mechanisms"][name]["updates"] == 2
        # What does not depend on how one learns was computed once.
        assert comparison["oracles"] == summary["oracles"]
        assert comparison["baselines"] == summary["baselines"]
    assert comparison["oracles"]["optimum"] == pytest.approx(1.3096)
    assert set(comparison["baselines"]) >= {"anonymous_static_prices", "offline_optimum"}


def test_the_table_shows_the_numbers_of_the_comparison(finished):
    comparison = panel_results.read(folder_in(finished))
    assert panel_results.columns(comparison) == (
        "Mechanism", "Simulated welfare", "Best 2 of 2 seeds", "Exact", "% of optimum",
    )  # fmt: skip
    rows = {row.cells[0]: row.cells for row in panel_results.rows(comparison)}
    learned = comparison["mechanisms"]["agents_items"]
    assert rows["Learned, sees agents and items left"] == (
        "Learned, sees agents and items left",
        f"{learned['mean']:.4f} ± {learned['ci95']:.4f}",
        f"{learned['best']['mean']:.4f}",
        "",
        f"{100 * learned['best']['mean'] / 1.3096:.2f}",
    )
    assert rows["Anonymous static prices"][2:] == ("", "1.1100", f"{100 * 1.11 / 1.3096:.2f}")
    assert rows["Optimal sequential price mechanism"][3] == "1.3096"


def test_the_figure_has_a_curve_for_each_mechanism_and_a_line_for_each_value(finished):
    assert (folder_in(finished) / "panel.png").stat().st_size > 1000
    svg = (folder_in(finished) / "panel.svg").read_text()
    for words in (
        "Learned, sees agents and items left",
        "Learned, anonymous static prices",
        "Optimal sequential price mechanism, 1.31",
        "Random serial dictatorship, 0.9346",
    ):
        assert svg.count(f"<!-- {words}") == 1, words


def test_what_is_finished_is_not_run_again(finished, monkeypatch, capsys):
    def fail(*_, **__):
        raise AssertionError("ran again")

    monkeypatch.setattr(running, "start", fail)
    monkeypatch.setattr(running, "go_on", fail)
    monkeypatch.setattr(running, "references_for", fail)
    (folder_in(finished) / "panel.json").unlink()
    assert panel.run_all([kitchen_sink()], TINY, finished) == 0
    assert "mechanism 2 of 2, anonymous_static_prices: finished already" in capsys.readouterr().out
    assert panel_results.read(folder_in(finished)) is not None


def test_a_run_at_another_expense_is_not_mixed_in(finished):
    with pytest.raises(ValueError, match=r"updates: got 3; the run in .* has 2"):
        panel.run_all([kitchen_sink()], TINY.changed_by(Protocol(updates=3)), finished)


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path, monkeypatch):
    folder = panel_results.folder_of(kitchen_sink(), tmp_path) / COMPARED[0]
    (folder / "checkpoints" / "0.orbax-checkpoint-tmp").mkdir(parents=True)
    (folder / "config.yaml").write_text("")
    started = []

    def start(study, directory, references):
        assert not directory.exists()
        started.append(directory)
        return 130

    monkeypatch.setattr(running, "start", start)
    assert panel.run_all([kitchen_sink()], TINY, tmp_path) == 130
    assert started == [folder]


def test_the_command_says_where_it_is_and_stops_at_a_signal(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(running, "start", lambda *_: 128 + signal.SIGINT)
    arguments = ["panel", "brero2021/id", "brero2021/kitchen_sink", "--directory", str(tmp_path)]
    assert command(*arguments, "--seeds", "1", "--updates", "2") == 130
    shown = capsys.readouterr().out
    assert "panel 1 of 2, brero2021/figure_3e; mechanism 1 of 5, prices: writing" in shown
    assert "panel 2" not in shown
    assert "the same command goes on" in shown


def test_a_wrong_name_suggests_the_nearest(capsys):
    assert command("panel", "brero2021/two_wolds") == 2
    assert "did you mean 'brero2021/two_worlds'" in capsys.readouterr().err


def test_a_mechanism_that_diverges_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    start = running.start

    def diverging(study, directory, references):
        if directory.name == "agents_items":
            raise jaxmech.runner.TrainingDivergedError(
                "update 7: no longer finite", 7, 0, ("loss",)
            )
        return start(study, directory, references)

    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(running, "start", diverging)
    monkeypatch.setattr(cli, "panels_called", lambda names: (kitchen_sink(), kitchen_sink()))
    sizes = [
        part for name, size in dataclasses.asdict(TINY).items()
        for part in (f"--{name.replace('_', '-')}", str(size))
    ]  # fmt: skip
    assert command("panel", "any", "--directory", str(tmp_path), *sizes) == 1
    comparison = panel_results.read(folder_in(tmp_path))
    assert list(comparison["mechanisms"]) == ["anonymous_static_prices"]
    assert comparison["diverged"] == {"agents_items": "update 7: no longer finite"}
    shown = capsys.readouterr()
    assert "agents and items left: diverged (update 7: no longer finite)." in shown.out
    last = shown.err.splitlines()[-1]
    assert last == "brero2021/figure_3d, agents_items: update 7: no longer finite"
