"""The parts that the study of daily reserve prices is configured by.

Nothing here imports jax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

LeafValue = Literal["none", "held", "held_forever"]
Backup = Literal["mean", "max", "sarsa_lambda"]
Start = Literal["initial", "model"]
WindowModelName = Literal["persistence", "linear", "mlp"]
ModelName = Literal[WindowModelName, "lstm", "exact"]

MEMORY = 28
"""Days that the search engine keeps, and the recurrent bidder model reads."""

WINDOW = 7
"""The last days, which the other bidder models read."""

DAYS_IN_A_ROW = 24
"""Days predicted from one another while a bidder model is trained."""


@dataclass(frozen=True)
class BidderKinds:
    """Weights of the kinds of bidders; each bidder's kind is drawn independently."""

    inactive: float = 0.25
    """Keep their bid most days."""
    quantal_response: float = 0.25
    """Choose a slot at yesterday's prices by logit."""
    best_response: float = 0.25
    """Choose the best slot at yesterday's prices."""
    kpi_target: float = 0.25
    """Move their bid towards the one that gets them so many clicks."""


@dataclass(frozen=True)
class ModelTraining:
    """How bidder models are trained, on simulated logs of other keywords."""

    keywords: int = 2048
    """Keywords in the logs."""
    held_out_keywords: int = 256
    """Further keywords, on whose later days the models are compared."""
    days: int = 100
    """Days of each keyword."""
    held_out_days: int = 30
    """Days at the end that are kept for the comparison."""
    steps: int = 4000
    """Gradient steps of each model."""
    models: tuple[WindowModelName, ...] = ("persistence", "linear", "mlp")
    """What the LSTM is compared with."""


@dataclass(frozen=True)
class SearchSettings:
    """How reserves are planned."""

    depth: int = 5
    """Moves looked ahead."""
    simulations: int = 64
    """Moves simulated for the decision of a day."""
    held_days: int = 6
    """Simulated days after each move, whose mean revenue counts; what is played is one day."""
    patience: int = 30
    """The same for patient GREEDY."""
    gamma: float = 0.95
    """Discount factor of a move."""
    leaf_value: LeafValue = "held"
    """What comes after a plan: nothing, what its last move earns until --depth, or for ever."""
    backup: Backup = "max"
    """What a move's value is made of."""
    auctions: int = 32
    """Auctions that stand for a day on the learned model."""
    factors: tuple[float, ...] = (0.95, 1.05)
    """What a move may multiply one bidder's reserve by."""
    larger_factors: tuple[float, ...] = (0.5, 0.8, 0.95, 1.05, 1.25, 2.0)
    """The same where moves are larger: in one further scheme, and in the ablation. None to leave
    both out."""

    @property
    def with_larger_moves(self) -> SearchSettings:
        """The same search with ``larger_factors``."""
        return replace(self, factors=self.larger_factors)


@dataclass(frozen=True)
class LearnedPolicies:
    """How PPO and policy gradient are trained, in the simulator, on other keywords."""

    updates: int = 200
    """Iterations; 0 to leave both out."""
    environments: int = 64
    """Keywords learned from at once."""
    rollout_days: int = 32
    """Days of each per iteration."""
    gamma: float = 0.95
    """Discount factor of a day."""


@dataclass(frozen=True)
class Ablation:
    """What is varied one at a time around the tree search, on fewer keywords and days."""

    keywords: int = 12
    """Keywords, the first of those compared, all of them where they are fewer; 0 for no
    ablation."""
    days: int = 90
    """Days of each, all of them where they are fewer."""
    depth_and_simulations: tuple[tuple[int, int], ...] = ((1, 16), (2, 64), (5, 256))
    """Moves looked ahead, and moves simulated for a decision: deeper trees need more."""
    held_days: tuple[int, ...] = (1, 6, 15)
    """Simulated days after each move."""
    models: tuple[ModelName, ...] = ("persistence", "linear", "mlp", "lstm", "exact")
    """What is planned on; exact is the environment itself."""
