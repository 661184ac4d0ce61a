"""The typed configuration of the studies of incentives. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from jaxmech import checks
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.study import NamedStudy, Precision, is_as_registered

if TYPE_CHECKING:
    from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

AgentModel = Literal["logit", "blind"]
Gradient = Literal["implicit", "unrolled", "two_point", "one_point"]


@dataclass(frozen=True)
class MultilaneStudy(NamedStudy):
    """Transfers that bring agents in lanes of their own side by side, for few and many of them."""

    num_agents: tuple[int, ...] = (5, 10, 20)
    """How many agents there are, one population after another."""
    agents: AgentModel = "logit"
    """Agents who reply to each other with bounded rationality, or who choose as if they were alone
    but for the transfer."""
    temperature: float = 1.0
    """How boundedly rational they are: what a nat of departure from random moves costs them."""
    degree: int = 2
    """Of the polynomial of the terminal position that they are paid."""
    bound: float = 100.0
    """On the size of each of its coefficients."""
    positions: int = 101
    """On the grid of initial positions."""
    actions: int = 201
    """On the grid of moves."""
    gradient: Gradient = "implicit"
    """How the designer learns where its objective rises: by differentiating through the fixed point
    of the agents' responses, or through a number of them, or from the values of two mechanisms or
    of one near its own."""
    radius: float = 0.05
    """How near those mechanisms are, in units of the bound."""
    unrolled_steps: int = 10
    """How many responses are differentiated through."""
    updates: int = 400
    """Changes of the mechanism."""
    seeds: int = 3
    """How many times it is designed, independently."""
    evaluation_episodes: int = 10_000
    """Episodes drawn under each mechanism, for the standard deviation of their welfare."""
    two_timescale: TwoTimescaleHyperParameters = field(
        default_factory=lambda: TwoTimescaleHyperParameters(responses_per_update=2)
    )
    """Of the designer."""

    def __post_init__(self) -> None:
        checks.some("num_agents", self.num_agents)
        for number in self.num_agents:
            checks.integer("num_agents", number, low=2)
        if len(set(self.num_agents)) < len(self.num_agents):
            raise checks.InvalidValueError("num_agents", self.num_agents, "each of them once")
        checks.one_of("agents", self.agents, get_args(AgentModel))
        checks.one_of("gradient", self.gradient, get_args(Gradient))
        checks.number("temperature", self.temperature, above=0)
        checks.number("bound", self.bound, above=0)
        checks.number("radius", self.radius, above=0)
        for name in ("degree", "positions", "unrolled_steps", "updates", "seeds"):
            checks.integer(name, getattr(self, name))
        for name in ("actions", "evaluation_episodes"):
            checks.integer(name, getattr(self, name), low=2)

    @property
    def precision(self) -> Precision:
        """Double: derivatives through many responses lose digits."""
        return "float64"

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, at whatever expense."""
        return is_as_registered(self, free=("updates", "evaluation_episodes"))

    def build(self, num_agents: int) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.agents import Polynomial
        from jaxmech.environments.multilane import make

        return make(
            num_agents=num_agents,
            blind=self.agents == "blind",
            transfer=Polynomial(self.degree),
            num_positions=self.positions,
            num_actions=self.actions,
            temperature=self.temperature,
            bound=self.bound,
        )

    def compute(self, workspace: Workspace) -> Findings:
        """Welfare with the transfers that are designed, and without, in equilibrium."""
        from jaxmech.experiments.incentives.multilane import compute

        return compute(self, workspace)


MULTILANE = MultilaneStudy(
    name="mguni2018/multilane",
    summary="transfers designed while boundedly rational agents respond, for 5, 10 and 20 of them",
    reproduces="Mguni 2018, Figure 1: welfare with and without the mechanism",
)
