"""The typed configurations of computed studies of sealed-bid and position auctions.

Nothing here imports jax.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

import tyro

SaleRule = Literal[
    "first_price", "second_price", "all_pay", "uniform_price", "discriminatory_price"
]
SingleItemRule = Literal["first_price", "second_price", "all_pay"]
ValueName = Literal["uniform", "exponential", "log_normal", "power"]

RULES_OF_ONE_UNIT: tuple[SaleRule, ...] = ("first_price", "second_price", "all_pay")
RULES_OF_SEVERAL_UNITS: tuple[SaleRule, ...] = ("discriminatory_price", "uniform_price")


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
class RevenueEquivalence:
    """Revenue of auction rules in equilibrium, simulated, beside the closed forms."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the experiment is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: what is computed."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces."""

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
        _some("distributions", self.distributions)
        _some("bidders", self.bidders)
        _integers_from("bidders", 2, *self.bidders)
        _integers_from("auctions", 2, self.auctions)
        _integers_from("seed", 0, self.seed)
        if not 1 <= self.units < min(self.bidders):
            raise ValueError(
                f"units: got {self.units}; allowed are integers from 1 to below the numbers of "
                f"bidders {self.bidders}"
            )
        if self.rules is not None:
            _some("rules", self.rules)
            for rule in self.rules:
                if rule not in self._rules_of_so_many_units():
                    raise ValueError(
                        f"rules: got {rule!r} with units {self.units}; allowed are "
                        f"{', '.join(self._rules_of_so_many_units())}"
                    )
        if not 0 <= self.reserve < math.inf:
            raise ValueError(f"reserve: got {self.reserve}; allowed are finite numbers from 0")
        if self.myerson_reserve and self.reserve:
            raise ValueError(
                f"reserve: got {self.reserve} with myerson_reserve; allowed is one of them"
            )
        self._check_values()

    def _check_values(self) -> None:
        for name in ("exponential", "log_normal", "power"):
            for of, number in asdict(getattr(self, name)).items():
                if of == "mu" and not math.isfinite(number):
                    raise ValueError(f"{name}.{of}: got {number}; allowed are finite numbers")
                if of != "mu" and not 0 < number < math.inf:
                    raise ValueError(
                        f"{name}.{of}: got {number}; allowed are finite numbers above 0"
                    )
        low, high = self.uniform.low, self.uniform.high
        if not 0 <= low < math.inf:
            raise ValueError(f"uniform.low: got {low}; allowed are finite numbers from 0")
        if not low < high < math.inf:
            raise ValueError(f"uniform.high: got {high}; allowed are finite numbers above {low}")

    def _rules_of_so_many_units(self) -> tuple[SaleRule, ...]:
        return RULES_OF_ONE_UNIT if self.units == 1 else RULES_OF_SEVERAL_UNITS

    def resolved(self) -> RevenueEquivalence:
        """The same experiment, with the rules filled in."""
        return replace(self, rules=self.rules or self._rules_of_so_many_units())

    @property
    def title(self) -> str:
        return self.name


@dataclass(frozen=True)
class Equilibrium:
    """Equilibrium bid functions, learned, beside the closed forms; values are U[0, 1]."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the experiment is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: what is computed."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces."""

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
        if not self.asymmetric:
            _some("rules", self.rules)
            _some("bidders", self.bidders)
        _integers_from("bidders", 2, *self.bidders)
        _integers_from("num_values", 2, self.num_values)
        _integers_from("num_bids", 3, self.num_bids)
        _integers_from("iterations", 1, self.iterations)
        _integers_from("responses", 2, self.responses)

    def resolved(self) -> Equilibrium:
        """The same experiment: nothing is left open."""
        return self

    @property
    def title(self) -> str:
        return self.name


@dataclass(frozen=True)
class Squashing:
    """Ranking by bid times a power of quality, from by bid (0) to by revenue (1)."""

    name: Annotated[str, tyro.conf.Suppress]
    """What the experiment is called."""
    summary: Annotated[str, tyro.conf.Suppress]
    """One line: what is computed."""
    reproduces: Annotated[str, tyro.conf.Suppress]
    """Which result it reproduces."""

    bidders: int = 13
    """Number of bidders."""
    slots: int = 12
    """Number of slots."""
    click_decay: float = 1.428
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
        _some("spearman", self.spearman)
        _some("squash", self.squash)
        _integers_from("bidders", 2, self.bidders)
        _integers_from("auctions", 2, self.auctions)
        _integers_from("seed", 0, self.seed)
        if not 1 <= self.slots <= self.bidders:
            raise ValueError(
                f"slots: got {self.slots}; allowed are integers from 1 to the number of bidders "
                f"{self.bidders}"
            )
        if not 1 <= self.click_decay < math.inf:
            raise ValueError(
                f"click_decay: got {self.click_decay}; allowed are finite numbers from 1"
            )
        for correlation in self.spearman:
            if not -1 <= correlation <= 1:
                raise ValueError(f"spearman: got {correlation}; allowed are numbers from -1 to 1")
        for exponent in self.squash:
            if not math.isfinite(exponent):
                raise ValueError(f"squash: got {exponent}; allowed are finite numbers")

    def resolved(self) -> Squashing:
        """The same experiment: nothing is left open."""
        return self

    @property
    def title(self) -> str:
        return self.name


def _some(name: str, entries: Iterable[Any]) -> None:
    if not tuple(entries):
        raise ValueError(f"{name}: got none; allowed is at least one")


def _integers_from(name: str, lowest: int, *numbers: int) -> None:
    for number in numbers:
        if number < lowest:
            raise ValueError(f"{name}: got {number}; allowed are integers from {lowest}")
