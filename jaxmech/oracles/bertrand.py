"""A Bertrand duopoly of substitutes in closed form (Singh and Vives 1984), NumPy float64.

Consumers gain ``alpha (q_1 + q_2) - (q_1^2 + q_2^2) / 2 - gamma q_1 q_2`` and firms choose prices.
Both firms must sell: where one does not, the formulas do not hold, and this says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks
from jaxmech.oracles.refusals import NotKnownError


@dataclass(frozen=True)
class BertrandDuopoly:
    """Two firms and their customers.

    Attributes:
      costs: of each unit, of each firm.
      intercept: ``alpha``.
      substitutability: ``gamma``, from 0 to below 1.

    Raises:
      ValueError: a number out of range, or other than two costs.
    """

    costs: tuple[float, float]
    intercept: float = 1.0
    substitutability: float = 0.5

    def __post_init__(self) -> None:
        costs = np.asarray(self.costs, np.float64)
        checks.shape("costs", costs, "one for each of two firms", (2,))
        checks.numbers("costs", costs, low=0)
        checks.number("intercept", self.intercept, above=0)
        checks.number("substitutability", self.substitutability, low=0, below=1)

    def prices(self, taxes: ArrayLike = (0.0, 0.0)) -> NDArray[np.float64]:
        """Those of the equilibrium at taxes per unit, float [2].

        Raises:
          NotKnownError: not both firms sell.
        """
        gamma = self.substitutability
        unit_costs = np.asarray(self.costs, np.float64) + np.asarray(taxes, np.float64)
        # Each asks the mean of its unit cost and of the price at which it sells nothing.
        matrix = np.array([[2, -gamma], [-gamma, 2]])
        prices = np.linalg.solve(matrix, self.intercept * (1 - gamma) + unit_costs)
        self.sales(prices)
        return np.asarray(prices, np.float64)

    def sales(self, prices: ArrayLike) -> NDArray[np.float64]:
        """What is bought of each good, float [2].

        Raises:
          NotKnownError: not both are bought.
        """
        gamma, prices = self.substitutability, np.asarray(prices, np.float64)
        sold = (self.intercept * (1 - gamma) - prices + gamma * prices[::-1]) / (1 - gamma**2)
        if np.any(sold < 0):
            raise NotKnownError("the closed form is for two goods that are both bought")
        return np.asarray(sold, np.float64)

    def welfare(self, prices: ArrayLike) -> float:
        """What consumers gain, less what goods cost; taxes cancel."""
        sold = self.sales(prices)
        gain = (self.intercept - np.asarray(self.costs)) @ sold - sold @ sold / 2
        return float(gain - self.substitutability * sold[0] * sold[1])

    def best_taxes(self) -> NDArray[np.float64]:
        """Taxes, in truth subsidies, at which both sell at cost: the first best, float [2].

        Raises:
          NotKnownError: at cost not both goods are bought.
        """
        costs, gamma = np.asarray(self.costs, np.float64), self.substitutability
        self.sales(costs)
        return np.asarray(costs - gamma * costs[::-1] - self.intercept * (1 - gamma), np.float64)
