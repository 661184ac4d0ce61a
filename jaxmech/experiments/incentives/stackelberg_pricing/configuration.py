"""The typed configuration of the study of a leader's prices. Nothing here imports jax."""

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
        response_rate=0.3, responses_per_update=10, initial_spread=0.5
    )


@dataclass(frozen=True)
class StackelbergPricingStudy(DesignStudy):
    """A leader who prices what followers take of a capacity that they share."""

    curvatures: tuple[float, ...] = (1.0, 1.5, 0.8, 1.2, 2.0, 0.9, 1.8, 1.1)
    """Of each follower: x units cost it ``curvature x^2``, besides what it pays for them."""
    target: float = 0.9
    """What the leader wants all followers together to take, of a capacity of 1."""
    highest_slope: float = 0.2
    """The leader's highest choice of q, where prices rise by ``q S^2`` when all take S."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_responding)
    """Of the designer. Followers and the price of capacity move only part of the way to their
    responses: all the way at once, they swing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.some("curvatures", self.curvatures)
        for curvature in self.curvatures:
            checks.number("curvatures", curvature, above=0)
        checks.number("target", self.target)
        checks.number("highest_slope", self.highest_slope, low=0)

    @property
    def is_nashopts(self) -> bool:
        """Whether it is NashOpt's example."""
        registered = STACKELBERG_PRICING
        return (self.curvatures, self.target, self.highest_slope) == (
            registered.curvatures,
            registered.target,
            registered.highest_slope,
        )

    def build(self) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.environments.stackelberg_pricing import make

        return make(
            curvatures=self.curvatures, target=self.target, highest_slope=self.highest_slope
        )

    def compute(self, workspace: Workspace) -> Findings:
        """What the leader loses with the prices designed, beside other equilibria."""
        from jaxmech.experiments.incentives.stackelberg_pricing.computing import compute

        return compute(self, workspace)


STACKELBERG_PRICING = StackelbergPricingStudy(
    name="incentives/stackelberg_pricing",
    summary="a leader's prices for followers who share a capacity, designed while they respond",
    reproduces="",
)
