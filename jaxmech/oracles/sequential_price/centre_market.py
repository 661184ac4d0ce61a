"""One item type whose values share an unknown centre: ``CorrelatedUniform`` below delta 1.

Given the centre, values are iid uniform around it. An adviser who knew the centre would
follow the iid recursion, so its average over the centre bounds every mechanism.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from jaxmech.oracles.sequential_price.finite_economies import Floats

MarketObjective = Literal["welfare", "revenue"]


@dataclass(frozen=True)
class CentreMarket:
    """Centres ``z ~ U[(1 - delta)/2, (1 + delta)/2]``, values ``U[z - half, z + half]``.

    Arrays of prices and centres broadcast against each other.

    Attributes:
      delta: strength of the correlation, 0 <= delta < 1.
      objective: ``"welfare"`` or ``"revenue"``, the supremum where agents are indifferent.
    """

    delta: float
    objective: MarketObjective

    @property
    def half(self) -> float:
        return (1 - self.delta) / 2

    def centres(self, number: int) -> tuple[Floats, Floats]:
        """Nodes and weights [nodes] of a midpoint rule; a single one at delta 0."""
        if self.delta == 0:
            number = 1
        nodes = self.half + self.delta * (np.arange(number) + 0.5) / number
        return nodes, np.full(number, 1 / number)

    def sells(self, prices: Floats, centres: Floats) -> Floats:
        """Probability that an agent buys."""
        return np.clip((centres + self.half - prices) / (2 * self.half), 0, 1)

    def gain(self, prices: Floats, centres: Floats) -> Floats:
        """Expected objective from one agent."""
        if self.objective == "revenue":
            return prices * self.sells(prices, centres)
        low, high = centres - self.half, centres + self.half
        return (high**2 - np.clip(prices, low, high) ** 2) / (4 * self.half)

    def price_if_known(self, later: Floats, centres: Floats) -> Floats:
        """The best price where a unit kept is worth ``later`` and the centre is known."""
        if self.objective == "welfare":
            return later
        return np.maximum(centres - self.half, (centres + self.half + later) / 2)


def known_centre_program(
    market: CentreMarket, centres: Floats, *, num_agents: int, units: int
) -> Floats:
    """The iid recursion for every centre, by agents and units left.

    Returns:
      Values, float [agents + 1, units + 1, centres].
    """
    values = np.zeros((num_agents + 1, units + 1, len(centres)))
    for left in range(1, num_agents + 1):
        later = values[left - 1, 1:] - values[left - 1, :-1]
        prices = market.price_if_known(later, centres)
        gain, sells = market.gain(prices, centres), market.sells(prices, centres)
        values[left, 1:] = values[left - 1, 1:] + gain - sells * later
    return values
