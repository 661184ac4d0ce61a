"""Exact values of the multi-lane coordination game of Mguni (2018), in float64.

N agents start at ``x_0`` uniform on [0, a], where ``a`` is half the length of a lane, move by ``u``
in [0, a], and lose ``c sum_j (x_i - x_j)^2 + d u``. The best policy, for oneself or for all, moves
up to a threshold: ``x_T = max(x_0, t)``. With ``e = d / (2 c (N - 1))`` a best reply stops at the
others' mean less ``e``, so that ``t = a - sqrt(2 a e)`` in the only symmetric equilibrium. Welfare
counts the others' loss as well, and is highest at ``t = a - sqrt(a e)``. Where moves are so dear
that ``t`` would be negative nobody moves, and ``t`` is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jaxmech import checks
from jaxmech.agents.values.host import Floats


@dataclass(frozen=True)
class UniformLanes:
    """The game with uniform initial positions and without a grid.

    Attributes:
      num_agents: at least 2.
      mismatch_cost: of the squared distance to each other agent, above 0.
      move_cost: of each unit of length moved, at least 0.
      length: of a lane, above 0.

    Raises:
      InvalidValueError: a number out of range or not finite.
    """

    num_agents: int
    mismatch_cost: float = 10.0
    move_cost: float = 0.1
    length: float = 1.0

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents, low=2)
        checks.number("mismatch_cost", self.mismatch_cost, above=0)
        checks.number("move_cost", self.move_cost, low=0)
        checks.number("length", self.length, above=0)

    @property
    def bayes_nash_threshold(self) -> float:
        """Of the equilibrium of rational agents without a mechanism."""
        return self._threshold(2 * self._lag)

    @property
    def first_best_threshold(self) -> float:
        """Of the highest welfare that policies can reach that see their own position alone."""
        return self._threshold(self._lag)

    def welfare(self, threshold: float) -> float:
        """Expected sum of utilities, transfers excluded, where all move to ``max(x_0, threshold)``.

        Raises:
          InvalidValueError: a threshold below 0 or above half the length.
        """
        half = self.length / 2
        checks.number("threshold", threshold, low=0, high=half)
        above = half - threshold
        variance = above**3 / (3 * half) - above**4 / (4 * half**2)
        return self._welfare(variance, threshold**2 / (2 * half))

    @property
    def welfare_of_equilibrium(self) -> float:
        """Of rational agents without a mechanism."""
        return self.welfare(self.bayes_nash_threshold)

    @property
    def welfare_of_first_best(self) -> float:
        """The highest of decentralised policies."""
        return self.welfare(self.first_best_threshold)

    @property
    def welfare_without_moves(self) -> float:
        """Where everybody stays."""
        return self.welfare(0)

    @property
    def welfare_of_longest_moves(self) -> float:
        """Where everybody moves by half the length."""
        return self._welfare(self.length**2 / 48, self.length / 2)

    @property
    def transfer_for_rational(self) -> Floats:
        """The linear transfer on terminal positions by which the equilibrium is the first best.

        float [1], half the cost of moves.
        """
        return np.array([self.move_cost / 2])

    def transfer_for_blind(self, curvature: float = 1.0) -> Floats:
        """A quadratic transfer by which rational agents who ignore the others reach the first best.

        float [2], of ``x`` and ``x^2``. The transfer less the cost of moves is highest at the
        threshold of the first best; no linear transfer stops anybody in the middle.

        Args:
          curvature: minus the second coefficient. Any number above 0 will do.

        Raises:
          InvalidValueError: another one.
        """
        checks.number("curvature", curvature, above=0)
        slope = 2 * curvature * self.first_best_threshold + self.move_cost
        return np.array([slope, -curvature])

    @property
    def _lag(self) -> float:
        """How far behind the others' mean it pays to stop."""
        return self.move_cost / (2 * self.mismatch_cost * (self.num_agents - 1))

    def _threshold(self, lag: float) -> float:
        half = self.length / 2
        return max(0.0, half - math.sqrt(half * lag))

    def _welfare(self, variance: float, move: float) -> float:
        apart = 2 * self.mismatch_cost * (self.num_agents - 1) * variance
        return -self.num_agents * (apart + self.move_cost * move)
