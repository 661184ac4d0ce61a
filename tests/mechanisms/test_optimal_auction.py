"""Myerson's auction for known virtual values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import Uniform
from jaxmech.mechanisms import myerson, second_price


def uniform(bids):
    """Virtual values of U(0, 1)."""
    return 2 * bids - 1


def ironed(bids):
    """Flat at 0.2 on [0.6, 0.9], and not falling elsewhere."""
    return jnp.where(bids < 0.6, bids - 0.5, jnp.where(bids <= 0.9, 0.2, bids - 0.5))


@pytest.mark.parametrize("inverse", [None, lambda virtual: (virtual + 1) / 2])
def test_equal_bidders_are_a_second_price_auction_with_myersons_reserve(inverse):
    bids = np.random.default_rng(0).integers(0, 17, (100, 4)).astype(np.float32) / 16

    @jax.jit
    @jax.vmap
    def outcomes(bids):
        return myerson(bids, uniform, inverse=inverse), second_price(bids, reserve=0.5)

    optimal, known = outcomes(bids)
    np.testing.assert_array_equal(optimal.allocation, known.allocation)
    np.testing.assert_allclose(optimal.payments, known.payments, atol=1e-7)


def test_unequal_bidders_pay_the_bid_that_equals_the_other_virtual_value():
    # U(0, 1) and U(0, 2): virtual values 2 v - 1 and 2 v - 2.
    rule = jax.jit(lambda bids: myerson(bids, lambda b: 2 * b - jnp.array([1.0, 2.0])))
    outcome = jax.device_get(rule(np.array([0.9, 1.2])))
    assert outcome.allocation.tolist() == [1, 0]
    assert outcome.payments[0] == pytest.approx(0.7)
    outcome = jax.device_get(rule(np.array([0.6, 1.2])))
    assert outcome.allocation.tolist() == [0, 1]
    assert outcome.payments[1] == pytest.approx(1.1)


def test_optimal_revenue_of_two_uniform_values():
    values = jax.random.uniform(jax.random.key(0), (100_000, 2))
    revenue = np.asarray(jax.jit(jax.vmap(lambda v: myerson(v, uniform).payments.sum()))(values))
    assert abs(revenue.mean() - 5 / 12) < 4 * revenue.std() / np.sqrt(100_000)


def test_ties_of_ironed_virtual_values_decide_the_payment():
    rule = jax.jit(lambda bids: myerson(bids, ironed))
    # The first wins ties, so that the start of the flat part is enough for it.
    first = jax.device_get(rule(np.array([0.7, 0.8])))
    assert first.allocation.tolist() == [1, 0]
    assert first.payments[0] == pytest.approx(0.6)
    # The second has to get beyond the flat part.
    second = jax.device_get(rule(np.array([0.7, 0.95])))
    assert second.allocation.tolist() == [0, 1]
    assert second.payments[1] == pytest.approx(0.9)
    alone = jax.device_get(rule(np.array([0.55])))
    assert alone.payments[0] == pytest.approx(0.5)


def test_a_tie_at_zero_with_someone_who_takes_no_part_costs_nothing_extra():
    outcome = myerson([0.2, 0.5], uniform)
    assert outcome.allocation.tolist() == [0, 1]
    assert outcome.payments.tolist() == [0, 0.5]


@pytest.mark.parametrize("virtual_value", [uniform, ironed])
def test_no_misreport_gains(virtual_value):
    random = np.random.default_rng(1)
    of_reports = jax.jit(jax.vmap(lambda b, key: myerson(b, virtual_value, key=key), (0, None)))
    for i in range(10):
        values = (random.integers(0, 21, 3) / 20).astype(np.float32)
        reports = np.append(np.linspace(0, 1.2, 49), values[0]).astype(np.float32)
        profiles = np.tile(values, (50, 1))
        profiles[:, 0] = reports
        outcome = jax.device_get(of_reports(profiles, jax.random.key(i)))
        utility = values[0] * outcome.allocation[:, 0] - outcome.payments[:, 0]
        assert utility.max() <= utility[-1] + 1e-6
        assert utility[-1] >= 0


def test_ties_by_key_are_uniform():
    keys = jax.random.split(jax.random.key(0), 3000)
    rule = jax.jit(jax.vmap(lambda key: myerson([0.7, 0.8, 0.3, 0.65], ironed, key=key)))
    shares = np.asarray(rule(keys).allocation).mean(axis=0)
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 0, 1 / 3], atol=0.04)


def test_in_double_precision():
    with jax.enable_x64(True):
        rule = jax.jit(lambda: myerson(np.array([1.5, 0.3]), lambda b: b - 1 / (1 + b)))
        outcome = jax.device_get(rule())
        assert outcome.payments.dtype == np.float64
        assert outcome.payments[0] == pytest.approx((np.sqrt(5) - 1) / 2, abs=1e-14)


@jax.jit
def _payments_above(threshold):
    return myerson(np.array([1000.0, -0.0]), lambda b: jnp.where(b >= threshold, b, -1.0))


@pytest.mark.parametrize("threshold", [0.0, 1e-30, 3e-5, 0.1, 999.0])
def test_the_payment_is_the_least_float_that_wins(threshold):
    outcome = _payments_above(threshold)
    assert outcome.payments.tolist() == [np.float32(threshold), 0]


def test_payments_have_a_gradient_with_an_inverse():
    def paid(bids):
        return myerson(bids, uniform, inverse=lambda virtual: (virtual + 1) / 2).payments.sum()

    assert jax.jit(jax.grad(paid))(np.array([0.9, 0.7, 0.1])).tolist() == [0, 1, 0]


def test_what_is_refused():
    with pytest.raises(ValueError, match="bids: got -1"):
        myerson([-1.0, 0.5], uniform)
    with pytest.raises(ValueError, match=r"virtual_value\(bids\): got shape"):
        myerson([1.0, 0.5], jnp.sum)
    with pytest.raises(ValueError, match=r"inverse\(virtual values\): got shape"):
        myerson([1.0, 0.5], uniform, inverse=jnp.sum)


def test_a_distribution_in_place_of_virtual_values_is_told_how():
    with pytest.raises(ValueError, match="^virtual_value: got Uniform.*agents.virtual_value"):
        myerson([0.5, 0.7], Uniform())
