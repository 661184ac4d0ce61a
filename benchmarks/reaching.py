"""How long a trainer needs until its mechanism is good enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from work import Contender, Work

EPISODES = 10_000
INTERVAL = 1.05
"""Evaluations come each time the training time, without compilation, has grown by this
factor, or a run later: the time found is at most so much too long, whoever trains."""


def expected_offline_optimum(work: Work) -> float:
    """Mean sum of the highest values: order statistics of iid U[0, 1]."""
    winners = min(work.num_units, work.num_agents)
    places = np.arange(work.num_agents, work.num_agents - winners, -1)
    return float(np.sum(places / (work.num_agents + 1)))


def mean_welfare(act: Callable[[np.ndarray], np.ndarray], work: Work, seed: int) -> float:
    """Mean welfare of a policy over fresh episodes of the NumPy environment.

    The shortfall from the episode's offline optimum is averaged and the optimum's known
    mean added: far less noise than the mean of welfare itself.
    """
    from numpy_sequential_price import SequentialPriceVectorEnv

    env = SequentialPriceVectorEnv(EPISODES, work.num_agents, work.num_units)
    observations, _ = env.reset(seed=seed)
    shortfall = np.zeros(EPISODES)
    live = np.ones(EPISODES, bool)
    while live.any():
        observations, rewards, terminated, _, _ = env.step(act(observations))
        shortfall += np.where(live, rewards, 0)
        live &= ~terminated
    return expected_offline_optimum(work) + float(shortfall.mean())


@dataclass(frozen=True)
class Reached:
    """How training went.

    Attributes:
      reached: whether the mean welfare at the end was at least the target.
      compilation: seconds of compiling ahead of the first run; 0 where nothing is compiled.
      training: seconds of all runs, the first included, evaluation not.
      steps: inside episodes, after the first run.
      welfare: mean welfare of the deterministic policy at the end.
    """

    reached: bool
    compilation: float
    training: float
    steps: float
    welfare: float

    @property
    def seconds(self) -> float:
        """From an empty compilation cache."""
        return self.compilation + self.training


def reach(subject: Contender, work: Work, first: float, target: float, cap: float) -> Reached:
    """Trains on until the deterministic policy's mean welfare is at least ``target``.

    Args:
      first: seconds the first run took, which has been made.
      cap: longest training time, in seconds, compilation not included.
    """
    assert subject.act is not None
    training, steps, evaluations = first, 0.0, 0
    while True:
        welfare = mean_welfare(subject.act, work, seed=1_000_000 + evaluations)
        evaluations += 1
        if welfare >= target or training >= cap:
            return Reached(welfare >= target, subject.compile_seconds, training, steps, welfare)
        pause_at = min(cap, INTERVAL * training)
        while training < pause_at:
            start = time.perf_counter()
            steps += subject.run().steps
            training += time.perf_counter() - start
