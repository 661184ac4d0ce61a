"""What is found of taxes at one temperature of consumers."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.experiments.incentives.followers import FollowerCheck


@struct.dataclass
class Checked:
    """Of consumers in equilibrium, every array [mechanisms, types].

    Attributes:
      policies: how well they act.
      utilities: expected, taxes included and entropy not.
      as_another: what acting as a consumer of another type would add to that.
      idle: what it is worth to do nothing: neither to work nor to spend.
    """

    policies: FollowerCheck
    utilities: jax.Array
    as_another: jax.Array
    idle: jax.Array


@dataclass(frozen=True)
class Taxed:
    """What was found at one temperature.

    Attributes:
      designed: rates on each good and then on income, of each seed.
      best: rates, float [coefficients], that the quasi-Newton method found.
      gradients: that it took, from where the highest of several climbs ended.
      ends: float [starts], what taxes were worth where those climbs ended, on the coarser grid.
      gradients_there: that those climbs took together.
      slope: at the best rates, see ``jaxmech.experiments.incentives.climbing.climbed``.
      beside: of all rates alike and of the best ones, in this order.
      checked: of consumers under all these taxes.
    """

    designed: Designed
    best: NDArray[np.float64]
    gradients: int
    ends: NDArray[np.float64]
    gradients_there: int
    slope: float
    beside: Outcomes
    checked: Checked

    @property
    def at_start(self) -> float:
        """What rates that are all alike are worth."""
        return float(np.asarray(self.beside.objective)[0])

    @property
    def highest(self) -> float:
        """What the best rates found are worth."""
        return float(np.asarray(self.beside.objective)[1])

    @property
    def reached(self) -> float:
        """What the best of the rates that were designed are worth."""
        return float(np.asarray(self.designed.outcomes.objective)[self.designed.best])

    @property
    def rates(self) -> NDArray[np.float64]:
        """The best of those that were designed, float [coefficients]."""
        rates: NDArray[np.float64] = self.designed.mechanisms[self.designed.best]
        return rates
