"""A tiny PPO on sequential prices, and a command that runs it, to be killed by the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from noisy_descent import Slowed

import jaxmech
from jaxmech import runner
from jaxmech.designers import PPO


def tiny_ppo() -> PPO:
    """Rollouts of four steps of episodes of up to three: most iterations end within one."""
    env, params = jaxmech.make("sequential_price", setting="two_worlds", num_agents=3)
    return PPO(
        env,
        params,
        num_environments=16,
        rollout_length=4,
        rollout_by="step",
        hidden=(8,),
        normalize_observations=True,
    )


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    assert arguments.pop("command") == "run"
    progress = Slowed(0.0, arguments.pop("kill_at"))
    runner.run(tiny_ppo(), progress=progress, **arguments)
