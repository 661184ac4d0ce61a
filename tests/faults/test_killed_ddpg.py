"""DDPG is killed with its replay half full, and goes on as if it had not been."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import chex
import numpy as np
import optax
import pytest
from killed_ddpg import small_ddpg

from jaxmech import runner
from jaxmech.experiments.impression_allocation.market import GreedyReward

SCRIPT = Path(__file__).parent / "killed_ddpg.py"
PLAN = {"seeds": [3, 1], "updates": 20, "evaluate_every": 2}
PACE = {"updates_per_chunk": 2, "checkpoint_seconds": 0}


def killed(command: str, directory: Path, **arguments: Any) -> None:
    arguments = {"command": command, "directory": str(directory), **arguments, **PACE}
    process = subprocess.Popen([sys.executable, str(SCRIPT), json.dumps(arguments)])
    assert process.wait(timeout=240) == -signal.SIGKILL


def last_update(log: Path) -> int:
    return int(log.read_text().splitlines()[-1].partition(",")[0])


@pytest.mark.slow
def test_killed_with_its_replay_half_full_it_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Twice: after a chunk that no checkpoint has, and while a checkpoint is written."""
    designer, directory = small_ddpg(), tmp_path / "killed"
    killed("run", directory, **PLAN, kill_after=10)
    half = runner.load(designer, directory=directory)
    assert (half.updates == 8).all()
    np.testing.assert_array_equal(half.states.replay.num_transitions, 128)
    assert half.states.replay.steps.reward[0].size == 256
    assert last_update(directory / "metrics.csv") == 10
    # Two in each update since the second.
    steps = optax.tree.get(half.states.learned.actor_optimizer, "count")
    np.testing.assert_array_equal(steps, 14)

    killed("resume", directory, kill_at_saving=14)
    assert (directory / "checkpoints" / "14.unfinished" / "files.json").is_file()
    assert (runner.load(designer, directory=directory).updates == 12).all()
    assert last_update(directory / "evaluation.csv") == 14

    evaluate = GreedyReward(designer)
    resumed = runner.resume(designer, directory=directory, evaluate=evaluate)
    whole = runner.run(designer, directory=tmp_path / "whole", evaluate=evaluate, **PLAN)
    # By then the newest transitions have taken the places of the oldest.
    np.testing.assert_array_equal(whole.states.replay.next_row, 16)
    np.testing.assert_array_equal(whole.states.replay.num_transitions, 256)
    assert np.isfinite(whole.metrics["critic_loss"]).all()
    chex.assert_trees_all_equal(resumed.states, whole.states)
    for log in ("metrics.csv", "evaluation.csv"):
        assert (directory / log).read_bytes() == (tmp_path / "whole" / log).read_bytes()
    assert last_update(directory / "evaluation.csv") == 20
