"""The command, as a user types it."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from command_line import command

import jaxmech
from jaxmech.cli import commands as cli
from jaxmech.experiments import EXPERIMENTS, read_config
from jaxmech.experiments.sequential_price.panels import PANELS

TINY = [
    "run",
    "brero2021/two_worlds",
    "--setting.num-agents", "3",
    "--seeds", "2",
    "--updates", "3",
    "--ppo.num-environments", "16",
    "--ppo.hidden", "8",
    "--evaluation-episodes", "400",
    "--validation-episodes", "400",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, leave_jax_as_it_is):
    """A folder with a finished run in ``runs/``, and nothing else."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command(*TINY) == 0
    return folder


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "own_values", "--help"]])
def test_help_and_list_do_not_import_jax(arguments):
    program = (
        "import sys\nfrom jaxmech.cli.commands import main\n"
        f"try:\n    main({arguments})\nfinally:\n    sys.stderr.write(str('jax' in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0
    assert ended.stderr.endswith("False")
    assert ended.stdout


@pytest.mark.parametrize("arranged", [None, "elsewhere"])
def test_compiled_programs_are_kept_unless_arranged_for(arranged, monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if arranged:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", arranged)
    program = (
        "from jaxmech.cli import commands; commands._set_up_jax(); import jax; "
        "print(jax.config.jax_compilation_cache_dir)"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=120)
    assert shown.strip() == (arranged or str(tmp_path / "jaxmech"))


def test_list_names_all_there_is_in_full(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert command("list") == 0
    shown = capsys.readouterr().out
    for name in (*EXPERIMENTS, *PANELS, *jaxmech.environments.names()):
        assert f" {name} " in shown
    assert "Figure 3 (b)" in shown


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["rnu"], "did you mean 'run'"),
        (["run", "brero2021/two_wolds"], "did you mean 'brero2021/two_worlds'"),
        (["run", "brero2021/correlated", "--setting.dleta", "1"], "--setting.delta"),
        (["run", "brero2021/correlated", "--setting.delta", "3"], "--setting.delta: got 3.0"),
        (["run", "correlated", "--setting.delta", "3"], "--setting.delta: got 3.0"),
        (["run", "brero2021/two_worlds", "--seeds", "0"], "--seeds: got 0"),
        (["run", "brero2021/two_worlds", "--units", "2"], "units: got (2,)"),
        (["run", "own_values"], "--samples: got None"),
        (["run", "own_values", "--samples", "nowhere.csv"], "samples: got nowhere.csv"),
        (["run", "own_setting"], "--setting.path: got None"),
        (["run", "own_setting", "--setting.path", "x.yaml"], "--setting.path: got "),
        (["run", "x.yaml"], "jaxmech run own_setting --setting.path x.yaml"),
        (["run", "x.csv"], "jaxmech run own_values --samples x.csv"),
        (
            ["run", "brero2021/two_worlds", "--statistic", "last_visit"],
            "with architecture 'symmetric' allowed are",
        ),
        (["run", "brero2021/two_worlds", "--ppo.clip", "-1"], "--ppo.clip: got -1.0"),
        (["panel", "id", "--num-environments", "0"], "--num-environments: got 0"),
        (["resume", "runs/nothing"], "no such file"),
        (["report", "runs/nothing"], "no such folder"),
    ],
)
def test_mistakes_get_one_clean_answer(arguments, answer, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert command(*arguments) == 2
    shown = capsys.readouterr()
    assert answer in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert not list(tmp_path.iterdir())


def test_a_mistyped_flag_is_answered_with_those_of_its_command_alone(capsys):
    assert command("run", "brero2021/correlated", "--setting.dleta", "1") == 2
    shown = capsys.readouterr().err
    assert "--setting.delta" in shown
    for other in ("additive_types", "timber_auctions", "--setting.lowest"):
        assert other not in shown


def test_a_run_writes_its_whole_folder(finished):
    run = finished / "runs" / "brero2021-two_worlds-1"
    for name in (
        "config.yaml",
        "metrics.csv",
        "summary.json",
        "report.html",
        "figures/learning_curves.png",
        "figures/learning_curves.svg",
    ):
        assert (run / name).stat().st_size > 0, name
    assert (run / "checkpoints").is_dir()
    assert [path.name for path in finished.iterdir()] == ["runs"]


def test_the_config_holds_what_was_asked(finished):
    config = read_config(finished / "runs" / "brero2021-two_worlds-1" / "config.yaml")
    assert (config.setting.num_agents, config.seeds, config.ppo.hidden) == (3, 2, (8,))
    assert config.subtract_offline_optimum is True


def test_the_summary_compares_with_the_exact_values(finished):
    summary = json.loads(
        (finished / "runs" / "brero2021-two_worlds-1" / "summary.json").read_text()
    )
    assert summary["experiment"] == "brero2021/two_worlds"
    assert summary["updates"] == 3
    learned = summary["learned"]
    assert len(learned["per_seed"]) == 2
    assert 0 < learned["mean"] < summary["oracles"]["offline_optimum"] + 0.1
    rsd = summary["baselines"]["random_serial_dictatorship"]
    assert abs(rsd["mean"] - 0.525) < 2 * rsd["ci95"]
    assert summary["compile_seconds"] > 0
    assert summary["environment_steps"] >= 2 * 3 * 16


def test_report_prints_the_table_and_rebuilds_the_page(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setenv("COLUMNS", "160")
    page = finished / "runs" / "brero2021-two_worlds-1" / "report.html"
    before = page.read_text()
    page.unlink()
    assert command("report", "runs/brero2021-two_worlds-1") == 0
    shown = capsys.readouterr().out
    for words in ("Learned, mean of 2 seeds", "Anonymous static prices", "% of optimum", "±"):
        assert words in shown
    # The vector drawing carries its date.
    assert abs(len(page.read_text()) - len(before)) < 100


def test_resuming_a_run_that_was_not_evaluated_evaluates_it_alike(finished, monkeypatch):
    monkeypatch.chdir(finished)
    path = finished / "runs" / "brero2021-two_worlds-1" / "summary.json"
    before = json.loads(path.read_text())
    path.unlink()
    assert command("resume", "runs/brero2021-two_worlds-1") == 0
    after = json.loads(path.read_text())
    names = ("learned", "baselines", "oracles", "environment_steps", "updates")
    for name in names:
        assert after[name] == before[name], name


def test_a_finished_run_is_shown_and_left_as_it_is(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    path = finished / "runs" / "brero2021-two_worlds-1" / "summary.json"
    before = path.stat().st_mtime_ns
    assert command("resume", "runs/brero2021-two_worlds-1") == 0
    shown = capsys.readouterr().out
    assert "already finished" in shown and "report.html" in shown
    assert "Learned, mean of 2 seeds" in shown
    assert path.stat().st_mtime_ns == before


def test_a_run_is_never_overwritten(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    directory = "runs/brero2021-two_worlds-1"
    before = (finished / directory / "metrics.csv").read_bytes()
    assert command(*TINY, "--directory", directory) == 2
    assert "exists already" in capsys.readouterr().err
    assert (finished / directory / "metrics.csv").read_bytes() == before
    assert str(cli._free_directory("brero2021/two_worlds")) == "runs/brero2021-two_worlds-2"


def test_a_stopped_run_says_how_to_go_on(capsys, monkeypatch, tmp_path):
    def stopped(designer, *, directory, seeds, updates, **_):
        return jaxmech.runner.RunResult(
            states=None,
            seeds=tuple(seeds),
            updates=1,
            metrics={},
            seconds=1.0,
            compile_seconds=1.0,
            interrupted_by=signal.SIGTERM,
            directory=directory,
        )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jaxmech.runner, "run", stopped)
    assert command(*TINY) == 128 + signal.SIGTERM
    shown = capsys.readouterr().out
    assert "stopped by SIGTERM after 1 of 3 updates" in shown
    assert "jaxmech resume runs/brero2021-two_worlds-1" in shown


def test_own_values_run_with_one_more_flag(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).uniform(size=(40, 3))
    np.savetxt("values.csv", values, delimiter=",", header="ann,bob,cid", comments="")
    arguments = [part for part in TINY if part not in ("--setting.num-agents", "3", "--updates")]
    arguments += ["--updates", "1", "--samples", "values.csv"]
    assert command(*arguments) == 0
    run = tmp_path / "runs" / "brero2021-two_worlds-1"
    summary = json.loads((run / "summary.json").read_text())
    assert summary["experiment"] == "brero2021/two_worlds: values.csv"
    assert read_config(run / "config.yaml").samples == str(tmp_path / "values.csv")
    assert "optimum" not in summary["oracles"]
    assert 0 < summary["learned"]["mean"] < 1
    assert summary["held_out_samples"] == 8
    assert "samples" in summary["oracles_missing"]["optimum"]
    page = (run / "report.html").read_text()
    assert "8 held-out samples" in page
    assert "Reproduces" not in page


def test_own_setting_is_compared_with_its_exact_optimum(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # A sure 2 and, half of the time, 4: ask the second agent for more than 2 first.
    (tmp_path / "setting.yaml").write_text(
        "items: {gem: 1}\nworlds:\n  - agents: [2, {one_of: [0, 4]}]\n"
    )
    options = [part for part in TINY[2:] if part not in ("--setting.num-agents", "3")]
    arguments = ["--setting.path", "setting.yaml", "--updates", "1"]
    options.remove("--updates")
    assert command("run", "own_setting", *options, *arguments) == 0
    summary = json.loads((tmp_path / "runs" / "own_setting-1" / "summary.json").read_text())
    assert summary["oracles"]["optimum"] == pytest.approx(3)
