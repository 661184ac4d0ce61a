"""Hyper-parameters of deep deterministic policy gradients: names, defaults, ranges and help.

Defined here alone, for the learner, which inherits them, and for configurations and the command
line, which are read before JAX is imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from jaxmech.checks import InvalidValueError
from jaxmech.designers.hyper_parameter_fields import check, number, size


@dataclass(frozen=True, kw_only=True)
class DDPGHyperParameters:
    """Hyper-parameters of ``jaxmech.designers.DDPG``.

    Raises:
      ValueError: a value out of its range, or one that another rules out.
    """

    num_environments: int = size(8)
    """Environments stepped together in one update."""
    rollout_length: int = size(8)
    """Steps of each environment in an update."""
    gradient_steps: int = size(64)
    """Gradient steps of critic and actor in an update."""
    batch_size: int = size(64)
    """Transitions drawn for a gradient step."""
    replay_size: int = size(100_000)
    """Transitions kept, over all environments, rounded down to whole rollouts; then the newest take
    the places of the oldest."""
    learning_starts: int = size(1000)
    """Transitions made before the first gradient step; until then actions are drawn at random."""
    hidden: tuple[int, ...] = size((400, 300))
    """Widths of the hidden layers of actor and critic."""
    gamma: float = number(0.99, low=0, high=1)
    """Discount factor."""
    actor_learning_rate: float = number(1e-4, low=0)
    """Step size of the actor."""
    critic_learning_rate: float = number(1e-3, low=0)
    """Step size of the critic."""
    target_rate: float = number(1e-3, low=0, high=1)
    """How far target networks move towards the learned ones after a gradient step."""
    exploration_noise: float = number(0.1, low=0)
    """Standard deviation of the noise in training: of actions between bounds as a share of half
    their range, of shares in their scores."""
    max_gradient_norm: float = number(math.inf, low=0, finite=False)
    """Bound on the norm of a gradient, of the actor's and of the critic's."""
    reward_scale: float = number(1.0)
    """Rewards are multiplied by this for learning, results are not."""

    def __post_init__(self) -> None:
        check(self, fields(DDPGHyperParameters))
        rollout = self.num_environments * self.rollout_length
        if self.replay_size < 2 * rollout:
            raise InvalidValueError(
                "replay_size",
                self.replay_size,
                (
                    f"{2 * rollout}, two rollouts of {self.num_environments} environments times "
                    f"{self.rollout_length} steps"
                ),
                verb="needed are at least",
            )
        kept = self.replay_size // rollout * rollout
        if self.learning_starts > kept:
            raise InvalidValueError(
                "learning_starts",
                self.learning_starts,
                f"integers up to the transitions kept, {kept}: replay_size in whole rollouts",
            )
