"""The typed configuration of the study of daily reserve prices.

Nothing here imports jax.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, get_args

import tyro

from jaxmech.experiments.reserve_pricing.settings import (
    DAYS_IN_A_ROW,
    MEMORY,
    Ablation,
    Backup,
    BidderKinds,
    LeafValue,
    LearnedPolicies,
    ModelName,
    ModelTraining,
    SearchSettings,
    Start,
    WindowModelName,
)


@dataclass(frozen=True)
class ReservePricingStudy:
    """Schemes that set the reserves of keywords whose bidders react, compared day by day."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the experiment is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: what is computed."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces."""

    keywords: int = 40
    """Keywords, the same for all schemes; of --bids no more than are not learned on."""
    days: int = 240
    """Days of each."""
    last_days: int = 60
    """Days at the end that stand for convergence."""
    bidders: int | None = None
    """Bidders on a keyword; where not given 3, or as many as --bids has."""
    slots: int = 3
    """Slots of an auction."""
    click_rates: tuple[float, ...] | None = None
    """Click probability of each slot at quality 1, from the first down; by default 1.428 ** -slot,
    after Lahaie and Pennock (2007)."""
    bins: int = 50
    """Bins of bids in the history, and in what bidder models predict."""
    bids: str | None = None
    """Your own bids, taken for values: a CSV or Parquet file with columns keyword, bidder and bid,
    with a row for each bidder of each keyword. By default values are log-normal."""
    keyword_column: str = "keyword"
    """Column of --bids that holds keywords."""
    bidder_column: str = "bidder"
    """Column of --bids that holds bidders."""
    bid_column: str = "bid"
    """Column of --bids that holds bids."""
    quality_column: str | None = None
    """Column of --bids that holds qualities; by default these are Beta(2.71, 25.43)."""
    relative: bool = False
    """Measure the bids of each keyword of --bids in the median of its positive ones."""
    deployed_reserve: float = 0.15
    """In force before the first day, as a share of the median value."""
    kinds: BidderKinds = field(default_factory=BidderKinds)
    inactive_activity: float = 0.02
    """Daily probability that an inactive bidder reconsiders its bid."""
    start: Start = "initial"
    """Static reserves from which GREEDY and tree search start where they are named so: the best on
    the initial bids, or on the bidder model."""
    reserve_levels: int = 32
    """Levels that static reserves are chosen from, besides 0."""
    training: ModelTraining = field(default_factory=ModelTraining)
    search: SearchSettings = field(default_factory=SearchSettings)
    policies: LearnedPolicies = field(default_factory=LearnedPolicies)
    ablation: Ablation = field(default_factory=Ablation)
    exact: bool = True
    """Also play patient GREEDY on the simulator itself, to tell the bidder model's errors apart."""
    never_react: bool = True
    """Repeat the comparison where no bidder ever reacts."""
    seed: int = 0
    """Of all draws."""

    def __post_init__(self) -> None:
        for name, lowest in (("keywords", 2), ("days", 1), ("last_days", 1), ("slots", 1)):
            _integer_from(name, lowest, getattr(self, name))
        _integer_from("bins", 3, self.bins)
        _integer_from("reserve_levels", 2, self.reserve_levels)
        _integer_from("seed", 0, self.seed)
        if self.last_days > self.days:
            raise ValueError(
                f"last_days: got {self.last_days}; allowed are integers up to --days, {self.days}"
            )
        if self.bidders is not None:
            _integer_from("bidders", 1, self.bidders)
        if self.slots > self.num_bidders and self.bids is None:
            raise ValueError(
                f"slots: got {self.slots}; allowed are integers up to the number of bidders, "
                f"{self.num_bidders}"
            )
        _number("deployed_reserve", self.deployed_reserve, 0, 1)
        _number("inactive_activity", self.inactive_activity, 0, 1)
        weights = asdict(self.kinds)
        for kind, weight in weights.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"kinds.{kind}: got {weight}; allowed are finite numbers from 0")
        if not sum(weights.values()):
            flags = ", ".join("--kinds." + kind.replace("_", "-") for kind in weights)
            raise ValueError(f"{flags}: got 0 for all; some must be above 0")
        self._check_click_rates()
        self._check_bids()
        self._check_training()
        self._check_planning()

    def _check_click_rates(self) -> None:
        rates = self.click_rates
        if rates is None:
            return
        if len(rates) != self.slots:
            raise ValueError(
                f"click_rates: got {len(rates)}; needed is one for each of --slots, {self.slots}"
            )
        never_rise = all(high >= low for high, low in zip((1, *rates), (*rates, 0), strict=True))
        if not (never_rise and rates[0] > 0):
            raise ValueError(
                f"click_rates: got {rates}; allowed are numbers from 0 to 1 that never rise, the "
                "first above 0"
            )

    def _check_bids(self) -> None:
        if self.bids is None:
            for column in ("keyword_column", "bidder_column", "bid_column", "quality_column"):
                named = getattr(self, column)
                if named != getattr(ReservePricingStudy, column):
                    raise ValueError(
                        f"{column}: got {named!r} without --bids; it names a column of theirs"
                    )
            if self.relative:
                raise ValueError(
                    "relative: got True without --bids; it says what their bids are measured in"
                )
            return
        if self.bidders is not None:
            raise ValueError(
                f"bidders: got {self.bidders} with --bids; allowed is nothing, as they say how many"
            )
        if not Path(self.bids).is_file():
            raise ValueError(f"bids: got {self.bids}; there is no such file")

    def _check_training(self) -> None:
        training = self.training
        for name in ("keywords", "held_out_keywords", "steps"):
            _integer_from(f"training.{name}", 2, getattr(training, name))
        _integer_from("training.held_out_days", 1, training.held_out_days)
        needed = MEMORY + DAYS_IN_A_ROW
        if training.days < training.held_out_days + needed:
            raise ValueError(
                f"training.days: got {training.days}; allowed are integers from "
                f"{training.held_out_days + needed}, {needed} more than --training.held-out-days "
                f"({training.held_out_days})"
            )
        _known("training.models", training.models, WindowModelName)
        _integer_from("policies.updates", 0, self.policies.updates)
        for name in ("environments", "rollout_days"):
            _integer_from(f"policies.{name}", 1, getattr(self.policies, name))
        if self.policies.environments % 4:
            raise ValueError(
                f"policies.environments: got {self.policies.environments}; allowed are multiples "
                "of 4"
            )
        _number("policies.gamma", self.policies.gamma, 0, 1)

    def _check_planning(self) -> None:
        search, ablation = self.search, self.ablation
        _integer_from("search.auctions", 1, search.auctions)
        if not 0 <= search.gamma < 1:
            raise ValueError(
                f"search.gamma: got {search.gamma}; allowed are numbers from 0 to below 1"
            )
        for name, allowed in (("leaf_value", LeafValue), ("backup", Backup)):
            if getattr(search, name) not in get_args(allowed):
                raise ValueError(
                    f"search.{name}: got {getattr(search, name)!r}; allowed are {get_args(allowed)}"
                )
        for name, numbers in (
            ("search.depth", (search.depth,)),
            ("search.held_days", (search.held_days,)),
            ("search.patience", (search.patience,)),
            ("ablation.depth_and_simulations", [depth for depth, _ in self._depths_varied]),
            ("ablation.held_days", ablation.held_days),
            ("ablation.days", (ablation.days,)),
        ):
            for number in numbers:
                _integer_from(name, 1, number)
        for name, factors in (
            ("search.factors", search.factors),
            ("search.larger_factors", search.larger_factors),
        ):
            if not all(0 < factor < math.inf for factor in factors):
                raise ValueError(f"{name}: got {factors}; allowed are finite numbers above 0")
        if not search.factors:
            raise ValueError("search.factors: got none; needed is at least one")
        if ablation.keywords == 1:
            raise ValueError("ablation.keywords: got 1; allowed are 0 and integers from 2")
        _integer_from("ablation.keywords", 0, ablation.keywords)
        _known("ablation.models", ablation.models, ModelName)
        for model in ablation.models if ablation.keywords else ():
            if model not in (*self.training.models, "lstm", "exact"):
                raise ValueError(
                    f"ablation.models: got {model!r}, which is not trained; --training.models are "
                    f"{self.training.models}"
                )
        self.check_simulations(1 if self.bids is not None else self.num_bidders)

    def check_simulations(self, num_bidders: int) -> None:
        """Refuses searches that cannot try every move; how many there are, bids may have to tell.

        Raises:
          ValueError: fewer simulations than moves.
        """
        search = self.search
        for name, counts, factors in (
            ("search.simulations", [search.simulations], "factors"),
            (
                "ablation.depth_and_simulations",
                [count for _, count in self._depths_varied],
                "factors",
            ),
            ("search.simulations", [search.simulations], "larger_factors"),
        ):
            number = len(getattr(search, factors))
            moves = 1 + number * num_bidders
            for count in counts if number else ():
                if count < moves:
                    flag = "--search." + factors.replace("_", "-")
                    raise ValueError(
                        f"{name}: got {_counted(count, 'simulation')}; allowed are integers from "
                        f"{moves}, the number of moves with {_counted(num_bidders, 'bidder')} and "
                        f"{number} {flag}"
                    )

    @property
    def _depths_varied(self) -> tuple[tuple[int, int], ...]:
        return self.ablation.depth_and_simulations if self.ablation.keywords else ()

    @property
    def num_bidders(self) -> int:
        """Where there is no file of bids."""
        return 3 if self.bidders is None else self.bidders

    def resolved(self) -> ReservePricingStudy:
        """The same experiment, with the whole path of the file of bids."""
        return self if self.bids is None else replace(self, bids=str(Path(self.bids).absolute()))

    @property
    def title(self) -> str:
        return self.name if self.bids is None else f"{self.name}: {Path(self.bids).name}"


def _integer_from(name: str, lowest: int, number: Any) -> None:
    if not isinstance(number, int) or number < lowest:
        raise ValueError(f"{name}: got {number}; allowed are integers from {lowest}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _known(name: str, values: tuple[str, ...], allowed: Any) -> None:
    for value in values:
        if value not in get_args(allowed):
            raise ValueError(f"{name}: got {value!r}; allowed are {get_args(allowed)}")


def _number(name: str, number: float, low: float, high: float) -> None:
    if not low <= number <= high:
        raise ValueError(f"{name}: got {number}; allowed are numbers from {low:g} to {high:g}")
