"""The typed configuration of the study of penalties in four rooms. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.experiments.study import NamedStudy, Precision, is_as_registered

if TYPE_CHECKING:
    from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings


LEAST_PEER_ITERATIONS = 1000
"""Of each peer's outer loop, from which the study is the registered one."""


@dataclass(frozen=True)
class FourRoomsStudy(NamedStudy):
    """Penalties that lead a follower past a cell on its way, for followers and costs of all kinds.

    Three searches are made: with the model, by mirror descent with restarts and a last polish; with
    the model, by the peers' outer loops; and from trajectories.
    """

    temperatures: tuple[float, ...] = (0.001, 0.003, 0.005)
    """What a nat of entropy is worth to the follower in each step."""
    spending_costs: tuple[float, ...] = (1.0, 3.0, 5.0)
    """What a unit of penalties costs the leader."""
    steps: int = 150
    """Of mirror descent, in each restart: as many solutions of the follower's problem, each for
    both goals."""
    step_sizes: tuple[float, ...] = (50.0, 20.0, 20.0, 100.0, 10.0)
    """The first step size of each restart."""
    dealt_out: tuple[float, ...] = (0.03, 0.1, 0.4, 0.03, 0.1)
    """The part of the budget that is dealt out equally after the first step of each restart: the
    fixed share of Herbster and Warmuth."""
    polish: int = 250
    """Solutions of the follower's problem, each for both goals, with which the best restart is
    polished, at most."""
    peer_iterations: int = LEAST_PEER_ITERATIONS
    """Of each peer's outer loop; published runs have 10,000."""
    updates: int = 340
    """Changes of the penalties of those who learn from trajectories."""
    walkers: int = 100
    """Followers that they see in each update."""
    steps_per_update: int = 100
    """Steps of each of those."""
    seeds: int = 3
    """How many times penalties are learned from trajectories, independently."""

    def __post_init__(self) -> None:
        for name in ("temperatures", "spending_costs", "step_sizes", "dealt_out"):
            checks.some(name, getattr(self, name))
            for value in getattr(self, name):
                checks.number(name, value, above=0)
        for name in ("temperatures", "spending_costs"):
            checks.distinct(name, getattr(self, name))
        for value in self.dealt_out:
            checks.number("dealt_out", value, above=0, high=1)
        if len(self.dealt_out) != len(self.step_sizes):
            raise InvalidValueError("dealt_out", self.dealt_out, "one for each of step_sizes")
        for name in ("polish", "peer_iterations", "walkers", "steps_per_update", "seeds"):
            checks.integer(name, getattr(self, name))
        for name in ("steps", "updates"):
            checks.integer(name, getattr(self, name), low=2)

    @property
    def precision(self) -> Precision:
        """Double: at low temperature worths of moves differ in their last digits alone."""
        return "float64"

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, with as many iterations of the peers or more."""
        enough = self.peer_iterations >= LEAST_PEER_ITERATIONS
        return enough and is_as_registered(self, free=("peer_iterations",))

    @property
    def environment_steps(self) -> int:
        """Of one training from trajectories."""
        return self.updates * self.walkers * self.steps_per_update

    @property
    def cells(self) -> tuple[tuple[float, float], ...]:
        """Temperature and cost of each."""
        return tuple((one, other) for one in self.temperatures for other in self.spending_costs)

    def build(
        self, temperature: float, spending_cost: float
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.environments.four_rooms import make

        return make(temperature=temperature, spending_cost=spending_cost)

    def compute(self, workspace: Workspace) -> Findings:
        """What the leader earns with the best penalties found, and with those of the others."""
        from jaxmech.experiments.incentives.four_rooms.study import compute

        return compute(self, workspace)


FOUR_ROOMS = FourRoomsStudy(
    name="incentives/four_rooms",
    summary="penalties for a follower in four rooms: mirror descent with restarts, beside peers' "
    "outer loops",
    reproduces="Thoma et al. 2024, Four-Rooms: what the leader earns, three follower temperatures "
    "by three costs",
)
