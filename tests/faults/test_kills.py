"""A run is killed before operations on its files, and goes on to the same findings."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jaxmech.experiments import timing

PROGRAM = Path(__file__).parent / "killed_study.py"
NEVER = -1


class Processes:
    """Each computes the study of ``killed_study.py`` in a folder, up to a given operation."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, directory: Path, whose: str = "own", kill_at: int = NEVER) -> tuple[int, int]:
        """How it ended, and the operations it came to where it was not killed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(directory), whose, kill_at]) + "\n")
        ended, count = json.loads(self._process.stdout.readline())
        return ended, count

    def end(self) -> None:
        self._process.communicate("")


@pytest.fixture(scope="module")
def processes():
    started = Processes()
    yield started
    started.end()


@pytest.fixture(scope="module")
def whole(processes, tmp_path_factory):
    """The folder of a run that nothing disturbed, and how many operations it took of each kind."""
    directories = [tmp_path_factory.mktemp("whole") / "run" for _ in range(2)]
    counts = {}
    for directory, whose in zip(directories, ("own", "orbax"), strict=True):
        ended, counts[whose] = processes.run(directory, whose)
        assert ended == 0
    return directories[0], counts


def summary(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "summary.json").read_text())
    return {name: value for name, value in found.items() if "seconds" not in name}


def check_killed(processes, whole, directory: Path, whose: str, kill_at: int) -> None:
    ended, _ = processes.run(directory, whose, kill_at)
    assert ended == -signal.SIGKILL, kill_at
    before = finished(directory)
    ended, _ = processes.run(directory)
    assert ended == 0, (whose, kill_at)
    assert summary(directory) == summary(whole), (whose, kill_at)
    for name in ("records.csv", "cells/descent/stages/descent/metrics.csv"):
        assert (directory / name).read_bytes() == (whole / name).read_bytes(), (name, kill_at)
    again = finished(directory) - before
    assert not before & again, (whose, kill_at)


def finished(directory: Path) -> Counter[tuple[str, str, str]]:
    """What the log of work says was finished, and how often."""
    return Counter(
        (folder.name, work.kind, work.name)
        for folder in (directory, directory / "cells/descent")
        for work in timing.read(folder)
        if work.event == "finished"
    )


@pytest.mark.slow
def test_killed_before_operations_of_our_own(processes, whole, tmp_path):
    directory, counts = whole
    # All of them take minutes.
    for kill_at in random.Random(0).sample(range(counts["own"]), 20):
        check_killed(processes, directory, tmp_path / str(kill_at), "own", kill_at)


@pytest.mark.slow
def test_killed_before_operations_of_orbax(processes, whole, tmp_path):
    directory, counts = whole
    for kill_at in random.Random(0).sample(range(counts["orbax"]), 8):
        check_killed(processes, directory, tmp_path / str(kill_at), "orbax", kill_at)
