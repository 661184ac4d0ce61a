"""The dynamic programs against searches that share nothing with them.

Histories here are sets of value profiles still possible, purchases are simulated at every
price of a grid fine enough for small integer values, and every decision tree is tried.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from tiers import slowly

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.oracles.sequential_price import belief_program
from jaxmech.oracles.sequential_price.belief_program import adaptive_optimum
from jaxmech.oracles.sequential_price.decision_problems import decision_problem
from jaxmech.oracles.sequential_price.finite_economies import finite_economy

HIGHEST = 3
GRID = [quarter / 4 for quarter in range(4 * HIGHEST + 1)]


def value_of(demand, values, bundle):
    if isinstance(demand, UnitDemand):
        return max([values[item] for item in bundle], default=0)
    if isinstance(demand, AdditiveDemand):
        return sum(values[item] for item in bundle)
    return values[sum(2**item for item in bundle)] if bundle else 0


def bundles_on_offer(demand, units):
    available = [item for item in range(len(units)) if units[item]]
    most = 1 if isinstance(demand, UnitDemand) else len(available)
    subsets = itertools.chain.from_iterable(
        itertools.combinations(available, size) for size in range(1, most + 1)
    )
    return sorted(subsets, key=lambda bundle: sum(2**item for item in bundle))


@functools.cache
def purchase(demand, values, prices, units):
    """The first bundle of greatest utility, if positive."""
    best, taken = 0, ()
    for bundle in bundles_on_offer(demand, units):
        utility = value_of(demand, values, bundle) - sum(prices[item] for item in bundle)
        if utility > best:
            best, taken = utility, bundle
    return taken


def less(units, bundle):
    return tuple(count - (item in bundle) for item, count in enumerate(units))


def best_tree(demand, profiles, agents, units):
    """Greatest expected welfare (not divided by the chance of being here)."""
    if not agents or not any(units):
        return 0.0
    best = 0.0
    tried = set()
    for agent in agents:
        for prices in itertools.product(GRID, repeat=len(units)):
            taken = tuple(purchase(demand, values[agent], prices, units) for _, values in profiles)
            if (agent, taken) in tried:
                continue
            tried.add((agent, taken))
            total = 0.0
            for bundle in set(taken):
                rest = [
                    profile for profile, seen in zip(profiles, taken, strict=True) if seen == bundle
                ]
                total += sum(p * value_of(demand, v[agent], bundle) for p, v in rest)
                total += best_tree(demand, rest, agents - {agent}, less(units, bundle))
            best = max(best, total)
    return best


def static_welfare(demand, profiles, order, prices, units):
    total = 0.0
    for probability, values in profiles:
        left = units
        for agent in order:
            bundle = purchase(demand, values[agent], prices[agent], left)
            total += probability * value_of(demand, values[agent], bundle)
            left = less(left, bundle)
    return total


def random_economy(seed, demand, *, num_agents, units, worlds=2, atoms=2):
    """Integer values up to ``HIGHEST``, chances in hundredths; every other one of iid agents."""
    generator = np.random.default_rng(seed)

    def support():
        chances = np.diff(np.sort([0, *generator.integers(1, 100, atoms - 1), 100])) / 100
        values = generator.integers(0, HIGHEST + 1, (atoms, *demand.values_shape))
        if isinstance(demand, BundleDemand):
            values[:, 0] = 0
        return [(tuple(v), float(p)) for v, p in zip(values.tolist(), chances, strict=True)]

    def agents():
        return [support()] * num_agents if seed % 2 else [support() for _ in range(num_agents)]

    split = int(generator.integers(20, 80)) / 100
    chances = [split, 1 - split] if worlds == 2 else [1.0]
    return [(chance, agents()) for chance in chances]


def profiles_of(worlds):
    merged = {}
    for chance, agents in worlds:
        for drawn in itertools.product(*agents):
            values = tuple(value for value, _ in drawn)
            mass = chance * np.prod([probability for _, probability in drawn])
            merged[values] = merged.get(values, 0) + mass
    return [(mass, values) for values, mass in merged.items() if mass > 0]


CASES = [
    *[(seed, UnitDemand(1), 3, (1 + seed % 2,)) for seed in range(8)],
    (20, UnitDemand(1), 4, (2,)),
    (21, UnitDemand(1), 4, (2,)),
    *slowly(*((seed, UnitDemand(2), 3, (1, 1 + seed % 2)) for seed in range(30, 34))),
    (34, UnitDemand(2), 2, (1, 1)),
    *[(seed, AdditiveDemand(2), 2 + seed % 2, (1, 1)) for seed in range(40, 43)],
    *[(seed, BundleDemand(2), 2, (1, 1 + seed % 2)) for seed in range(50, 54)],
    *slowly((60, BundleDemand(2), 3, (1, 1))),
]


@pytest.mark.parametrize(("seed", "demand", "num_agents", "units"), CASES)
def test_optimum_equals_the_best_decision_tree(seed, demand, num_agents, units, mixture):
    worlds = random_economy(seed, demand, num_agents=num_agents, units=units)
    expected = best_tree(demand, profiles_of(worlds), frozenset(range(num_agents)), units)
    assert sequential_price.optimal(mixture(worlds, units, demand)) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("seed", range(6))
def test_static_prices_equal_the_best_of_all_orders_and_prices(seed, mixture):
    demand, units = UnitDemand(1), (1 + seed % 3 // 2,)
    worlds = random_economy(seed, demand, num_agents=3, units=units)
    economy, profiles = mixture(worlds, units), profiles_of(worlds)
    orders = list(itertools.permutations(range(3)))
    grid = [(quarter,) for quarter in range(HIGHEST + 1)]
    personalised = max(
        static_welfare(demand, profiles, order, prices, units)
        for order in orders
        for prices in itertools.product(grid, repeat=3)
    )
    anonymous = max(
        static_welfare(demand, profiles, order, [price] * 3, units)
        for order in orders
        for price in grid
    )
    found = sequential_price.personalised_static_prices(economy)
    assert found.exact
    assert found.value == pytest.approx(personalised, abs=1e-9)
    played = [tuple(price) for price in found.prices.tolist()]
    assert found.value == pytest.approx(
        static_welfare(demand, profiles, found.order.tolist(), played, units), abs=1e-9
    )
    assert sequential_price.anonymous_static_prices(economy).value == pytest.approx(
        anonymous, abs=1e-9
    )


@pytest.mark.parametrize(
    ("seed", "demand"),
    [
        (70, UnitDemand(2)),
        (71, UnitDemand(2)),
        (72, BundleDemand(2)),
        (74, AdditiveDemand(2)),
    ],
)
def test_anonymous_prices_of_several_types_equal_the_best_of_a_grid(seed, demand, mixture):
    units = (1, 1)
    worlds = random_economy(seed, demand, num_agents=3, units=units)
    profiles = profiles_of(worlds)
    expected = max(
        static_welfare(demand, profiles, order, [prices] * 3, units)
        for order in itertools.permutations(range(3))
        for prices in itertools.product(GRID, repeat=2)
    )
    found = sequential_price.anonymous_static_prices(mixture(worlds, units, demand))
    assert found.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_optimal_revenue_equals_the_best_decision_tree(seed, mixture):
    # Just below each integer, so that an agent of that value buys; the optimum is the limit.
    below = 1e-7
    worlds = random_economy(seed, UnitDemand(1), num_agents=3, units=(1,))

    def best(profiles, agents, units):
        if not agents or not units:
            return 0.0
        totals = [0.0]
        for agent, level in itertools.product(agents, range(1, HIGHEST + 1)):
            price = level - below
            buys = [profile for profile in profiles if profile[1][agent][0] > price]
            waits = [profile for profile in profiles if profile[1][agent][0] <= price]
            rest = agents - {agent}
            total = price * sum(p for p, _ in buys)
            totals.append(total + best(buys, rest, units - 1) + best(waits, rest, units))
        return max(totals)

    economy = mixture(worlds)
    expected = best(profiles_of(worlds), frozenset(range(3)), 1)
    assert sequential_price.optimal(economy, objective="revenue") == pytest.approx(
        expected, abs=1e-5
    )


@pytest.mark.parametrize(
    ("seed", "demand"),
    [
        *[(seed, UnitDemand(1)) for seed in range(2)],
        *[(seed, UnitDemand(2)) for seed in range(4)],
        *[(seed, AdditiveDemand(2)) for seed in range(2)],
        *[(seed, BundleDemand(2)) for seed in range(2)],
    ],
)
def test_offline_and_serial_dictatorship_equal_enumeration(seed, demand, mixture):
    units = (2, 1)[: demand.num_items]
    worlds = random_economy(seed, demand, num_agents=3, units=units)
    profiles, economy = profiles_of(worlds), mixture(worlds, units, demand)
    offers = [(), *bundles_on_offer(demand, units)]

    def packing(values):
        totals = []
        for choice in itertools.product(offers, repeat=3):
            sold = [sum(item in bundle for bundle in choice) for item in range(len(units))]
            if all(sold[item] <= units[item] for item in range(len(units))):
                totals.append(sum(map(functools.partial(value_of, demand), values, choice)))
        return max(totals)

    free = [(0,) * len(units)] * 3
    orders = list(itertools.permutations(range(3)))
    dictators = [static_welfare(demand, profiles, order, free, units) for order in orders]
    assert sequential_price.expected_offline_optimum(economy) == pytest.approx(
        sum(p * packing(values) for p, values in profiles), abs=1e-9
    )
    assert sequential_price.random_serial_dictatorship(economy) == pytest.approx(
        np.mean(dictators), abs=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_families_are_ordered(seed, mixture):
    worlds = random_economy(seed, UnitDemand(1), num_agents=5, units=(2,), atoms=3)
    economy = mixture(worlds, (2,))
    values = [
        sequential_price.random_serial_dictatorship(economy),
        sequential_price.anonymous_static_prices(economy).value,
        sequential_price.personalised_static_prices(economy).value,
        sequential_price.optimal(economy),
        sequential_price.expected_offline_optimum(economy),
    ]
    assert np.all(np.diff(values) >= -1e-9)


def test_naming_agents_of_one_distribution_apart_changes_nothing(mixture):
    # A value shifted by too little to matter makes every agent a class of its own.
    alike = [(0.5, [[(1, 0.5), (3, 0.5)]] * 4), (0.5, [[(0, 0.5), (2, 0.5)]] * 4)]
    apart = [
        (chance, [[(v + 1e-5 * agent, p) for v, p in atoms] for agent, atoms in enumerate(agents)])
        for chance, agents in alike
    ]
    economies = [finite_economy(mixture(worlds, (2,))) for worlds in (alike, apart)]
    assert [len(economy.classes) for economy in economies] == [1, 4]
    values = [adaptive_optimum(decision_problem(economy, "welfare")) for economy in economies]
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_refuses_a_program_that_is_too_large(mixture):
    worlds = random_economy(0, UnitDemand(1), num_agents=6, units=(2,))
    with pytest.raises(NotKnownError, match=r"max_states: got 10; .* may need .* states"):
        sequential_price.optimal(mixture(worlds, (2,)), max_states=10)
    with pytest.raises(NotKnownError, match="max_vectors: got 1"):
        sequential_price.personalised_static_prices(mixture(worlds, (2,)), max_vectors=1)


def test_large_programs_run_where_few_beliefs_are_possible():
    # The worlds share no value, so most outcomes leave a single one.
    economy = named_setting("two_worlds", num_agents=40)
    # Asking half the agents above .6 and the rest above .1 finds the highest value of either.
    assert sequential_price.optimal(economy) == pytest.approx(0.7, abs=1e-5)


def test_states_are_estimated_from_above(mixture, monkeypatch):
    visited = []
    expand = belief_program._expand

    def counting(layer, *rest):
        visited.append(len(layer.counts))
        return expand(layer, *rest)

    monkeypatch.setattr(belief_program, "_expand", counting)
    for seed in range(4):
        visited.clear()
        worlds = random_economy(seed, UnitDemand(1), num_agents=5, units=(2,), atoms=3)
        economy = mixture(worlds, (2,))
        sequential_price.optimal(economy)
        with pytest.raises(NotKnownError, match="max_states"):
            sequential_price.optimal(economy, max_states=sum(visited) - 1)
