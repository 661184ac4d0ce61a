"""The typed configurations of studies of sealed-bid and position auctions.

Nothing here imports jax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from jaxmech import checks
from jaxmech.agents.bidders.auction_rules import AUCTION_RULES, SaleRule, SingleItemRule
from jaxmech.environments.click_rates import CLICK_DECAY
from jaxmech.experiments.study import NamedStudy, is_as_registered

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

ValueName = Literal["uniform", "exponential", "log_normal", "power"]


@dataclass(frozen=True)
class UniformValues:
    """Values uniform between two numbers."""

    low: float = 0.0
    """Lowest value."""
    high: float = 1.0
    """Highest value."""


@dataclass(frozen=True)
class ExponentialValues:
    """Exponential values."""

    rate: float = 1.0
    """One over the mean."""


@dataclass(frozen=True)
class LogNormalValues:
    """Values whose logarithm is normal."""

    mu: float = 0.35
    """Mean of the logarithm."""
    sigma: float = 0.71
    """Standard deviation of the logarithm."""


@dataclass(frozen=True)
class PowerValues:
    """The probability of a value below v is (v / high) to the exponent."""

    exponent: float = 2.0
    """Of the distribution function."""
    high: float = 1.0
    """Highest value."""


@dataclass(frozen=True)
class RevenueEquivalence(NamedStudy):
    """Revenue of auction rules in equilibrium, simulated, beside the closed forms."""

    distributions: tuple[ValueName, ...] = ("uniform", "exponential", "log_normal", "power")
    """What bidders' values are drawn from, independently."""
    bidders: tuple[int, ...] = (2, 5, 10)
    """Numbers of bidders."""
    rules: tuple[SaleRule, ...] | None = None
    """Auction rules; where not given, all that sell so many units."""
    units: int = 1
    """Identical items for sale, of which each bidder wants one."""
    reserve: float = 0.0
    """Lowest value that takes part, the same under every rule. In all-pay auctions the lowest bid
    is what leaves just this value indifferent."""
    myerson_reserve: bool = False
    """In place of --reserve: let those take part whose virtual value is not negative."""
    auctions: int = 1_048_576
    """Auctions simulated for each distribution and number of bidders; all rules on the same."""
    seed: int = 0
    """Of the draws."""
    uniform: UniformValues = field(default_factory=UniformValues)
    exponential: ExponentialValues = field(default_factory=ExponentialValues)
    log_normal: LogNormalValues = field(default_factory=LogNormalValues)
    power: PowerValues = field(default_factory=PowerValues)

    def __post_init__(self) -> None:
        _different("distributions", self.distributions)
        _different("bidders", self.bidders, lowest=2)
        checks.integer("auctions", self.auctions, low=2)
        checks.integer("seed", self.seed, low=0)
        if not 1 <= self.units < min(self.bidders):
            raise checks.InvalidValueError(
                "units",
                self.units,
                f"integers from 1 to below the numbers of bidders {self.bidders}",
            )
        if self.rules is not None:
            self._check_rules(self.rules)
        bounds: dict[str, dict[str, Any]] = {
            "reserve": {"low": 0},
            "uniform.low": {"low": 0},
            "uniform.high": {"above": self.uniform.low},
            "exponential.rate": {"above": 0},
            "log_normal.mu": {},
            "log_normal.sigma": {"above": 0},
            "power.exponent": {"above": 0},
            "power.high": {"above": 0},
        }
        for name, of in bounds.items():
            checks.number(name, attrgetter(name)(self), **of)
        if self.myerson_reserve and self.reserve:
            raise checks.InvalidValueError(
                "reserve",
                self.reserve,
                "one of them",
                got=f"{self.reserve} with myerson_reserve",
                verb="allowed is",
            )

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, for any seed and number of auctions."""
        return is_as_registered(self, free=("auctions",))

    def resolved(self) -> RevenueEquivalence:
        """The same study, with the rules filled in."""
        return replace(self, rules=self.rules or self._possible_rules)

    def compute(self, workspace: Workspace) -> Findings:
        """Revenues by simulation beside their closed forms."""
        from jaxmech.experiments.auctions import revenue_equivalence

        return revenue_equivalence.compute(self, workspace)

    @property
    def _possible_rules(self) -> tuple[SaleRule, ...]:
        """Those that sell so many units."""
        return tuple(
            rule.name for rule in AUCTION_RULES.values() if rule.sells_units == (self.units > 1)
        )

    def _check_rules(self, rules: tuple[SaleRule, ...]) -> None:
        _different("rules", rules)
        for rule in rules:
            if rule not in self._possible_rules:
                raise checks.InvalidValueError(
                    "rules",
                    rule,
                    ", ".join(self._possible_rules),
                    got=f"{rule!r} with units {self.units}",
                )


@dataclass(frozen=True)
class Equilibrium(NamedStudy):
    """Equilibrium bid functions, learned, beside the closed forms; values are U[0, 1]."""

    rules: tuple[SingleItemRule, ...] = ("first_price", "all_pay")
    """Auction rules."""
    bidders: tuple[int, ...] = (2, 5, 10)
    """Numbers of bidders."""
    asymmetric: bool = True
    """Also learn the first-price auction of one bidder with values U[0, 1] and one with U[0, 2]."""
    num_values: int = 64
    """Points of the value grid, each of equal probability."""
    num_bids: int = 256
    """Points of the bid grid."""
    iterations: int = 400
    """Updates of all learners at once."""
    responses: int = 1024
    """Other bids tried at each value, to see what can be gained against the learned ones."""

    def __post_init__(self) -> None:
        if self.rules or not self.asymmetric:
            _different("rules", self.rules)
        if self.bidders or not self.asymmetric:
            _different("bidders", self.bidders, lowest=2)
        for name, low in (
            ("num_values", 2),
            ("num_bids", 3),
            ("iterations", 1),
            ("responses", 2),
        ):
            checks.integer(name, getattr(self, name), low=low)

    def compute(self, workspace: Workspace) -> Findings:
        """Learned equilibria beside those known."""
        from jaxmech.experiments.auctions import equilibrium

        return equilibrium.compute(self, workspace)


@dataclass(frozen=True)
class Squashing(NamedStudy):
    """Ranking by bid times a power of quality, from by bid (0) to by revenue (1)."""

    bidders: int = 13
    """Number of bidders."""
    slots: int = 12
    """Number of slots."""
    click_decay: float = CLICK_DECAY
    """Each slot is clicked this many times less often than the one above."""
    spearman: tuple[float, ...] = (0.0, 0.4, 0.57)
    """Rank correlations of a bidder's value of a click and its quality; 0.57 is 0.4 by Kendall's
    tau."""
    squash: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Exponents of the quality in the ranking."""
    auctions: int = 262_144
    """Auctions drawn for each rank correlation; all exponents on the same."""
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        _different("spearman", self.spearman)
        _different("squash", self.squash)
        for name, low in (("bidders", 2), ("auctions", 2), ("seed", 0)):
            checks.integer(name, getattr(self, name), low=low)
        if not 1 <= self.slots <= self.bidders:
            raise checks.InvalidValueError(
                "slots", self.slots, f"integers from 1 to the number of bidders {self.bidders}"
            )
        checks.number("click_decay", self.click_decay, low=1)
        for correlation in self.spearman:
            checks.number("spearman", correlation, low=-1, high=1)
        for exponent in self.squash:
            checks.number("squash", exponent)

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, for any seed and number of auctions."""
        return is_as_registered(self, free=("auctions",))

    def compute(self, workspace: Workspace) -> Findings:
        """Revenue, welfare and clicks at every exponent."""
        from jaxmech.experiments.auctions import squashing

        return squashing.compute(self, workspace)


def _different(name: str, entries: Sequence[Any], lowest: int | None = None) -> None:
    """Refuses none, and one that is there twice: what is kept of each is called by it.

    Args:
      name: of the field.
      entries: of the field.
      lowest: of integers; None for entries of another kind.
    """
    checks.some(name, entries)
    if len(set(entries)) < len(entries):
        raise checks.InvalidValueError(name, entries, "entries that differ from each other")
    if lowest is not None:
        for entry in entries:
            checks.integer(name, entry, low=lowest)


REVENUE_EQUIVALENCE = RevenueEquivalence(
    name="auctions/revenue_equivalence",
    summary="revenue of auction rules in equilibrium, simulated, beside the closed forms",
    reproduces="Myerson 1981, the revenue equivalence theorem",
)

EQUILIBRIUM = Equilibrium(
    name="auctions/equilibrium",
    summary="equilibrium bids learned, how far from the closed forms, and how exploitable",
    reproduces="Krishna, Auction Theory, the equilibria of sections 2.3, 3.2 and 4.3",
)

SQUASHING = Squashing(
    name="auctions/squashing",
    summary="ranking of ads by bid times a power of quality: revenue, efficiency, clicks",
    reproduces="Lahaie and Pennock 2007, ranking by bid against ranking by revenue",
)
