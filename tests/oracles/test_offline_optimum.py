from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, Valuations
from jaxmech.oracles.offline import offline_optimum, sum_of_largest

AGENTS, ITEMS, MAX_UNITS = 4, 2, 3

# Few distinct numbers, so that ties and zeros are common.
numbers = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 7.5])
units = st.tuples(*[st.integers(1, MAX_UNITS)] * ITEMS)


@functools.partial(jax.jit, static_argnames="demand")
def optimum(values, demand, stock):
    return offline_optimum(Valuations(values, demand), stock, MAX_UNITS)


def assignment(values, stock):
    per_unit = np.repeat(values, stock, axis=1)
    rows, columns = linear_sum_assignment(per_unit, maximize=True)
    return per_unit[rows, columns].sum()


def best_of_all_allocations(values, demand, stock):
    best = 0.0
    for choice in itertools.product(range(2**ITEMS), repeat=AGENTS):
        allocation = demand.bundles[list(choice)]
        if np.all(allocation.sum(axis=0) <= stock):
            best = max(best, values[np.arange(AGENTS), list(choice)].sum())
    return best


@settings(max_examples=30, deadline=None)
@given(values=hnp.arrays(np.float32, (AGENTS, ITEMS), elements=numbers), stock=units)
def test_unit_demand_is_a_maximum_weight_matching(values, stock):
    found = optimum(values, UnitDemand(ITEMS), jnp.array(stock))
    np.testing.assert_allclose(found, assignment(values, stock), rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(values=hnp.arrays(np.float32, (AGENTS, ITEMS), elements=numbers), stock=units)
def test_additive_types_go_to_whoever_values_them_most(values, stock):
    found = optimum(values, AdditiveDemand(ITEMS), jnp.array(stock))
    expected = sum(np.sort(values[:, k])[::-1][:count].sum() for k, count in enumerate(stock))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(values=hnp.arrays(np.float32, (AGENTS, 2**ITEMS), elements=numbers), stock=units)
def test_bundles_are_packed_best(values, stock):
    values = values * (np.arange(2**ITEMS) > 0)
    demand = BundleDemand(ITEMS)
    found = optimum(values, demand, jnp.array(stock))
    np.testing.assert_allclose(found, best_of_all_allocations(values, demand, stock), rtol=1e-6)


@pytest.mark.parametrize("stock", [1, 3, 9])
def test_one_type_is_the_sum_of_the_largest(stock):
    values = np.random.default_rng(0).random((7, 1)).astype(np.float32)
    found = offline_optimum(Valuations(jnp.asarray(values), UnitDemand(1)), jnp.array([stock]), 9)
    np.testing.assert_allclose(found, np.sort(values[:, 0])[::-1][:stock].sum(), rtol=1e-6)


@pytest.mark.parametrize("agents", [5, 64, 65, 200])
def test_sum_of_largest_counts_ties_once(agents):
    values = jnp.asarray(np.random.default_rng(1).integers(0, 3, agents), jnp.float32)
    for count in (0, 1, agents // 2, agents, agents + 3):
        expected = np.sort(values)[::-1][:count].sum()
        assert float(sum_of_largest(values, count)) == expected


@pytest.mark.parametrize(
    "demand", [UnitDemand(1), UnitDemand(2), AdditiveDemand(2), BundleDemand(2)]
)
def test_same_alone_and_in_a_batch(demand):
    shape = (6, AGENTS, *demand.values_shape)
    values = jnp.asarray(np.random.default_rng(2).random(shape), jnp.float32)
    if isinstance(demand, BundleDemand):
        values = values.at[..., 0].set(0)
    stock = jnp.array([2, 1][: demand.num_items])
    batch = jax.vmap(lambda each: optimum(each, demand, stock))(values)
    alone = [float(optimum(each, demand, stock)) for each in values]
    np.testing.assert_allclose(batch, alone, rtol=1e-6)


def test_more_units_than_agents_serve_everybody():
    values = jnp.array([[0.5, 0.25], [0.0, 1.0]])
    for demand, expected in ((UnitDemand(2), 1.5), (AdditiveDemand(2), 1.75)):
        found = offline_optimum(Valuations(values, demand), jnp.array([3, 3]), 3)
        assert float(found) == expected


def test_one_more_unit_of_welfare_is_the_gradient():
    values = jnp.array([[0.9], [0.2], [0.6]])

    def welfare(each):
        return offline_optimum(Valuations(each, UnitDemand(1)), jnp.array([2]), 2)

    np.testing.assert_array_equal(jax.grad(welfare)(values), [[1.0], [0.0], [1.0]])
