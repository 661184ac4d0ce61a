"""A tax that was learned, and what is checked of it without the game that it was learned in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.incentives.designing import Designed
from jaxmech.experiments.incentives.income_tax.cells import Cell
from jaxmech.experiments.incentives.income_tax.checking import (
    gains_of_labour,
    imbalance,
    logit_of_labour,
)


@dataclass(frozen=True)
class LearnedTax:
    """What was found in a cell.

    Attributes:
      cell: which.
      designed: the taxes.
      rates: float [seeds, brackets].
      earnings: float [seeds, types], expected.
      gains: of each seed, float [types], of other amounts of labour: as a share of what is earned
        untaxed, and in units of money where people choose by logit.
      imbalances: of each seed, what is consumed beyond what is earned, as a share of that.
      errors: of each seed, the largest difference of a probability of an amount of labour from
        that of the logit choice; none where people choose best.
      best_of_logit: the best rate where people choose by logit; None where they choose best.
    """

    cell: Cell
    designed: Designed
    rates: NDArray[np.float64]
    earnings: NDArray[np.float64]
    gains: tuple[NDArray[np.float64], ...]
    imbalances: tuple[float, ...]
    errors: tuple[float, ...] = ()
    best_of_logit: float | None = None

    @property
    def learned(self) -> NDArray[np.float64]:
        """The rate that somebody pays which is furthest from the best one, float [seeds].

        Of the brackets that are learned, those in which nobody earns are of no account.
        """
        thresholds, first = self.cell.schedule.thresholds, self.cell.first_rate
        furthest = []
        for rates, earnings in zip(self.rates, self.earnings, strict=True):
            paid = np.unique(np.searchsorted(thresholds, earnings))
            among = rates[paid[paid >= first]]
            furthest.append(among[np.argmax(np.abs(among - self.best))])
        return np.array(furthest)

    @property
    def rate(self) -> float:
        """The learned rate of the best seed."""
        return float(self.learned[self.designed.best])

    @property
    def distance(self) -> float:
        """The largest of any seed's rate from the best one."""
        return float(np.max(np.abs(self.learned - self.best)))

    @property
    def best(self) -> float:
        """The rate that is best for the people of the cell, however they choose."""
        return self.cell.own if self.best_of_logit is None else self.best_of_logit


def learned_tax(
    cell: Cell,
    designed: Designed,
    rates: NDArray[np.float64],
    earnings: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    best_of_logit: float | None = None,
) -> LearnedTax:
    """Checks what people do under each tax.

    Args:
      rates: float [seeds, brackets].
      earnings, probabilities: float [seeds, types, choices], what people may earn, and how likely.
      best_of_logit: see ``LearnedTax``.
    """
    thresholds, economy = cell.schedule.thresholds, (cell.skills, cell.elasticity)
    expected = np.sum(earnings * probabilities, axis=-1)
    utilities = np.asarray(designed.outcomes.utilities, np.float64)
    gains, missing, errors = [], [], []
    for seed, of_seed in enumerate(rates):
        may_earn, likely = earnings[seed], probabilities[seed]
        if cell.temperature:
            choices, worth = logit_of_labour(
                may_earn, *economy, of_seed, thresholds, cell.temperature
            )
            errors.append(float(np.max(np.abs(choices - likely))))
            gains.append(np.max(worth, axis=1) - np.sum(likely * worth, axis=1))
        else:
            gains.append(gains_of_labour(expected[seed], *economy, of_seed, thresholds))
        missing.append(
            imbalance(utilities[seed], may_earn, likely, cell.skills, cell.shares, cell.elasticity)
        )
    return LearnedTax(
        cell,
        designed,
        rates,
        expected,
        tuple(gains),
        tuple(missing),
        tuple(errors),
        best_of_logit,
    )
