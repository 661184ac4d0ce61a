from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import AdditiveDemand, CorrelatedUniform, Setting, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.oracles.sequential_price import continuous_values


def additive(delta, units, num_agents=6):
    distribution = CorrelatedUniform(jnp.asarray(delta), num_agents, AdditiveDemand(len(units)))
    return Setting(distribution, units)


def test_one_unit_is_the_prophet_recursion():
    # Selling one item to uniform agents: x -> (1 + x^2) / 2 for each agent more.
    expected = 0.0
    for num_agents in range(1, 30):
        expected = (1 + expected**2) / 2
        economy = named_setting("correlated", num_agents=num_agents, num_items=1)
        assert sequential_price.optimal(economy) == pytest.approx(expected, abs=1e-12)


def test_recursion_agrees_with_the_finite_program_on_a_fine_support(mixture):
    support = [((2 * k + 1) / 200, 0.01) for k in range(100)]
    finite = sequential_price.optimal(mixture([(1, [support] * 6)], (2,)))
    continuous = sequential_price.optimal(named_setting("correlated", num_agents=6, num_items=2))
    assert finite == pytest.approx(continuous, abs=1e-3)


def test_recursion_takes_any_distribution():
    # Exponential values: E[max(v - c, 0)] = exp(-c). One agent, then two, one unit.
    def gain(later):
        return np.exp(-later)

    assert continuous_values.iid_optimum(gain, 1, 1)[1] == pytest.approx(1)
    assert continuous_values.iid_optimum(gain, 2, 1)[1] == pytest.approx(1 + np.exp(-1))
    # With a unit for everyone nothing is scarce.
    assert continuous_values.iid_optimum(gain, 3, 5)[5] == pytest.approx(3)


def test_optimal_revenue_of_one_agent_is_the_monopoly_profit():
    economy = named_setting("correlated", num_agents=1, num_items=1)
    assert sequential_price.optimal(economy, objective="revenue") == pytest.approx(1 / 4)
    # Two agents, one unit: the second pays 1/2 half the time, so the first is asked 5/8.
    economy = named_setting("correlated", num_agents=2, num_items=1)
    expected = 3 / 8 * 5 / 8 + 5 / 8 / 4
    assert sequential_price.optimal(economy, objective="revenue") == pytest.approx(expected)


@pytest.mark.parametrize("delta", [0.0, 0.25, 0.5, 0.9])
def test_static_welfare_equals_simulation(delta):
    prices = np.array([0.7, 0.5, 0.6, 0.3, 0.2])
    generator = np.random.default_rng(1)
    episodes = 400_000
    centre = (1 + delta * generator.uniform(-1, 1, (episodes, 1))) / 2
    values = centre + (1 - delta) * (generator.random((episodes, 5)) - 0.5)
    left, welfare = np.full(episodes, 2), np.zeros(episodes)
    for agent, price in enumerate(prices):
        buys = (values[:, agent] > price) & (left > 0)
        welfare += np.where(buys, values[:, agent], 0)
        left -= buys
    value, _ = continuous_values.correlated_static_welfare(prices, 2, delta)
    assert value == pytest.approx(welfare.mean(), abs=4 * welfare.std() / episodes**0.5)


