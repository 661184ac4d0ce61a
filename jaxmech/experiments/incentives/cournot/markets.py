"""A market whose emissions are taxed, and what theory says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.oracles import NotKnownError
from jaxmech.oracles.cournot import LinearCournot
from jaxmech.reports.findings import Oracle


@dataclass(frozen=True)
class Market:
    """What was found in a market.

    Attributes:
      damage, temperature: which market.
      firms: the same in closed form, if they choose best.
      designed: the taxes.
      taxes: float [taxes], others that were tried, the first of them 0.
      swept: what those are worth.
      gains: float [seeds, firms], of the best quantity under each tax that was designed.
    """

    damage: float
    temperature: float
    firms: LinearCournot
    designed: Designed
    taxes: NDArray[np.float64]
    swept: Outcomes
    gains: NDArray[np.float64]

    @property
    def cell(self) -> str:
        return cell_of(self.damage, self.temperature)

    @property
    def tax(self) -> float:
        """The best one that was designed."""
        return float(self.designed.mechanisms[self.designed.best, 0])

    @property
    def welfare(self) -> float:
        """Under that tax."""
        return float(self.designed.outcomes.objective[self.designed.best])

    @property
    def untaxed(self) -> float:
        """Welfare without a tax."""
        return float(self.swept.objective[0])

    def oracles(self) -> dict[str, Oracle]:
        """What theory gives; of boundedly rational firms, the best that was tried."""
        known = {"first best": theory(lambda: self.firms.welfare(self.firms.first_best()))}
        if self.temperature > 0:
            highest = float(np.max(np.asarray(self.swept.objective)))
            return known | {"welfare": Oracle(highest, exact=False)}
        return known | {
            "untaxed": theory(lambda: self.firms.welfare(self.firms.quantities())),
            "tax": theory(self.firms.best_tax),
            "welfare": theory(
                lambda: self.firms.welfare(self.firms.quantities(self.firms.best_tax()))
            ),
        }


def cell_of(damage: float, temperature: float) -> str:
    """What a market is called."""
    return f"damage_{damage:g}_temperature_{temperature:g}"


def theory(value: Callable[[], float]) -> Oracle:
    """A value in closed form, or why there is none."""
    try:
        return Oracle(value())
    except NotKnownError as reason:
        return Oracle(None, missing=str(reason))
