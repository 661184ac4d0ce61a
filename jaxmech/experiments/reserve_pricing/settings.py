"""The parts that the study of daily reserve prices is configured by, and what they accept.

Nothing here imports jax.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from jaxmech import checks

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

    def check(self) -> None:
        """
        Raises:
          InvalidValueError: a weight cannot be used, or all are 0.
        """
        weights = asdict(self)
        for kind, weight in weights.items():
            checks.number(f"kinds.{kind}", weight, low=0)
        if not sum(weights.values()):
            flags = ", ".join("--kinds." + kind.replace("_", "-") for kind in weights)
            raise checks.InvalidValueError(
                flags, 0, "some must be above 0", got="0 for all", verb=""
            )


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

    def check(self) -> None:
        """
        Raises:
          InvalidValueError: a field cannot be used.
        """
        check_integers("training.", self, keywords=2, held_out_keywords=2, steps=2)
        check_integers("training.", self, held_out_days=1)
        needed = MEMORY + DAYS_IN_A_ROW
        if self.days < self.held_out_days + needed:
            raise checks.InvalidValueError(
                "training.days",
                self.days,
                f"integers from {self.held_out_days + needed}, {needed} more than "
                f"--training.held-out-days ({self.held_out_days})",
            )
        for model in self.models:
            checks.one_of("training.models", model, get_args(WindowModelName))


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

    def check(self) -> None:
        """
        Raises:
          InvalidValueError: a field cannot be used; of the simulations see ``check_simulations``.
        """
        checks.number("search.gamma", self.gamma, low=0, below=1)
        checks.one_of("search.leaf_value", self.leaf_value, get_args(LeafValue))
        checks.one_of("search.backup", self.backup, get_args(Backup))
        check_integers("search.", self, auctions=1, depth=1, held_days=1, patience=1)
        checks.numbers("search.factors", self.factors, above=0)
        checks.numbers("search.larger_factors", self.larger_factors, above=0)
        checks.some("search.factors", self.factors)


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

    def check(self) -> None:
        """
        Raises:
          InvalidValueError: a field cannot be used.
        """
        check_integers("policies.", self, updates=0, rollout_days=1, environments=1)
        if self.environments % 4:
            raise checks.InvalidValueError(
                "policies.environments", self.environments, "multiples of 4"
            )
        checks.number("policies.gamma", self.gamma, low=0, high=1)


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

    def check(self, trained: tuple[WindowModelName, ...]) -> None:
        """
        Args:
          trained: the models beside the LSTM that the study trains.

        Raises:
          InvalidValueError: a field cannot be used; of the simulations see ``check_simulations``.
        """
        check_integers("ablation.", self, keywords=0, days=1)
        if self.keywords == 1:
            raise checks.InvalidValueError("ablation.keywords", 1, "0 and integers from 2")
        for days in self.held_days:
            checks.integer("ablation.held_days", days)
        for model in self.models:
            checks.one_of("ablation.models", model, get_args(ModelName))
        if not self.keywords:
            return
        for depth, _ in self.depth_and_simulations:
            checks.integer("ablation.depth_and_simulations", depth)
        for model in self.models:
            if model not in (*trained, "lstm", "exact"):
                raise checks.InvalidValueError(
                    "ablation.models",
                    model,
                    f"--training.models are {trained}",
                    got=f"{model!r}, which is not trained",
                    verb="",
                )


def check_integers(prefix: str, settings: Any, **lowest: int) -> None:
    """
    Args:
      prefix: of the names of fields in messages.
      settings: a dataclass.
      lowest: that is allowed of each field, by its name.

    Raises:
      InvalidValueError: a field is no integer, or too low.
    """
    for name, low in lowest.items():
        checks.integer(prefix + name, getattr(settings, name), low=low)


def check_simulations(search: SearchSettings, ablation: Ablation, num_bidders: int) -> None:
    """Refuses searches that cannot try every move; how many there are depends on the bidders.

    Raises:
      InvalidValueError: fewer simulations than moves.
    """
    varied = ablation.depth_and_simulations if ablation.keywords else ()
    for name, count, factors in (
        ("search.simulations", search.simulations, "factors"),
        *(("ablation.depth_and_simulations", count, "factors") for _, count in varied),
        ("search.simulations", search.simulations, "larger_factors"),
    ):
        number = len(getattr(search, factors))
        moves = 1 + number * num_bidders
        if number and count < moves:
            flag = "--search." + factors.replace("_", "-")
            raise checks.InvalidValueError(
                name,
                count,
                f"integers from {moves}, the number of moves with "
                f"{counted(num_bidders, 'bidder')} and {number} {flag}",
                got=counted(count, "simulation"),
            )


def counted(count: int, what: str) -> str:
    """A number of things in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
