"""Soft rules: their gradients, and their limit, the exact rules."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech import mechanisms

PAIRS = {
    name: (getattr(mechanisms, f"soft_{name}"), getattr(mechanisms, name))
    for name in ("first_price", "second_price", "all_pay")
}

each_rule = pytest.mark.parametrize("name", PAIRS)


def auctions():
    """Bids and reserves no two of which are within .01, among them auctions without a sale."""
    random = np.random.default_rng(0)
    numbers = np.stack([random.permutation(np.linspace(0.02, 1.98, 80))[:8] for _ in range(60)])
    return numbers[:, :4], numbers[:, 4:]


@each_rule
def test_the_limit_is_the_exact_rule(name):
    soft, exact = PAIRS[name]
    bids, reserves = auctions()

    @jax.jit
    @jax.vmap
    def both(bids, reserve):
        return (
            soft(bids, 1e-3, reserve=reserve, entry_fee=0.1),
            exact(bids, reserve=reserve, entry_fee=0.1),
        )

    for reserve in (reserves, np.zeros_like(reserves), np.full_like(reserves, 1.0)):
        with jax.enable_x64(True):
            got, expected = jax.device_get(both(bids, reserve))
        np.testing.assert_allclose(got.allocation, expected.allocation, atol=1e-3)
        np.testing.assert_allclose(got.payments, expected.payments, atol=2e-3)
    assert (expected.allocation.sum(axis=1) == 0).any()


@each_rule
def test_distance_to_the_limit_falls_with_the_temperature(name):
    soft, exact = PAIRS[name]
    bids, reserves = auctions()

    @jax.jit
    @partial(jax.vmap, in_axes=(0, 0, None))
    def payments(bids, reserves, temperature):
        softly = soft(bids, temperature, reserve=reserves)
        return softly.payments, exact(bids, reserve=reserves).payments

    paid = [payments(bids, reserves, temperature) for temperature in (0.3, 0.1, 0.03, 0.01)]
    distances = [np.abs(np.subtract(*jax.device_get(one))).mean() for one in paid]
    assert (np.diff(distances) < 0).all()


@each_rule
def test_gradients_are_those_of_finite_differences(name):
    soft = PAIRS[name][0]
    bids, reserves = auctions()
    with jax.enable_x64(True):

        def objective(parameters):
            bids, reserve, temperature, fee = jnp.split(parameters, [4, 8, 9])
            outcome = soft(bids, temperature[0], reserve=reserve, entry_fee=fee[0])
            weights = jnp.arange(1.0, 5.0)
            return jnp.sum(weights * outcome.payments) + jnp.sum(weights**2 * outcome.allocation)

        slope = jax.jit(jax.grad(objective))
        value = jax.jit(objective)
        for b, r in zip(bids[:4], reserves[:4], strict=True):
            at = jnp.concatenate([b, r, jnp.array([0.2, 0.05])])
            got = slope(at)
            for i, step in enumerate(1e-6 * np.eye(10)):
                difference = float(value(at + step) - value(at - step)) / 2e-6
                assert got[i] == pytest.approx(difference, rel=1e-5, abs=1e-6)
        assert (got[:4] != 0).all()


@each_rule
def test_allocations_are_probabilities(name):
    soft = PAIRS[name][0]
    bids, reserves = auctions()

    @jax.jit
    @partial(jax.vmap, in_axes=(0, 0, None))
    def rule(bids, reserves, temperature):
        return soft(bids, temperature, reserve=reserves).allocation, soft(bids, temperature)

    for temperature in (0.01, 0.5, 10.0):
        barred, free = jax.device_get(rule(bids, reserves, temperature))
        assert (barred >= 0).all() and (barred.sum(axis=1) <= 1 + 1e-6).all()
        np.testing.assert_allclose(free.allocation.sum(axis=1), 1, atol=1e-6)
        assert (free.payments >= 0).all()


@each_rule
def test_tied_bidders_share_equally(name):
    allocation = PAIRS[name][0]([0.5, 0.5, 0.1], 0.01).allocation
    np.testing.assert_allclose(allocation, [0.5, 0.5, 0], atol=1e-6)


@each_rule
def test_finite_where_the_exponents_are_extreme(name):
    soft = PAIRS[name][0]
    bids, reserve = np.array([1e4, 0.0, 3.0], np.float32), np.array([1e5, 0.0, 5.0], np.float32)

    def paid(bids, reserve):
        return soft(bids, 1e-3, reserve=reserve).payments.sum()

    value, slopes = jax.jit(jax.value_and_grad(paid, argnums=(0, 1)))(bids, reserve)
    assert np.isfinite(value)
    for slope in slopes:
        assert np.isfinite(slope).all()


def test_one_bidder_pays_the_reserve():
    outcome = mechanisms.soft_second_price([1.0], 0.01, reserve=0.4)
    assert outcome.allocation[0] == pytest.approx(1)
    assert outcome.payments[0] == pytest.approx(0.4)


@each_rule
def test_what_is_refused(name):
    soft = PAIRS[name][0]
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature: got"):
            soft([1.0, 2.0], bad)
        if bad != 0:
            with pytest.raises(ValueError, match="bids: got"):
                soft([1.0, bad], 1.0)
            with pytest.raises(ValueError, match="reserve: got"):
                soft([1.0, 2.0], 1.0, reserve=bad)
    with pytest.raises(ValueError, match="temperature: got shape"):
        soft([1.0, 2.0], [1.0, 1.0])
