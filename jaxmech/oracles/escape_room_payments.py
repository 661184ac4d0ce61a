"""What rational agents do in the Escape Room where they are paid, exactly, in float64.

The room is that of ``jaxmech.oracles.escape_room``, of a given number of steps, in each of which
agents are paid for where they choose to be. The game is finite: whatever the others do, a best
response is found by backward induction, and so are all that pure subgame-perfect equilibria lead
to. Policies are float [steps, states, agents, 3], states and joint actions in the order of
``itertools.product``, the first agent's slowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks
from jaxmech.agents.values.host import Floats
from jaxmech.checks import InvalidValueError
from jaxmech.oracles.escape_room import Rooms

TIE = 1e-9
"""Up to which amounts of money count as equal."""

MOST_OUTCOMES = 20_000
"""Of one state in one step, that are told apart."""


@dataclass(frozen=True)
class PlayedRoom:
    """What policies lead to.

    Attributes:
      utilities: float [agents], expected rewards and payments.
      gains: float [agents], at least 0, what a best response to the others would add.
      welfare: expected rewards of all, without payments.
      budget: expected payments to all.
    """

    utilities: Floats
    gains: Floats
    welfare: float
    budget: float


@dataclass(frozen=True)
class Outcomes:
    """What pure subgame-perfect equilibria lead to, every one of them once.

    Attributes:
      utilities: float [outcomes, agents], rewards and payments.
      welfare: float [outcomes], rewards of all, without payments.
    """

    utilities: Floats
    welfare: Floats

    @property
    def budgets(self) -> Floats:
        """Payments to all, float [outcomes]."""
        return np.asarray(np.sum(self.utilities, axis=1) - self.welfare)


class TooManyOutcomesError(InvalidValueError):
    """Equilibria lead to more outcomes than are told apart."""


class PaidRoom:
    """The game of a given number of steps in which agents are paid.

    Args:
      room: who there is, and what they get and lose.
      payments: float [steps, agents, 3], for choosing lever, start and door.

    Raises:
      InvalidValueError: payments of another shape, or that are not finite.
    """

    def __init__(self, room: Rooms, payments: ArrayLike):
        self.room = room
        self.payments = np.asarray(payments, np.float64)
        checks.axes("payments", self.payments, "steps", "agents", "places")
        shape = (self.payments.shape[0], room.num_agents, 3)
        checks.shape("payments", self.payments, "[steps, agents, 3]", shape)
        checks.numbers("payments", self.payments)

    def play(self, policies: ArrayLike) -> PlayedRoom:
        """What agents get who follow ``policies`` from the first state on, and could get.

        Raises:
          InvalidValueError: policies of another shape.
        """
        given = np.asarray(policies, np.float64)
        shape = (self.payments.shape[0], len(self._joints), self.room.num_agents, 3)
        checks.shape("policies", given, "[steps, states, agents, 3]", shape)
        utilities, best, unpaid = (np.zeros(shape[1:3]) for _ in range(3))
        nothing = np.zeros_like(self.payments[0])
        for policy, payments in zip(given[::-1], self.payments[::-1], strict=True):
            best = np.max(self._action_values(policy, payments, best), axis=-1)
            utilities, unpaid = (
                np.sum(policy * self._action_values(policy, paid, following), axis=-1)
                for paid, following in ((payments, utilities), (nothing, unpaid))
            )
        first = len(self._joints) // 2
        welfare = float(np.sum(unpaid[first]))
        return PlayedRoom(
            utilities=utilities[first],
            gains=np.maximum(best[first] - utilities[first], 0),
            welfare=welfare,
            budget=float(np.sum(utilities[first])) - welfare,
        )

    def equilibrium_outcomes(self) -> Outcomes:
        """Of all pure subgame-perfect equilibria, ties kept; none where there is none.

        What agents do may depend on all that was done before. So a choice of everybody is that of
        an equilibrium where nobody gains by another, after which follows the equilibrium that is
        worst for who deviated.

        Raises:
          TooManyOutcomesError: more outcomes of a state than ``MOST_OUTCOMES``.
        """
        agents = self.room.num_agents
        first = len(self._joints) // 2
        following = [np.zeros((1, agents + 1))] * len(self._joints)
        for step in reversed(range(len(self.payments))):
            lowest = np.array([np.min(rows[:, :agents], axis=0) for rows in following])
            # After the end nothing follows, and only one state is possible at first.
            possible = ~self._ends if step else np.arange(len(self._joints)) == first
            following = [
                self._supported(state, self.payments[step], following, lowest)
                if is_possible
                else np.zeros((1, agents + 1))
                for state, is_possible in enumerate(possible)
            ]
            if not all(len(rows) for rows in following):
                return Outcomes(np.zeros((0, agents)), np.zeros(0))
        found = following[first]
        return Outcomes(found[:, :agents], found[:, agents])

    def _supported(
        self, state: int, payments: Floats, following: list[Floats], lowest: Floats
    ) -> Floats:
        """Utilities of all and welfare in equilibria from a state on, [outcomes, agents + 1].

        Args:
          payments: float [agents, 3], of this step.
          following: of each state of the next step.
          lowest: float [states, agents], the lowest utilities among those.
        """
        agents = self.room.num_agents
        now = self._rewards[state] + self._paid(payments)
        worst = now + lowest
        found = []
        for actions in range(len(self._joints)):
            alternatives = worst[self._deviations[actions], np.arange(agents)[:, None]]
            rows = following[actions] + np.append(
                now[actions], np.sum(self._rewards[state, actions])
            )
            found.append(
                rows[np.all(rows[:, :agents] >= np.max(alternatives, axis=1) - TIE, axis=1)]
            )
        distinct = np.unique(np.round(np.concatenate(found), 9), axis=0)
        if len(distinct) > MOST_OUTCOMES:
            raise TooManyOutcomesError(
                "payments", self.payments, f"those with up to {MOST_OUTCOMES:,} outcomes of a state"
            )
        return distinct

    def _action_values(self, policy: Floats, payments: Floats, following: Floats) -> Floats:
        """What each action is worth while the others follow ``policy``, [states, agents, 3]."""
        agents, joints = self.room.num_agents, len(self._joints)
        ahead = np.where(self._ends[:, None], 0, following)
        worth = self._rewards + (self._paid(payments) + ahead)[None]
        chosen = policy[:, np.arange(agents)[None], self._joints]
        values = []
        for agent in range(agents):
            others = np.prod(np.delete(chosen, agent, axis=2), axis=2)
            weighted = (others * worth[:, :, agent]).reshape(joints, *(3,) * agents)
            axes = tuple(1 + other for other in range(agents) if other != agent)
            values.append(np.sum(weighted, axis=axes))
        return np.stack(values, axis=1)

    def _paid(self, payments: Floats) -> Floats:
        """What each agent is paid for its part of each joint action, [joint actions, agents]."""
        return np.asarray(payments[np.arange(self.room.num_agents), self._joints])

    @cached_property
    def _joints(self) -> NDArray[np.int64]:
        """[joint actions, agents]."""
        return np.array(list(product(range(3), repeat=self.room.num_agents)))

    @cached_property
    def _ends(self) -> NDArray[np.bool_]:
        return np.array([self.room.ends(tuple(actions)) for actions in self._joints.tolist()])

    @cached_property
    def _rewards(self) -> Floats:
        """Of each agent, float [states, joint actions, agents]."""
        joints = [tuple(joint) for joint in self._joints.tolist()]
        return np.array([[self.room.rewards(one, other) for other in joints] for one in joints])

    @cached_property
    def _deviations(self) -> NDArray[np.int64]:
        """What one agent can turn joint actions into, or leave, [joint actions, agents, 3]."""
        places: Any = 3 ** np.arange(self.room.num_agents)[::-1]
        changes = np.arange(3)[None, None] - self._joints[:, :, None]
        return np.asarray(np.arange(len(self._joints))[:, None, None] + changes * places[:, None])
