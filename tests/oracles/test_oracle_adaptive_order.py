"""Static prices in an adaptive order, against searches over all prices and decision trees."""

from __future__ import annotations

import functools
import itertools
import math

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
from test_oracle_reference_values import identification, kitchen_sink, proposition_3

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.oracles.sequential_price import adaptive_order

anonymous = sequential_price.adaptive_order_anonymous_prices
personalised = sequential_price.adaptive_order_personalised_prices


def best_order(demand, profiles, units):
    """Greatest expected welfare over trees of visits, as a function of each agent's prices.

    Every tree is tried; what is best from a state on, whatever led to it, is found once.
    """

    @functools.cache
    def visit(possible, agent, prices, units):
        """Welfare of the sale to ``agent``, and what may be left after it: profiles and units."""
        after = {}
        for profile in possible:
            bundle = purchase(demand, profiles[profile][1][agent], prices, units)
            after.setdefault(bundle, []).append(profile)
        welfare = sum(
            profiles[profile][0] * value_of(demand, profiles[profile][1][agent], bundle)
            for bundle, rest in after.items()
            for profile in rest
        )
        return welfare, [(tuple(rest), less(units, bundle)) for bundle, rest in after.items()]

    @functools.cache
    def best(possible, agents, units):
        """``agents``: those not visited, each with its prices."""
        if not any(units):
            return 0.0
        highest = 0.0
        for place, (agent, prices) in enumerate(agents):
            others = agents[:place] + agents[place + 1 :]
            welfare, outcomes = visit(possible, agent, prices, units)
            if others:
                welfare += sum(best(rest, others, left) for rest, left in outcomes)
            highest = max(highest, welfare)
        return highest

    return lambda prices: best(tuple(range(len(profiles))), tuple(enumerate(prices)), units)


def vectors(demand, profiles, agents, units):
    """Prices of a grid, one of each effect on ``agents`` whatever is left."""
    seen = {}
    left = list(itertools.product(*(range(count + 1) for count in units)))
    known = {values[agent] for _, values in profiles for agent in agents}
    for prices in itertools.product(GRID, repeat=len(units)):
        effect = tuple(purchase(demand, v, prices, some) for v in sorted(known) for some in left)
        seen.setdefault(effect, prices)
    return list(seen.values())


