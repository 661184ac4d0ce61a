"""Runs that are killed, checkpoints that are damaged, folders that do not fit."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import chex
import jax
import numpy as np
import pytest
from killed_ppo import tiny_ppo
from noisy_descent import DescentState, NoisyDescent

from jaxmech import runner
from jaxmech.runner import checkpoints
from jaxmech.runner.logs import Log

DESIGNER = NoisyDescent()
SCRIPT = Path(__file__).parents[1] / "noisy_descent.py"
PPO_SCRIPT = Path(__file__).parent / "killed_ppo.py"
LOGS = ("metrics.csv", "evaluation.csv")
RUN = {"seeds": [3, 1], "updates": 60, "evaluate_every": 9}


def start(
    command: str, directory: Path, script: Path = SCRIPT, **arguments: Any
) -> subprocess.Popen[bytes]:
    arguments = {"command": command, "directory": str(directory), **arguments}
    return subprocess.Popen([sys.executable, str(script), json.dumps(arguments)])


def wait_for_update(directory: Path, update: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        path = directory / "metrics.csv"
        if path.exists() and len(path.read_bytes().splitlines()) > 2 * update:
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    raise TimeoutError


def position_bytes(state: DescentState) -> bytes:
    leaves = [jax.random.key_data(state.key), *jax.tree.leaves(state.replace(key=None))]
    return b"".join(np.asarray(leaf).tobytes() for leaf in leaves)


def assert_same_run(left: Path, right: Path) -> None:
    """Logs and final states are the same bytes."""
    for name in LOGS:
        assert (left / name).read_bytes() == (right / name).read_bytes()
    states = [runner.load(DESIGNER, directory=directory).states for directory in (left, right)]
    assert position_bytes(states[0]) == position_bytes(states[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    directory = tmp_path_factory.mktemp("runs") / "whole"
    runner.run(DESIGNER, directory=directory, evaluate=DESIGNER.evaluate, **RUN)
    return directory


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run killed after update 40, with checkpoints of 28, 32 and 36."""
    directory = tmp_path_factory.mktemp("runs") / "stopped"
    process = start("run", directory, **RUN, updates_per_chunk=4, checkpoint_seconds=0, kill_at=40)
    assert process.wait(timeout=120) == -signal.SIGKILL
    return directory


@pytest.fixture
def stopped(stopped_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped_run, tmp_path / "stopped"))


def checkpoint_updates(directory: Path) -> list[int]:
    return sorted(int(path.name) for path in (directory / "checkpoints").iterdir())


def resume(directory: Path, **arguments: Any) -> runner.RunResult:
    return runner.resume(DESIGNER, directory=directory, evaluate=DESIGNER.evaluate, **arguments)


def test_kill_and_resume_in_another_process(whole: Path, stopped: Path) -> None:
    """The last chunk is on disk and in no checkpoint: it is made again."""
    assert checkpoint_updates(stopped)[-1] < 40
    assert len((stopped / "metrics.csv").read_bytes().splitlines()) == 1 + 2 * 40
    assert start("resume", stopped).wait(timeout=120) == 0
    assert_same_run(stopped, whole)


@pytest.mark.slow
def test_ppo_killed_within_its_episodes_goes_on_with_them(tmp_path: Path) -> None:
    """Environments, optimizer, moments and keys all come back as they were."""
    # One length of chunk throughout, so that all runs share their compiled program.
    pace = {"updates_per_chunk": 5}
    plan = {"seeds": [3, 1], "updates": 30, **pace}
    designer, directory = tiny_ppo(), tmp_path / "killed"
    undisturbed = runner.run(designer, directory=tmp_path / "whole", **plan)
    process = start("run", directory, PPO_SCRIPT, **plan, checkpoint_seconds=0, kill_at=15)
    assert process.wait(timeout=240) == -signal.SIGKILL
    assert 0 < checkpoint_updates(directory)[-1] < 15
    running = runner.load(designer, directory=directory).states.running
    left = np.asarray(running.state.agents_left).sum(axis=-1)
    assert len(np.unique(left)) > 1, "episodes are at different points"
    resumed = runner.resume(designer, directory=directory, **pace)
    logs = [folder / "metrics.csv" for folder in (tmp_path / "whole", directory)]
    assert logs[0].read_bytes() == logs[1].read_bytes()
    assert len(logs[0].read_bytes().splitlines()) == 1 + 2 * 30
    chex.assert_trees_all_equal(undisturbed.states, resumed.states)


