"""Exact expectations for finite supports: random serial dictatorship and offline optimum."""

from __future__ import annotations

import itertools
import math

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.finite_economies import (
    AgentClass,
    FiniteEconomy,
    Floats,
    Ints,
    purchases,
)

_BATCH = 4096
"""Profiles of values packed at a time."""

_MOST_ENTRIES = 2**20
"""Values in memory at a time, by bundle and units left."""

_MOST_COMPARISONS = 2_000_000_000


def serial_dictatorship(
    economy: FiniteEconomy, *, buys_at_zero_utility: bool = False, max_states: int = 1_000_000
) -> float:
    """Expected welfare when agents come in uniformly random order and all prices are 0.

    Raises:
      NotKnownError: more than ``max_states`` combinations of agents and units left.
    """
    size = math.prod(count + 1 for count in economy.counts)
    size *= math.prod((economy.units + 1).tolist())
    if size > max_states:
        raise NotKnownError(
            f"max_states: got {max_states}; there are {size} combinations of agents left in "
            f"{len(economy.counts)} classes and units left"
        )
    stocks, successors = stocks_after_bundles(economy.units, economy.bundles)
    rewards, probabilities = [], []
    for agents in economy.classes:
        taken = np.stack(
            [
                purchases(
                    agents.values,
                    economy.bundles,
                    np.zeros(len(economy.units)),
                    stock > 0,
                    additive=economy.additive,
                    buys_at_zero_utility=buys_at_zero_utility,
                )
                for stock in stocks
            ]
        )
        chosen = np.eye(len(economy.bundles))[taken]
        gain = np.sum(chosen * agents.values, axis=-1)
        rewards.append(agents.probabilities @ gain.T)
        probabilities.append(np.einsum("wa,sab->wsb", agents.probabilities, chosen))
    # float [worlds, stocks], for every number of agents left in each class.
    values = {(0,) * len(economy.counts): np.zeros(rewards[0].shape)}
    sets = itertools.product(*(range(count + 1) for count in economy.counts))
    for agents_left in sorted(sets, key=sum)[1:]:
        total = np.zeros(rewards[0].shape)
        for member, count in enumerate(agents_left):
            if count:
                later = values[without(agents_left, member)][:, successors]
                expected = rewards[member] + np.sum(probabilities[member] * later, axis=-1)
                total += count * expected
        values[agents_left] = total / sum(agents_left)
    return float(economy.world_probabilities @ values[economy.counts][:, -1])


def offline_expectation(economy: FiniteEconomy, *, max_profiles: int = 1_000_000) -> float:
    """Expected greatest welfare of any allocation, all values known.

    Raises:
      NotKnownError: values are not additive across types, and more than ``max_profiles``
        profiles of values are possible, or each is too large to pack.
    """
    worlds = range(len(economy.world_probabilities))
    if economy.additive:
        per_world = [_expected_sum_of_largest(economy, world) for world in worlds]
    else:
        per_world = [_expected_packing(economy, world, max_profiles) for world in worlds]
    return float(economy.world_probabilities @ per_world)


