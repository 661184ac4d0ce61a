"""The typed configuration of the study of income taxes. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from jaxmech import checks
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.incentives.design_study import DesignStudy

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

Schedule = Literal["linear", "brackets", "network"]
Gradient = Literal["social", "implicit"]


def _spread() -> TwoTimescaleHyperParameters:
    return TwoTimescaleHyperParameters(mechanism_decay=0.9, initial_spread=0.5)


@dataclass(frozen=True)
class IncomeTaxStudy(DesignStudy):
    """Taxes that are learned, cell by cell, beside the best rate of the very population.

    Skills are lognormal, or Pareto from 1 up; revenue is paid out to all alike. An empty tuple
    leaves its cells out.
    """

    sigmas: tuple[float, ...] = (0.5, 0.7)
    """Standard deviations of the logarithm of skills."""
    elasticities: tuple[float, ...] = (0.25, 0.5)
    """Of earnings with respect to the share that is kept, where skills are lognormal."""
    aversions: tuple[float, ...] = (0.5, 1.0, 2.0)
    """To inequality: welfare weights are skills to the power of minus this."""
    mean_logarithm: bool = True
    """Whether linear taxes are learned for the mean logarithm of utilities as well."""
    tails: tuple[float, ...] = (1.5, 2.0, 2.0, 3.0)
    """Exponents of Pareto earnings, for the rate on top earnings."""
    tail_elasticities: tuple[float, ...] = (0.25, 0.25, 0.5, 0.5)
    """Of earnings, one for each tail."""
    top_weights: tuple[float, ...] = (0.0, 0.5)
    """Welfare weights of those who pay the top rate, relative to revenue; those above 0 with the
    first tail alone."""
    threshold: float = 3.0
    """Earnings above which the top rate is due."""
    low_rate: float = 0.3
    """The rate below."""
    maximin_tail: float = 2.0
    """Exponent of Pareto earnings where the utility of the poorest counts alone."""
    maximin_elasticity: float = 0.5
    """Of those earnings."""
    schedules: tuple[Schedule, ...] = ("linear", "brackets", "network")
    """Kinds of taxes that are learned for the poorest; theory gives all the same rate."""
    temperatures: tuple[float, ...] = (0.1, 0.001)
    """Of people who choose labour by logit, in units of money: shown beside theory, which is about
    people who choose best."""
    labour_nodes: int = 401
    """Amounts of labour that such people choose among."""
    pareto_types: int = 1500
    """Types of a Pareto population."""
    gradient: Gradient = "social"
    """How the designer learns where its objective rises: through each response alone, or through
    their fixed point as well. What people choose does not depend on others, so both are the whole
    gradient; the latter solves a linear system for it."""
    updates: int = 600
    """Changes of each tax."""
    seeds: int = 2
    """How many times each tax is learned, from rates drawn anew: the restarts."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_spread)
    """Of the designer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sigmas", "elasticities", "tail_elasticities", "temperatures"):
            for number in getattr(self, name):
                checks.number(name, number, above=0)
        for number in self.aversions:
            checks.number("aversions", number, low=0)
        for number in self.tails:
            checks.number("tails", number, above=1)
        checks.number("maximin_tail", self.maximin_tail, above=1)
        if len(self.tail_elasticities) != len(self.tails):
            allowed = f"one for each of {len(self.tails)} tails"
            raise checks.InvalidValueError("tail_elasticities", self.tail_elasticities, allowed)
        for number in self.top_weights:
            checks.number("top_weights", number, low=0, below=1)
        checks.number("low_rate", self.low_rate, low=0, below=0.99)
        checks.number("threshold", self.threshold, above=1)
        checks.number("maximin_elasticity", self.maximin_elasticity, above=0)
        for schedule in self.schedules:
            checks.one_of("schedules", schedule, get_args(Schedule))
        checks.one_of("gradient", self.gradient, get_args(Gradient))
        checks.integer("labour_nodes", self.labour_nodes, low=2)
        checks.integer("pareto_types", self.pareto_types, low=100)
        for name in ("sigmas", "elasticities", "aversions", "top_weights", "temperatures"):
            checks.distinct(name, getattr(self, name))
        checks.distinct("schedules", self.schedules)
        checks.distinct("tails", tuple(zip(self.tails, self.tail_elasticities, strict=True)))
        of_lognormal = self.sigmas and self.elasticities and (self.aversions or self.mean_logarithm)
        if not of_lognormal and not (self.tails and self.top_weights) and not self.schedules:
            raise checks.InvalidValueError(
                "sigmas",
                self.sigmas,
                "those that make a tax with elasticities and aversions, where there are no tails "
                "with top_weights and no schedules",
            )

    def compute(self, workspace: Workspace) -> Findings:
        """Every rate that was learned, beside theory."""
        from jaxmech.experiments.incentives.income_tax.computing import compute

        return compute(self, workspace)


INCOME_TAX = IncomeTaxStudy(
    name="incentives/income_tax",
    summary="linear, bracket and network taxes on earnings, learned, beside the optimal rates",
    reproduces="Saez 2001 and Diamond 1998: optimal linear, top and maximin rates",
)
