"""Optimal taxes in closed form, where people are quasi-linear and iso-elastic.

Skill ``n``, labour ``l``, earnings ``z = n l``, utility of consumption ``c`` and labour
``c - l^(1 + 1/e) / (1 + 1/e)``: at a marginal rate ``tau`` earnings are ``n^(1 + e) (1 - tau)^e``,
their elasticity is ``e`` everywhere, and there is no income effect. Revenue is paid out to all
alike. People choose best; those who choose by logit do not obey these formulas, but do in the limit
of temperature 0. Everything is NumPy, float64.

Sources: Saez, Using elasticities to derive optimal income tax rates (2001); Diamond, Optimal income
taxation (1998).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from jaxmech import checks, struct


def linear_rate(
    skills: ArrayLike,
    elasticity: float,
    welfare_weights: ArrayLike,
    *,
    shares: ArrayLike | None = None,
) -> float:
    """The best single rate for fixed welfare weights, exact for any population, finite ones too.

    ``(1 - G) / (1 - G + e)`` with ``G = E[g n^(1 + e)] / (E[g] E[n^(1 + e)])``: what a unit of
    earnings is worth where it is earned, by that of a unit spread over all. Negative where weights
    rise with skill; where they rise so much that ``G`` is ``1 + e`` or more there is none. All
    weight on the lowest skill gives the maximin rate.

    Args:
      skills: float [types], above 0.
      elasticity: above 0.
      welfare_weights: float [types], from 0, not all 0.
      shares: float [types], of the population, scaled to a sum of 1; all alike unless given.

    Raises:
      ValueError: a number out of range, not as many of each as skills, or no best rate.
    """
    skills, shares = _population(skills, shares)
    checks.number("elasticity", elasticity, above=0)
    weights = np.asarray(welfare_weights, np.float64)
    checks.shape("welfare_weights", weights, "one for each skill", skills.shape)
    checks.numbers("welfare_weights", weights, low=0)
    checks.number("the mean of welfare_weights", float(shares @ weights), above=0)
    earnings = skills ** (1 + elasticity)
    relative = shares @ (weights * earnings) / (shares @ weights * (shares @ earnings))
    return linear_rate_at(float(relative), elasticity)


def linear_rate_at(relative_weight: float, elasticity: float) -> float:
    """``(1 - G) / (1 - G + e)``, the best single rate where ``G`` is known.

    Args:
      relative_weight: ``G``, from 0, below ``1 + elasticity``. 0 gives the rate of the highest
        revenue, ``1 / (1 + e)``, which is also that of maximin where the lowest skill is 0.
      elasticity: above 0.

    Raises:
      ValueError: a number out of range.
    """
    checks.number("elasticity", elasticity, above=0)
    checks.number("relative_weight", relative_weight, low=0, below=1 + elasticity)
    return (1 - relative_weight) / (1 - relative_weight + elasticity)


def lognormal_relative_weight(sigma: float, elasticity: float, aversion: float) -> float:
    """``G`` where ``log n ~ N(0, sigma^2)`` and weights are ``n^-aversion``.

    Raises:
      ValueError: a number out of range.
    """
    checks.number("sigma", sigma, above=0)
    checks.number("elasticity", elasticity, above=0)
    checks.number("aversion", aversion, low=0)
    return float(np.exp(-aversion * (1 + elasticity) * sigma**2))


def pareto_relative_weight(alpha: float, elasticity: float, aversion: float) -> float:
    """``G`` where ``P(skill > n) = n^-alpha`` from 1 up and weights are ``n^-aversion``.

    Raises:
      ValueError: a number out of range; mean earnings are infinite unless
        ``alpha > 1 + elasticity``.
    """
    checks.number("elasticity", elasticity, above=0)
    checks.number("alpha", alpha, above=1 + elasticity)
    checks.number("aversion", aversion, low=0)
    power = 1 + elasticity
    return (alpha + aversion) * (alpha - power) / (alpha * (alpha + aversion - power))


def top_rate(tail: float, elasticity: float, *, weight: float = 0.0) -> float:
    """The best rate on earnings above a threshold where skills are Pareto.

    ``(1 - g) / (1 - g + e a)``, for every threshold above the lowest earnings and every lower rate
    below it. With ``weight`` 0 that is the rate of the highest revenue, and the maximin rate of
    linear and of any other taxes alike (Diamond 1998).

    Args:
      tail: ``a``, the exponent of earnings, above 1; that of skills is ``a (1 + e)``.
      elasticity: above 0.
      weight: ``g``, of those who would earn more than the threshold at the lower rate, relative to
        revenue; from 0 to below 1.

    Raises:
      ValueError: a number out of range.
    """
    _check_tail(tail, elasticity)
    checks.number("weight", weight, low=0, below=1)
    return (1 - weight) / (1 - weight + elasticity * tail)


def two_bracket_revenue(
    tail: float, elasticity: float, *, threshold: float, low: float, rate: float
) -> float:
    """Revenue per head of ``low`` up to a threshold and ``rate`` above it, skills Pareto from 1.

    Those who would earn more than the threshold at ``low`` but less at ``rate`` earn just that.

    Args:
      tail: the exponent of earnings, above 1.
      elasticity: above 0.
      threshold: in units of money, from the lowest earnings, ``(1 - low)^elasticity``.
      low: from 0 to below 1.
      rate: from ``low`` to below 1.

    Raises:
      ValueError: a number out of range.
    """
    _check_tail(tail, elasticity)
    checks.number("low", low, low=0, below=1)
    checks.number("rate", rate, low=low, below=1)
    checks.number("threshold", threshold, low=(1 - low) ** elasticity)
    # In units of untaxed earnings, which are Pareto from 1: where bunching begins and ends.
    begins = threshold * (1 - low) ** -elasticity
    ends = threshold * (1 - rate) ** -elasticity
    below = (1 - low) ** elasticity * tail / (tail - 1) * (1 - begins ** (1 - tail))
    above = threshold * ends**-tail / (tail - 1)
    return float(low * (below + threshold * begins**-tail) + rate * above)


def top_rate_of_population(
    skills: ArrayLike,
    elasticity: float,
    *,
    threshold: float,
    low: float,
    weight: float = 0.0,
    shares: ArrayLike | None = None,
) -> float:
    """The rate above a threshold that is best for this very population, to about 1e-6.

    A finite population, as a sample of a heavy tail is, has a best rate of its own: without a
    weight ``1 / (1 + e a)`` with ``a = m / (m - threshold)``, ``m`` the mean earnings above the
    threshold at that rate.

    Args:
      skills: float [types], above 0.
      elasticity: above 0.
      threshold: in units of money, above 0.
      low: the rate up to the threshold, from 0 to below 1.
      weight: of the utility of those who would earn more than the threshold at the lower rate,
        relative to revenue; from 0 to below 1.
      shares: float [types], scaled to a sum of 1; all alike unless given.

    Raises:
      ValueError: a number out of range, or nobody who would earn more than the threshold.
    """
    skills, shares = _population(skills, shares)
    checks.number("elasticity", elasticity, above=0)
    checks.number("threshold", threshold, above=0)
    checks.number("low", low, low=0, below=1)
    checks.number("weight", weight, low=0, below=1)
    untaxed = skills ** (1 + elasticity)
    highest = float(np.max(untaxed)) * (1 - low) ** elasticity
    checks.number("threshold", threshold, below=highest)
    # Those who would earn more at the lower rate, the highest earnings first.
    order = np.argsort(-untaxed)
    order = order[untaxed[order] * (1 - low) ** elasticity > threshold]
    earnings, of_type = untaxed[order], shares[order]
    power = 1 + 1 / elasticity
    bunched = threshold * (1 - low) - threshold**power * earnings ** (-1 / elasticity) / power
    heads, sums, of_bunched = (
        np.append(0, np.cumsum(of_type * values))
        for values in (np.ones_like(earnings), earnings, bunched)
    )

    def value(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Revenue above the threshold, and the weighted utilities up to a constant."""
        kept = (1 - rates) ** elasticity
        above = np.searchsorted(-earnings, -threshold / kept)
        revenue = rates * (kept * sums[above] - threshold * heads[above])
        utilities = (1 - rates) * kept * sums[above] / (1 + elasticity)
        utilities += (rates - low) * threshold * heads[above] + of_bunched[-1] - of_bunched[above]
        return np.asarray(revenue + weight * utilities)

    # With finitely many types there are many local optima: first a dense grid.
    grid = np.linspace(low, 1, 200_001)[:-1]
    best = int(np.argmax(value(grid)))
    fine = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], 2001)
    return float(fine[np.argmax(value(fine))])


