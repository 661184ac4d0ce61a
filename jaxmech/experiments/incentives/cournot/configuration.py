"""The typed configuration of the study of emission taxes. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jaxmech import checks
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.incentives.design_study import DesignStudy

if TYPE_CHECKING:
    from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings


def _responding() -> TwoTimescaleHyperParameters:
    return TwoTimescaleHyperParameters(
        response_rate=0.5, responses_per_update=10, initial_spread=1.0
    )


@dataclass(frozen=True)
class CournotStudy(DesignStudy):
    """A tax on emissions, designed while firms with market power respond to it.

    Firms sell at ``intercept - slope Q``, and ``q`` units cost each ``cost q + curvature q^2 / 2``.
    """

    costs: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Of the first unit of each firm."""
    emissions: tuple[float, ...] = (1.0, 0.6, 0.2)
    """Of each firm, per unit."""
    intercept: float = 10.0
    """Price at which nothing is sold."""
    slope: float = 1.0
    """By which the price falls for each unit sold."""
    curvature: float = 0.5
    """By which the cost of the next unit rises for each unit."""
    damages: tuple[float, ...] = (2.0, 0.5)
    """d, where emissions E do damage d E^2 / 2; one market after another."""
    cap: float = 3.0
    """On emissions, for the price of tradable permits that would keep to it without a tax."""
    temperatures: tuple[float, ...] = (0.0, 0.5)
    """How boundedly rational firms are, in units of money, one after another: at 0 they choose the
    best of all quantities, above it by logit among those of a grid."""
    nodes: int = 61
    """Quantities on that grid."""
    highest: float = 6.0
    """The highest quantity on that grid."""
    bound: float = 10.0
    """On the size of the tax per unit of emissions, which may be a subsidy."""
    taxes: int = 201
    """Taxes between the bounds under which welfare is shown, and which are no better than those
    designed."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_responding)
    """Of the designer. Among many firms let them move only part of the way to their responses: all
    at once, they swing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.some("costs", self.costs)
        if len(self.emissions) != len(self.costs):
            allowed = f"one for each of {len(self.costs)} firms"
            raise checks.InvalidValueError("emissions", self.emissions, allowed)
        for name, low in (("costs", 0.0), ("emissions", 0.0), ("damages", 0.0)):
            for number in getattr(self, name):
                checks.number(name, number, low=low)
        for name in ("intercept", "slope", "highest", "bound"):
            checks.number(name, getattr(self, name), above=0)
        checks.number("curvature", self.curvature, low=0)
        checks.number("cap", self.cap, low=0)
        checks.integer("nodes", self.nodes, low=2)
        checks.integer("taxes", self.taxes, low=2)
        for name in ("damages", "temperatures"):
            given = getattr(self, name)
            checks.some(name, given)
            checks.distinct(name, given)
        for number in self.temperatures:
            checks.number("temperatures", number, low=0)
        self._check_that_firms_come_to_rest()

    def _check_that_firms_come_to_rest(self) -> None:
        """Firms that best respond all at once move by as much as ``swing`` times what they err."""
        swing = self.slope * (len(self.costs) - 1) / (2 * self.slope + self.curvature)
        rate = self.two_timescale.response_rate
        if self.two_timescale.responses_per_update is not None and rate * (1 + swing) >= 2:
            raise checks.InvalidValueError(
                "two_timescale.response_rate",
                rate,
                f"numbers below {2 / (1 + swing):.3g}: firms who all move further at once towards "
                "their responses never come to rest",
            )

    def build(
        self, damage: float, temperature: float
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.environments.cournot import make

        return make(
            num_nodes=self.nodes if temperature > 0 else None,
            costs=self.costs,
            intercept=self.intercept,
            slope=self.slope,
            curvatures=self.curvature,
            emissions=self.emissions,
            damage=damage,
            highest=self.highest if temperature > 0 else None,
            tax_low=-self.bound,
            tax_high=self.bound,
            temperature=temperature,
        )

    def compute(self, workspace: Workspace) -> Findings:
        """Welfare with the taxes that are designed, and without, beside closed forms."""
        from jaxmech.experiments.incentives.cournot.computing import compute

        return compute(self, workspace)


COURNOT = CournotStudy(
    name="incentives/cournot",
    summary="a tax on emissions designed while three firms with market power respond to it",
    reproduces="",
)