# An adaptive order is worth more than a static one, with both kinds of prices.
GAINS = [
    *[(seed, UnitDemand(1), 4, (2,)) for seed in (30, 48, 114, 128, 370, 444)],
    *[(seed, AdditiveDemand(2), 3, (1, 1)) for seed in (10, 74)],
    (26, UnitDemand(2), 3, (1, 1)),
]
CASES = [
    *GAINS,
    *[(seed, UnitDemand(1), 4, (2,)) for seed in (12, 130, 162, 300, 421)],
    *[(seed, UnitDemand(1), 3, (1 + seed % 3 // 2,)) for seed in range(400, 406)],
    *[(seed, UnitDemand(2), 3, (1, 1 + seed % 2)) for seed in (430, 431)],
    *[(seed, AdditiveDemand(2), 3, (1, 1)) for seed in (96, 126)],
    *[(seed, BundleDemand(2), 2, (1, 1)) for seed in range(450, 452)],
]


@pytest.fixture(scope="module")
def searched(mixture):
    """What both families find in a random economy, found once."""

    @functools.cache
    def search(seed, demand, num_agents, units):
        worlds = random_economy(seed, demand, num_agents=num_agents, units=units)
        economy = mixture(worlds, units, demand)
        return anonymous(economy), personalised(economy)

    return search


@pytest.mark.parametrize(("seed", "demand", "num_agents", "units"), CASES)
def test_equal_the_best_of_all_prices_and_decision_trees(seed, demand, num_agents, units, searched):
    profiles = profiles_of(random_economy(seed, demand, num_agents=num_agents, units=units))
    value = best_order(demand, profiles, units)
    one_for_all = vectors(demand, profiles, range(num_agents), units)
    expected = max(value([prices] * num_agents) for prices in one_for_all)
    found, found_for_each = searched(seed, demand, num_agents, units)
    assert found.exact
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert value([tuple(found.prices)] * num_agents) == pytest.approx(expected, abs=1e-9)

    each = [vectors(demand, profiles, [agent], units) for agent in range(num_agents)]
    expected = max(value(prices) for prices in itertools.product(*each))
    found = found_for_each
    assert found.exact
    assert found.prices.shape == (num_agents, len(units))
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert value([tuple(row) for row in found.prices]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("seed", "demand", "num_agents", "units"), GAINS)
def test_the_families_differ_where_they_should(seed, demand, num_agents, units, mixture, searched):
    # Else the searches above would show little.
    worlds = random_economy(seed, demand, num_agents=num_agents, units=units)
    economy = mixture(worlds, units, demand)
    static = (
        sequential_price.anonymous_static_prices(economy),
        sequential_price.personalised_static_prices(economy),
    )
    for with_order, without in zip(searched(seed, demand, num_agents, units), static, strict=True):
        assert with_order.value > without.value + 1e-3


def test_families_are_ordered(mixture):
    for seed in range(460, 480):
        economy = mixture(random_economy(seed, UnitDemand(1), num_agents=4, units=(2,)), (2,))
        values = [
            sequential_price.anonymous_static_prices(economy).value,
            anonymous(economy).value,
            personalised(economy).value,
            sequential_price.optimal(economy),
        ]
        assert np.all(np.diff(values) >= -1e-9)


@pytest.mark.parametrize("build", [proposition_3, identification])
def test_an_adaptive_order_makes_up_for_static_prices(build, mixture):
    economy = build(mixture)
    optimum = sequential_price.optimal(economy)
    assert sequential_price.personalised_static_prices(economy).value < optimum - 0.1
    assert anonymous(economy).value == pytest.approx(optimum, abs=1e-9)
    assert personalised(economy).value == pytest.approx(optimum, abs=1e-9)


def test_in_the_kitchen_sink_an_adaptive_order_alone_brings_nothing(mixture):
    economy = kitchen_sink(mixture)
    assert anonymous(economy).value == pytest.approx(1.11, abs=1e-9)
    assert personalised(economy).value == pytest.approx(1.11, abs=1e-9)


def test_no_order_is_better_for_independent_agents_and_one_item_type(mixture, monkeypatch):
    # The search must find by itself what the argument says.
    economies = [
        mixture(random_economy(seed, UnitDemand(1), num_agents=4, units=(2,), worlds=1), (2,))
        for seed in range(500, 506)
    ]
    short = [personalised(economy).value for economy in economies]
    monkeypatch.setattr(adaptive_order, "_static_order_suffices", lambda economy: False)
    long = [personalised(economy).value for economy in economies]
    assert short == pytest.approx(long, abs=1e-9)
    optima = map(sequential_price.optimal, economies)
    assert any(optimum > value + 1e-4 for optimum, value in zip(optima, long, strict=True))


def test_agents_who_are_alike_may_face_different_prices(mixture):
    def agent(**chances):
        return [((float(value[1:]),), chance) for value, chance in chances.items()]

    worlds = [
        (0.45, [agent(v1=1.0), agent(v2=0.87, v0=0.13)] * 2),
        (0.55, [agent(v0=0.34, v3=0.66), agent(v0=0.42, v2=0.58)] * 2),
    ]
    found = personalised(mixture(worlds, (2,)))
    assert found.value == pytest.approx(4.36597696, abs=1e-8)
    tree = best_order(UnitDemand(1), profiles_of(worlds), (2,))
    assert tree([tuple(row) for row in found.prices]) == pytest.approx(found.value, abs=1e-9)
    # The best where agents who are alike face the same prices.
    alike = [
        tree([(first,), (second,)] * 2)
        for first, second in itertools.product((0.5, 1.5, 2.5, 3.5), (0.5, 1.5, 2.5))
    ]
    assert max(alike) == pytest.approx(4.2981, abs=1e-4)


def test_with_several_item_types_the_order_matters_in_a_single_world(mixture):
    demand = AdditiveDemand(2)
    worlds = random_economy(148, demand, num_agents=3, units=(1, 1), worlds=1)
    economy = mixture(worlds, (1, 1), demand)
    static = sequential_price.anonymous_static_prices(economy).value
    assert anonymous(economy).value > static + 0.01


def test_agents_who_are_alike_and_continuous_values():
    economy = named_setting("correlated", num_agents=6, num_items=2, delta=0.5)
    static = sequential_price.anonymous_static_prices(economy)
    assert anonymous(economy).value == pytest.approx(static.value, abs=1e-12)
    assert not anonymous(economy).exact
    with pytest.raises(NotKnownError, match=r"delta: got 0.5, with units \(2,\)"):
        personalised(economy)
    independent = named_setting("correlated", num_agents=6, num_items=2)
    static = sequential_price.personalised_static_prices(independent)
    assert personalised(independent).value == pytest.approx(static.value, abs=1e-12)


def test_where_static_prices_are_optimal_nothing_is_searched():
    economy = named_setting("colors", num_per_color=4)
    # No search: it would have to refuse.
    assert personalised(economy, max_assignments=1).value == pytest.approx(12)
    # Nor are orders compared one by one.
    assert sequential_price.static_order_optimum(economy, max_orders=1) == pytest.approx(12)


def test_refuses_with_the_reason(mixture):
    worlds = random_economy(30, UnitDemand(1), num_agents=4, units=(2,))
    economy = mixture(worlds, (2,))
    # Every agent is a class of its own, and faces a price below each of its values, or none.
    ways = math.prod(
        1 + len({value for _, agents in worlds for (value,), _ in agents[i] if value > 0})
        for i in range(4)
    )
    with pytest.raises(NotKnownError, match=rf"max_assignments: got {ways - 1}; .* in {ways} ways"):
        personalised(economy, max_assignments=ways - 1)
    assert personalised(economy, max_assignments=ways).exact
    with pytest.raises(NotKnownError, match="max_programs: got 5; the search"):
        personalised(economy, max_programs=5)
    with pytest.raises(NotKnownError, match=r"max_programs: got 1; there are 4 price vectors"):
        anonymous(economy, max_programs=1)
    for family in (anonymous, personalised):
        with pytest.raises(NotKnownError, match=r"max_states: got 10; .* may need"):
            family(economy, max_states=10)


def test_where_there_is_enough_for_all_everyone_is_served():
    every = named_setting("additive_types", num_agents=3, units=(3, 4), delta=0.5)
    assert personalised(every).value == pytest.approx(3 * 2 / 2, abs=1e-9)
    too_few = named_setting("additive_types", num_agents=3, units=(3, 2), delta=0.5)
    with pytest.raises(NotKnownError, match="units for all agents"):
        personalised(too_few)
