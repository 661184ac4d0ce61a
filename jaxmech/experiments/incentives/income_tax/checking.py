"""What is checked of people under a tax without the game that it was learned in, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AMOUNTS = 1001
"""Of labour that are tried of each type."""


def taxes_on(earnings: Floats, rates: Floats, thresholds: Sequence[float]) -> Floats:
    """What is owed on earnings, float [...]; each bracket is added up on its own."""
    edges = [0.0, *thresholds, np.inf]
    owed = np.zeros_like(earnings)
    for rate, start, end in zip(rates, edges[:-1], edges[1:], strict=True):
        owed += rate * np.clip(earnings - start, 0, end - start)
    return owed


def utilities_of(
    earnings: Floats, skills: Floats, elasticity: float, rates: Floats, thresholds: Sequence[float]
) -> Floats:
    """Before the demogrant, float [types, ...], of people who earn so much."""
    power = 1 + 1 / elasticity
    skills = skills.reshape(-1, *(1,) * (earnings.ndim - 1))
    return earnings - taxes_on(earnings, rates, thresholds) - (earnings / skills) ** power / power


def gains_of_labour(
    earnings: Floats, skills: Floats, elasticity: float, rates: Floats, thresholds: Sequence[float]
) -> Floats:
    """What other amounts of labour would add for each type, as a share of what it earns untaxed.

    Those are ``AMOUNTS``, from none to a tenth more than it works untaxed, which is more than
    anybody wants where no rate is below 0. Negative where none is as good.

    Args:
      earnings: float [types], chosen.
    """
    untaxed = skills ** (1 + elasticity)
    tried = untaxed[:, None] * np.linspace(0, 1.1, AMOUNTS)
    best = np.max(utilities_of(tried, skills, elasticity, rates, thresholds), axis=1)
    chosen = utilities_of(earnings, skills, elasticity, rates, thresholds)
    return np.asarray((best - chosen) / untaxed)


def imbalance(
    utilities: Floats,
    earnings: Floats,
    skills: Floats,
    shares: Floats,
    elasticity: float,
) -> float:
    """By how much more is consumed than earned, per head, as a share of what is earned.

    Consumption is what leaves people with the utilities that they are said to have, demogrant
    included, for the work that they do.
    """
    power = 1 + 1 / elasticity
    consumed = utilities + (earnings / skills) ** power / power
    return float(shares @ (consumed - earnings) / (shares @ earnings))
