"""What is checked of people under a tax without the game that it was learned in, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]

AMOUNTS = 1001
"""Of labour that are tried of each type."""

RATES = 201
"""Of tax that are tried first."""


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


def logit_of_labour(
    earnings: Floats,
    skills: Floats,
    elasticity: float,
    rates: Floats,
    thresholds: Sequence[float],
    temperature: float,
) -> tuple[Floats, Floats]:
    """How likely each amount is to people who choose by logit, and what it gives them.

    Args:
      earnings: float [types, amounts], among which they choose.

    Returns:
      Probabilities and utilities before the demogrant, both float [types, amounts].
    """
    utilities = utilities_of(earnings, skills, elasticity, rates, thresholds)
    above = utilities - np.max(utilities, axis=1, keepdims=True)
    weights = np.exp(above / temperature)
    return weights / np.sum(weights, axis=1, keepdims=True), utilities


def best_logit_rate(
    skills: Floats,
    shares: Floats,
    welfare_weights: Floats,
    elasticity: float,
    temperature: float,
    nodes: int,
) -> float:
    """The best single rate, from 0 to below 1, where people choose labour by logit.

    For fixed welfare weights; found by search, first among ``RATES`` of them.

    Args:
      nodes: equally spaced amounts of labour from none to what each would work untaxed.
    """
    earnings = skills[:, None] ** (1 + elasticity) * np.linspace(0, 1, nodes)
    weights = shares * welfare_weights / (shares @ welfare_weights)

    def lost(rate: float) -> float:
        choices, net = logit_of_labour(
            earnings, skills, elasticity, np.array([rate]), (), temperature
        )
        demogrant = shares @ np.sum(choices * earnings, axis=1) * rate
        return -float(weights @ np.sum(choices * net, axis=1) + demogrant)

    rates = np.linspace(0, 1, RATES, endpoint=False)
    best = int(np.argmin([lost(rate) for rate in rates]))
    around = (rates[max(best - 1, 0)], rates[min(best + 1, RATES - 1)])
    return float(minimize_scalar(lost, bounds=around, options={"xatol": 1e-8}).x)


def imbalance(
    utilities: Floats,
    earnings: Floats,
    probabilities: Floats,
    skills: Floats,
    shares: Floats,
    elasticity: float,
) -> float:
    """By how much more is consumed than earned, per head, as a share of what is earned.

    Consumption is what leaves people with the utilities that they are said to have, demogrant
    included, for the work that they do.

    Args:
      utilities: float [types], expected.
      earnings, probabilities: float [types, choices], what they may earn and how likely it is.
    """
    power = 1 + 1 / elasticity
    efforts = (earnings / skills[:, None]) ** power / power
    consumed = utilities + np.sum(probabilities * efforts, axis=1)
    earned = np.sum(probabilities * earnings, axis=1)
    return float(shares @ (consumed - earned) / (shares @ earned))
