"""Files written whole, folders that are claimed, logs that are read back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxmech import runner
from jaxmech.runner import files
from jaxmech.runner.files import claim, free_directory, write_whole
from jaxmech.runner.logs import Log


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "günstig")
    assert path.read_text(encoding="utf-8") == "günstig"
    write_whole(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
    (tmp_path / "plain").write_text("")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_stood_there_stands_until_the_new_file_is_whole(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_whole(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    # One that was killed leaves its temporary file, which is no obstacle.
    (tmp_path / f".a.1{files.UNFINISHED}").write_text("ne")
    write_whole(path, "new")
    assert path.read_text() == "new"
    with claim(tmp_path):
        pass
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "lock"]


def test_processes_that_write_the_same_file_leave_one_of_theirs(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from jaxmech.runner.files import write_whole\n"
        "for _ in range(300): write_whole(Path(sys.argv[1]), sys.argv[2] * 1000)"
    )
    path = tmp_path / "report.html"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path), letter]) for letter in "ab"
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert path.read_text() in ("a" * 1000, "b" * 1000)
    assert list(tmp_path.iterdir()) == [path]


def test_links_are_replaced_and_their_targets_left(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    for name in ("report.html", f".report.html.{os.getpid()}{files.UNFINISHED}"):
        (tmp_path / name).symlink_to(target)
    write_whole(tmp_path / "report.html", "page")
    assert (target.read_text(), (tmp_path / "report.html").read_text()) == ("mine", "page")
    assert not (tmp_path / "report.html").is_symlink()


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "a"
    with claim(directory):
        assert directory.is_dir()
        with (
            pytest.raises(ValueError, match=r"directory: got .*a, where another"),
            claim(directory),
        ):
            pass
        with claim(tmp_path / "runs" / "b"):
            pass
    with claim(directory):
        pass


def test_a_killed_process_claims_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from jaxmech.runner.files import claim\n"
        "with claim(Path(sys.argv[1])): print('ready', flush=True); time.sleep(300)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(ValueError, match="another process"), claim(tmp_path):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with claim(tmp_path):
        pass


def test_free_folders_are_made(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    made = [free_directory(runs, "own_values") for _ in range(3)]
    assert [one.name for one in made] == ["own_values-1", "own_values-2", "own_values-3"]
    made[1].rmdir()
    assert free_directory(runs, "own_values") == made[1]
    assert free_directory(runs, "other").is_dir()


def test_logs_read_back(tmp_path: Path) -> None:
    log = Log(tmp_path / "metrics.csv", ("update", "seed", "loss", "done"))
    numbers = np.array([0.1, np.nan, np.inf, -1e-30, 3], np.float32)
    log.append((update, 7, number, update == 2) for update, number in enumerate(numbers))
    with open(tmp_path / "metrics.csv", "a") as file:
        file.write("5,7,0.2")
    columns = runner.read_log(tmp_path / "metrics.csv")
    assert columns["update"].tolist() == [0, 1, 2, 3, 4]
    assert columns["update"].dtype == np.int64
    np.testing.assert_array_equal(columns["loss"].astype(np.float32), numbers)
    assert columns["done"].tolist() == [0, 0, 1, 0, 0]
    assert runner.read_log(tmp_path / "metrics.csv", length=25)["loss"].shape == (0,)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"update,seed\n1,2,3\n", b"update,seed,a\n1,2,x\n", b"update\n1\n2,3\n",
     b"\xff\xfe\n1\n", b"a,b\n\x00,1\n"],
)  # fmt: skip
def test_what_is_no_log_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"metrics.csv: is no log of a run"):
        runner.read_log(tmp_path / "metrics.csv")
