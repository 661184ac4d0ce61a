"""Joint distributions of all agents' values.

A distribution is a PyTree with ``sample(key) -> float [agents, *demand.values_shape]``,
the static ``num_agents`` and ``demand``, and ``highest_values``, float [items], an upper
bound of the values of each item, which sets the range of prices worth posting. Its numbers
are leaves, so they can be swept by ``vmap``.
"""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.settings.demand import BundleDemand, Demand
from jaxmech.checks import InvalidValueError


class ValueDistribution(Protocol):
    """A joint distribution of values."""

    @property
    def num_agents(self) -> int: ...

    @property
    def demand(self) -> Demand: ...

    @property
    def highest_values(self) -> jax.Array: ...

    def sample(self, key: jax.Array) -> jax.Array: ...


@struct.dataclass
class CorrelatedUniform:
    """Uniform values around a common random centre (Brero et al. 2021, "Part 1").

    For each item type, ``z ~ U[(1 - delta)/2, (1 + delta)/2]`` and every agent's value is
    an independent draw from ``U[z - (1 - delta)/2, z + (1 - delta)/2]``: iid on [0, 1] at
    ``delta`` 0, identical at 1.

    Attributes:
      delta: float [], strength of the correlation, 0 to 1.
      num_agents: how many agents draw.
      demand: form of the valuations; one value per item type is drawn.
      shared_centre: whether all item types have the same ``z``.

    Raises:
      ValueError: ``demand`` is a ``BundleDemand``, whose values are not one per item type.
    """

    delta: jax.Array
    num_agents: int = struct.field(pytree_node=False)
    demand: Demand = struct.field(pytree_node=False)
    shared_centre: bool = struct.field(pytree_node=False, default=False)

    def __post_init__(self) -> None:
        if isinstance(self.demand, BundleDemand):
            raise InvalidValueError(
                "demand",
                self.demand,
                "UnitDemand and AdditiveDemand, as one value is drawn for each item type",
            )

    @property
    def highest_values(self) -> jax.Array:
        return jnp.ones(self.demand.num_items, jnp.result_type(self.delta, float))

    def sample(self, key: jax.Array) -> jax.Array:
        """One draw, float [agents, items]."""
        items = self.demand.num_items
        uniform = jax.random.uniform(key, (self.num_agents + 1, items))
        of_centre = uniform[0, :1] if self.shared_centre else uniform[0]
        centre = (1 + self.delta * (2 * of_centre - 1)) / 2
        return centre[None] + (1 - self.delta) * (uniform[1:] - 0.5)


@struct.dataclass
class FiniteMixture:
    """A random world; given the world, independent draws from finite sets.

    Any distribution of finite support has this form, with a world for each profile at
    worst. Exact oracles read it.

    Attributes:
      values: float [worlds, agents, atoms, *demand.values_shape].
      probabilities: float [worlds, agents, atoms], of each atom given the world.
      world_probabilities: float [worlds].
      demand: form of the valuations.
    """

    values: jax.Array
    probabilities: jax.Array
    world_probabilities: jax.Array
    demand: Demand = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.values.shape[1]

    @property
    def highest_values(self) -> jax.Array:
        return _highest_values(self.values, self.demand)

    def sample(self, key: jax.Array) -> jax.Array:
        """One draw, float [agents, *demand.values_shape]."""
        uniform = jax.random.uniform(key, (self.num_agents + 1,))
        world = _first_above(jnp.cumsum(self.world_probabilities), uniform[0])
        values, probabilities = self.values[world], self.probabilities[world]
        atom = _first_above(jnp.cumsum(probabilities, axis=-1), uniform[1:, None])
        chosen = jnp.arange(probabilities.shape[-1])[None] == atom[:, None]
        chosen = chosen.reshape(chosen.shape + (1,) * (values.ndim - 2))
        return jnp.sum(jnp.where(chosen, values, 0), axis=1)


@struct.dataclass
class UniformMixture:
    """A random world; given the world, independent uniform values on intervals.

    Attributes:
      low, high: float [worlds, agents, *demand.values_shape], ends of the intervals; equal
        where the value is certain.
      world_probabilities: float [worlds].
      demand: form of the valuations.
    """

    low: jax.Array
    high: jax.Array
    world_probabilities: jax.Array
    demand: Demand = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.low.shape[1]

    @property
    def highest_values(self) -> jax.Array:
        return _highest_values(self.high, self.demand)

    def sample(self, key: jax.Array) -> jax.Array:
        """One draw, float [agents, *demand.values_shape]."""
        world_key, values_key = jax.random.split(key)
        world = _first_above(jnp.cumsum(self.world_probabilities), jax.random.uniform(world_key))
        low, high = self.low[world], self.high[world]
        return low + (high - low) * jax.random.uniform(values_key, low.shape)


@struct.dataclass
class Samples:
    """The user's own valuations, drawn with replacement.

    Attributes:
      values: float [samples, agents, *demand.values_shape].
      demand: form of the valuations.
    """

    values: jax.Array
    demand: Demand = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.values.shape[1]

    @property
    def highest_values(self) -> jax.Array:
        return _highest_values(self.values, self.demand)

    def sample(self, key: jax.Array) -> jax.Array:
        """One of the samples, uniformly, float [agents, *demand.values_shape]."""
        return self.values[jax.random.randint(key, (), 0, self.values.shape[0])]


def _highest_values(values: jax.Array, demand: Demand) -> jax.Array:
    """The highest value of each item, float [items]; of all where bundles are valued.

    An item that nobody values has that of all too, so that prices stay above 0.

    Args:
      values: float [..., *demand.values_shape].
    """
    highest = jnp.max(values)
    if isinstance(demand, BundleDemand):
        return jnp.full(demand.num_items, highest)
    by_item = jnp.max(values.reshape(-1, demand.num_items), axis=0)
    return jnp.where(by_item > 0, by_item, highest)


def _first_above(cumulative: jax.Array, uniform: jax.Array) -> jax.Array:
    # The last entry is left out, so that rounding in the sum cannot select past the end.
    return jnp.sum(cumulative[..., :-1] <= uniform, axis=-1)
