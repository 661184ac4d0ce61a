from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import AdditiveDemand, BundleDemand, Samples, Setting, UnitDemand
from jaxmech.oracles import NotKnownError, sequential_price


def samples(values, demand, units):
    return Setting(Samples(jnp.asarray(values), demand), units)


def integers(seed, shape):
    return np.random.default_rng(seed).integers(0, 6, shape).astype(float)


def as_mixture(values, mixture, demand, units):
    """The same distribution, a world for each sample."""
    worlds = [
        (1 / len(values), [[(tuple(agent), 1)] for agent in sample]) for sample in values.tolist()
    ]
    return mixture(worlds, units, demand)


@pytest.mark.parametrize(("demand", "units"), [(UnitDemand(1), (2,)), (AdditiveDemand(2), (1, 2))])
def test_averages_equal_the_mixture_of_all_samples(demand, units, mixture):
    values = integers(0, (16, 4, demand.num_items))
    empirical = samples(values, demand, units)
    exact = as_mixture(values, mixture, demand, units)
    for oracle in (
        sequential_price.random_serial_dictatorship,
        sequential_price.expected_offline_optimum,
    ):
        assert oracle(empirical) == pytest.approx(oracle(exact), abs=1e-9)
    wanted = [
        sequential_price.random_serial_dictatorship(each, buys_at_zero_utility=True)
        for each in (empirical, exact)
    ]
    assert wanted[0] == pytest.approx(wanted[1], abs=1e-9)


@pytest.mark.parametrize(("demand", "units"), [(UnitDemand(2), (1, 1)), (BundleDemand(2), (1, 1))])
def test_offline_optimum_of_competing_types(demand, units, mixture):
    values = integers(1, (8, 3, *demand.values_shape))
    if isinstance(demand, BundleDemand):
        values[..., 0] = 0
    expected = sequential_price.expected_offline_optimum(as_mixture(values, mixture, demand, units))
    empirical = samples(values, demand, units)
    assert sequential_price.expected_offline_optimum(empirical) == pytest.approx(expected)


def welfare(values, prices, units):
    total = 0.0
    for sample in values:
        left = units
        for value, price in zip(sample, prices, strict=True):
            if value > price and left:
                total, left = total + value, left - 1
    return total / len(values)


def test_anonymous_price_is_the_best_of_all_distinct_values():
    values = np.random.default_rng(2).random((40, 5)).round(2)
    found = sequential_price.anonymous_static_prices(
        samples(values[..., None], UnitDemand(1), (2,))
    )
    candidates = np.append(np.unique(np.float32(values)).astype(float), 0)
    exact = np.float32(values).astype(float)
    best = max(welfare(exact, [price] * 5, 2) for price in candidates)
    assert found.value == pytest.approx(best, abs=1e-9)
    assert welfare(exact, [found.prices[0]] * 5, 2) == pytest.approx(best, abs=1e-9)


def test_personalised_prices_are_no_worse_and_locally_best():
    values = integers(3, (60, 4))
    economy = samples(values[..., None], UnitDemand(1), (2,))
    found = sequential_price.personalised_static_prices(economy)
    assert found.value >= sequential_price.anonymous_static_prices(economy).value
    prices = found.prices[:, 0]
    assert welfare(values, prices, 2) == pytest.approx(found.value, abs=1e-9)
    for agent, price in itertools.product(range(4), range(6)):
        other = np.where(np.arange(4) == agent, price, prices)
        assert welfare(values, other, 2) <= found.value + 1e-9


def test_anonymous_prices_of_competing_types_beat_free_ones():
    values = integers(4, (50, 4, 2))
    economy = samples(values, UnitDemand(2), (1, 1))
    found = sequential_price.anonymous_static_prices(economy)
    assert found.prices.shape == (2,)
    assert found.value <= sequential_price.expected_offline_optimum(economy)
    grid = [np.array(prices) for prices in itertools.product(np.arange(6.0), repeat=2)]
    free = _unit_demand_welfare(values, grid[0])
    best = max(_unit_demand_welfare(values, prices) for prices in grid)
    assert free < found.value <= best + 1e-9
    assert _unit_demand_welfare(values, found.prices) == pytest.approx(found.value)


def _unit_demand_welfare(values, prices):
    total = 0.0
    for sample in values:
        left = np.ones(2, bool)
        for value in sample:
            utility = np.where(left, value - prices, -np.inf)
            item = int(np.argmax(utility))
            if utility[item] > 0:
                total += value[item]
                left[item] = False
    return total / len(values)


def test_refuses_the_optimum_with_the_reason():
    economy = samples(integers(5, (10, 3, 1)), UnitDemand(1), (1,))
    with pytest.raises(NotKnownError, match="got 10 samples; .* world of its own"):
        sequential_price.optimal(economy)


def test_many_item_types_cost_little_where_agents_want_one_unit():
    random = np.random.default_rng(6)
    values = random.random((20, 10, 30))
    economy = samples(values, UnitDemand(30), (3,) * 30)
    # So many units that everybody gets the favourite, but for clashes among four or more.
    optimum = sequential_price.expected_offline_optimum(economy)
    favourites = values.max(axis=2).sum(axis=1).mean()
    assert 0.98 * favourites < optimum <= favourites + 1e-6


def test_additive_types_are_priced_one_by_one():
    values = integers(7, (12, 3, 20))
    found = sequential_price.anonymous_static_prices(samples(values, AdditiveDemand(20), (2,) * 20))
    assert found.prices.shape == (20,)
    alone = [
        sequential_price.anonymous_static_prices(samples(values[..., [k]], UnitDemand(1), (2,)))
        for k in range(20)
    ]
    assert found.value == pytest.approx(sum(each.value for each in alone))
    np.testing.assert_array_equal(found.prices, [each.prices[0] for each in alone])


def test_one_item_type_is_the_same_in_every_form():
    values = integers(8, (20, 4, 1))
    bundles = np.concatenate([np.zeros_like(values), values], axis=-1)
    for oracle in (
        sequential_price.random_serial_dictatorship,
        sequential_price.expected_offline_optimum,
        lambda setting: sequential_price.anonymous_static_prices(setting).value,
        lambda setting: sequential_price.personalised_static_prices(setting).value,
    ):
        expected = oracle(samples(values, UnitDemand(1), (2,)))
        assert oracle(samples(bundles, BundleDemand(1), (2,))) == pytest.approx(expected)


def test_refuses_more_bundles_than_it_can_compare():
    many = samples(np.ones((1, 2, 2**13)), BundleDemand(13), (1,) * 13)
    with pytest.raises(NotKnownError, match=r"demand: got BundleDemand.* 2\*\*13 bundles; .* 4096"):
        sequential_price.anonymous_static_prices(many)
    large = samples(np.ones((1, 2, 2**6)), BundleDemand(6), (9,) * 6)
    assert sequential_price.expected_offline_optimum(large) == 2
    slow = samples(np.ones((1, 9, 2**6)), BundleDemand(6), (9,) * 6)
    with pytest.raises(NotKnownError, match="units: got .* which is too many"):
        sequential_price.expected_offline_optimum(slow)


def test_searches_on_samples_prove_nothing():
    economy = samples(integers(9, (10, 3, 1)), UnitDemand(1), (1,))
    assert not sequential_price.anonymous_static_prices(economy).exact
    assert not sequential_price.personalised_static_prices(economy).exact
