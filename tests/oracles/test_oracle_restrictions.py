"""Restricted optima against searches over all policies of the family, and known values.

Revenue is the limit of prices from below, so a buyer at equality pays the price.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_oracle_brute_force import (
    GRID,
    less,
    profiles_of,
    purchase,
    random_economy,
    value_of,
)
from test_oracle_reference_values import (
    fair,
    identification,
    kitchen_sink,
    proposition_3,
    sure,
)
from tiers import slowly

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price

CLOSE = 1e-6
"""How far below a value a price is, where revenue is a supremum."""

# In each, the first agent tells the world, and the other two swap their parts between worlds.
SWAPS = {
    # The agent of uncertain value comes before the one of sure value.
    "uncertain": [
        (0.5, [sure((0, 1, 0, 1)), fair((0, 0, 3, 3), (0, 0, 0, 0)), sure((0, 0, 2, 2))]),
        (0.5, [sure((0, 0, 0, 0)), sure((0, 0, 2, 2)), fair((0, 0, 3, 3), (0, 0, 0, 0))]),
    ],
    # The agent that needs one item or the other chooses before the one that can do with both.
    "choosy": [
        (0.5, [sure((3, 0)), fair((3, 0), (0, 3)), sure((3, 1))]),
        (0.5, [sure((0, 3)), sure((1, 3)), fair((3, 0), (0, 3))]),
    ],
}

# The optimum is well above that of static orders, and of policies that see no more than who and
# what is left.
ABOVE_STATIC_ORDER = [
    *[("revenue", seed, UnitDemand(1), 3, (2,)) for seed in (38, 64, 102, 106)],
    ("welfare", 26, UnitDemand(2), 3, (1, 1)),
    ("welfare", "uncertain", BundleDemand(2), 3, (1, 1)),
    ("max_min", "choosy", UnitDemand(2), 3, (2, 2)),
]
ABOVE_AGENTS_ITEMS = [("revenue", seed, UnitDemand(1), 3, (2,)) for seed in (6, 66, 166, 302)]
CASES = [
    *slowly(*ABOVE_STATIC_ORDER, *ABOVE_AGENTS_ITEMS),
    *[("welfare", seed, UnitDemand(1), 3, (1 + seed % 2,)) for seed in range(100, 103)],
    *[("revenue", seed, UnitDemand(1), 3, (1 + seed % 2,)) for seed in range(107, 109)],
    ("max_min", 111, UnitDemand(1), 3, (3,)),
    ("welfare", 131, UnitDemand(2), 2, (1, 1)),
    *[("max_min", seed, UnitDemand(2), 2, (1, 1)) for seed in (117, 119)],
    *[("welfare", seed, AdditiveDemand(2), 2, (1, 2)) for seed in range(121, 123)],
    *[("revenue", seed, AdditiveDemand(2), 2, (1, 1)) for seed in range(123, 125)],
    *[("max_min", seed, AdditiveDemand(2), 2, (1, 2)) for seed in range(125, 127)],
    ("welfare", 127, BundleDemand(2), 2, (1, 2)),
]


def worlds_of(seed, demand, num_agents, units, objective):
    """Of ``SWAPS``, if ``seed`` names one."""
    if seed in SWAPS:
        return SWAPS[seed]
    worlds = random_economy(seed, demand, num_agents=num_agents, units=units)
    if objective != "max_min":
        return worlds
    # Nobody is worthless to serve, or the smallest value is mostly zero.
    shifted = []
    for chance, agents in worlds:
        shifted.append((chance, [[(plus_one(v, demand), p) for v, p in atoms] for atoms in agents]))
    return shifted


def plus_one(values, demand):
    return tuple(
        value + (not isinstance(demand, BundleDemand) or k > 0) for k, value in enumerate(values)
    )


def prices_to_try(objective, num_items):
    grid = [level - CLOSE for level in range(1, 4)] + [4.0] if objective == "revenue" else GRID
    if objective == "max_min":
        grid = [quarter / 4 for quarter in range(17)]
    return list(itertools.product(grid, repeat=num_items))


def responses(demand, profiles, agent, units, objective):
    """Every way an agent can respond in all profiles, with the best prices for it."""
    found = {}
    for prices in prices_to_try(objective, len(units)):
        taken = tuple(purchase(demand, values[agent], prices, units) for _, values in profiles)
        found.setdefault(taken, []).append(prices)
    return [(taken, max(prices, key=sum)) for taken, prices in found.items()]


def gain_of(demand, objective, values, bundle, prices):
    if objective == "revenue":
        return sum(prices[item] for item in bundle)
    return value_of(demand, values, bundle)


def merged(objective, so_far, gain):
    return min(so_far, gain) if objective == "max_min" else so_far + gain


def end(objective, so_far, agents_left):
    return 0.0 if objective == "max_min" and agents_left else so_far


# A history is (probability, values, objective so far).
def start(profiles, objective):
    return [(p, values, np.inf if objective == "max_min" else 0.0) for p, values in profiles]


def visit(demand, objective, histories, agent, taken, prices):
    by_bundle = {}
    for (p, values, so_far), bundle in zip(histories, taken, strict=True):
        gain = gain_of(demand, objective, values[agent], bundle, prices)
        by_bundle.setdefault(bundle, []).append((p, values, merged(objective, so_far, gain)))
    return by_bundle


def best_with_memory(demand, objective, histories, agents, units, choose):
    """Best tree of decisions; ``choose(agents)`` are the agents that may come next."""
    if not agents or not any(units):
        return sum(p * end(objective, so_far, agents) for p, _, so_far in histories)
    best = 0.0
    profiles = [(p, values) for p, values, _ in histories]
    for agent in choose(agents):
        rest = tuple(other for other in agents if other != agent)
        for taken, prices in responses(demand, profiles, agent, units, objective):
            after = visit(demand, objective, histories, agent, taken, prices)
            total = sum(
                best_with_memory(demand, objective, some, rest, less(units, bundle), choose)
                for bundle, some in after.items()
            )
            best = max(best, total)
    return best


def best_without_memory(demand, objective, reached, ended=0.0):
    """Best of all decisions for the situations reached, ``reached[agents, units]: histories``."""
    live = {}
    for (agents, units), histories in reached.items():
        if agents and any(units):
            live[agents, units] = histories
        else:
            ended += sum(p * end(objective, so_far, agents) for p, _, so_far in histories)
    if not live:
        return ended
    if all(len(agents) == 1 for agents, _ in live):
        # No two of them can meet again, so each has its own best decision.
        return ended + sum(
            best_with_memory(demand, objective, histories, agents, units, lambda left: left)
            for (agents, units), histories in live.items()
        )
    choices = []
    for (agents, units), histories in live.items():
        profiles = [(p, values) for p, values, _ in histories]
        choices.append(
            [
                (agents, units, agent, visit(demand, objective, histories, agent, taken, prices))
                for agent in agents
                for taken, prices in responses(demand, profiles, agent, units, objective)
            ]
        )
    best = 0.0
    for policy in itertools.product(*choices):
        following = {}
        for agents, units, agent, after in policy:
            rest = tuple(other for other in agents if other != agent)
            for bundle, histories in after.items():
                following.setdefault((rest, less(units, bundle)), []).extend(histories)
        best = max(best, best_without_memory(demand, objective, following))
    return ended + best


@pytest.mark.parametrize(("objective", "seed", "demand", "num_agents", "units"), CASES)
def test_families_equal_a_search_over_all_their_policies(
    objective, seed, demand, num_agents, units, mixture
):
    worlds = worlds_of(seed, demand, num_agents, units, objective)
    economy = mixture(worlds, units, demand)
    histories = start(profiles_of(worlds), objective)
    agents = tuple(range(num_agents))
    adaptive = best_with_memory(demand, objective, histories, agents, units, lambda left: left)
    static = max(
        best_with_memory(demand, objective, histories, order, units, lambda left: left[:1])
        for order in itertools.permutations(agents)
    )
    forgetful = best_without_memory(demand, objective, {(agents, units): histories})
    close = 1e-5 if objective == "revenue" else 1e-9
    for oracle, expected in (
        (sequential_price.optimal, adaptive),
        (sequential_price.static_order_optimum, static),
        (sequential_price.agents_items_optimum, forgetful),
    ):
        assert oracle(economy, objective=objective) == pytest.approx(expected, abs=close)


def test_the_families_differ(mixture):
    # Else the searches above would show little.
    economy = proposition_3(mixture)
    assert sequential_price.static_order_optimum(economy) == pytest.approx(20.75, abs=1e-9)
    assert sequential_price.static_order_optimum(kitchen_sink(mixture)) < 1.2
    static, forgetful = (
        sequential_price.static_order_optimum,
        sequential_price.agents_items_optimum,
    )
    for cases, below, attained in (
        (ABOVE_STATIC_ORDER, static, forgetful),
        (ABOVE_AGENTS_ITEMS, forgetful, static),
    ):
        assert len(cases) >= 3
        for objective, seed, demand, num_agents, units in cases:
            worlds = worlds_of(seed, demand, num_agents, units, objective)
            economy = mixture(worlds, units, demand)
            optimum = sequential_price.optimal(economy, objective=objective)
            assert below(economy, objective=objective) < optimum - 1e-3
            # So neither family contains the other.
            assert attained(economy, objective=objective) == pytest.approx(optimum, abs=1e-9)


def test_no_restricted_optimum_exceeds_the_optimum(mixture):
    for seed in range(200, 230):
        worlds = random_economy(seed, UnitDemand(1), num_agents=4, units=(2,))
        economy = mixture(worlds, (2,))
        forgetful = sequential_price.agents_items_optimum(economy)
        static = sequential_price.static_order_optimum(economy)
        assert max(forgetful, static) <= sequential_price.optimal(economy) + 1e-9


def test_who_is_left_can_tell_who_bought(mixture):
    economy = identification(mixture)
    assert sequential_price.agents_items_optimum(economy) == pytest.approx(92.953125, abs=1e-9)
    # With the first three out of the way, nothing left tells which of them bought.
    capped = sequential_price.agents_items_optimum(economy, first_agents=(0, 1, 2))
    assert capped == pytest.approx(91.703125, abs=1e-9)


def test_where_nothing_is_to_be_remembered_the_statistic_is_enough():
    for economy in (named_setting("two_worlds"), named_setting("inventory")):
        optimum = sequential_price.optimal(economy)
        assert sequential_price.agents_items_optimum(economy) == pytest.approx(optimum, abs=1e-12)
        # Agents are alike, so there is a single order.
        assert sequential_price.static_order_optimum(economy) == pytest.approx(optimum, abs=1e-12)


def test_smallest_value_of_two_agents_for_two_items(mixture):
    # Each must get the item only it wants; free items do, asked one colour at a time.
    agents = [[((1, 0), 0.5), ((0, 1), 0.5)], [((2, 0), 0.5), ((0, 3), 0.5)]]
    economy = mixture([(1, agents)], (1, 1))
    assert sequential_price.optimal(economy, objective="max_min") == pytest.approx(0.5)


def test_refuses_with_the_reason(mixture):
    worlds = random_economy(0, UnitDemand(1), num_agents=6, units=(2,))
    economy = mixture(worlds, (2,))
    with pytest.raises(NotKnownError, match=r"max_states: got 100; .* in up to 192 situations"):
        sequential_price.agents_items_optimum(economy, max_states=100)
    with pytest.raises(NotKnownError, match="max_decisions: got 1;"):
        sequential_price.agents_items_optimum(economy, max_decisions=1)
    with pytest.raises(NotKnownError, match=r"max_orders: got 10; .* 6 classes .* 720 orders"):
        sequential_price.static_order_optimum(economy, max_orders=10)
    with pytest.raises(NotKnownError, match=r"max_states: got 10; .* may need"):
        sequential_price.static_order_optimum(economy, max_states=10)
    with pytest.raises(ValueError, match=r"first_agents: got \(0, 6\); .* of the 6 agents"):
        sequential_price.agents_items_optimum(economy, first_agents=(0, 6))
