"""What an agent takes at posted prices is what it likes best among what is left."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand, Valuations

ITEMS = 3
BUNDLES = [np.array(bundle) for bundle in itertools.product([0, 1], repeat=ITEMS)]
DEMANDS = [UnitDemand(ITEMS), AdditiveDemand(ITEMS), BundleDemand(ITEMS)]
each_demand = pytest.mark.parametrize("demand", DEMANDS, ids=lambda d: type(d).__name__)


def eighths(size):
    return st.lists(st.integers(0, 8), min_size=size, max_size=size).map(
        lambda numbers: np.array(numbers) / 8
    )


@partial(jax.jit, static_argnums=0)
def choose(demand, values, prices, available, buys_at_zero_utility):
    return demand.choose(values, prices, available, buys_at_zero_utility)


@partial(jax.jit, static_argnums=0)
def value(demand, values, bundle):
    return demand.value(values, bundle)


@each_demand
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_truthful_demand_is_a_best_response(demand, data):
    """No misreport gets another bundle that the agent would rather have at these prices."""
    values = data.draw(eighths(demand.values_shape[0]))
    if isinstance(demand, BundleDemand):
        values[0] = 0
    prices = data.draw(eighths(ITEMS))
    available = np.array(data.draw(st.lists(st.booleans(), min_size=ITEMS, max_size=ITEMS)))
    buys = data.draw(st.booleans())
    taken = choose(demand, values, prices, available, buys)
    assert taken.shape == (ITEMS,) and taken.dtype == jnp.int32
    assert (taken <= available).all()
    utility = value(demand, values, taken) - prices @ taken
    possible = [bundle for bundle in BUNDLES if (bundle <= available).all()]
    best = max(float(value(demand, values, bundle) - prices @ bundle) for bundle in possible)
    assert utility == best
    if best == 0 and not buys:
        assert taken.sum() == 0
    if best == 0 and buys and isinstance(demand, UnitDemand):
        assert taken.sum() == int((values == prices)[available].any())


@pytest.mark.parametrize(
    ("demand", "values", "bundle", "worth"),
    [
        (UnitDemand(3), [1, 5, 3], [1, 0, 1], 3),
        (UnitDemand(3), [1, 5, 3], [0, 0, 0], 0),
        (AdditiveDemand(3), [1, 5, 3], [1, 0, 1], 4),
        (AdditiveDemand(3), [1, 5, 3], [0, 0, 0], 0),
        (BundleDemand(2), [0, 1, 2, 7], [0, 0], 0),
        (BundleDemand(2), [0, 1, 2, 7], [1, 0], 1),
        (BundleDemand(2), [0, 1, 2, 7], [0, 1], 2),
        (BundleDemand(2), [0, 1, 2, 7], [1, 1], 7),
    ],
)
def test_value_of_a_bundle(demand, values, bundle, worth):
    assert demand.value(jnp.array(values, float), jnp.array(bundle)) == worth


def test_bundle_index_has_a_bit_for_each_item():
    np.testing.assert_array_equal(BundleDemand(2).bundles, [[0, 0], [1, 0], [0, 1], [1, 1]])


def test_complements_are_taken_together_only_if_both_are_left():
    demand, values = BundleDemand(2), jnp.array([0.0, 0.1, 0.1, 1.0])
    prices = jnp.array([0.4, 0.4])
    assert choose(demand, values, prices, np.array([True, True]), False).tolist() == [1, 1]
    assert choose(demand, values, prices, np.array([True, False]), False).tolist() == [0, 0]


@pytest.mark.parametrize("demand", [UnitDemand(3), BundleDemand(3)])
def test_ties_go_to_the_first_in_index_order(demand):
    values = np.ones(demand.values_shape)
    taken = choose(demand, values, np.full(3, 0.5), np.array([False, True, True]), False)
    assert taken.tolist() == [0, 1, 0]


def test_valuations_give_each_agents_value_for_its_own_part():
    valuations = Valuations(jnp.array([[1.0, 2.0], [3.0, 4.0]]), AdditiveDemand(2))
    np.testing.assert_array_equal(valuations.of(jnp.array([[1, 1], [0, 1]])), [3, 4])
