"""The typed configuration of the study of impression allocation.

Nothing here imports jax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from jaxmech import checks
from jaxmech.designers.ddpg.hyper_parameters import DDPGHyperParameters
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments.study import DESCRIPTION, NamedStudy, is_as_registered
from jaxmech.naming import lookup

if TYPE_CHECKING:
    from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

SellerMix = Literal["resampling", "learning"]
Exploration = Literal["strategic", "realistic"]
LearnerName = Literal["ia_gru", "ddpg", "dense", "no_background", "not_additive", "ppo"]


@dataclass(frozen=True)
class Market:
    """Who sells, who buys, and what the platform sees."""

    reputation: float = 0.25
    """By how much of a price the most trusted seller may charge more."""
    appeal_spread: float = 0.0
    """How far what a seller offers may be worth more or less than others', which the platform is
    not told."""
    prices_shown: bool = True
    """Whether the platform sees the prices of a round before it allocates."""
    sellers: SellerMix = "resampling"
    """Sellers who draw from their last prices and improve on them, or equally many of four kinds
    that learn on a grid of prices, one kind after the other."""
    exploration: Exploration = "strategic"
    """How often sellers seek what earns more: all with the same probability, or the more often
    the later they stand, as retailers do; see ``realistic_exploration``."""

    def __post_init__(self) -> None:
        checks.number("reputation", self.reputation, low=0)
        checks.number("appeal_spread", self.appeal_spread, low=0, below=1)
        checks.one_of("prices_shown", self.prices_shown, (False, True))
        checks.one_of("sellers", self.sellers, get_args(SellerMix))
        checks.one_of("exploration", self.exploration, get_args(Exploration))

    def build(
        self, num_sellers: int, num_records: int, num_rounds: int
    ) -> tuple[ImpressionAllocation, ImpressionAllocationParams]:
        """The environment and its parameters."""
        from jaxmech.agents.sellers.population import (
            ON_A_GRID,
            STRATEGIC_EXPLORATION,
            realistic_exploration,
        )
        from jaxmech.environments.impression_allocation import make

        kinds: Sequence[Any] = ("resampling",) if self.sellers == "resampling" else ON_A_GRID
        return make(
            [kinds[seller % len(kinds)] for seller in range(num_sellers)],
            num_records=num_records,
            num_rounds=num_rounds,
            action_form="shares",
            prices_shown=self.prices_shown,
            reputation=self.reputation,
            appeal_spread=self.appeal_spread,
            exploration=(
                STRATEGIC_EXPLORATION
                if self.exploration == "strategic"
                else realistic_exploration(num_sellers)
            ),
        )


MARKETS: dict[str, Market] = {
    "no_reputation": Market(reputation=0.0),
    "usual_reputation": Market(reputation=0.081),
    "reputation": Market(reputation=0.25),
    "strong_reputation": Market(reputation=0.5),
    "realistic_sellers": Market(reputation=0.25, exploration="realistic"),
    "hidden_appeal": Market(reputation=0.25, appeal_spread=0.3),
    "hidden_appeal_alone": Market(reputation=0.0, appeal_spread=0.3),
    "withheld_prices": Market(reputation=0.25, prices_shown=False),
    "withheld_prices_alone": Market(reputation=0.0, prices_shown=False),
    "learning_sellers": Market(reputation=0.25, sellers="learning"),
    "learning_sellers_alone": Market(reputation=0.0, sellers="learning"),
}
"""What is compared; ``_alone`` is without reputation. In the first of them what earns most in a
round is known, and nothing is left to learn."""


LEARNING = DDPGHyperParameters(
    num_environments=8,
    rollout_length=8,
    gradient_steps=16,
    batch_size=32,
    replay_size=20_000,
    learning_starts=1000,
    hidden=(64, 64),
    gamma=0.9,
    exploration_noise=1.0,
    actor_learning_rate=3e-4,
    target_rate=0.02,
)
"""Of IA(GRU); chosen for it in a market of strong reputation, on one of the study's own seeds.

With noise of .3 and a target rate of .005 most seeds learn as much, and some fall back.
"""

DENSE_LEARNING = replace(LEARNING, hidden=(400, 300), gamma=0.2, actor_learning_rate=1e-3)
"""Of DDPG; chosen for it in markets of strong reputation and of hidden appeal, on a seed that is
none of the study's. With those of IA(GRU) it learned less in both."""


