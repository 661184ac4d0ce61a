"""Exact and numerical values where agents' values are continuous.

Without correlation the optimum is a recursion over agents and units left. With the
common centre of ``CorrelatedUniform``, values are iid given the centre, so the welfare of
static prices is an integral over it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxmech.oracles.sequential_price.finite_economies import Floats

_MAX_PIECES = 64
_NODES_PER_PIECE = 12


def iid_optimum(gain: Callable[[Floats], Floats], num_agents: int, units: int) -> Floats:
    """Optimal expected objective with iid values and identical items, float [units + 1].

    ``V(k, j) = V(k - 1, j) + gain(V(k - 1, j) - V(k - 1, j - 1))`` for ``k`` agents and
    ``j`` units left. The difference is what a unit is worth later on, and
    so the price to post for welfare.

    Args:
      gain: greatest expected gain from one agent who may take a unit worth ``c`` later
        on, elementwise. For welfare, ``E[max(v - c, 0)]``, the integral of the survival
        function beyond ``c``; for revenue, ``max_p P(v > p) (p - c)``.
      num_agents, units: how many there are.

    Returns:
      The value for each number of units up to ``units``.
    """
    value = np.zeros(units + 1)
    for _ in range(num_agents):
        value[1:] = value[1:] + gain(np.diff(value))
    return value


def uniform_welfare_gain(later: Floats) -> Floats:
    """``E[max(v - later, 0)]`` for v ~ U[0, 1] and ``later`` in [0, 1]."""
    return (1 - later) ** 2 / 2


def uniform_revenue_gain(later: Floats) -> Floats:
    """``max_p P(v > p) (p - later)`` for v ~ U[0, 1] and ``later`` in [0, 1]."""
    return ((1 - later) / 2) ** 2


def expected_sum_of_largest_uniform(num_agents: int, units: int) -> float:
    """Expected sum of the largest ``units`` of iid U[0, 1] values, at any correlation.

    The order statistics of a uniform distribution are linear in its end points, and the
    common centre is 1/2 in expectation; ``correlated_offline`` scales it.
    """
    ranks = np.arange(1, min(num_agents, units) + 1)
    return float(np.sum((num_agents + 1 - ranks) / (num_agents + 1)))


def correlated_offline(num_agents: int, units: int, delta: float) -> float:
    """Expected offline optimum of one type under ``CorrelatedUniform``."""
    served = min(num_agents, units)
    iid = expected_sum_of_largest_uniform(num_agents, units)
    return served * delta / 2 + (1 - delta) * iid


def correlated_static_welfare(prices: Floats, units: int, delta: float) -> tuple[float, Floats]:
    """Expected welfare of static prices for one type under ``CorrelatedUniform``.

    Given the centre, sales are independent of each other but for the units. The integral
    over the centre is split where a price enters or leaves the range of values, so that
    the integrand is smooth on each piece.

    Args:
      prices: float [agents], in visiting order.
      units: units for sale.
      delta: strength of the correlation, 0 <= delta < 1.

    Returns:
      The welfare, and its gradient in the prices, float [agents].
    """
    half = (1 - delta) / 2
    centre, weights = _centre_quadrature(prices, delta)
    low, high = centre - half, centre + half
    price = prices[:, None]
    marginal = (price > low) & (price < high)
    sells = np.clip((high - price) / (2 * half), 0, 1)
    gain = np.where(price < high, high**2 - np.maximum(price, low) ** 2, 0) / (4 * half)

    later = np.zeros((units + 1, len(centre)))
    unit_worth = []
    for sale, worth in zip(sells[::-1], gain[::-1], strict=True):
        difference = later[1:] - later[:-1]
        unit_worth.append(difference)
        later = later.copy()
        later[1:] += worth - sale * difference
    left = np.zeros((units + 1, len(centre)))
    left[-1] = 1
    gradient = np.zeros(len(prices))
    for agent, difference in enumerate(reversed(unit_worth)):
        loss = np.sum(left[1:] * (prices[agent] - difference), axis=0)
        gradient[agent] = -np.sum(weights * marginal[agent] * loss) / (2 * half)
        sold = left[1:] * sells[agent]
        left[1:] -= sold
        left[:-1] += sold
    return float(later[-1] @ weights), gradient


def best_anonymous_price(num_agents: int, units: int, delta: float) -> tuple[float, float]:
    """Expected welfare and price, for one type under ``CorrelatedUniform``."""
    if delta == 1:
        return min(num_agents, units) / 2, 0.0
    from scipy.optimize import minimize_scalar

    def loss(price: float) -> float:
        return -correlated_static_welfare(np.full(num_agents, price), units, delta)[0]

    grid = np.linspace(0, 1, 65)
    best = int(np.argmin([loss(price) for price in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, 64)]
    solution = minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-10})
    return -float(solution.fun), float(solution.x)


def best_personalised_prices(num_agents: int, units: int, delta: float) -> tuple[float, Floats]:
    """Expected welfare and prices [agents], for one type under ``CorrelatedUniform``.

    A local maximum, the best from several starts. Prices descend: given the centre, of
    two neighbours the one of higher price is better asked first, as it pays more where
    both would buy the last unit.
    """
    if delta == 1:
        return min(num_agents, units) / 2, np.zeros(num_agents)
    from scipy.optimize import minimize

    def loss(prices: Floats) -> tuple[float, Floats]:
        value, gradient = correlated_static_welfare(prices, units, delta)
        return -value, -gradient

    _, anonymous = best_anonymous_price(num_agents, units, delta)
    slope = np.linspace(0.5, -0.5, num_agents) if num_agents > 1 else np.zeros(1)
    best_value, best_prices = -np.inf, slope
    for spread in (0.2, 0.5):
        start = np.clip(anonymous + spread * slope, 0.01, 0.99)
        for _ in range(2):
            solution = minimize(
                loss,
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=[(0, 1)] * num_agents,
                options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-9},
            )
            start = np.sort(solution.x)[::-1]
        if -solution.fun > best_value:
            best_value, best_prices = -float(solution.fun), start
    return correlated_static_welfare(best_prices, units, delta)[0], best_prices


def _centre_quadrature(prices: Floats, delta: float) -> tuple[Floats, Floats]:
    """Nodes and weights [nodes] of the average over the common centre."""
    if delta == 0:
        return np.array([0.5]), np.ones(1)
    half = (1 - delta) / 2
    ends = np.array([half, 1 - half])
    breaks = np.unique(np.clip(np.concatenate([prices - half, prices + half]), *ends))
    breaks = breaks[:: -(-len(breaks) // _MAX_PIECES)]
    breaks = np.unique(np.concatenate([ends, breaks]))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES_PER_PIECE)
    width = np.diff(breaks)[:, None]
    centre = breaks[:-1, None] + width * (nodes + 1) / 2
    return centre.ravel(), (width * weights / 2).ravel() / delta