def best_packing(values: Floats, bundles: Ints, units: Ints) -> Floats:
    """Greatest welfare of each profile, float [profiles].

    Args:
      values: float [profiles, agents, bundles].
      bundles: int [bundles, items].
      units: int [items].

    Raises:
      NotKnownError: too many bundles and numbers of units left to compare.
    """
    table = math.prod((units + 1).tolist()) * len(bundles)
    comparisons = table * values.shape[0] * values.shape[1]
    if table > _MOST_ENTRIES or comparisons > _MOST_COMPARISONS:
        raise NotKnownError(
            f"units: got {units.tolist()}; the offline optimum of {values.shape[0]} profiles of "
            f"{values.shape[1]} agents takes {comparisons:.3g} comparisons of "
            f"{len(bundles)} bundles, which is too many"
        )
    stocks, successors = stocks_after_bundles(units, bundles)
    fits = np.all(stocks[:, None] >= bundles, axis=-1)
    at_once = max(1, _MOST_ENTRIES // table)
    packed = []
    for start in range(0, len(values), at_once):
        some = values[start : start + at_once]
        best = np.zeros((len(some), len(stocks)))
        for agent in range(values.shape[1]):
            total = some[:, agent, None, :] + best[:, successors]
            best = np.max(np.where(fits, total, -np.inf), axis=-1)
        packed.append(best[:, -1])
    return np.concatenate(packed)


def stocks_after_bundles(units: Ints, bundles: Ints) -> tuple[Ints, Ints]:
    """All numbers of units left, and where each bundle leads.

    Returns:
      stocks: int [stocks, items], the full stock last.
      successors: int [stocks, bundles], 0 where the bundle does not fit.
    """
    stocks = np.array(list(itertools.product(*(range(count + 1) for count in units))))
    strides = np.cumprod(np.append(1, (units + 1)[:0:-1]))[::-1]
    remaining = stocks[:, None] - bundles
    return stocks, np.where(np.all(remaining >= 0, axis=-1), remaining @ strides, 0)


def without(agents_left: tuple[int, ...], member: int) -> tuple[int, ...]:
    """``agents_left`` of each class once one agent of a class has been visited."""
    return tuple(count - (index == member) for index, count in enumerate(agents_left))


def _expected_sum_of_largest(economy: FiniteEconomy, world: int) -> float:
    """Sum over types of E[sum of the largest values], as many as there are units.

    That sum is the integral over levels of the number of values above the level, as far
    as units go; the number is a sum of independent indicators.
    """
    total = 0.0
    for item, units in enumerate(economy.units):
        column = 2**item
        levels = np.concatenate([agents.values[:, column] for agents in economy.classes])
        levels = np.unique(np.append(levels, 0.0))
        for low, high in itertools.pairwise(levels):
            above = np.eye(1, economy.num_agents + 1)[0]
            for agents in economy.classes:
                chance = agents.probabilities[world] @ (agents.values[:, column] > low)
                for _ in agents.agents:
                    above = (1 - chance) * above + chance * np.append(0.0, above[:-1])
            served = np.minimum(np.arange(len(above)), units)
            total += (high - low) * float(above @ served)
    return total


def _expected_packing(economy: FiniteEconomy, world: int, max_profiles: int) -> float:
    """E[best packing] over all profiles that differ in more than the names of agents."""
    number = 1
    supports = []
    for agents in economy.classes:
        support = np.flatnonzero(agents.probabilities[world] > 0)
        supports.append(support)
        count = len(agents.agents)
        number *= math.comb(count + len(support) - 1, count)
    if number > max_profiles:
        raise NotKnownError(
            f"max_profiles: got {max_profiles}; the expected offline optimum is a sum over "
            f"{number} profiles of values"
        )
    draws = [
        [_draw(agents, world, atoms) for atoms in _multisets(support, len(agents.agents))]
        for agents, support in zip(economy.classes, supports, strict=True)
    ]
    profiles = itertools.product(*draws)
    total = 0.0
    while batch := list(itertools.islice(profiles, _BATCH)):
        values = np.stack([np.concatenate([values for values, _ in draw]) for draw in batch])
        chances = np.array([math.prod(chance for _, chance in draw) for draw in batch])
        total += float(chances @ best_packing(values, economy.bundles, economy.units))
    return total


def _multisets(support: Ints, count: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations_with_replacement(support.tolist(), count))


def _draw(agents: AgentClass, world: int, atoms: tuple[int, ...]) -> tuple[Floats, float]:
    """Values [agents, bundles] of a class that draws these atoms in any order, and the chance."""
    orders = math.factorial(len(atoms))
    for atom in set(atoms):
        orders //= math.factorial(atoms.count(atom))
    chances = agents.probabilities[world][list(atoms)]
    return agents.values[list(atoms)], orders * float(np.prod(chances))
