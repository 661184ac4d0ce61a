"""The command, as a user types it."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from signal import SIGTERM

import pytest
import small_study
from command_line import cli, command

import jaxmech
from jaxmech.checks import InvalidValueError
from jaxmech.cli import commands
from jaxmech.experiments import registry
from jaxmech.experiments.configuration_files import read_config
from jaxmech.experiments.workspace import Stopped
from jaxmech.reports import folder

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")


@pytest.fixture(scope="module")
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.STUDIES, "tests/small", "small_study:SMALL")
        patch.setattr(small_study, "SMALL", small_study.Small("tests/small", "numbers", "nothing"))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory, leave_jax_as_it_is, registered):
    """A folder with a finished run in ``runs/``, and nothing else."""
    place = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert command("run", "small", "--count", "3") == 0
    return place


RUN = "runs/tests-small-1"


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "own_values", "--help"]])
def test_help_and_list_do_not_import_jax(arguments):
    program = (
        "import sys\nfrom jaxmech.cli import main\n"
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
        "from jaxmech.cli import commands\n"
        "from jaxmech.experiments.registry import study_called\n"
        "commands._set_up_jax(study_called('auctions/squashing'))\n"
        "import jax; print(jax.config.jax_compilation_cache_dir, jax.config.jax_enable_x64)"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=120)
    assert shown.split() == [arranged or str(tmp_path / "jaxmech"), "False"]


@pytest.mark.parametrize("arranged", [None, "3"])
def test_xla_is_given_threads_enough_unless_arranged_for(arranged, monkeypatch):
    monkeypatch.delenv("NPROC")
    if arranged:
        monkeypatch.setenv("NPROC", arranged)
    program = (
        "import os\n"
        "from jaxmech.cli import commands\n"
        "from jaxmech.experiments.registry import study_called\n"
        "commands._set_up_jax(study_called('auctions/squashing'))\n"
        "print(os.environ['NPROC'])"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=120)
    assert int(shown) == int(arranged) if arranged else int(shown) >= commands.FEWEST_THREADS


def test_what_is_piped_to_head_ends_quietly():
    ended = subprocess.run(
        f"{sys.executable} -c 'from jaxmech.cli import main; main()' run own_values --help "
        "| head -n 1",
        shell=True, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_list_names_all_there_is_in_full(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert command("list") == 0
    shown = capsys.readouterr().out
    for name in (*registry.STUDIES, *jaxmech.environments.names()):
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
        (["run", "correlated", "--setting.name", "colours"], "did you mean 'colors'"),
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
        (["run", "figure_3e", "--num-environments", "0"], "--num-environments: got 0"),
        (["resume", "runs/nothing"], "no such folder"),
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


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 2), (["--help"], 0), (["run"], 0), (["run", "--help"], 0)]
)
def test_what_is_not_said_is_asked_for(arguments, status, capsys):
    assert command(*arguments) == status
    assert "jaxmech" in capsys.readouterr().out


def test_a_run_is_what_was_asked_for(finished):
    assert [path.name for path in finished.iterdir()] == ["runs"]
    assert folder.is_finished(finished / RUN)
    assert read_config(finished / RUN / "config.yaml").count == 3


def test_a_choice_is_made_by_a_flag(finished, monkeypatch, capsys, registered):
    monkeypatch.chdir(finished)
    arguments = ["--change.name", "multiply", "--change.factor", "3", "--directory", "chosen"]
    assert command("run", "small", *arguments) == 0
    assert "Multiply(factor=3.0)" in capsys.readouterr().out
    assert read_config(finished / "chosen" / "config.yaml").change == small_study.Multiply(3.0)


def test_report_prints_the_table_and_rebuilds_the_same_page(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    page = finished / RUN / "report.html"
    before = page.read_bytes()
    page.unlink()
    assert command("report", "tests-small-1") == 0
    shown = capsys.readouterr()
    assert "Numbers" in shown.out and "changed by None" in shown.out
    assert "report.html: is missing" in shown.err
    assert page.read_bytes() == before
    assert command("report", RUN) == 0
    assert capsys.readouterr().err == ""


def test_a_finished_run_is_shown_and_left_as_it_is(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    path = finished / RUN / "summary.json"
    before = path.stat().st_mtime_ns
    assert command("resume", RUN) == 0
    shown = capsys.readouterr().out
    assert "already finished" in shown and "report.html" in shown
    assert path.stat().st_mtime_ns == before


def test_a_run_is_never_overwritten(finished, capsys, monkeypatch):
    monkeypatch.chdir(finished)
    before = (finished / RUN / "summary.json").read_bytes()
    assert command("run", "small", "--directory", RUN) == 2
    assert "exists already" in capsys.readouterr().err
    assert (finished / RUN / "summary.json").read_bytes() == before


def test_a_folder_in_which_nothing_was_written_whole_is_free(monkeypatch, tmp_path, registered):
    """As a process leaves it that is killed while it writes the configuration."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "mine"
    directory.mkdir()
    for name in ("lock", ".config.yaml.unfinished"):
        (directory / name).write_text("")
    assert command("run", "small", "--directory", "mine") == 0
    assert (directory / "manifest.json").is_file()


