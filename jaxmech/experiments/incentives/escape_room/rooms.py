"""A room whose agents are paid, and what theory says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.oracles.escape_room import OneShotResponse, Rooms
from jaxmech.oracles.escape_room_payments import PaidRoom, PlayedRoom, TooManyOutcomesError
from jaxmech.reports.findings import Oracle


@dataclass(frozen=True)
class PaidDesign:
    """Payments that were designed, and what they come to by another computation.

    Attributes:
      designed: the payments and what they are worth.
      played: what agents in equilibrium get and could get, of each seed.
      rational: returns of the team in all pure subgame-perfect equilibria of each seed, rising;
        None where there are too many to tell.
    """

    designed: Designed
    played: tuple[PlayedRoom, ...]
    rational: tuple[tuple[float, ...] | None, ...]

    @property
    def returns(self) -> NDArray[np.float64]:
        """Of the team, float [seeds]."""
        return np.asarray(self.designed.outcomes.objective, np.float64)

    @property
    def gains(self) -> NDArray[np.float64]:
        """Of best responses, float [seeds, agents]."""
        return np.stack([one.gains for one in self.played])

    @property
    def disagreement(self) -> float:
        """The largest difference between the returns by the two computations."""
        return float(np.max(np.abs(self.returns - [one.welfare for one in self.played])))


@dataclass(frozen=True)
class RoomFound:
    """What was found in a room.

    Attributes:
      num_agents, num_holders, steps: which room.
      by_role: payments of each agent's own.
      alike: payments that are the same for all.
      without: what agents who are not paid do.
    """

    num_agents: int
    num_holders: int
    steps: int
    by_role: PaidDesign
    alike: PaidDesign
    without: Outcomes

    @property
    def cell(self) -> str:
        return cell_of(self.num_agents, self.num_holders)

    @property
    def label(self) -> str:
        """As the literature calls it."""
        return f"ER({self.num_agents}, {self.num_holders})"

    @property
    def room(self) -> Rooms:
        return Rooms(self.num_agents, self.num_holders)

    @property
    def optimum(self) -> float:
        """The most that the team can get."""
        return self.room.team_optimum(self.steps)

    @property
    def unpaid(self) -> float:
        """What the team gets without payments."""
        return float(np.asarray(self.without.objective)[0])

    def oracles(self) -> dict[str, Oracle]:
        """What theory gives."""
        one_shot = OneShotResponse(self.room)
        alike = (
            Oracle(self.room.symmetric_optimum(self.steps))
            if self.num_agents == 2
            else Oracle(None, missing="it is computed for two agents alone")
        )
        return {
            "team optimum": Oracle(self.optimum),
            "best of agents who act alike": alike,
            "best equal payment in one step, temperature 1": Oracle(
                one_shot.welfare(one_shot.best_payment())
            ),
        }


def cell_of(num_agents: int, num_holders: int) -> str:
    """What a room is called."""
    return f"er_{num_agents}_{num_holders}"


def judged_again(
    room: Rooms, designed: Designed, payments: Sequence[ArrayLike], policies: Sequence[ArrayLike]
) -> PaidDesign:
    """What designed payments come to by plain backward induction.

    Args:
      payments: float [steps, agents, 3] of each seed.
      policies: float [steps, states, agents, 3] of each seed, in equilibrium.
    """
    games = [PaidRoom(room, one) for one in payments]
    played = tuple(game.play(policy) for game, policy in zip(games, policies, strict=True))
    return PaidDesign(designed, played, tuple(_rational(game) for game in games))


def _rational(game: PaidRoom) -> tuple[float, ...] | None:
    try:
        return tuple(np.unique(game.equilibrium_outcomes().welfare).tolist())
    except TooManyOutcomesError:
        return None
