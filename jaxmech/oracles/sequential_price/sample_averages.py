"""Baselines under an empirical distribution: averages over the user's own samples.

Prices found here are the best on these samples, and so look better on them than on fresh
draws; judge them on samples held out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxmech.oracles.sequential_price.finite_economies import Floats, Ints, purchases

_CANDIDATES = 129


def sample_serial_dictatorship(
    values: Floats, units: Ints, *, buys_at_zero_utility: bool = False
) -> float:
    """Mean welfare of random serial dictatorship with additive values.

    Each type goes to the first agents, in random order, who want it at price 0.

    Args:
      values: float [samples, agents, items].
      units: int [items].
    """
    wants = values >= 0 if buys_at_zero_utility else values > 0
    number = np.maximum(wants.sum(axis=1), 1)
    return float(np.mean(np.sum(values.sum(axis=1) * np.minimum(1, units / number), axis=1)))


def sample_static_welfare(
    values: Floats,
    bundles: Ints,
    units: Ints,
    prices: Floats,
    *,
    additive: bool,
) -> float:
    """Mean welfare of static prices, agents visited in index order.

    Args:
      values: float [samples, agents, bundles].
      bundles: int [bundles, items].
      units: int [items].
      prices: float [agents, items].
    """
    samples = np.arange(len(values))
    left = np.tile(units, (len(values), 1))
    total = np.zeros(len(values))
    for agent, posted in enumerate(prices):
        available = left > 0
        taken = purchases(values[:, agent], bundles, posted, available, additive=additive)
        total += values[samples, agent, taken]
        left -= bundles[taken]
    return float(total.mean())


def sample_assignment(values: Floats, units: Ints) -> float:
    """Mean greatest welfare when each agent takes one unit of one type at most.

    Args:
      values: float [samples, agents, items].
      units: int [items].
    """
    from scipy.optimize import linear_sum_assignment

    per_unit = np.repeat(np.maximum(values, 0), units, axis=2)
    total = 0.0
    for sample in per_unit:
        agents, places = linear_sum_assignment(sample, maximize=True)
        total += sample[agents, places].sum()
    return total / len(values)


def best_anonymous_sample_price(values: Floats, units: int) -> tuple[float, float]:
    """Mean welfare and price for one item type, agents visited in index order.

    Args:
      values: float [samples, agents].
      units: units for sale.
    """
    bundle_values = np.stack([np.zeros_like(values), values], axis=-1)
    value, prices = best_anonymous_sample_prices(
        bundle_values, np.array([[0], [1]]), np.array([units]), additive=True
    )
    return value, float(prices[0])


def best_anonymous_sample_prices(
    values: Floats, bundles: Ints, units: Ints, *, additive: bool
) -> tuple[float, Floats]:
    """Mean welfare and prices [items]; arguments as in ``sample_static_welfare``.

    Numerical: each type's price in turn is searched over quantiles of its values, then
    between the neighbours of the best, until no price improves.
    """
    num_items = bundles.shape[1]
    alone = np.argmax((bundles.sum(axis=1) == 1)[:, None] & (bundles > 0), axis=0)
    candidates = [
        np.unique(np.append(values[..., bundle][values[..., bundle] > 0], 0.0)) for bundle in alone
    ]

    def welfare(prices: Floats) -> float:
        repeated = np.broadcast_to(prices, (values.shape[1], num_items))
        return sample_static_welfare(values, bundles, units, repeated, additive=additive)

    prices = np.zeros(num_items)
    best = welfare(prices)
    improved = True
    while improved:
        improved = False
        for item in range(num_items):
            value, price = _search(welfare, prices, item, candidates[item])
            if value > best + 1e-12:
                improved = num_items > 1
                best, prices = value, price
    return best, prices


def best_personalised_sample_prices(
    values: Floats, units: int, *, max_sweeps: int = 100
) -> tuple[float, Floats]:
    """Mean welfare and prices [agents] for one item type, agents visited in index order.

    Each agent's price in turn is made the best, exactly, given all others, from the best
    anonymous price on: a local optimum.

    Args:
      values: float [samples, agents].
      units: units for sale.
    """
    best, anonymous = best_anonymous_sample_price(values, units)
    prices = np.full(values.shape[1], anonymous)
    for _ in range(max_sweeps):
        later = _later_welfare(values, units, prices)
        left = np.full(len(values), units)
        rows = np.arange(len(values))
        total = np.zeros(len(values))
        for agent in range(values.shape[1]):
            asked = left > 0
            here = values[:, agent]
            fewer = later[agent + 1][rows, np.maximum(left - 1, 0)]
            # What a sale adds in each sample, those of highest value first.
            added = np.where(asked, here + fewer - later[agent + 1][rows, left], 0)
            prices[agent] = _best_threshold(here[asked], added[asked], prices[agent])
            buys = asked & (here > prices[agent])
            total += np.where(buys, here, 0)
            left = left - buys
        value = float(total.mean())
        if value <= best + 1e-12:
            break
        best = value
    return best, prices


def _search(
    welfare: Callable[[Floats], float], prices: Floats, item: int, candidates: Floats
) -> tuple[float, Floats]:
    """The best price of one item among sorted candidates, from coarse to fine."""
    low, high = 0, len(candidates) - 1
    found: dict[int, float] = {}
    trial = prices.copy()
    while True:
        tried = np.unique(np.linspace(low, high, _CANDIDATES).round().astype(int))
        for position in tried:
            trial[item] = candidates[position]
            found.setdefault(int(position), welfare(trial))
        best = max(found, key=lambda position: found[position])
        if len(tried) < _CANDIDATES or high - low < _CANDIDATES:
            trial[item] = candidates[best]
            return found[best], trial
        step = -(-(high - low) // (_CANDIDATES - 1))
        low, high = max(best - step, 0), min(best + step, len(candidates) - 1)


def _later_welfare(values: Floats, units: int, prices: Floats) -> list[Floats]:
    """Welfare from each agent on, for every number of units left: [samples, units + 1] each."""
    later = [np.zeros((len(values), units + 1))]
    for agent in range(values.shape[1] - 1, -1, -1):
        buys = (values[:, agent] > prices[agent])[:, None]
        current = later[0].copy()
        sold = values[:, agent, None] + later[0][:, :-1]
        current[:, 1:] = np.where(buys, sold, later[0][:, 1:])
        later.insert(0, current)
    return later


def _best_threshold(values: Floats, added: Floats, price: float) -> float:
    """The price whose buyers, all of higher value, add most; ``price`` unless another is better."""
    levels, position = np.unique(values, return_inverse=True)
    per_level = np.bincount(position.ravel(), weights=added, minlength=len(levels))
    # sums[k]: what is added when levels k and up buy.
    sums = np.append(np.cumsum(per_level[::-1])[::-1], 0.0)
    thresholds = np.append(0.0, levels)
    sums[0] -= np.sum(added[values <= 0])
    if np.sum(added[values > price]) >= sums.max() - 1e-12 * max(len(values), 1):
        return price
    return float(thresholds[int(np.argmax(sums))])
