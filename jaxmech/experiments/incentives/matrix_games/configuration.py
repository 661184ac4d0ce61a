"""The typed configuration of the study of matrix games. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from jaxmech import checks
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.incentives.design_study import DesignStudy

if TYPE_CHECKING:
    from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

GameName = Literal["prisoners_dilemma", "chicken", "stag_hunt"]
PaidFor = Literal["actions", "outcomes"]


def _responding() -> TwoTimescaleHyperParameters:
    return TwoTimescaleHyperParameters(
        response_rate=0.3, responses_per_update=10, initial_spread=1.0
    )


@dataclass(frozen=True)
class MatrixGamesStudy(DesignStudy):
    """Payments to the players of games of two actions, who choose by logit."""

    games: tuple[GameName, ...] = get_args(GameName)
    """Which games."""
    temperatures: tuple[float, ...] = (1.0, 0.25)
    """How boundedly rational players are, in units of payoff; one after another."""
    paid_for: PaidFor = "actions"
    """What payments depend on: the own action of who is paid, or the actions of all."""
    bound: float = 2.0
    """On the size of each payment; negative ones are charges."""
    outside_option: float = 0.0
    """What staying away is worth to a player."""
    reached_within: float = 1e-3
    """Of the best welfare, for a restart to count as having reached it."""
    first_temperature: float | None = 3.0
    """At which players begin: it falls to theirs in the first half of the updates. Where payments
    are designed at once for players of little temperature, many restarts end in poor equilibria:
    slopes are all but 0 there. None for their own from the start."""
    seeds: int = 8
    """How many times it is designed, independently: the restarts."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=_responding)
    """Of the designer. Players move only part of the way to their responses: all the way at once,
    those of little temperature swing where each would rather do what the other does not."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("games", get_args(GameName)), ("temperatures", None)):
            given = getattr(self, name)
            checks.some(name, given)
            checks.distinct(name, given)
            for one in given:
                if allowed is None:
                    checks.number(name, one, above=0)
                else:
                    checks.one_of(name, one, allowed)
        if self.first_temperature is not None:
            checks.number("first_temperature", self.first_temperature, low=max(self.temperatures))
        checks.one_of("paid_for", self.paid_for, get_args(PaidFor))
        checks.number("bound", self.bound, above=0)
        checks.number("outside_option", self.outside_option)
        checks.number("reached_within", self.reached_within, above=0)

    def build(
        self, game: GameName, temperature: float
    ) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        from jaxmech.environments.matrix_game import make

        return make(game, paid_for=self.paid_for, temperature=temperature, bound=self.bound)

    def compute(self, workspace: Workspace) -> Findings:
        """Welfare with the payments that are designed, and without, beside the best there is."""
        from jaxmech.experiments.incentives.matrix_games.computing import compute

        return compute(self, workspace)


MATRIX_GAMES = MatrixGamesStudy(
    name="incentives/matrix_games",
    summary="payments designed for the prisoner's dilemma, chicken and the stag hunt",
    reproduces="",
)