@pytest.mark.slow
def test_killed_twice_at_any_moment(whole: Path, tmp_path: Path) -> None:
    """With a checkpoint after every chunk, most moments are in the middle of one."""
    directory = tmp_path / "run"
    pace = {"updates_per_chunk": 2, "checkpoint_seconds": 0}
    for command, update, arguments in (("run", 10, RUN), ("resume", 30, {})):
        process = start(command, directory, **arguments, **pace)
        wait_for_update(directory, update, process)
        time.sleep(0.03)
        process.kill()
        process.wait()
    resume(directory)
    assert_same_run(directory, whole)


def test_sigterm_is_answered_with_a_checkpoint(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    process = start("run", directory, **RUN, updates_per_chunk=2, sleep=0.05)
    wait_for_update(directory, 10, process)
    process.terminate()
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    stopped_at = checkpoint_updates(directory)[-1]
    assert 10 <= stopped_at < 60
    assert len((directory / "metrics.csv").read_bytes().splitlines()) == 1 + 2 * stopped_at
    resume(directory)
    assert_same_run(directory, whole)


@pytest.mark.parametrize("tail", ["", "41", "41,3,10.0,-0.1", "41,3,10.0,-0.1,0.1,-0.1\n41,1"])
def test_an_unfinished_last_line_is_dropped(tail: str, whole: Path, stopped: Path) -> None:
    for name in LOGS:
        with open(stopped / name, "a") as file:
            file.write(tail)
    resume(stopped)
    assert_same_run(stopped, whole)


def biggest_file(folder: Path) -> Path:
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def truncate(folder: Path) -> None:
    """Cuts every file of a checkpoint in half."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def truncate_arrays(folder: Path) -> None:
    for path in (folder / "arrays").rglob("d/*"):
        path.write_bytes(path.read_bytes()[:-20])


def truncate_description(folder: Path) -> None:
    (folder / "about" / "metadata").write_text('{"seeds": [3')


def change_a_byte(folder: Path) -> None:
    for path in (folder / "arrays").rglob("d/*"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    "damage", [truncate, truncate_arrays, truncate_description, change_a_byte, empty]
)
def test_a_damaged_checkpoint_is_passed_over_and_said_so(
    damage: Any, whole: Path, stopped: Path
) -> None:
    *_, previous, newest = checkpoint_updates(stopped)
    damage(stopped / "checkpoints" / str(newest))
    with pytest.warns(UserWarning, match=f"checkpoint {newest} .* from checkpoint {previous}"):
        resume(stopped)
    assert (stopped / "checkpoints_unreadable" / str(newest)).is_dir()
    assert_same_run(stopped, whole)


def test_every_checkpoint_damaged(stopped: Path) -> None:
    before = (stopped / "metrics.csv").read_bytes()
    for update in checkpoint_updates(stopped):
        truncate(stopped / "checkpoints" / str(update))
    with pytest.raises(ValueError, match=r"stopped.*no checkpoint here can be read \(36: "):
        resume(stopped)
    assert (stopped / "metrics.csv").read_bytes() == before


def test_a_save_cut_short_leaves_the_earlier_ones(whole: Path, stopped: Path) -> None:
    for name in ("40.unfinished", "41.unfinished.orbax-checkpoint-tmp"):
        shutil.copytree(stopped / "checkpoints" / "36", stopped / "checkpoints" / name)
    resume(stopped)
    assert checkpoint_updates(stopped)[-1] == 60
    assert_same_run(stopped, whole)


def test_a_checkpoint_that_lacks_a_file_is_passed_over(whole: Path, stopped: Path) -> None:
    *_, previous, newest = checkpoint_updates(stopped)
    (stopped / "checkpoints" / str(newest) / "files.json").unlink()
    words = f"checkpoint {newest} .*files.json is missing.* from checkpoint {previous}"
    with pytest.warns(UserWarning, match=words):
        resume(stopped)
    assert_same_run(stopped, whole)


@pytest.mark.parametrize("content", ["[]", "3", '{"item_handlers": 3}'])
def test_what_orbax_says_of_one_checkpoint_keeps_it_from_no_other(
    content: str, whole: Path, stopped: Path
) -> None:
    """Its manager of checkpoints reads what is said of all, and stops at any that is odd."""
    _, *newest = checkpoint_updates(stopped)
    for update in newest:
        (stopped / "checkpoints" / str(update) / "_CHECKPOINT_METADATA").write_text(content)
    words = [f"{update} .*_CHECKPOINT_METADATA is not as it was written" for update in newest]
    with pytest.warns(UserWarning, match=words[0]), pytest.warns(UserWarning, match=words[1]):
        resume(stopped)
    assert_same_run(stopped, whole)


def change_a_digit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"\n") + 20
    content[place] = ord("7") if content[place] != ord("7") else ord("8")
    path.write_bytes(content)


def keep_20_lines(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_suffix(".bak"))
    path.symlink_to(path.with_suffix(".bak"))


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("damage", [change_a_digit, keep_20_lines, link_elsewhere, Path.unlink])
def test_a_log_that_has_changed_is_refused_by_name(damage: Any, name: str, stopped: Path) -> None:
    damage(stopped / name)
    for attempt in (resume, lambda directory: runner.load(DESIGNER, directory=directory)):
        with pytest.raises(ValueError, match=rf"stopped/{name}: .*put it back as it was"):
            attempt(stopped)


@pytest.mark.parametrize(
    "damage", [change_a_digit, Path.unlink, lambda path: path.write_bytes(b"\xff,\n\n")]
)
def test_times_that_were_lost_keep_no_run_from_going_on(
    damage: Any, whole: Path, stopped: Path
) -> None:
    damage(stopped / "timing.csv")
    with pytest.warns(UserWarning, match=r"timing.csv: .*it begins anew at update 36"):
        resume(stopped)
    assert_same_run(stopped, whole)
    times = runner.read_log(stopped / "timing.csv")
    assert (times["update"][0], times["update"][-1]) == (36, 60)
    assert (np.diff(times["seconds"]) >= 0).all()


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("RESOURCE_EXHAUSTED")]
)
def test_a_full_disk_is_told_with_what_is_safe(
    error: Exception, whole: Path, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", full)
        with pytest.raises(runner.DiskFullError, match="update 36 is whole and safe; make room"):
            resume(stopped)
        patch.undo()
        patch.setattr(Log, "append", full)
        with pytest.raises(OSError, match="make room") as caught:
            resume(stopped)
    assert caught.value.errno == errno.ENOSPC
    assert str(stopped) in str(caught.value)
    resume(stopped)
    assert_same_run(stopped, whole)


def test_another_designer_is_refused(stopped: Path) -> None:
    before = (stopped / "metrics.csv").read_bytes()
    for field, value in (("size", 4), ("learning_rate", 0.2)):
        designer = NoisyDescent(**{field: value})
        with pytest.raises(ValueError, match=rf"designer.{field}: got {value}; .*was made with"):
            runner.resume(designer, directory=stopped, evaluate=designer.evaluate)
    with pytest.raises(ValueError, match=r"designer: .*36.*position float32 \[.*3\].*\[.*4\]"):
        runner.load(NoisyDescent(size=4), directory=stopped)
    assert (stopped / "metrics.csv").read_bytes() == before


def test_resume_refuses_what_does_not_fit(stopped: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        resume(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="updates: got 5; .*made 36"):
        resume(stopped, updates=5)
    with pytest.raises(ValueError, match="evaluate: .* was evaluated"):
        runner.resume(DESIGNER, directory=stopped)
    with pytest.raises(ValueError, match="evaluate: got 'test_run_faults:.*<lambda>'"):
        runner.resume(
            DESIGNER, directory=stopped, evaluate=lambda state, key: {"other": state.lowest}
        )


@pytest.mark.parametrize("left", ["plan.json", "metrics.csv", "checkpoints"])
def test_a_run_stopped_before_its_first_checkpoint_begins_anew(
    left: str, whole: Path, tmp_path: Path
) -> None:
    """Whatever it came to write after its plan."""
    directory = tmp_path / "run"
    directory.mkdir()
    for name in ("plan.json", "metrics.csv", "checkpoints"):
        if name == "checkpoints":
            (directory / name / "0.orbax-checkpoint-tmp").mkdir(parents=True)
        else:
            shutil.copy(whole / name, directory)
        if name == left:
            break
    resume(directory)
    assert_same_run(directory, whole)


def test_a_damaged_plan_is_named(whole: Path, tmp_path: Path) -> None:
    for content in ("", "[]", "{}", '{"seeds": 3}', "[" * 100_000, "\x00"):
        (tmp_path / "plan.json").write_text(content)
        with pytest.raises(ValueError, match=r"plan.json: .*start the run again"):
            resume(tmp_path)


@pytest.mark.slow
def test_killed_at_random_moments(whole: Path, tmp_path: Path) -> None:
    """Also while it compiles, and before its first checkpoint."""
    moments = np.random.default_rng(0).uniform(1.0, 8.0, size=10)
    pace = {"updates_per_chunk": 1, "checkpoint_seconds": 0, "sleep": 0.02}
    for moment in moments:
        directory = tmp_path / "run"
        begun = (directory / "plan.json").is_file()
        process = start(*(("resume", directory) if begun else ("run", directory)),
                        **({} if begun else RUN), **pace)  # fmt: skip
        time.sleep(moment)
        process.kill()
        process.wait()
        if directory.is_dir() and not (directory / "plan.json").is_file():
            shutil.rmtree(directory)
    resume(directory)
    assert_same_run(directory, whole)
