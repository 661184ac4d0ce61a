"""Revenue-optimal prices and auctions of one item, after Myerson (1981).

Computed on the host in float64, for any distribution of concrete numbers and finite mean
that has the methods ``jaxmech.agents.values.univariate`` lists.
"""

from __future__ import annotations

import numpy as np

from jaxmech import checks
from jaxmech.agents import Empirical, UnivariateDistribution, virtual_value
from jaxmech.agents.values.host import Floats, HostDistribution
from jaxmech.agents.values.virtual import concave_slopes

_STEPS = 1 << 14


def myerson_reserve(distribution: UnivariateDistribution, *, seller_value: float = 0.0) -> float:
    """The price that earns most from one bidder, ``max_p (p - seller_value) P(V >= p)``.

    It is the reserve of the optimal auction whatever the number of bidders: the lowest value
    whose ironed virtual value is at least ``seller_value``. The lowest of several best prices.

    Args:
      distribution: of one bidder's value.
      seller_value: what the unsold item is worth to the seller.

    Returns:
      The reserve, in units of money; the highest value where no sale pays.

    Raises:
      ValueError: ``seller_value`` negative or not finite.
    """
    checks.number("seller_value", seller_value, low=0)
    host = HostDistribution(distribution)
    prices = _prices(distribution)
    gain = (prices - seller_value) * host.at_least(prices)
    greatest = np.max(gain)
    if greatest <= 0:
        return host.support[1]
    best = int(np.argmax(gain >= greatest * (1 - 1e-12)))
    if isinstance(distribution, Empirical):
        return float(prices[best])

    def excess(price: float) -> float:
        return float(host.apply(virtual_value, price)) - seller_value

    low, high = prices[max(best - 1, 0)], prices[min(best + 1, len(prices) - 1)]
    # The gain is flat at its maximum, which would leave half of the digits to chance.
    if not excess(low) < 0 < excess(high):
        return float(prices[best])
    from scipy.optimize import bisect

    return float(bisect(excess, low, high, xtol=1e-13 * max(high, 1e-3)))


def optimal_revenue(distribution: UnivariateDistribution, num_bidders: int) -> float:
    """Expected revenue of the optimal auction with iid bidders, in units of money.

    ``E[max(0, highest ironed virtual value)]``: an upper bound for every auction of the item,
    reached by a second-price auction with ``myerson_reserve`` where the distribution is
    regular. The revenue curve is taken as straight between 16,384 quantiles; exact for
    ``Empirical``.

    Raises:
      ValueError: ``num_bidders`` below 1.
    """
    checks.integer("num_bidders", num_bidders)
    if isinstance(distribution, Empirical):
        values = np.asarray(distribution.samples, np.float64)
        sold = np.arange(len(values), -1, -1) / len(values)
        values = np.append(values, values[-1])
    else:
        sold = np.linspace(1, 0, _STEPS + 1) ** 2
        values = HostDistribution(distribution).quantile(1 - sold)
    level = np.maximum(concave_slopes(values, sold), 0)
    highest = np.diff((1 - sold) ** num_bidders)
    return float(level @ highest)


def _prices(distribution: UnivariateDistribution) -> Floats:
    """Candidates for the best price, ascending, with the ends of the support."""
    if isinstance(distribution, Empirical):
        return np.unique(np.asarray(distribution.samples, np.float64))
    sold = np.concatenate([np.linspace(1, 2**-12, 4096), 2.0 ** -np.arange(13, 50)])
    host = HostDistribution(distribution)
    prices = np.append(host.quantile(1 - sold), host.support)
    return np.unique(prices[np.isfinite(prices)])
