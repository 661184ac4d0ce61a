"""What a mechanism meets: who wants what, and how much of it there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jaxmech.agents.settings.profiles import ValueDistribution


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
            raise ValueError(
                f"units: got {self.units}, of length {len(self.units)}; needed is one number for "
                f"each item type ({num_items})"
            )
        if not all(isinstance(units, int | np.integer) and units >= 1 for units in self.units):
            raise ValueError(
                f"units: got {self.units}; every item type needs an integer of at least one unit"
            )