def test_a_mistake_in_a_study_is_shown_where_it_is(monkeypatch, tmp_path, registered):
    """And is no refusal of what the user asked for."""

    def compute(self, workspace):
        _, _ = (1, 2, 3)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(type(small_study.SMALL), "compute", compute)
    with pytest.raises(ValueError, match="too many values to unpack"):
        cli.main(["run", "small"])


@pytest.fixture
def theirs(monkeypatch):
    """A study of another package, which was installed beside this one."""
    entry = EntryPoint("theirs/small", "small_study:SMALL", "jaxmech.experiments")
    groups = {"jaxmech.experiments": [entry]}
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: groups[group])
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


def test_studies_of_installed_packages_are_known(theirs, capsys):
    assert registry.study_called("theirs/small") is small_study.SMALL
    assert command("list") == 0
    assert "theirs/small" in capsys.readouterr().out


def test_what_is_no_study_is_named(theirs, capsys, monkeypatch):
    monkeypatch.setattr(small_study, "SMALL", object())
    assert command("list") == 2
    assert "/small' without name, summary, " in capsys.readouterr().err


def resolved(self):
    raise ValueError("count: got 4; so many cannot be drawn")


def compute(self, workspace):
    raise InvalidValueError("count", 4, "at most 3")


@pytest.mark.parametrize("refuse", [resolved, compute])
def test_a_study_of_another_package_can_refuse(refuse, theirs, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(small_study.Small, refuse.__name__, refuse)
    assert command("run", "theirs/small") == 2
    assert capsys.readouterr().err.startswith("--count: got 4; ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ModuleNotFoundError, FileNotFoundError])
def test_a_package_or_a_file_that_is_not_there_leaves_no_folder(
    error, capsys, monkeypatch, tmp_path, registered
):
    def compute(self, workspace):
        raise error("samples: got values.parquet; it needs another package or file")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(small_study.Small, "compute", compute)
    assert command("run", "small") == 2
    assert "samples: got values.parquet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_stopped_study_says_how_to_go_on(capsys, monkeypatch, tmp_path, registered):
    def stopped(self, workspace):
        raise Stopped(SIGTERM, "stopped by SIGTERM after 1 of 3 updates")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(small_study.Small, "compute", stopped)
    assert command("run", "small") == 128 + SIGTERM
    shown = capsys.readouterr().out
    assert "stopped by SIGTERM after 1 of 3 updates" in shown
    assert f"jaxmech resume {RUN}" in shown
    monkeypatch.undo()


def test_a_stopped_study_goes_on(capsys, monkeypatch, tmp_path, registered):
    monkeypatch.chdir(tmp_path)
    assert command("run", "small") == 0
    first = folder.read(tmp_path / RUN).findings
    for name in ("manifest.json", "summary.json", "kept/told.npz"):
        (tmp_path / RUN / name).unlink()
    assert command("report", RUN) == 0
    assert f"not finished; go on with: jaxmech resume {RUN}" in capsys.readouterr().out
    assert command("resume", RUN) == 0
    assert folder.read(tmp_path / RUN).findings == first


def test_a_full_disk_is_told_with_how_to_go_on(capsys, monkeypatch, tmp_path, registered):
    def full(self, workspace):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(small_study.Small, "compute", full)
    assert command("run", "small") == 2
    assert f"the disk is full; what {RUN} holds is safe" in capsys.readouterr().err
