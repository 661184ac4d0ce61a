"""A study of incentives, and a command that computes it, to be killed while it trains."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from noisy_descent import Slowed
from small_incentives import SMALLEST, computed

from jaxmech import runner

STUDY = replace(SMALLEST["incentives/matrix_games"], games=("stag_hunt",), updates=5)
KILL_AT = 3


def run_and_be_killed(run_or_resume, designer, *, progress, **options):
    """A checkpoint follows every update but the one after which the process is killed."""
    pace = {"updates_per_chunk": 1, "checkpoint_seconds": 0}
    return run_or_resume(designer, progress=Slowed(0.0, KILL_AT), **options, **pace)


if __name__ == "__main__":
    runner.run_or_resume = partial(run_and_be_killed, runner.run_or_resume)
    computed(STUDY, Path(sys.argv[1]))
