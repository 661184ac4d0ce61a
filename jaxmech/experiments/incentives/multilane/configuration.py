"""The typed configuration of the studies of agents in lanes. Nothing here imports jax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self, get_args

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.incentives.design_study import DesignStudy
from jaxmech.experiments.study import is_as_registered

if TYPE_CHECKING:
    from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

AgentModel = Literal["logit", "rational", "blind", "learning"]
Gradient = Literal["implicit", "unrolled", "social", "two_point", "one_point"]
TransferName = Literal["linear", "quadratic", "cubic", "piecewise_linear", "table", "network"]
PaidPosition = Literal["terminal", "initial"]
PPOName = Literal["PPO"]

OF_VALUES: tuple[Gradient, ...] = ("two_point", "one_point")
"""Gradients that are estimated from values of mechanisms, without a derivative."""


@dataclass(frozen=True)
class Case:
    """One design of a study: who is paid, by what, and how that is found.

    Attributes:
      num_agents: how many agents there are.
      transfer: what they are paid by.
      found_by: how the designer learns where its objective rises.
      name: of its stage and its records.
      label: of its rows and curves, what it shares with all other cases left out.
    """

    num_agents: int
    transfer: TransferName
    found_by: Gradient | PPOName
    name: str
    label: str


@dataclass(frozen=True)
class MultilaneStudy(DesignStudy):
    """Transfers that bring agents in lanes of their own side by side.

    All numbers of agents are combined with all transfers and all gradients.
    """

    num_agents: tuple[int, ...] = (5, 10, 20)
    """How many agents there are, one population after another."""
    transfers: tuple[TransferName, ...] = ("quadratic",)
    """What agents are paid by the position where they end. linear, quadratic and cubic are
    polynomials of degree 1, 2 and 3 without a constant; piecewise_linear joins eleven places by
    straight lines; table pays a level in each tenth of the lane; network has one hidden layer of 8
    units."""
    gradients: tuple[Gradient, ...] = ("implicit",)
    """How the designer learns where its objective rises. implicit differentiates through the fixed
    point of the agents' responses, unrolled through the last unrolled_steps of them, social through
    one with the others as they are; two_point estimates it from the values of two mechanisms on
    opposite sides of its own, one_point from the value of one near its own."""
    agents: AgentModel = "logit"
    """How agents choose. logit agents reply to each other with bounded rationality, by the
    temperature; rational ones with best responses; blind ones choose as if they were alone but for
    the transfer; learning ones learn a little between two changes of the mechanism, by mirror
    descent, and are judged in the logit equilibrium and as they are in the end."""
    temperature: float | None = None
    """What a nat of departure from random moves costs an agent: 0 for best responses. Where not
    given, 0 for rational agents and 1 for others."""
    first_temperature: float | None = None
    """Temperature at which the design begins; it falls to that of the agents in equal ratios, and
    to 0.001 where that is 0. Best responses jump, and where no transfer in reach moves anybody
    welfare has no slope; agents of a higher temperature show one. From drawn starts instead of the
    middle, blind agents may be lost all the same. Where not given, 1 for agents of temperature 0,
    and for others their own, so that nothing falls."""
    learning_rate: float = 0.5
    """Step size of learning agents, per unit of utility; others do not use it."""
    paid_position: PaidPosition = "terminal"
    """Which position agents are paid for: terminal, where they end, or initial, where they start.
    The paper prints the initial one, which changes no choice and no welfare."""
    bound: float = 100.0
    """Largest size of each coefficient of a transfer, to either side of 0."""
    num_positions: int = 101
    """Number of initial positions on the grid, from 0 to half the lane."""
    num_actions: int = 201
    """Number of moves on the grid, from 0 to half the lane."""
    updates: int = 150
    """Changes of the mechanism along implicit, unrolled or social gradients."""
    values: int = 6000
    """Mechanisms that are valued for two_point and one_point gradients: as many changes of the
    mechanism from one value each, half as many from two."""
    radius: float = 0.02
    """How far from the designer's own the mechanisms are that are valued for two_point and
    one_point gradients, in units of the bound."""
    baseline_rate: float = 0.2
    """How fast the running mean follows that one_point gradients subtract from values: 0 for never,
    1 for at once."""
    episodes: int | None = None
    """Episodes drawn to value a mechanism for two_point and one_point gradients; where not given,
    its expected welfare is computed."""
    unrolled_steps: int = 10
    """How many responses of the agents unrolled gradients differentiate through."""
    two_timescale: TwoTimescaleHyperParameters = field(
        default_factory=lambda: TwoTimescaleHyperParameters(
            mechanism_rate=0.1, responses_per_update=2
        )
    )
    """Of the designer that follows gradients: its step sizes and those of the agents."""
    ppo_updates: int = 0
    """Updates of proximal policy optimisation, which knows no game and is told the welfare of each
    mechanism in equilibrium; it is left out at 0."""
    ppo: PPOHyperParameters = field(
        default_factory=lambda: PPOHyperParameters(
            num_environments=64, num_minibatches=1, hidden=(8,), learning_rate=0.03
        )
    )
    """Of proximal policy optimisation, where ppo_updates is above 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kinds in (("transfers", TransferName), ("gradients", Gradient)):
            for entry in getattr(self, name):
                checks.one_of(name, entry, get_args(kinds))
        for number in self.num_agents:
            checks.integer("num_agents", number, low=2)
        for name in ("num_agents", "transfers", "gradients"):
            entries = getattr(self, name)
            checks.some(name, entries)
            checks.distinct(name, entries)
        checks.one_of("agents", self.agents, get_args(AgentModel))
        checks.one_of("paid_position", self.paid_position, get_args(PaidPosition))
        if self.temperature is not None:
            checks.number("temperature", self.temperature, low=0)
        if self.first_temperature is not None:
            checks.number("first_temperature", self.first_temperature, low=0)
        for name in ("learning_rate", "bound"):
            checks.number(name, getattr(self, name), above=0)
        checks.number("radius", self.radius, above=0, below=1)
        if any(one in OF_VALUES for one in self.gradients):
            checks.number("mechanism_decay", self.two_timescale.mechanism_decay, above=0.5, high=1)
        checks.number("baseline_rate", self.baseline_rate, low=0, high=1)
        for name in ("num_positions", "unrolled_steps"):
            checks.integer(name, getattr(self, name))
        for name in ("num_actions", "values"):
            checks.integer(name, getattr(self, name), low=2)
        if self.episodes is not None:
            checks.integer("episodes", self.episodes)
        checks.integer("ppo_updates", self.ppo_updates, low=0)
        self._check_temperature()

    def _check_temperature(self) -> None:
        found = self.resolved_temperature
        if self.agents == "rational" and found > 0:
            raise InvalidValueError("temperature", found, "0 for rational agents")
        if self.agents == "learning" and found == 0:
            raise InvalidValueError(
                "temperature", found, "numbers above 0 for agents who learn, who may not rest at 0"
            )
        first = self.resolved_first_temperature
        if first < found:
            raise InvalidValueError(
                "first_temperature", first, f"numbers from the agents' own, {found}, on"
            )
        if self.agents == "learning" and first > found:
            raise InvalidValueError(
                "first_temperature", first, f"{found}, their own, for agents who learn"
            )
        derived = [one for one in self.gradients if one not in OF_VALUES]
        if first == 0 and derived:
            raise InvalidValueError(
                "gradients",
                derived[0],
                "'two_point' and 'one_point' at temperature 0, where best responses jump and their "
                "derivatives are 0, unless first_temperature is above it",
            )

    @property
    def resolved_temperature(self) -> float:
        """The temperature, whoever the agents are."""
        if self.temperature is not None:
            return self.temperature
        return 0.0 if self.agents == "rational" else 1.0

    @property
    def resolved_first_temperature(self) -> float:
        """The temperature at which the design begins, whoever the agents are."""
        if self.first_temperature is not None:
            return self.first_temperature
        return self.resolved_temperature or 1.0

    def resolved(self) -> Self:
        """The same study with its temperatures filled in, and what follows for the designer."""
        designer = self.two_timescale
        if self.resolved_temperature == 0:
            # Best responses to one another come to rest slowly; their equilibrium is at hand.
            designer = replace(designer, responses_per_update=None)
        if self.paid_position == "initial":
            # Nothing leads away from where it starts, which had better be some mechanism.
            designer = replace(designer, initial_spread=1.0)
        return replace(
            self,
            temperature=self.resolved_temperature,
            first_temperature=self.resolved_first_temperature,
            two_timescale=designer,
        )

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, at whatever expense."""
        return is_as_registered(self, free=("updates", "values", "ppo_updates"))

    @property
    def cases(self) -> Iterator[Case]:
        """All designs along gradients, in the order in which they are shown."""
        for number in self.num_agents:
            for transfer in self.transfers:
                for gradient in self.gradients:
                    yield self.case(number, transfer, gradient)

    def case(self, num_agents: int, transfer: TransferName, found_by: Gradient | PPOName) -> Case:
        """One design."""
        parts = [f"{num_agents} agents"] if len(self.num_agents) > 1 else []
        parts += [transfer.replace("_", " ")] if len(self.transfers) > 1 else []
        if len(self.gradients) > 1 or found_by == "PPO":
            parts += [found_by.replace("_", "-")]
        name = f"{num_agents}_agents_{transfer}_{found_by.lower()}"
        return Case(
            num_agents, transfer, found_by, name, ", ".join(parts) or f"{num_agents} agents"
        )

    def updates_with(self, gradient: Gradient | PPOName) -> int:
        """Changes of the mechanism that such a gradient is given, or updates of PPO."""
        if gradient == "PPO":
            return self.ppo_updates
        if gradient == "two_point":
            return self.values // 2
        return self.values if gradient == "one_point" else self.updates

    def build(
        self, num_agents: int, transfer: TransferName
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment in which mechanisms are judged, and its parameters.

        Agents who learn come to rest where logit agents are, and are judged as these.
        """
        from jaxmech.environments.multilane import make
        from jaxmech.experiments.incentives.multilane.transfers import transfer_called

        return make(
            num_agents=num_agents,
            blind=self.agents == "blind",
            transfer=transfer_called(transfer),
            paid_position=self.paid_position,
            num_positions=self.num_positions,
            num_actions=self.num_actions,
            temperature=self.resolved_temperature,
            bound=self.bound,
        )

    def compute(self, workspace: Workspace) -> Findings:
        """Welfare with the transfers that are designed, and without, in equilibrium."""
        from jaxmech.experiments.incentives.multilane.computing import compute

        return compute(self, workspace)


STUDIES = {
    study.name: study
    for study in (
        MultilaneStudy(
            name="mguni2018/multilane",
            summary="transfers designed while boundedly rational agents respond, for 5, 10 and 20 "
            "of them",
            reproduces="Mguni 2018, Figure 1: welfare with and without the mechanism",
        ),
        MultilaneStudy(
            name="mguni2018/figure_2",
            summary="polynomials, straight lines, a table and a network as transfers for 3 agents",
            reproduces="Mguni 2018, Figure 2: different transfers for 3 agents",
            num_agents=(3,),
            transfers=get_args(TransferName),
            updates=300,
            seeds=8,
            two_timescale=TwoTimescaleHyperParameters(
                mechanism_rate=0.05, responses_per_update=2, initial_spread=0.1
            ),
        ),
        MultilaneStudy(
            name="mguni2018/gradients",
            summary="transfers for 5 agents in lanes, designed along five gradients, and by PPO",
            reproduces="",
            num_agents=(5,),
            gradients=get_args(Gradient),
            ppo_updates=100,
        ),
    )
}
