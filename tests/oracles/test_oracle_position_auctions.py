"""The lowest envy-free equilibrium of position auctions: the example, envy, payments."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from jaxmech.mechanisms.position import generalized_second_price
from jaxmech.oracles import envy, lowest_envy_free

VALUES = np.array([10.0, 8.0, 5.0, 2.0])
CLICK_RATES = np.array([1.0, 0.6, 0.3])
ones = np.ones(4)

SIZES = st.tuples(
    st.lists(st.floats(0.05, 10), min_size=5, max_size=5),
    st.lists(st.floats(0.05, 1), min_size=5, max_size=5),
    st.lists(st.floats(0.3, 0.95), min_size=3, max_size=3),
    st.sampled_from([0.0, 0.5, 1.0]),
)


def test_the_example():
    equilibrium = lowest_envy_free(VALUES, ones, CLICK_RATES)
    np.testing.assert_allclose(equilibrium.payments, [5.3, 2.1, 0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(jnp.sum(equilibrium.payments), 8.0, rtol=1e-6)
    np.testing.assert_allclose(equilibrium.bids, [10, 5.3, 3.5, 2], rtol=1e-6)
    np.testing.assert_allclose(equilibrium.utilities, [4.7, 2.7, 0.9, 0], rtol=1e-6)
    truthful = generalized_second_price(VALUES, ones, CLICK_RATES)
    np.testing.assert_allclose(jnp.sum(truthful.payments), 11.6, rtol=1e-6)
    assert np.max(envy(VALUES, ones, CLICK_RATES, VALUES)) > 0.5


def test_slots_for_all():
    equilibrium = lowest_envy_free(VALUES[:3], ones[:3], CLICK_RATES)
    np.testing.assert_allclose(equilibrium.payments, [4.7, 1.5, 0], rtol=1e-6)
    alone = lowest_envy_free([3.0], [0.5], [1.0])
    assert alone.payments[0] == 0 and alone.clicks[0] == 0.5


def clarke_payments(values, quality, click_rates):
    """Each bidder's externality, by assignments with and without it."""

    def assigned(present):
        worth = (values * quality)[present, None] * click_rates
        rows, columns = linear_sum_assignment(worth, maximize=True)
        total = np.zeros(len(values))
        total[np.flatnonzero(present)[rows]] = worth[rows, columns]
        return total

    everybody = np.ones(len(values), bool)
    welfare = assigned(everybody)
    payments = []
    for bidder in range(len(values)):
        without = everybody.copy()
        without[bidder] = False
        payments.append(assigned(without).sum() - (welfare.sum() - welfare[bidder]))
    return np.array(payments)


@jax.jit
def played(values, quality, click_rates, squash):
    """The equilibrium, its envy, and its bids in the auction."""
    equilibrium = lowest_envy_free(values, quality, click_rates, squash=squash)
    bids = equilibrium.bids
    return (
        equilibrium,
        envy(values, quality, click_rates, bids, squash=squash),
        generalized_second_price(bids, quality, click_rates, squash=squash),
    )


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SIZES)
def test_nobody_envies_and_payments_are_those_of_the_mechanism(sizes):
    values, quality, steps, squash = (np.array(x) for x in sizes)
    click_rates = np.cumprod(steps)
    equilibrium, envied, outcome = played(values, quality, click_rates, squash)
    assert np.all(equilibrium.utilities >= -1e-5)
    assert np.all(equilibrium.bids <= values * (1 + 1e-5))
    assert np.max(envied) < 2e-5
    # Bids that tie but for rounding may be ranked in another order, which with other squash than
    # 1 is other money.
    scores = np.sort(quality**squash * np.asarray(equilibrium.bids))
    if squash == 1 or np.all(np.diff(scores) > 1e-4 * scores[1:]):
        np.testing.assert_allclose(
            jnp.sum(outcome.payments), jnp.sum(equilibrium.payments), rtol=1e-3, atol=1e-5
        )
    if squash == 1:
        exact = clarke_payments(values, quality, click_rates)
        # Whoever ties may take another's slot.
        np.testing.assert_allclose(
            np.sort(equilibrium.payments), np.sort(exact), rtol=1e-4, atol=1e-5
        )


