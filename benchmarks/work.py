"""The work that every contender does, and what it answers with.

Setting ``correlated`` at delta 0, statistic ``prices``, reward welfare less the offline
optimum at the end of an episode; actor and critic with two hidden layers of 64, tanh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

HIDDEN = (64, 64)
NUM_EPOCHS = 4
NUM_MINIBATCHES = 4
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Work:
    """The size of the problem.

    Attributes:
      num_agents, num_units: of the setting.
      num_environments: stepped together, where a contender is vectorised.
      updates_per_run: PPO iterations in one run of a compiled contender.
      python_rollout_length: steps of each of the 8 Python environments per iteration of
        Stable-Baselines3; the paper's library made 128.
      torch_threads: threads torch may use; None takes the faster of 1 and its default.
      seed: of training.
    """

    num_agents: int = 20
    num_units: int = 5
    num_environments: int = 1024
    updates_per_run: int = 5
    python_rollout_length: int = 128
    torch_threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_environments < 1 or self.num_environments % NUM_MINIBATCHES:
            raise ValueError(
                f"num_environments: got {self.num_environments}; "
                f"allowed are positive multiples of {NUM_MINIBATCHES}"
            )

    @property
    def rows(self) -> int:
        """Transitions in a rollout: a longest episode of every environment."""
        return self.num_agents * self.num_environments

    @property
    def minibatch_rows(self) -> int:
        return self.rows // NUM_MINIBATCHES

    @property
    def num_features(self) -> int:
        return 3 * self.num_agents + 1


class Ran(NamedTuple):
    """One run.

    Attributes:
      steps: environment steps inside episodes (or what else the contender counts).
      rows: transitions the learner processed, those after an episode's end included.
      checksum: of all results.
    """

    steps: float
    rows: float
    checksum: float


@dataclass
class Contender:
    """Something to time.

    Attributes:
      run: one repetition. It waits for its result, and its checksum depends on all of that,
        so that no compiler can leave work out.
      act: for trainers, the deterministic policy so far: observations float
        [batch, features] to actions float [batch, agents + 1].
      updates_per_run: PPO iterations, or their parts, in a run; 0 where it has none.
      compile_seconds: spent on compiling ahead of the first run; 0 where nothing is compiled.
      note: what to tell the reader of the machine it used.
      compiled_bytes: what a compiled run holds at its peak, by the compiler; 0 where not asked.
    """

    run: Callable[[], Ran]
    act: Callable[[np.ndarray], np.ndarray] | None = None
    updates_per_run: int = 0
    compile_seconds: float = 0.0
    note: str = ""
    compiled_bytes: float = 0.0


def make_environment(work: Work) -> tuple[Any, Any]:
    """The JAX environment and its parameters."""
    import jaxmech

    return jaxmech.make(
        "sequential_price",
        setting="correlated",
        num_agents=work.num_agents,
        num_items=work.num_units,
        delta=0.0,
        statistic="prices",
        subtract_offline_optimum=True,
    )