@dataclass(frozen=True)
class Comparison(NamedStudy):
    """What is compared in each market, and at what expense."""

    sellers: int = 50
    """Sellers in each population."""
    records: int = 5
    """Rounds that are remembered."""
    rounds: int = 100
    """Rounds of an episode, over which rewards are averaged."""
    learners: tuple[LearnerName, ...] = ("ia_gru", "ddpg")
    """Who learns: IA(GRU); DDPG of two dense layers; IA with a dense layer in place of the GRU,
    without the background, or without the sum over sellers; PPO with a network over sellers."""
    updates: int = 250
    """Iterations of each learner."""
    seeds: int = 6
    """How many times each learns, independently."""
    first_seed: int = 0
    """The first of the seeds."""
    evaluation_episodes: int = 128
    """Fresh episodes for each seed, on which what it learned and each baseline is evaluated."""
    ia: DDPGHyperParameters = LEARNING
    """Of IA(GRU) and its variants, which are trained by deterministic policy gradients too."""
    ddpg: DDPGHyperParameters = DENSE_LEARNING
    """Of DDPG of two dense layers."""
    ppo: PPOHyperParameters = field(
        default_factory=lambda: PPOHyperParameters(
            num_environments=32, rollout_length=25, gamma=0.9, learning_rate=1e-3
        )
    )
    """Of PPO."""

    def __post_init__(self) -> None:
        for name in ("sellers", "records", "rounds", "updates", "seeds"):
            checks.integer(name, getattr(self, name))
        checks.integer("first_seed", self.first_seed, low=0)
        checks.integer("evaluation_episodes", self.evaluation_episodes, low=2)
        _check_names("learners", self.learners, dict.fromkeys(get_args(LearnerName)))
        for name in self.learners:
            length = self._rollout_length(name)
            if self.updates * length < self.rounds:
                raise checks.InvalidValueError(
                    "updates",
                    self.updates,
                    f"so many that an episode of {self.rounds} rounds ends; an update of {name} "
                    f"has {length} of them",
                )

    def _rollout_length(self, learner: LearnerName) -> int:
        length = self._of(learner).rollout_length
        return self.rounds if length is None else length

    def _of(self, learner: LearnerName) -> DDPGHyperParameters | PPOHyperParameters:
        match learner:
            case "ppo":
                return self.ppo
            case "ddpg":
                return self.ddpg
            case _:
                return self.ia

    def steps_of(self, learner: LearnerName) -> int:
        """Steps of the environment that a learner makes in training."""
        return self.updates * self._of(learner).num_environments * self._rollout_length(learner)

    @property
    def training_episodes(self) -> int:
        """Episodes that IA(GRU) sees in training."""
        return max(1, self.steps_of("ia_gru") // self.rounds)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        return tuple(range(self.first_seed, self.first_seed + self.seeds))


@dataclass(frozen=True)
class MarketStudy(Comparison):
    """Allocations that are learned in one market, beside those that are not."""

    market: Market = field(default_factory=Market)
    """Who sells, who buys, and what the platform sees."""

    def build(self) -> tuple[ImpressionAllocation, ImpressionAllocationParams]:
        """The environment and its parameters."""
        return self.market.build(self.sellers, self.records, self.rounds)

    def compute(self, workspace: Workspace) -> Findings:
        """Each learner trained, and all of them played on the same fresh episodes."""
        from jaxmech.experiments.impression_allocation.market import compute

        return compute(self, workspace)


@dataclass(frozen=True)
class ImpressionAllocationStudy(Comparison):
    """A platform that learns to divide its buyers among sellers, in several markets."""

    markets: tuple[str, ...] = tuple(MARKETS)
    """Which markets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_names("markets", self.markets, MARKETS)

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, at whatever expense."""
        return is_as_registered(self, free=("updates", "evaluation_episodes"))

    def studies(self) -> dict[str, MarketStudy]:
        """The study of each market, by its name."""
        return {name: _study_of(self, MARKETS[name]) for name in self.markets}

    def compute(self, workspace: Workspace) -> Findings:
        """Each market in a cell, and all of them side by side."""
        from jaxmech.experiments.impression_allocation.side_by_side import compute

        return compute(self, workspace)


@dataclass(frozen=True)
class ManySellersStudy(Comparison):
    """One market of ever more sellers, and what was learned among few of them played among many."""

    market: Market = field(default_factory=lambda: Market(reputation=0.5))
    """Who sells, who buys, and what the platform sees."""
    more_sellers: tuple[int, ...] = (200, 1000)
    """Sellers of the larger populations."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.some("more_sellers", self.more_sellers)
        for number in self.more_sellers:
            checks.integer("more_sellers", number, low=self.sellers + 1)
        checks.distinct("more_sellers", self.more_sellers)
        if self.learners[0] == "ddpg":
            allowed = (
                "another first learner: the layers of DDPG are as wide as its sellers are many"
            )
            raise checks.InvalidValueError("learners", self.learners, allowed)

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, at whatever expense."""
        return is_as_registered(self, free=("updates", "evaluation_episodes"))

    def studies(self) -> dict[int, MarketStudy]:
        """The study of each population, by the number of its sellers."""
        return {
            number: replace(_study_of(self, self.market), sellers=number)
            for number in (self.sellers, *self.more_sellers)
        }

    def compute(self, workspace: Workspace) -> Findings:
        """Each population in a cell, and the first learner carried from the first to the others."""
        from jaxmech.experiments.impression_allocation.many_sellers import compute

        return compute(self, workspace)


def _check_names(field: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    checks.some(field, names)
    for name in names:
        lookup(field, name, known)
    checks.distinct(field, names)


def _study_of(comparison: Comparison, market: Market) -> MarketStudy:
    """What ``comparison`` asks, of one market."""
    shared = {
        one.name: getattr(comparison, one.name)
        for one in fields(Comparison)
        if one.name not in DESCRIPTION
    }
    return replace(IMPRESSION_MARKET, **shared, market=market)


IMPRESSION_MARKET = MarketStudy(
    name="impression_market",
    summary="impressions divided among the sellers of one market, learned and myopic",
    reproduces="",
)

IMPRESSION_ALLOCATION = ImpressionAllocationStudy(
    name="tang2017/impression_allocation",
    summary="impressions divided among sellers by IA(GRU) and DDPG, beside myopic allocations",
    reproduces="Tang 2017, Figure 1: IA(GRU) beside DDPG, in training and in testing",
)

MANY_SELLERS = ManySellersStudy(
    name="many_sellers",
    summary="IA(GRU) and DDPG with ever more sellers, and IA(GRU) carried from few to many",
    reproduces="",
    # An observation of 1,000 sellers has 88 kB, so a replay 0.44 GB of each seed.
    ia=replace(LEARNING, replay_size=5_000),
    ddpg=replace(DENSE_LEARNING, replay_size=5_000),
)

STUDIES = {study.name: study for study in (IMPRESSION_ALLOCATION, IMPRESSION_MARKET, MANY_SELLERS)}
"""Registered under their names."""