@struct.dataclass
class LogUtilityOptimum:
    """The best single rate for the mean logarithm of utilities.

    Attributes:
      rate: of tax.
      demogrant: what everybody is paid, in units of money.
      value: the mean logarithm.
    """

    rate: float
    demogrant: float
    value: float


def log_utility_optimum(
    skills: ArrayLike, elasticity: float, *, shares: ArrayLike | None = None
) -> LogUtilityOptimum:
    """The best single rate for ``E ln u``, for any population.

    It obeys ``(1 - G) / (1 - G + e)`` with weights ``1 / u``, which depend on the rate.

    Args:
      skills: float [types], above 0; for log-normal ones nodes of Gauss-Hermite quadrature.
      elasticity: above 0.
      shares: float [types], scaled to a sum of 1; all alike unless given.

    Raises:
      ValueError: a number out of range.
    """
    skills, shares = _population(skills, shares)
    checks.number("elasticity", elasticity, above=0)
    untaxed = skills ** (1 + elasticity)
    mean = shares @ untaxed

    def utilities(rate: float) -> NDArray[np.float64]:
        demogrant = rate * (1 - rate) ** elasticity * mean
        return np.asarray(demogrant + (1 - rate) ** (1 + elasticity) * untaxed / (1 + elasticity))

    def excess(rate: float) -> float:
        weights = 1 / utilities(rate)
        relative = shares @ (weights * untaxed) / (shares @ weights * mean)
        return float((1 - relative) * (1 - rate) - elasticity * rate)

    rate = float(optimize.brentq(excess, 0.0, 1 / (1 + elasticity), xtol=1e-14))
    demogrant = float(rate * (1 - rate) ** elasticity * mean)
    return LogUtilityOptimum(rate, demogrant, float(shares @ np.log(utilities(rate))))


def _population(
    skills: ArrayLike, shares: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    skills = np.asarray(skills, np.float64)
    checks.axes("skills", skills, "types")
    checks.numbers("skills", skills, above=0)
    if shares is None:
        return skills, np.full(skills.size, 1 / skills.size)
    shares = np.asarray(shares, np.float64)
    checks.shape("shares", shares, "one for each skill", skills.shape)
    checks.numbers("shares", shares, low=0)
    checks.number("the sum of shares", float(np.sum(shares)), above=0)
    return skills, shares / np.sum(shares)


def _check_tail(tail: float, elasticity: float) -> None:
    checks.number("tail", tail, above=1)
    checks.number("elasticity", elasticity, above=0)
