"""IA(GRU) on a small market of impressions, and a command that runs it, to be killed by the test.

The command is killed after a given update is logged, before it is saved; or once the checkpoint
of a given update is written, before it gets its name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from noisy_descent import Slowed

import jaxmech
from jaxmech import runner
from jaxmech.designers import DDPG
from jaxmech.experiments.impression_allocation.market import GreedyReward
from jaxmech.networks.sellers.allocation import SellerActor, SellerCritic


def small_ddpg() -> DDPG:
    """The replay is full after 16 updates of 4 steps; episodes, of 6, do not end with them."""
    env, params = jaxmech.make(
        "impression_allocation",
        num_sellers=3,
        num_records=2,
        num_rounds=6,
        action_form="shares",
        reputation=0.5,
    )
    return DDPG(
        env,
        params,
        actor=SellerActor(width=4),
        critic=SellerCritic(width=4),
        num_environments=4,
        rollout_length=4,
        gradient_steps=2,
        batch_size=8,
        replay_size=256,
        learning_starts=32,
    )


def killed_before_named(update: int) -> None:
    """From now on the process is killed where the checkpoint of ``update`` is to be renamed."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and os.fspath(arguments[1]).endswith(f"checkpoints/{update}"):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    command = {"run": runner.run, "resume": runner.resume}[asked.pop("command")]
    progress = Slowed(0.0, asked.pop("kill_after", None))
    if "kill_at_saving" in asked:
        killed_before_named(asked.pop("kill_at_saving"))
    ddpg = small_ddpg()
    command(ddpg, evaluate=GreedyReward(ddpg), progress=progress, **asked)
