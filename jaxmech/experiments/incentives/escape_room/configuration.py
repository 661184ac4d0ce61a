"""The typed configuration of the study of the Escape Room. Nothing here imports jax."""

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


def _restarting() -> TwoTimescaleHyperParameters:
    return TwoTimescaleHyperParameters(response_rate=0.5, initial_spread=1.0)


@dataclass(frozen=True)
class EscapeRoomStudy(DesignStudy):
    """Payments by which some of the agents in a room hold its door open for the others.

    Everything is in expectation: no episode is played. Payments are designed along slopes through
    the agents' smoothed responses while the temperature falls, and judged in the quantal response
    equilibrium at the last one.
    """

    num_agents: tuple[int, ...] = (2, 3)
    """Agents in the room, one room after another."""
    num_holders: tuple[int, ...] = (1, 2)
    """How many must choose the lever for the door to be open, of each of those rooms."""
    steps: int = 5
    """Of an episode."""
    by_step: bool = False
    """Whether payments differ from step to step."""
    bound: float = 2.0
    """On each payment, which is for one choice in one step."""
    first_temperature: float = 2.0
    """How boundedly rational agents are at first, in units of reward."""
    temperature: float = 0.1
    """And in the end, where payments are judged."""
    updates: int = 300
    """Changes of the payments, while the temperature falls from the first to the last."""
    seeds: int = 8
    """How many times they are designed, from payments drawn anew: the restarts."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_restarting)
    """Of the designer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.some("num_agents", self.num_agents)
        if len(self.num_holders) != len(self.num_agents):
            allowed = f"one for each of {len(self.num_agents)} rooms"
            raise checks.InvalidValueError("num_holders", self.num_holders, allowed)
        for agents, holders in self.rooms:
            checks.integer("num_agents", agents, low=2, high=5)
            checks.integer("num_holders", holders, high=agents - 1)
        if len(set(self.rooms)) < len(self.rooms):
            allowed = "each room once"
            raise checks.InvalidValueError("num_agents", self.num_agents, allowed)
        checks.integer("steps", self.steps)
        checks.one_of("by_step", self.by_step, (False, True))
        checks.number("bound", self.bound, above=0)
        checks.number("temperature", self.temperature, above=0)
        checks.number("first_temperature", self.first_temperature, low=self.temperature)

    @property
    def rooms(self) -> tuple[tuple[int, int], ...]:
        """Agents and holders of each room."""
        return tuple(zip(self.num_agents, self.num_holders, strict=True))

    def build(
        self, num_agents: int, num_holders: int, *, symmetric: bool = False
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """A room at the last temperature.

        Args:
          symmetric: whether all agents are paid alike, and not by role.
        """
        from jaxmech.environments.escape_room import make

        return make(
            num_agents=num_agents,
            num_holders=num_holders,
            num_steps=self.steps,
            symmetric=symmetric,
            by_step=self.by_step,
            temperature=self.temperature,
            bound=self.bound,
        )

    def compute(self, workspace: Workspace) -> Findings:
        """What all get with payments by role, with equal ones and with none, beside theory."""
        from jaxmech.experiments.incentives.escape_room.computing import compute

        return compute(self, workspace)


ESCAPE_ROOM = EscapeRoomStudy(
    name="incentives/escape_room",
    summary="payments by role with which agents leave a room that one of them must hold open",
    reproduces="Yang 2020, Escape Room: collective return 9 with two agents and 8 with three",
)
