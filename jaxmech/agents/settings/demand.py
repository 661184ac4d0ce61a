"""How an agent values bundles, and which bundle it takes at posted prices.

A demand is a frozen value that names the form of an agent's valuation and so the shape
of the numbers that describe it. Items are types, each with a number of units; an agent
takes at most one unit of a type. A bundle is ``int32 [items]``, the units taken.

At posted prices an agent takes a bundle of greatest utility, value minus prices. It
takes nothing unless that utility is strictly positive, or, where
``buys_at_zero_utility``, at least zero. Ties go to the bundle that comes first in index
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct


def _buys(utility: jax.Array, buys_at_zero_utility: jax.Array) -> jax.Array:
    return (utility > 0) | (buys_at_zero_utility & (utility >= 0))


@dataclass(frozen=True)
class UnitDemand:
    """The value of a bundle is the largest value of an item in it.

    ``values: float [items]``.
    """

    num_items: int

    @property
    def values_shape(self) -> tuple[int, ...]:
        return (self.num_items,)

    def value(self, values: jax.Array, bundle: jax.Array) -> jax.Array:
        """Value of ``bundle``, float []."""
        return jnp.max(jnp.where(bundle > 0, values, 0))

    def choose(
        self,
        values: jax.Array,
        prices: jax.Array,
        available: jax.Array,
        buys_at_zero_utility: jax.Array,
    ) -> jax.Array:
        """The single item, or nothing, of greatest utility, int32 [items].

        Args:
          values, prices: float [items].
          available: bool [items], whether a unit is left.
          buys_at_zero_utility: bool [].
        """
        utility = jnp.where(available, values - prices, -jnp.inf)
        buys = _buys(utility, buys_at_zero_utility)
        if self.num_items == 1:
            return buys.astype(jnp.int32)
        best = jnp.arange(self.num_items) == jnp.argmax(utility)
        return (best & buys).astype(jnp.int32)


@dataclass(frozen=True)
class AdditiveDemand:
    """The value of a bundle is the sum of the values of the items in it.

    ``values: float [items]``.
    """

    num_items: int

    @property
    def values_shape(self) -> tuple[int, ...]:
        return (self.num_items,)

    def value(self, values: jax.Array, bundle: jax.Array) -> jax.Array:
        """Value of ``bundle``, float []."""
        return jnp.sum(jnp.where(bundle > 0, values, 0))

    def choose(
        self,
        values: jax.Array,
        prices: jax.Array,
        available: jax.Array,
        buys_at_zero_utility: jax.Array,
    ) -> jax.Array:
        """Every available item worth its price, int32 [items]; arguments as in ``UnitDemand``."""
        return (available & _buys(values - prices, buys_at_zero_utility)).astype(jnp.int32)


@dataclass(frozen=True)
class BundleDemand:
    """Every bundle has a value of its own.

    ``values: float [bundles]`` with ``bundles = 2 ** num_items``. Bundle ``b`` holds item
    ``k`` where bit ``k`` of ``b`` is set; bundle 0 is empty and worth 0.
    """

    num_items: int

    @property
    def values_shape(self) -> tuple[int, ...]:
        return (2**self.num_items,)

    @cached_property
    def bundles(self) -> np.ndarray:
        """Items of each bundle, int32 [bundles, items]."""
        index = np.arange(2**self.num_items)[:, None]
        return ((index >> np.arange(self.num_items)) & 1).astype(np.int32)

    def value(self, values: jax.Array, bundle: jax.Array) -> jax.Array:
        """Value of ``bundle``, float []."""
        taken = jnp.all(self.bundles == (bundle > 0)[None], axis=-1)
        return jnp.sum(jnp.where(taken, values, 0))

    def choose(
        self,
        values: jax.Array,
        prices: jax.Array,
        available: jax.Array,
        buys_at_zero_utility: jax.Array,
    ) -> jax.Array:
        """The available bundle of greatest utility, int32 [items].

        ``values: float [bundles]``; other arguments as in ``UnitDemand``.
        """
        bundles = jnp.asarray(self.bundles[1:])
        feasible = jnp.all(available[None] | (bundles == 0), axis=-1)
        cost = jnp.sum(jnp.where(bundles > 0, prices, 0), axis=-1)
        utility = jnp.where(feasible, values[1:] - cost, -jnp.inf)
        best = jnp.arange(len(self.bundles) - 1) == jnp.argmax(utility)
        taken = best & _buys(utility, buys_at_zero_utility)
        return jnp.sum(jnp.where(taken[:, None], bundles, 0), axis=0, dtype=jnp.int32)


Demand = UnitDemand | AdditiveDemand | BundleDemand


@struct.dataclass
class Valuations:
    """The valuations of all agents in one economy.

    Attributes:
      values: float [agents, *demand.values_shape].
      demand: the form all agents' valuations share.
    """

    values: jax.Array
    demand: Demand = struct.field(pytree_node=False)

    def of(self, allocation: jax.Array) -> jax.Array:
        """Each agent's value for what it is allocated, float [agents].

        Args:
          allocation: int [agents, items].
        """
        return jax.vmap(self.demand.value)(self.values, allocation)
