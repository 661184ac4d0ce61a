"""Unit-demand VCG against enumeration, scipy's assignments and position auctions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import plain_auctions as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from tiers import slowly

from jaxmech.mechanisms import position_vcg, second_price, unit_demand, vickrey_clarke_groves

rule = jax.jit(vickrey_clarke_groves)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (4, 1), (3, 3), (4, 2), (2, 4)])
def test_agrees_with_enumeration(shape):
    random = np.random.default_rng(0)
    for i in range(12):
        # Eighths are exact, so that ties are ties.
        values = random.integers(0, 3 if i % 2 else 17, shape) / 8
        got = rule(values.astype(np.float32))
        allocation, payments = reference.unit_demand(values)
        np.testing.assert_array_equal(got.allocation, allocation)
        np.testing.assert_array_equal(got.payments, payments)


@pytest.mark.parametrize(
    "shape",
    [
        (5, 7),
        pytest.param((9, 6), marks=pytest.mark.slow),
        pytest.param((8, 7), marks=pytest.mark.slow),
    ],
)
def test_agrees_with_optima_of_scipy(shape):
    random = np.random.default_rng(1)

    def best(values):
        return values[linear_sum_assignment(values, maximize=True)].sum()

    for _ in range(5):
        values = random.uniform(0, 1, shape)
        got = rule(values.astype(np.float32))
        received = (np.asarray(got.allocation) * values).sum(axis=1)
        assert received.sum() == pytest.approx(best(values), rel=1e-6)
        others = [best(np.delete(values, i, axis=0)) for i in range(shape[0])]
        np.testing.assert_allclose(
            got.payments, np.array(others) - (received.sum() - received), atol=1e-5
        )
        assert (got.allocation.sum(axis=0) <= 1).all()
        assert (got.allocation.sum(axis=1) <= 1).all()


@pytest.mark.parametrize("slots", [3, 7])
def test_values_that_factor_make_a_position_auction(slots):
    random = np.random.default_rng(2)
    bids, quality = random.uniform(0, 2, 8), random.uniform(0, 1, 8)
    click_rates = np.sort(random.uniform(0, 1, slots))[::-1]
    of_slots = position_vcg(bids, quality, click_rates)
    of_items = rule(np.outer(bids * quality, click_rates))
    np.testing.assert_array_equal(of_slots.allocation, of_items.allocation)
    np.testing.assert_allclose(of_slots.payments, of_items.payments, atol=2e-6)


def test_one_item_is_a_second_price_auction():
    for bids in ([0.0, 0.0, 0.0], [1.0, 3.0, 3.0], [0.0, 2.0, 0.5], [4.0]):
        item, units = second_price(bids), rule(np.array(bids)[:, None])
        np.testing.assert_array_equal(item.allocation, units.allocation[:, 0])
        np.testing.assert_array_equal(item.payments, units.payments)


_of_reports = jax.jit(jax.vmap(vickrey_clarke_groves))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_truthful_and_never_above_the_value(seed):
    random = np.random.default_rng(seed)
    values = random.uniform(0, 1, (4, 3)).astype(np.float32)
    reports = np.tile(values, (60, 1, 1))
    reports[1:, 0] = random.uniform(0, 1.5, (59, 3))
    outcome = _of_reports(reports)
    received = (outcome.allocation * values[None]).sum(axis=2)
    utility = received - outcome.payments
    assert (utility[0] >= 0).all()
    assert utility[:, 0].max() <= utility[0, 0] + 1e-6


@pytest.mark.parametrize("items", [2, *slowly(7)])
def test_unchanged_by_compiling_batching_and_precision(items):
    values = np.random.default_rng(0).integers(0, 1000, (3, 8, items)) / 64
    batched = _of_reports(values.astype(np.float32))
    with jax.enable_x64(True):
        wide = [rule(v) for v in values]
        assert wide[0].payments.dtype == jnp.float64
        assert wide[0].allocation.dtype == jnp.int32
    for i in range(3):
        np.testing.assert_array_equal(batched.allocation[i], wide[i].allocation)
        np.testing.assert_array_equal(batched.payments[i], wide[i].payments)


@pytest.mark.parametrize("items", [2, *slowly(1, unit_demand.TABULATED_ITEMS + 1)])
def test_equal_agents_are_served_equally_often_by_key(items):
    keys = jax.random.split(jax.random.key(0), 500)
    values = np.ones((8, items), np.float32)
    outcome = jax.jit(jax.vmap(lambda key: vickrey_clarke_groves(values, key=key)))(keys)
    served = outcome.allocation.sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(served, items / 8, atol=4 * 0.5 / np.sqrt(500))
    random = np.random.default_rng(3).uniform(0, 1, (8, items)).astype(np.float32)
    keyed = vickrey_clarke_groves(random, key=jax.random.key(1))
    np.testing.assert_array_equal(keyed.allocation, rule(random).allocation)


def test_what_is_refused():
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="values: got .* at index 0, 1"):
            vickrey_clarke_groves([[1.0, bad], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"values: got shape \(2,\); allowed are \[agents, items"):
        vickrey_clarke_groves([1.0, 2.0])