def test_it_is_the_lowest():
    """Any envy-free bids earn at least as much: each bid of a slot lowered brings envy."""
    quality = np.array([0.5, 0.9, 0.7, 1.0])
    equilibrium = lowest_envy_free(VALUES, quality, CLICK_RATES)
    order = np.argsort(-VALUES * quality)
    for bidder in order[1:]:
        lower = equilibrium.bids.at[bidder].multiply(0.99)
        assert np.max(envy(VALUES, quality, CLICK_RATES, lower)) > 1e-3


@pytest.mark.slow
def test_random_envy_free_bids_earn_no_less():
    lowest = float(jnp.sum(lowest_envy_free(VALUES, ones, CLICK_RATES).payments))
    draws = np.random.default_rng(0).uniform(0, VALUES, (20_000, 4))
    # The first bid sets no price; the last bidder envies unless it bids all of its value.
    draws[:, [0, 3]] = VALUES[[0, 3]]
    worst = jax.vmap(lambda bids: jnp.max(envy(VALUES, ones, CLICK_RATES, bids)))(draws)
    free = draws[np.asarray(worst) <= 1e-6]
    assert len(free) > 100
    outcome = jax.vmap(lambda bids: generalized_second_price(bids, ones, CLICK_RATES))(free)
    assert jnp.min(jnp.sum(outcome.payments, axis=-1)) >= lowest - 1e-4


def test_traceable_and_batched():
    batch = jnp.stack([VALUES, VALUES[::-1]])
    swept = jax.jit(jax.vmap(lambda values: lowest_envy_free(values, ones, CLICK_RATES)))(batch)
    np.testing.assert_allclose(swept.payments[1], swept.payments[0][::-1], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((VALUES, ones, np.ones(5)), "click_rates: got 5 slots for 4 bidders"),
        ((VALUES, ones[:3], CLICK_RATES), r"quality: got shape \(3,\)"),
        ((VALUES[:, None], ones, CLICK_RATES), "values: got shape"),
        ((-VALUES, ones, CLICK_RATES), "values: got"),
        ((VALUES, -ones, CLICK_RATES), "quality: got"),
        ((VALUES, ones, CLICK_RATES[::-1]), "click_rates: got .* do not rise"),
        ((VALUES, ones, CLICK_RATES * np.nan), "click_rates: got"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        lowest_envy_free(*arguments)


def test_bids_and_squash_are_checked():
    for bids in (np.ones(1), np.nan * VALUES, -VALUES):
        with pytest.raises(ValueError, match="bids: got"):
            envy(VALUES, ones, CLICK_RATES, bids)
    for squash in (np.nan, -1.0):
        with pytest.raises(ValueError, match="squash: got"):
            lowest_envy_free(VALUES, ones, CLICK_RATES, squash=squash)
        with pytest.raises(ValueError, match="squash: got"):
            envy(VALUES, ones, CLICK_RATES, VALUES, squash=squash)


@pytest.mark.parametrize("squash", [0.0, 0.5, 1.0])
def test_a_quality_of_zero_pays_as_in_the_mechanism(squash):
    quality = np.array([0.8, 0.0, 0.4, 0.0])
    equilibrium = lowest_envy_free(VALUES, quality, CLICK_RATES, squash=squash)
    outcome = generalized_second_price(equilibrium.bids, quality, CLICK_RATES, squash=squash)
    for name in ("payments", "price_per_click", "clicks"):
        np.testing.assert_allclose(
            getattr(equilibrium, name), getattr(outcome, name), rtol=1e-6, atol=1e-6
        )
    assert np.all(equilibrium.bids <= VALUES)
    assert np.max(envy(VALUES, quality, CLICK_RATES, equilibrium.bids, squash=squash)) < 1e-6


def test_precision_is_that_of_the_arguments():
    with jax.enable_x64(True):
        narrow = [array.astype(np.float32) for array in (VALUES, ones, CLICK_RATES)]
        assert lowest_envy_free(*narrow).payments.dtype == jnp.float32
        assert lowest_envy_free(VALUES, ones, CLICK_RATES).payments.dtype == jnp.float64
