"""What a mechanism meets: who wants what, and how much of it there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jaxmech.agents.settings.profiles import ValueDistribution
from jaxmech.checks import InvalidValueError


@dataclass(frozen=True)
class Setting:
    """Buyers and supply.

    Attributes:
      distribution: joint distribution of the agents' values.
      units: units of each item type, one integer per type, at least one each.
    """

    distribution: ValueDistribution
    units: tuple[int, ...]

    def __post_init__(self) -> None:
        num_items = self.distribution.demand.num_items
        if len(self.units) != num_items:
            raise InvalidValueError(
                "units",
                self.units,
                f"one number for each item type ({num_items})",
                got=f"{self.units}, of length {len(self.units)}",
                verb="needed is",
            )
        if not all(isinstance(units, int | np.integer) and units >= 1 for units in self.units):
            raise InvalidValueError(
                "units",
                self.units,
                "every item type needs an integer of at least one unit",
                verb="",
            )
