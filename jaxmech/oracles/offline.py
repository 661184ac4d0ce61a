"""The offline optimum: the greatest welfare any allocation reaches, given all values.

No mechanism does better in any episode, so it is the yardstick of welfare and the
control variate that Brero et al. (2021, footnote 5) subtract from it.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from optax.assignment import hungarian_algorithm

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, Valuations

_PAIRWISE_RANKS_UP_TO = 48
"""Agents beyond which a sort is faster than comparing all pairs."""


def offline_optimum(valuations: Valuations, units: jax.Array, max_units: int) -> jax.Array:
    """Greatest welfare over all allocations of the units, float [].

    Args:
      valuations: of one economy.
      units: int [items], units for sale of each type.
      max_units: static upper bound of ``units``; it sets the size of the search.
    """
    demand, values = valuations.demand, valuations.values
    match demand:
        case UnitDemand(1):
            return sum_of_largest(values[:, 0], units[0])
        case AdditiveDemand():
            return jnp.sum(jax.vmap(sum_of_largest, in_axes=(1, 0))(values, units))
        case UnitDemand():
            return _assignment(values, units, max_units)
        case BundleDemand():
            return _bundle_packing(values, demand, units, max_units)


def sum_of_largest(values: jax.Array, count: jax.Array) -> jax.Array:
    """Sum of the ``count`` largest of ``values: float [agents]``, float []."""
    places = jnp.arange(values.shape[0])
    if values.shape[0] > _PAIRWISE_RANKS_UP_TO:
        return jnp.sum(jnp.where(places < count, jnp.sort(values, descending=True), 0))
    row, column = values[:, None], values[None, :]
    ahead = (column > row) | ((column == row) & (places[None, :] < places[:, None]))
    return jnp.sum(jnp.where(jnp.sum(ahead, axis=1) < count, values, 0))


def _assignment(values: jax.Array, units: jax.Array, max_units: int) -> jax.Array:
    """Maximum-weight matching of agents to units, values: float [agents, items]."""
    copies = min(max_units, values.shape[0])
    exists = jnp.arange(copies)[None] < units[:, None]
    per_unit = jnp.where(exists, values[:, :, None], 0).reshape(values.shape[0], -1)
    agents, columns = hungarian_algorithm(-per_unit)
    return jnp.sum(per_unit[agents, columns])


def _bundle_packing(
    values: jax.Array, demand: BundleDemand, units: jax.Array, max_units: int
) -> jax.Array:
    """Dynamic program over the units left, one agent at a time.

    ``left[state]`` are the units of a state and ``after[state, bundle]`` is the state once
    a bundle is gone, with the bundle worth nothing where it does not fit.
    """
    left = np.array(list(itertools.product(range(max_units + 1), repeat=demand.num_items)))
    strides = (max_units + 1) ** np.arange(demand.num_items)[::-1]
    remainder = left[:, None, :] - demand.bundles[None]
    fits = np.all(remainder >= 0, axis=-1)
    after = np.where(fits, remainder @ strides, 0)

    def add_agent(best: jax.Array, bundle_values: jax.Array) -> tuple[jax.Array, None]:
        return jnp.max(jnp.where(fits, bundle_values[None] + best[after], -jnp.inf), axis=-1), None

    start = jnp.zeros(len(left), values.dtype)
    best, _ = jax.lax.scan(add_agent, start, values)
    return best[jnp.sum(units * strides)]
