"""Hyper-parameters of proximal policy optimisation: names, defaults, ranges and help.

Defined here alone, for the learner, which inherits them, and for configurations and the command
line, which are read before JAX is imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.designers.hyper_parameter_fields import STATIC, check, number, size

RolloutBy = Literal["step", "episode"]
Architecture = Literal["flat", "symmetric", "recurrent", "symmetric_recurrent"]
ActorSees = Literal["statistic", "agents_left", "nothing"]


@dataclass(frozen=True, kw_only=True)
class PPOHyperParameters:
    """Hyper-parameters of ``jaxmech.designers.PPO``.

    Raises:
      ValueError: a value out of its range, or one that another rules out.
    """

    num_environments: int = size(1024)
    """Environments stepped together in one update."""
    rollout_length: int | None = size(None)
    """Steps of each environment in an update; those of the longest episode where not given."""
    rollout_by: RolloutBy = field(default="step", metadata=STATIC)
    """Reset each environment where its episode ends (step), or start all episodes afresh in each
    update (episode)."""
    num_epochs: int = size(4)
    """Passes over the experience of an update."""
    num_minibatches: int = size(4)
    """Gradient steps in a pass; they divide the environments."""
    hidden: tuple[int, ...] = size((64, 64))
    """Widths of the hidden layers of actor and critic."""
    architecture: Architecture = field(default="flat", metadata=STATIC)
    """One network over the whole observation, or one that treats the agents of a sequential price
    mechanism alike; recurrent ones also carry what they have seen of the episode, which goes with
    the statistic last_visit."""
    memory_width: int = size(32)
    """Numbers that a recurrent network carries from step to step."""
    actor_sees: ActorSees = field(default="statistic", metadata=STATIC)
    """What prices and order of a sequential price mechanism can depend on: with agents_left they
    are static and personalised, with nothing static and anonymous."""
    normalize_observations: bool = field(default=False, metadata=STATIC)
    """Whether to scale observations by their running moments."""
    initial_log_scale: float | None = number(None)
    """Starting value of the log standard deviations. Where not given, 0, but -1 where actions are
    arrays between bounds: with a wider spread much of what is tried is moved to a bound."""
    learning_rate: float = number(1e-3, low=0)
    """Step size at the first update."""
    learning_rate_end: float = number(0.0, low=0)
    """Step size after anneal_updates; linear between."""
    entropy_bonus: float = number(0.0, low=0)
    """Weight of the policy's entropy at the first update."""
    entropy_bonus_end: float = number(0.0, low=0)
    """Weight of the policy's entropy after anneal_updates; linear between."""
    anneal_updates: float | None = number(None, low=1, finite=False)
    """Updates over which step size and entropy bonus change; where not given, an experiment takes
    all of its updates, and the learner by itself leaves both as they are."""
    gamma: float = number(1.0, low=0, high=1)
    """Discount factor."""
    gae_lambda: float = number(0.95, low=0, high=1)
    """Decay of generalised advantage estimation."""
    clip: float = number(0.2, low=0, finite=False)
    """The probability ratio counts up to 1 plus or minus this."""
    value_clip: float = number(math.inf, low=0, finite=False)
    """A new value counts up to this far from the old."""
    value_weight: float = number(0.5, low=0)
    """Weight of the squared error of the value."""
    max_gradient_norm: float = number(0.5, low=0, finite=False)
    """Bound on the norm of a gradient."""
    target_kl: float = number(math.inf, low=0, finite=False)
    """Once the policy has moved this far in an update (estimated Kullback-Leibler divergence), the
    rest of its minibatches change nothing."""
    reward_scale: float | None = number(None)
    """Rewards are multiplied by this for learning, results are not. Where not given, an experiment
    takes one over the highest price, and the learner by itself 1."""

    def __post_init__(self) -> None:
        check(self, fields(PPOHyperParameters))
        for name, choices in (
            ("rollout_by", RolloutBy),
            ("architecture", Architecture),
            ("actor_sees", ActorSees),
        ):
            checks.one_of(name, getattr(self, name), get_args(choices))
        if self.num_environments % self.num_minibatches:
            raise InvalidValueError(
                "num_minibatches",
                self.num_minibatches,
                f"it must divide num_environments ({self.num_environments})",
                verb="",
            )
        if self.architecture.startswith("symmetric") and self.normalize_observations:
            raise InvalidValueError(
                "normalize_observations",
                True,
                f"architecture {self.architecture!r} needs False",
                verb="",
            )
