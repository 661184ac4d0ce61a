"""Mechanisms that are designed by a process that is killed are designed to the end by another."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from killed_designing import KILL_AT, STUDY
from small_incentives import computed, files_of

PROGRAM = Path(__file__).parent / "killed_designing.py"


@pytest.mark.slow
def test_killed_between_checkpoints_of_a_two_timescale_designer(tmp_path):
    directory, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.run([sys.executable, str(PROGRAM), str(directory)], check=False)
    assert process.returncode == -signal.SIGKILL
    (stage,) = (directory / "stages").iterdir()
    checkpoints = {
        int(path.name) for path in (stage / "checkpoints").iterdir() if path.name.isdigit()
    }
    assert checkpoints and max(checkpoints) < KILL_AT
    assert len((stage / "metrics.csv").read_bytes().splitlines()) > 1 + 2 * max(checkpoints)
    assert not (directory / "summary.json").exists()
    computed(STUDY, directory)
    computed(STUDY, whole)
    assert files_of(directory) == files_of(whole)
    for name in ("metrics.csv", "evaluation.csv"):
        logs = [folder / "stages" / stage.name / name for folder in (directory, whole)]
        assert logs[0].read_bytes() == logs[1].read_bytes()
