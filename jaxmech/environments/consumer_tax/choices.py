"""What a consumer may do in a period: so many hours of work, and a basket of goods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from jaxmech import checks


@dataclass(frozen=True)
class Choices:
    """Steps of working time, and steps of spending on each good, all from 0 on.

    Assets change by what is earned and by all that is spent, on whichever goods. So a basket is
    chosen in two parts: how much to spend on all goods, the total, and how to divide it.

    Attributes:
      num_goods: how many goods there are.
      most_hours: steps of working time at most.
      most_units: steps of spending on each good at most.

    Raises:
      ValueError: a number below 1.
    """

    num_goods: int = 3
    most_hours: int = 9
    most_units: int = 4

    def __post_init__(self) -> None:
        for name in ("num_goods", "most_hours", "most_units"):
            checks.integer(name, getattr(self, name))

    @property
    def num_totals(self) -> int:
        """Amounts that may be spent on all goods together."""
        return self.num_goods * self.most_units + 1

    @property
    def num_actions(self) -> int:
        """Working times and totals together."""
        return (self.most_hours + 1) * self.num_totals

    @cached_property
    def baskets(self) -> NDArray[np.int64]:
        """Steps of spending on each good, int [baskets, goods]."""
        units = range(self.most_units + 1)
        return np.array(list(product(units, repeat=self.num_goods)))

    @cached_property
    def divides(self) -> NDArray[np.bool_]:
        """Which baskets divide each total, bool [totals, baskets]."""
        return self.baskets.sum(axis=1) == np.arange(self.num_totals)[:, None]

    @cached_property
    def hours(self) -> NDArray[np.int64]:
        """Steps of working time of each action, int [actions]."""
        return np.repeat(np.arange(self.most_hours + 1), self.num_totals)

    @cached_property
    def totals(self) -> NDArray[np.int64]:
        """Steps of spending of each action, int [actions]."""
        return np.tile(np.arange(self.num_totals), self.most_hours + 1)
