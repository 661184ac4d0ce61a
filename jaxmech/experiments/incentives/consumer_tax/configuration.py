"""The typed configuration of the study of consumers' taxes. Nothing here imports jax."""

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


def _from_anywhere() -> TwoTimescaleHyperParameters:
    return TwoTimescaleHyperParameters(
        mechanism_rate=0.1, initial_spread=1.0, responses_per_update=None
    )


@dataclass(frozen=True)
class ConsumerTaxStudy(DesignStudy):
    """Taxes on income and on each of three goods, for consumers who are more or less smoothed."""

    temperatures: tuple[float, ...] = (0.1, 0.2, 0.3)
    """What a nat of entropy is worth to consumers, one economy after another."""
    start_rate: float = 0.3
    """Of all taxes, for comparison."""
    climb_starts: tuple[float, ...] = (0.05, 0.3, 1.0)
    """Of all taxes, where climbs to the best ones start, on the grid on which they are designed."""
    assets: int = 201
    """Points of the grid of assets on which taxes are judged."""
    design_assets: int = 51
    """Points of the grid on which they are designed, at a fraction of the time."""
    updates: int = 150
    """Changes of the taxes."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_from_anywhere)
    """Of the designer, which starts anywhere between the lowest and the highest rates."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.some("temperatures", self.temperatures)
        for temperature in self.temperatures:
            checks.number("temperatures", temperature, above=0)
        checks.distinct("temperatures", self.temperatures)
        checks.number("start_rate", self.start_rate, low=0, high=2)
        checks.some("climb_starts", self.climb_starts)
        for rate in self.climb_starts:
            checks.number("climb_starts", rate, low=0, high=2)
        checks.integer("assets", self.assets, low=2)
        checks.integer("design_assets", self.design_assets, low=2)

    def build(
        self, temperature: float, num_assets: int
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.environments.consumer_tax import make

        return make(temperature=temperature, num_assets=num_assets)

    def compute(self, workspace: Workspace) -> Findings:
        """What taxes are worth that were designed, beside equal ones and the best ones found."""
        from jaxmech.experiments.incentives.consumer_tax.computing import compute

        return compute(self, workspace)


CONSUMER_TAX = ConsumerTaxStudy(
    name="incentives/consumer_tax",
    summary="taxes on income and three goods, designed for consumers who work, spend and save",
    reproduces="",
)
