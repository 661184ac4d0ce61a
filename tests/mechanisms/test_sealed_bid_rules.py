"""Auctions of one item type against a plain reference, and what theory says of them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import plain_auctions as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiers import slowly

from jaxmech import mechanisms
from jaxmech.mechanisms import ranking

UNITS = 2
RULES = {
    "first_price": (mechanisms.first_price, 1, "own"),
    "second_price": (mechanisms.second_price, 1, "losing"),
    "all_pay": (mechanisms.all_pay, 1, "all"),
    "uniform_price": (partial(mechanisms.uniform_price, units=UNITS), UNITS, "losing"),
    "discriminatory_price": (partial(mechanisms.discriminatory_price, units=UNITS), UNITS, "own"),
}
# Both sides of every change of ranking rule.
SIZES = (2, 12, 13, *slowly(1, 5, 24, 25, 70))

each_rule = pytest.mark.parametrize("name", RULES)


def batches(seed, size, count=40):
    """Bids, personal reserves and fees: half on a coarse grid with many zeros and ties."""
    random = np.random.default_rng(seed)
    bids = random.uniform(0, 2, (count, size))
    reserves = random.uniform(0, 1.5, (count, size))
    bids[::2] = random.integers(0, 4, bids[::2].shape) / 4
    reserves[::2] = random.integers(0, 4, reserves[::2].shape) / 4
    reserves[::3] = 0
    reserves[1::4, 0] = np.inf
    bids[0] = 0
    fees = random.integers(0, 3, count) / 8
    return [array.astype(np.float32) for array in (bids, reserves, fees)]


@each_rule
@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_plain_reference(name, size):
    rule, units, pricing = RULES[name]
    bids, reserves, fees = batches(size, size)
    got = jax.jit(jax.vmap(lambda b, r, f: rule(b, reserve=r, entry_fee=f)))(bids, reserves, fees)
    got = jax.device_get(got)
    for i in range(len(bids)):
        allocation, payments = reference.sealed_bids(
            bids[i].astype(float), units, pricing, reserves[i], fees[i]
        )
        np.testing.assert_array_equal(got.allocation[i], allocation)
        np.testing.assert_allclose(got.payments[i], payments, rtol=1e-6)
    assert got.allocation.dtype == jnp.int32
    assert got.payments.dtype == jnp.float32


@each_rule
@pytest.mark.parametrize("size", [5, *slowly(2, 30)])
def test_who_stays_out_neither_wins_nor_pays(name, size):
    rule, units, pricing = RULES[name]
    bids, reserves, fees = batches(size, size)
    takes_part = np.random.default_rng(size).random(bids.shape) < 0.6
    takes_part[0] = False
    got = jax.jit(jax.vmap(lambda b, r, f, t: rule(b, reserve=r, entry_fee=f, takes_part=t)))(
        bids, reserves, fees, takes_part
    )
    got = jax.device_get(got)
    for i in range(len(bids)):
        allocation, payments = reference.sealed_bids(
            bids[i].astype(float), units, pricing, reserves[i], fees[i], takes_part[i]
        )
        np.testing.assert_array_equal(got.allocation[i], allocation)
        np.testing.assert_allclose(got.payments[i], payments, rtol=1e-6)
    assert not np.any(got.payments[~takes_part])
    assert rule([0.0, 0.0], entry_fee=0.1, takes_part=[False, True]).allocation.tolist() == [0, 1]


@pytest.mark.parametrize("pricing", ["losing", "own"])
@pytest.mark.parametrize(
    ("size", "units"), [(6, 6), (6, 9), (300, 257), *slowly((30, 20), (300, 299))]
)
def test_many_units(size, units, pricing):
    rule = mechanisms.uniform_price if pricing == "losing" else mechanisms.discriminatory_price
    bids, reserves, _ = batches(size, size, count=8)
    got = jax.device_get(jax.jit(jax.vmap(lambda b, r: rule(b, units, reserve=r)))(bids, reserves))
    for i in range(len(bids)):
        allocation, payments = reference.sealed_bids(
            bids[i].astype(float), units, pricing, reserves[i]
        )
        np.testing.assert_array_equal(got.allocation[i], allocation)
        np.testing.assert_allclose(got.payments[i], payments, rtol=1e-6)


@each_rule
def test_unchanged_by_compiling_batching_and_precision(name):
    rule = RULES[name][0]
    # Sixteenths are exact in both precisions.
    bids = np.random.default_rng(0).integers(0, 33, (6, 5)) / 16
    narrow = bids.astype(np.float32)
    plain = [rule(b, reserve=0.5, entry_fee=0.25) for b in narrow]
    batch = jax.vmap(lambda b: rule(b, reserve=0.5, entry_fee=0.25))
    batched = jax.device_get(jax.jit(batch)(narrow))
    compiled = [jax.jit(rule)(b, reserve=0.5, entry_fee=0.25) for b in narrow]
    with jax.enable_x64(True):
        double = jax.device_get(jax.jit(batch)(bids))
        # Of numbers that are known, not traced.
        known = jax.eval_shape(lambda: [rule(b, reserve=0.5) for b in (narrow[0], bids[0])])
        assert [outcome.payments.dtype for outcome in known] == [np.float32, np.float64]
    assert double.payments.dtype == np.float64
    assert double.allocation.dtype == np.int32
    for i, outcome in enumerate(plain):
        others = [jax.tree.map(lambda leaf, i=i: leaf[i], one) for one in (double, batched)]
        for other in (compiled[i], *others):
            np.testing.assert_array_equal(outcome.allocation, other.allocation)
            np.testing.assert_array_equal(outcome.payments, other.payments)


def test_a_second_bid_of_zero_does_not_lose_the_item():
    assert mechanisms.second_price([0.0, 3.0, 0.0]).allocation.tolist() == [0, 1, 0]
    assert mechanisms.second_price([0.0, 3.0, 0.0]).payments.tolist() == [0, 0, 0]
    assert mechanisms.second_price([0.0, 0.0]).allocation.tolist() == [1, 0]
    assert mechanisms.second_price([0.0]).allocation.tolist() == [1]
    assert mechanisms.second_price([2.0], reserve=0.5).payments.tolist() == [0.5]
    assert mechanisms.second_price([2.0, 1.0], reserve=np.inf).allocation.tolist() == [0, 0]
    assert mechanisms.second_price([2, 1], reserve=1).payments.tolist() == [1, 0]


def test_barred_bids_set_no_price():
    outcome = mechanisms.second_price([5.0, 4.0, 1.0], reserve=[2.0, 4.5, 0.0])
    assert outcome.payments.tolist() == [2, 0, 0]


def test_winners_of_units_pay_their_own_reserve_if_it_is_higher():
    outcome = mechanisms.uniform_price([5.0, 4.0, 3.0], 2, reserve=[0.0, 3.5, 0.0], entry_fee=1.0)
    assert outcome.payments.tolist() == [4, 4.5, 1]


@each_rule
@pytest.mark.parametrize("size", [4, *slowly(16, 32)])
def test_ties_by_key_are_uniform(name, size):
    rule, units, _ = RULES[name]
    tied = np.zeros(size, np.float32)
    tied[[1, 2, size - 1]] = 1
    keys = jax.random.split(jax.random.key(3), 3000)
    allocation = np.asarray(jax.jit(jax.vmap(lambda key: rule(tied, key=key)))(keys).allocation)
    expected = np.where(tied == 1, units / 3, 0)
    np.testing.assert_allclose(allocation.mean(axis=0), expected, atol=4 * np.sqrt(0.25 / 3000))


def test_orders_by_key_are_permutations_of_uniform_places():
    orders = np.asarray(
        jax.jit(jax.vmap(partial(ranking.tie_order, 5)))(jax.random.split(jax.random.key(0), 4000))
    )
    assert (orders >= 0).all()
    assert all(len(set(row)) == 5 for row in orders[:200])
    first = np.bincount(orders.argmin(axis=1), minlength=5) / 4000
    np.testing.assert_allclose(first, 0.2, atol=4 * 0.4 / np.sqrt(4000))


@pytest.mark.parametrize("size", [2, 8, *slowly(1024)])
def test_orders_by_key_leave_room_for_nobody(size, monkeypatch):
    monkeypatch.setattr(
        jax.random, "bits", lambda key, shape, dtype: jnp.full(shape, 2**32 - 1, dtype)
    )
    orders = np.asarray(ranking.tie_order(size, jax.random.key(0)))
    assert orders.min() >= 0 and len(set(orders.tolist())) == size
    assert orders.max() < np.iinfo(np.int32).max


truths = st.tuples(st.integers(0, 2**32 - 1), st.booleans())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(truths)
def test_no_misreport_gains_where_winners_pay_the_losing_bid(drawn):
    seed, on_grid = drawn
    random = np.random.default_rng(seed)
    values = random.integers(0, 9, 5) / 8 if on_grid else random.uniform(0, 1, 5)
    values = values.astype(np.float32)
    reserve = (random.integers(0, 5, 5) / 8).astype(np.float32)
    reports = np.append(np.linspace(0, 1.25, 41), values).astype(np.float32)
    for rule in (_second_price, _uniform_price):
        truthful = jax.device_get(rule(values, reserve))
        utility = values * truthful.allocation - truthful.payments
        assert (utility >= 0).all()
        for bidder in range(5):
            profiles = np.tile(values, (len(reports), 1))
            profiles[:, bidder] = reports
            lied = jax.device_get(_batched[rule](profiles, reserve))
            gains = values[bidder] * lied.allocation[:, bidder] - lied.payments[:, bidder]
            assert gains.max() <= utility[bidder]


@jax.jit
def _second_price(bids, reserve):
    return mechanisms.second_price(bids, reserve=reserve)


@jax.jit
def _uniform_price(bids, reserve):
    return mechanisms.uniform_price(bids, UNITS, reserve=reserve)


_batched = {
    rule: jax.jit(jax.vmap(rule, in_axes=(0, None))) for rule in (_second_price, _uniform_price)
}


@pytest.mark.parametrize(
    ("bidders", "expected"), [(3, 0.53125), *slowly((2, 5 / 12), (5, 0.671875))]
)
def test_uniform_values_and_a_reserve_of_one_half(bidders, expected):
    values = jax.random.uniform(jax.random.key(bidders), (100_000, bidders))
    auctions = jax.jit(jax.vmap(partial(mechanisms.second_price, reserve=0.5)))
    revenue = np.asarray(auctions(values).payments).sum(axis=1)
    assert abs(revenue.mean() - expected) < 4 * revenue.std() / np.sqrt(100_000)


@pytest.mark.parametrize("bidders", [5, *slowly(2, 10)])
def test_equilibria_of_uniform_values_raise_the_same(bidders):
    values = np.asarray(jax.random.uniform(jax.random.key(bidders), (100_000, bidders)))
    shading = (bidders - 1) / bidders
    for rule, bids in (
        (mechanisms.second_price, values),
        (mechanisms.first_price, shading * values),
        (mechanisms.all_pay, shading * values**bidders),
    ):
        revenue = np.asarray(jax.jit(jax.vmap(rule))(bids).payments).sum(axis=1)
        expected = (bidders - 1) / (bidders + 1)
        assert abs(revenue.mean() - expected) < 4 * revenue.std() / np.sqrt(100_000)


@pytest.mark.parametrize("size", [5, *slowly(16, 30)])
def test_gradients_follow_whoever_sets_the_price(size):
    bids = np.zeros(size, np.float32)
    bids[:3] = [0.9, 0.4, 0.7]

    def paid(bids, reserve):
        return mechanisms.second_price(bids, reserve=reserve).payments.sum()

    slopes = jax.jit(jax.grad(paid, argnums=(0, 1)))
    of_bids, of_reserve = jax.device_get(slopes(bids, 0.5))
    assert of_bids[:3].tolist() == [0, 0, 1]
    assert of_reserve == 0
    assert slopes(bids, 0.8)[1] == 1


def test_units_are_named_when_wrong():
    for units in (0, -1, 1.5, "two"):
        with pytest.raises(ValueError, match="units: got"):
            mechanisms.uniform_price([1.0, 2.0], units)
        with pytest.raises(ValueError, match="units: got"):
            mechanisms.discriminatory_price([1.0, 2.0], units)


@each_rule
def test_what_is_refused(name):
    rule = RULES[name][0]
    for bids in ([-1.0, 2.0], [np.nan, 2.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="bids: got .* at index 0; allowed are numbers"):
            rule(bids)
    for bids in (1.0, [[1.0, 2.0]], []):
        with pytest.raises(ValueError, match=r"bids: got shape .*allowed are \[bidders\]"):
            rule(np.asarray(bids))
    with pytest.raises(ValueError, match="bids: got .*allowed are real numbers"):
        rule(["a", "b"])
    for reserve in (-0.5, np.nan, [0.0, -1.0]):
        with pytest.raises(ValueError, match="reserve: got"):
            rule([1.0, 2.0], reserve=reserve)
    with pytest.raises(ValueError, match="reserve: got shape"):
        rule([1.0, 2.0], reserve=[0.0, 0.0, 0.0])
    for fee in (-1.0, np.nan, np.inf, [0.0, 0.0]):
        with pytest.raises(ValueError, match="entry_fee: got"):
            rule([1.0, 2.0], entry_fee=fee)
    for takes_part in ([1, 0], ["yes", "no"], [True], True):
        with pytest.raises(ValueError, match="takes_part: got"):
            rule([1.0, 2.0], takes_part=takes_part)
    with pytest.raises(ValueError, match="reserve: got shape"):
        jax.jit(lambda bids: rule(bids, reserve=np.zeros(3)))(np.ones(2))
    with pytest.raises(ValueError, match="reserve: got -1"):
        jax.jit(lambda bids: rule(bids, reserve=-1.0))(np.ones(2))


@each_rule
def test_traced_bids_that_are_no_numbers_count_as_none(name):
    rule, _, _ = RULES[name]
    bids = np.array([0.4, np.nan, 0.6, -1.0, 0.5], np.float32)
    outcome, without = jax.device_get((jax.jit(rule)(bids), jax.jit(rule)(bids[::2])))
    np.testing.assert_array_equal(outcome.allocation[::2], without.allocation)
    np.testing.assert_array_equal(outcome.payments[::2], without.payments)
    np.testing.assert_array_equal(outcome.allocation.sum(), without.allocation.sum())
    np.testing.assert_array_equal(outcome.payments[1::2], 0)
