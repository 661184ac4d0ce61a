"""The greatest smallest value any allocation reaches, all values known."""

from __future__ import annotations

import jax
import numpy as np

from jaxmech import checks
from jaxmech.agents import Setting, UnitDemand
from jaxmech.intervals import mean_of, normal_interval
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.finite_economies import Floats, Ints


def expected_offline_max_min(
    setting: Setting, *, episodes: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """Expectation over fresh values of the largest smallest value, an upper bound for max-min.

    Monte Carlo for any distribution; each draw is a bottleneck matching of agents and
    units.

    Args:
      setting: economy with unit demand.
      episodes: draws, at least 2.
      seed: of the random numbers.

    Returns:
      The estimate, and the half-width of its 95 % confidence interval.

    Raises:
      ValueError: fewer than 2 episodes.
      NotKnownError: demand is not ``UnitDemand``.
    """
    checks.integer("episodes", episodes, low=2)
    demand = setting.distribution.demand
    if not isinstance(demand, UnitDemand):
        raise NotKnownError(
            f"demand: got {demand}; allowed is UnitDemand, where a matching decides"
        )
    units = np.asarray(setting.units)
    if setting.distribution.num_agents > units.sum():
        return 0.0, 0.0
    draws = jax.vmap(setting.distribution.sample)(jax.random.split(jax.random.key(seed), episodes))
    smallest = [_bottleneck(values, units) for values in np.asarray(draws, np.float64)]
    found = mean_of(np.asarray(smallest), normal_interval)
    return found.mean, found.half_width or 0.0


def _bottleneck(values: Floats, units: Ints) -> float:
    """The highest level at which every agent can have a unit worth as much.

    Args:
      values: float [agents, items].
      units: int [items].
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    per_unit = np.repeat(values, np.minimum(units, len(values)), axis=1)
    levels = np.unique(values[values > 0])
    low, high = 0, len(levels)
    # The lowest ``low`` levels can be reached, those beyond ``high`` cannot.
    while low < high:
        middle = (low + high + 1) // 2
        graph = csr_array(per_unit >= levels[middle - 1])
        if np.all(maximum_bipartite_matching(graph, perm_type="column") >= 0):
            low = middle
        else:
            high = middle - 1
    return float(levels[low - 1]) if low else 0.0
