"""The typed configuration of the study of daily reserve prices.

Nothing here imports jax.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmech import checks
from jaxmech.experiments.reserve_pricing import checking
from jaxmech.experiments.reserve_pricing.settings import (
    Ablation,
    BidderKinds,
    LearnedPolicies,
    ModelTraining,
    SearchSettings,
    Start,
)
from jaxmech.experiments.study import NamedStudy, is_as_registered

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings


@dataclass(frozen=True)
class ReservePricingStudy(NamedStudy):
    """Schemes that set the reserves of keywords whose bidders react, compared day by day."""

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
        checking.check(self)

    @property
    def num_bidders(self) -> int:
        """Where there is no file of bids."""
        return 3 if self.bidders is None else self.bidders

    @property
    def files(self) -> tuple[str, ...]:
        """The file of bids, if there is one."""
        return () if self.bids is None else (self.bids,)

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, but for the seed, the number of keywords, and what
        is compared beside the schemes of the summary."""
        return self.bids is None and is_as_registered(
            self, free=("keywords", "exact", "never_react", "ablation")
        )

    @property
    def columns(self) -> dict[str, Any]:
        """Names of the columns of the file of bids, by the fields that hold them."""
        return {column: getattr(self, column) for column in checking.BID_COLUMNS}

    def resolved(self) -> ReservePricingStudy:
        """The same study with the whole path of the file of bids, which is looked through.

        Raises:
          ValueError: the file of bids cannot be used, or has too few keywords or bidders, or
            too many bidders for the simulations of a search.
        """
        if self.bids is None:
            return self
        from jaxmech.data.keyword_bids import read_keyword_bids

        path = Path(self.bids)
        if not path.is_file():
            raise checks.InvalidValueError("bids", self.bids, "there is no such file", verb="")
        bids, _ = read_keyword_bids(path, **self.columns)
        checking.check_bids(self, *bids.shape)
        return replace(self, bids=str(path.absolute()))

    def compute(self, workspace: Workspace) -> Findings:
        """Trains the models and the policies, plays all schemes, and compares."""
        from jaxmech.experiments.reserve_pricing.study import compute

        return compute(self, workspace)


RESERVE_PRICING = ReservePricingStudy(
    name="tang2017/reserve_pricing",
    summary="daily reserves on a learned bidder model, beside static ones, GREEDY and PPO",
    reproduces="Tang 2017, Figure 2: tree search, GREEDY and static reserves by day",
)
"""Registered under its name."""
