"""Exact values of the Escape Room of Yang et al. (2020), in float64.

N agents are at the lever, the start or the door, numbered 0, 1 and 2, at first all at the start,
and choose at once where to be next. In a step where at least M choose the lever, everybody who
chooses the door gets a reward and the episode ends if there is any; any other move has a cost.
Values are sums over all agents, without a discount and without payments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from jaxmech import checks
from jaxmech.agents.values.host import Floats

_LEVER, _START, _DOOR = range(3)

Joint = tuple[int, ...]
"""Where each agent is, or chooses to be."""


@dataclass(frozen=True)
class Rooms:
    """The game and what teams can reach in it.

    Attributes:
      num_agents: N, from 2.
      num_holders: M, from 1 and below N.
      escape_reward: to each who chooses the door while it is open, at least 0.
      move_cost: of any other move, at least 0.

    Raises:
      InvalidValueError: a number out of range or not finite.
    """

    num_agents: int = 2
    num_holders: int = 1
    escape_reward: float = 10.0
    move_cost: float = 1.0

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents, low=2)
        checks.integer("num_holders", self.num_holders, high=self.num_agents - 1)
        checks.number("escape_reward", self.escape_reward, low=0)
        checks.number("move_cost", self.move_cost, low=0)

    def rewards(self, joint: Joint, actions: Joint) -> tuple[float, ...]:
        """Of each agent, where each is at ``joint`` and chooses ``actions``."""
        is_open = actions.count(_LEVER) >= self.num_holders
        return tuple(
            float(
                self.escape_reward if is_open and new == _DOOR else -self.move_cost * (new != old)
            )
            for old, new in zip(joint, actions, strict=True)
        )

    def reward(self, joint: Joint, actions: Joint) -> float:
        """Of all agents, where each is at ``joint`` and chooses ``actions``."""
        return sum(self.rewards(joint, actions))

    def ends(self, actions: Joint) -> bool:
        """Whether somebody leaves."""
        return actions.count(_LEVER) >= self.num_holders and _DOOR in actions

    def team_optimum(self, num_steps: int) -> float:
        """The most that all agents together can get, by backward induction over joint states."""
        return self._team_values(num_steps)[self._first]

    def symmetric_optimum(self, num_steps: int) -> float:
        """The most that a policy can get that both agents follow, see ``symmetric_policy``."""
        return self._symmetric_values(num_steps)[self._first]

    def symmetric_policy(self, num_steps: int) -> Floats:
        """Of two agents at the start with so many steps left, what both do, float [3].

        A symmetric policy is a function of the own position and the other's. Two who stand
        apart can do what is best for both. Two who stand alike draw from the same probabilities
        q, which are worth a quadratic form in q: its maximum over the simplex is found exactly,
        face by face.

        Raises:
          InvalidValueError: other than two agents, or fewer than one step.
        """
        checks.integer("num_steps", num_steps)
        following = self._symmetric_values(num_steps - 1)
        policy, _ = _largest_form(self._returns(self._first, following))
        return policy

    @property
    def _first(self) -> Joint:
        return (_START,) * self.num_agents

    @cached_property
    def _joints(self) -> list[Joint]:
        return list(product(range(3), repeat=self.num_agents))

    def _return(self, joint: Joint, actions: Joint, following: dict[Joint, float]) -> float:
        return self.reward(joint, actions) + (0 if self.ends(actions) else following[actions])

    def _returns(self, joint: Joint, following: dict[Joint, float]) -> Floats:
        """Of two agents, by what each does, float [3, 3]."""
        values = [self._return(joint, actions, following) for actions in self._joints]
        return np.reshape(values, (3, 3))

    def _team_values(self, num_steps: int) -> dict[Joint, float]:
        checks.integer("num_steps", num_steps)
        values = dict.fromkeys(self._joints, 0.0)
        for _ in range(num_steps):
            values = {
                joint: max(self._return(joint, actions, values) for actions in self._joints)
                for joint in self._joints
            }
        return values

    def _symmetric_values(self, num_steps: int) -> dict[Joint, float]:
        checks.integer("num_steps", num_steps, low=0)
        checks.one_of("num_agents", self.num_agents, (2,))
        values = dict.fromkeys(self._joints, 0.0)
        for _ in range(num_steps):
            returns = {joint: self._returns(joint, values) for joint in self._joints}
            values = {
                (one, other): float(np.max(of_pair)) if one != other else _largest_form(of_pair)[1]
                for (one, other), of_pair in returns.items()
            }
        return values


@dataclass(frozen=True)
class OneShotResponse:
    """What boundedly rational agents do who are alike, paid alike, and have one step.

    The door is worth more the likelier the others choose the lever, and the lever is worth the
    same whatever they do. So the logit probability of the lever falls in that expected of the
    others, and there is exactly one symmetric quantal response equilibrium.

    Attributes:
      room: the game.
      temperature: of the logit responses, above 0.

    Raises:
      InvalidValueError: another temperature.
    """

    room: Rooms
    temperature: float = 1.0

    def __post_init__(self) -> None:
        checks.number("temperature", self.temperature, above=0)

    def policy(self, payment: float) -> Floats:
        """Probabilities of lever, start and door in equilibrium, float [3].

        Args:
          payment: to each agent for choosing the lever.
        """
        checks.number("payment", payment)

        def excess(often: float) -> float:
            return float(self._response(often, payment)[_LEVER] - often)

        return self._response(brentq(excess, 0, 1, xtol=1e-15), payment)

    def welfare(self, payment: float) -> float:
        """Expected rewards of all agents without payments."""
        policy = self.policy(payment)
        rewards = self._rewards(policy[_LEVER])
        return float(self.room.num_agents * policy @ rewards)

    def best_payment(self, bound: float = 10.0) -> float:
        """For the lever, from 0 to ``bound``, by which welfare is highest.

        Welfare has a single peak there for the rewards of the paper.
        """
        checks.number("bound", bound, above=0)
        found = minimize_scalar(
            lambda payment: -self.welfare(payment),
            bounds=(0, bound),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(found.x)

    def _rewards(self, often: float) -> Floats:
        """Of each action where the others choose the lever with probability ``often``."""
        others, needed = self.room.num_agents - 1, self.room.num_holders
        is_open = sum(
            math.comb(others, count) * often**count * (1 - often) ** (others - count)
            for count in range(needed, others + 1)
        )
        cost = self.room.move_cost
        return np.array([-cost, 0.0, is_open * self.room.escape_reward - (1 - is_open) * cost])

    def _response(self, often: float, payment: float) -> Floats:
        values = self._rewards(often) + [payment, 0, 0]
        weights = np.exp((values - np.max(values)) / self.temperature)
        return weights / np.sum(weights)


def _largest_form(matrix: Floats) -> tuple[Floats, float]:
    """The probabilities q, float [n], at which ``q @ matrix @ q`` is largest, and its value.

    Inside the face of the simplex on which the maximum lies all derivatives are equal, which is
    a linear system.
    """
    size = len(matrix)
    form = (matrix + matrix.T) / 2
    best = (np.eye(size)[0], -np.inf)
    for count in range(1, size + 1):
        for face in combinations(range(size), count):
            within = np.zeros((count + 1, count + 1))
            within[:count, :count] = form[np.ix_(face, face)]
            within[:count, count] = within[count, :count] = 1
            solution = np.linalg.lstsq(within, np.eye(count + 1)[count], rcond=None)[0][:count]
            if np.min(solution) < 0 or abs(np.sum(solution) - 1) > 1e-9:
                continue
            policy = np.zeros(size)
            policy[list(face)] = solution
            value = float(policy @ form @ policy)
            if value > best[1]:
                best = (policy, value)
    return best
