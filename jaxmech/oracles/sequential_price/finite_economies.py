"""Economies of finite support, in the form exact programs read.

Every demand becomes a list of bundles and a value for each of them; agents that draw from
the same distribution in every world form a class, so that programs count them instead of
naming them. Numbers are read as the shortest decimals that name them: the float32 nearest
to .6 means .6, which keeps exact values exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.agents import AdditiveDemand, BundleDemand, Demand, FiniteMixture, Setting, UnitDemand
from jaxmech.oracles.refusals import NotKnownError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MOST_BUNDLES = 4096


@dataclass(frozen=True, eq=False)
class AgentClass:
    """Agents of one distribution.

    Attributes:
      agents: their indices, ascending.
      values: float [atoms, bundles], value of each bundle for each atom of the support.
      probabilities: float [worlds, atoms], of each atom given the world.
    """

    agents: tuple[int, ...]
    values: Floats
    probabilities: Floats


@dataclass(frozen=True, eq=False)
class FiniteEconomy:
    """Worlds, classes of independent agents, and supply.

    Attributes:
      classes: the agents, by distribution.
      world_probabilities: float [worlds], all positive.
      bundles: int [bundles, items], what an agent may take; bundle 0 is empty.
      units: int [items].
      additive: whether the value of a bundle is the sum of its items' values; then
        bundle ``b`` holds item ``k`` where bit ``k`` of ``b`` is set.
    """

    classes: tuple[AgentClass, ...]
    world_probabilities: Floats
    bundles: Ints
    units: Ints
    additive: bool

    @property
    def num_agents(self) -> int:
        return sum(len(members.agents) for members in self.classes)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many agents each class has."""
        return tuple(len(members.agents) for members in self.classes)


def finite_economy(setting: Setting) -> FiniteEconomy:
    """The economy of a setting whose distribution is a ``FiniteMixture``."""
    distribution, demand = setting.distribution, setting.distribution.demand
    assert isinstance(distribution, FiniteMixture)
    worlds = _normalised(exact_decimals(distribution.world_probabilities))
    possible = worlds > 0
    values = exact_decimals(distribution.values)[possible]
    probabilities = _normalised(exact_decimals(distribution.probabilities))[possible]
    members: dict[bytes, list[int]] = {}
    supports: dict[bytes, tuple[Floats, Floats]] = {}
    for agent in range(values.shape[1]):
        atoms, masses = _merged_atoms(values[:, agent], probabilities[:, agent])
        identity = atoms.tobytes() + b"|" + np.round(masses, 10).tobytes()
        members.setdefault(identity, []).append(agent)
        supports[identity] = atoms, masses
    classes = tuple(
        AgentClass(tuple(agents), bundle_values(demand, supports[key][0]), supports[key][1])
        for key, agents in members.items()
    )
    # No more than one unit of a type goes to each agent.
    units = np.minimum(np.asarray(setting.units), values.shape[1])
    return FiniteEconomy(
        classes=classes,
        world_probabilities=worlds[possible],
        bundles=bundles_of(demand),
        units=units,
        additive=is_additive(demand),
    )


def is_additive(demand: Demand) -> bool:
    """Whether a bundle is worth the sum of its items; so with a single item type."""
    return isinstance(demand, AdditiveDemand) or demand.num_items == 1


def bundles_of(demand: Demand) -> Ints:
    """Bundles an agent may take, int [bundles, items], in the order that breaks its ties.

    Raises:
      NotKnownError: there are more than 4096.
    """
    if isinstance(demand, UnitDemand):
        return np.vstack([np.zeros(demand.num_items, int), np.eye(demand.num_items, dtype=int)])
    if 2**demand.num_items > _MOST_BUNDLES:
        raise NotKnownError(
            f"demand: got {demand}, with 2**{demand.num_items} bundles; oracles compare up to "
            f"{_MOST_BUNDLES}"
        )
    return np.asarray(BundleDemand(demand.num_items).bundles, dtype=np.int64)


def bundle_values(demand: Demand, values: Floats) -> Floats:
    """Value of each of ``bundles_of(demand)``, float [..., bundles].

    ``values: float [..., *demand.values_shape]``.
    """
    if isinstance(demand, BundleDemand):
        return np.concatenate([np.zeros_like(values[..., :1]), values[..., 1:]], axis=-1)
    return np.asarray(values @ bundles_of(demand).T, dtype=np.float64)


def purchases(
    values: Floats,
    bundles: Ints,
    prices: Floats,
    available: Bools,
    *,
    additive: bool,
    buys_at_zero_utility: bool = False,
) -> Ints:
    """Index of the bundle taken at posted prices, int [...].

    Args:
      values: float [..., bundles].
      bundles: int [bundles, items].
      prices: float [items].
      available: bool [items], or [..., items].
    """
    if additive:
        # Bundle 2 ** k is item k alone.
        single = 2 ** np.arange(bundles.shape[1])
        utility = values[..., single] - prices
        buys = utility >= 0 if buys_at_zero_utility else utility > 0
        return np.asarray((buys & available) @ single, dtype=np.int64)
    sold_out = np.any((bundles > 0) & ~available[..., None, :], axis=-1)
    utility = np.where(sold_out, -np.inf, values - bundles @ prices)
    best = 1 + np.argmax(utility[..., 1:], axis=-1)
    greatest = np.take_along_axis(utility, best[..., None], axis=-1)[..., 0]
    return np.where(greatest >= 0 if buys_at_zero_utility else greatest > 0, best, 0)


def exact_decimals(numbers: ArrayLike) -> Floats:
    """``numbers`` as float64, each float32 read as the shortest decimal that names it."""
    array = np.asarray(numbers)
    if array.dtype == np.float64:
        return array
    distinct, position = np.unique(array, return_inverse=True)
    decimals = np.array([float(str(number)) for number in distinct])
    return decimals[position].reshape(array.shape)


def _normalised(probabilities: Floats) -> Floats:
    return np.asarray(probabilities / probabilities.sum(axis=-1, keepdims=True))


def _merged_atoms(values: Floats, probabilities: Floats) -> tuple[Floats, Floats]:
    """One agent's distinct atoms over all worlds, and their probabilities in each."""
    worlds = len(values)
    flat = values.reshape(worlds * values.shape[1], -1) + 0.0
    atoms, position = np.unique(flat, axis=0, return_inverse=True)
    masses = np.zeros((worlds, len(atoms)))
    world = np.repeat(np.arange(worlds), values.shape[1])
    np.add.at(masses, (world, position.ravel()), probabilities.ravel())
    possible = masses.sum(axis=0) > 0
    return atoms[possible].reshape((-1, *values.shape[2:])), masses[:, possible]