@pytest.mark.parametrize("delta", [0.0, 0.4, 0.8])
def test_static_welfare_has_its_own_gradient(delta):
    prices, step = np.array([0.71, 0.52, 0.63, 0.34]), 1e-6
    _, gradient = continuous_values.correlated_static_welfare(prices, 2, delta)
    for agent in range(4):
        nudge = step * np.eye(4)[agent]
        above, _ = continuous_values.correlated_static_welfare(prices + nudge, 2, delta)
        below, _ = continuous_values.correlated_static_welfare(prices - nudge, 2, delta)
        assert gradient[agent] == pytest.approx((above - below) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("delta", [0.0, 0.3, 0.7])
def test_static_prices_are_the_best_of_a_grid(delta):
    economy = named_setting("correlated", num_agents=3, num_items=1, delta=delta)
    grid = np.linspace(1, 0, 21)

    def welfare(prices):
        return continuous_values.correlated_static_welfare(np.array(prices), 1, delta)[0]

    descending = itertools.combinations_with_replacement(grid, 3)
    personalised = max(welfare(prices) for prices in descending)
    assert welfare([0.4, 0.5, 0.7]) < welfare([0.7, 0.5, 0.4])
    anonymous = max(welfare([price] * 3) for price in grid)
    # The step of .05 costs the grid less than .005.
    found = sequential_price.personalised_static_prices(economy)
    assert personalised <= found.value + 1e-12 <= personalised + 0.005
    assert welfare(found.prices[:, 0]) == pytest.approx(found.value, abs=1e-12)
    found = sequential_price.anonymous_static_prices(economy)
    assert anonymous <= found.value + 1e-12 <= anonymous + 0.005


@pytest.mark.parametrize("delta", [0.0, 0.33, 0.5, 0.95, 1.0])
def test_families_are_ordered(delta):
    economy = named_setting("correlated", num_agents=8, num_items=3, delta=delta)
    values = [
        sequential_price.random_serial_dictatorship(economy),
        sequential_price.anonymous_static_prices(economy).value,
        sequential_price.personalised_static_prices(economy).value,
        sequential_price.expected_offline_optimum(economy),
    ]
    assert np.all(np.diff(values) >= -1e-9)


def test_one_unit_asks_each_agent_what_the_rest_is_worth():
    economy = named_setting("correlated", num_agents=6, num_items=1)
    static = sequential_price.personalised_static_prices(economy)
    assert static.value == pytest.approx(sequential_price.optimal(economy), abs=1e-9)
    assert not static.exact, "found by a search"


def test_identical_values_are_worth_their_mean():
    economy = named_setting("correlated", num_agents=4, num_items=6, delta=1.0)
    assert sequential_price.optimal(economy) == 2
    for family in ("personalised_static_prices", "anonymous_static_prices"):
        found = getattr(sequential_price, family)(economy)
        assert found.value == 2 and found.exact
    assert sequential_price.expected_offline_optimum(economy) == 2


@pytest.mark.parametrize(
    "oracle",
    [
        sequential_price.optimal,
        sequential_price.expected_offline_optimum,
        sequential_price.random_serial_dictatorship,
        lambda economy: sequential_price.personalised_static_prices(economy).value,
        lambda economy: sequential_price.anonymous_static_prices(economy).value,
    ],
)
def test_additive_types_add_up(oracle):
    parts = [named_setting("correlated", num_agents=6, num_items=units) for units in (2, 4)]
    assert oracle(additive(0.0, (2, 4))) == pytest.approx(sum(map(oracle, parts)), abs=1e-9)


def test_offline_optimum_equals_simulation():
    economy = named_setting("correlated", num_agents=7, num_items=3, delta=0.33)
    draws = jax.vmap(economy.distribution.sample)(jax.random.split(jax.random.key(0), 50_000))
    largest = np.sort(np.asarray(draws, np.float64)[..., 0], axis=1)[:, -3:].sum(axis=1)
    expected = sequential_price.expected_offline_optimum(economy)
    assert largest.mean() == pytest.approx(expected, abs=4 * largest.std() / 50_000**0.5)


def test_says_why_the_optimum_is_not_known():
    with pytest.raises(NotKnownError, match=r"delta: got 0\.33; .*iid \(delta 0\)"):
        sequential_price.optimal(named_setting("correlated", delta=0.33))
    with pytest.raises(ValueError, match="objective: got 'max_min'"):
        sequential_price.optimal(named_setting("correlated"), objective="max_min")
    competing = Setting(CorrelatedUniform(jnp.zeros(()), 3, UnitDemand(2)), (1, 1))
    for oracle in (
        sequential_price.optimal,
        sequential_price.personalised_static_prices,
        sequential_price.anonymous_static_prices,
        sequential_price.random_serial_dictatorship,
        sequential_price.expected_offline_optimum,
    ):
        with pytest.raises(NotKnownError, match="demand: got UnitDemand"):
            oracle(competing)
