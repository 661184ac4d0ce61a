"""Position auctions against a plain reference, the published example and theory."""

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

from jaxmech.mechanisms import generalized_second_price, position_vcg, second_price

CLICK_RATES = np.array([1.0, 0.5, 0.25], np.float32)
EXAMPLE = np.array([10.0, 8.0, 5.0, 2.0]), np.array([1.0, 0.6, 0.3])
RULES = {
    "gsp": generalized_second_price,
    "gsp_lazy": partial(generalized_second_price, filtering="lazy"),
    "vcg": position_vcg,
}

each_rule = pytest.mark.parametrize("name", RULES)


@jax.jit
def _all_rules(bids, quality, reserve, squash, click_rates):
    return {
        name: rule(bids, quality, click_rates, reserve, squash=squash)
        for name, rule in RULES.items()
    }


def all_rules(bids, quality, reserve=0.0, squash=1.0, click_rates=CLICK_RATES):
    """Outcomes by rule, of NumPy arrays; compiled once for each number of bidders."""
    reserve = np.broadcast_to(np.asarray(reserve, np.float32), np.shape(bids))
    given = (bids, quality, reserve, squash, click_rates)
    return jax.device_get(_all_rules(*(np.asarray(one, np.float32) for one in given)))


examples = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def random_auction(random, size, on_grid):
    if on_grid:
        bids, quality = random.integers(0, 5, (2, size)) / 4
        reserve = random.integers(0, 3, size) / 4
    else:
        bids, quality = random.uniform(0, 2, size), random.uniform(0, 1, size)
        reserve = random.uniform(0, 1, size)
    return [array.astype(np.float32) for array in (bids, quality, reserve)]


@pytest.mark.parametrize("squash", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("filtering", ["eager", "lazy"])
@pytest.mark.parametrize("size", [8, *slowly(3, 30)])
def test_agrees_with_the_plain_reference(size, filtering, squash):
    random = np.random.default_rng(size)
    auctions = [random_auction(random, size, i % 2) for i in range(60)]
    bids, quality, reserve = (np.stack(arrays) for arrays in zip(*auctions, strict=True))
    reserve[::5] = 0
    if squash == 0.5:
        # Squares, whose roots are exact: else rounding would break ties.
        quality = np.where(np.arange(60)[:, None] % 2 == 1, quality**2, quality)
    got = jax.device_get(
        jax.jit(
            jax.vmap(
                lambda b, q, r: generalized_second_price(
                    b, q, CLICK_RATES, r, squash=squash, filtering=filtering
                )
            )
        )(bids, quality, reserve)
    )
    for i in range(60):
        allocation, payments, prices = reference.second_price_for_slots(
            bids[i].astype(float),
            quality[i].astype(float),
            CLICK_RATES,
            reserve[i],
            squash,
            filtering,
        )
        np.testing.assert_array_equal(got.allocation[i], allocation)
        np.testing.assert_allclose(got.price_per_click[i], prices, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got.payments[i], payments, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            got.clicks[i], quality[i] * (allocation @ CLICK_RATES), rtol=1e-6
        )


@pytest.mark.parametrize("size", [8, *slowly(3, 30)])
def test_payments_of_vcg_are_externalities(size):
    random = np.random.default_rng(size)
    auctions = [random_auction(random, size, i % 2) for i in range(60)]
    bids, quality, _ = (np.stack(arrays) for arrays in zip(*auctions, strict=True))
    got = jax.jit(jax.vmap(lambda b, q: position_vcg(b, q, CLICK_RATES)))(bids, quality)
    got = jax.device_get(got)
    for i in range(60):
        allocation, payments = reference.externalities_for_slots(
            bids[i].astype(float), quality[i].astype(float), CLICK_RATES
        )
        np.testing.assert_array_equal(got.allocation[i], allocation)
        np.testing.assert_allclose(got.payments[i], payments, rtol=1e-5, atol=1e-6)


def test_example_of_edelman_ostrovsky_and_schwarz():
    values, click_rates = EXAMPLE
    truthful = all_rules(values, np.ones(4), click_rates=click_rates)
    assert truthful["gsp"].payments.sum() == pytest.approx(11.6)
    vcg = truthful["vcg"]
    np.testing.assert_allclose(vcg.payments, [5.3, 2.1, 0.6, 0], rtol=1e-6)
    assert vcg.payments.sum() == pytest.approx(8.0)
    # The lowest envy-free bids: each bids so that the one above pays as under VCG.
    envy_free = np.array([10, *(vcg.payments[:3] / click_rates)])
    outcome = all_rules(envy_free, np.ones(4), click_rates=click_rates)["gsp"]
    np.testing.assert_allclose(outcome.payments, vcg.payments, rtol=1e-6)


def test_one_slot_is_a_second_price_auction():
    random = np.random.default_rng(0)
    bids = (random.integers(0, 9, (50, 6)) / 8).astype(np.float32)
    reserve = (random.integers(0, 5, (50, 6)) / 8).astype(np.float32)

    @jax.jit
    @jax.vmap
    def outcomes(bids, reserve):
        slots = [
            rule(bids, jnp.ones(6), [1.0], reserve)
            for rule in (generalized_second_price, position_vcg)
        ]
        return slots, second_price(bids, reserve=reserve)

    slots, item = jax.device_get(outcomes(bids, reserve))
    for slot in slots:
        np.testing.assert_array_equal(slot.allocation[..., 0], item.allocation)
        np.testing.assert_array_equal(slot.payments, item.payments)


@examples
@given(seeds, st.booleans(), st.sampled_from([0.0, 0.3, 1.0]))
def test_winners_pay_between_reserve_and_bid(seed, on_grid, squash):
    bids, quality, reserve = random_auction(np.random.default_rng(seed), 6, on_grid)
    for outcome in all_rules(bids, quality, reserve, squash).values():
        shown, price = outcome.allocation.any(axis=1), outcome.price_per_click
        assert (outcome.allocation.sum(axis=0) <= 1).all()
        assert (outcome.allocation.sum(axis=1) <= 1).all()
        assert (bids[shown] >= reserve[shown]).all()
        assert (price[shown] >= reserve[shown]).all()
        assert (price[shown] <= bids[shown]).all()
        assert (price[~shown] == 0).all() and (outcome.payments[~shown] == 0).all()
        assert np.isfinite(outcome.payments).all()


@examples
@given(seeds)
def test_raising_one_reserve_bars_nobody_else(seed):
    random = np.random.default_rng(seed)
    bids, quality, reserve = random_auction(random, 3, on_grid=True)
    higher = reserve.copy()
    higher[0] += random.integers(1, 4) / 4
    both = all_rules(bids, quality, reserve), all_rules(bids, quality, higher)
    for name in RULES:
        # As many slots as bidders: all who take part are shown.
        before, after = (outcomes[name].allocation.any(axis=1) for outcomes in both)
        assert (before == (bids >= reserve)).all()
        assert (before[1:] == after[1:]).all()


_vcg_of_reports = jax.jit(
    jax.vmap(
        lambda b, q, r, s: position_vcg(b, q, CLICK_RATES, r, squash=s),
        in_axes=(0, None, None, None),
    )
)


@examples
@given(seeds, st.sampled_from([0.0, 0.5, 1.0]))
def test_vcg_is_truthful_with_reserves_and_squashing(seed, squash):
    values, quality, reserve = random_auction(np.random.default_rng(seed), 5, on_grid=False)
    reports = np.append(np.linspace(0, 2.5, 50), [0.0]).astype(np.float32)
    for bidder in range(5):
        profiles = np.tile(values, (len(reports), 1))
        profiles[:-1, bidder] = reports[:-1]
        outcome = jax.device_get(_vcg_of_reports(profiles, quality, reserve, squash))
        utility = values[bidder] * outcome.clicks[:, bidder] - outcome.payments[:, bidder]
        assert utility[:-1].max() <= utility[-1] + 1e-5
        assert utility[-1] >= 0


@each_rule
def test_unchanged_by_compiling_batching_and_precision(name):
    rule = RULES[name]
    random = np.random.default_rng(5)
    # Qualities are powers of two, so that scores and prices are exact in both precisions.
    bids = random.integers(0, 17, (4, 6)) / 16
    quality = 2.0 ** -random.integers(0, 4, (4, 6))
    narrow = [array.astype(np.float32) for array in (bids, quality)]
    batch = jax.vmap(lambda b, q: rule(b, q, CLICK_RATES, 0.125))
    batched = jax.device_get(jax.jit(batch)(*narrow))
    with jax.enable_x64(True):
        wide = jax.device_get(jax.jit(batch)(bids, quality))
        # Of numbers that are known, not traced.
        known = jax.eval_shape(lambda: rule(bids[0], quality[0], CLICK_RATES, 0.125))
        assert known.payments.dtype == np.float64
    assert wide.payments.dtype == np.float64
    assert wide.allocation.dtype == np.int32
    for i in range(4):
        plain = rule(narrow[0][i], narrow[1][i], CLICK_RATES, 0.125)
        assert plain.payments.dtype == jnp.float32
        for other in (wide, batched):
            np.testing.assert_array_equal(plain.allocation, other.allocation[i])
            np.testing.assert_allclose(plain.payments, other.payments[i], rtol=1e-6)


def test_lazy_bids_set_prices_and_leave_their_slots_empty():
    outcomes = all_rules([4.0, 3.0, 2.0], [1.0, 1.0, 1.0], [0.0, 3.5, 0.0])
    eager, lazy = outcomes["gsp"], outcomes["gsp_lazy"]
    assert eager.price_per_click.tolist() == [2, 0, 0]
    assert eager.allocation.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert lazy.price_per_click.tolist() == [3, 0, 0]
    assert lazy.allocation.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_squashing_ranks_by_bid_at_zero():
    bids, quality = [1.0, 2.0, 0.0], [0.9, 0.1, 1.0]
    by_revenue = all_rules(bids, quality)["gsp"]
    by_bid = all_rules(bids, quality, squash=0.0)["gsp"]
    assert by_revenue.allocation[0].tolist() == [1, 0, 0]
    assert by_bid.allocation[0].tolist() == [0, 1, 0]
    assert by_bid.price_per_click.tolist() == [0, 1, 0]


@each_rule
def test_ties_by_key_are_uniform(name):
    keys = jax.random.split(jax.random.key(0), 2000)
    with_key = jax.vmap(lambda key: RULES[name](np.ones(4), np.ones(4), CLICK_RATES, key=key))
    allocation = np.asarray(jax.jit(with_key)(keys).allocation)
    np.testing.assert_allclose(allocation.mean(axis=0), 0.25, atol=0.04)
    first = all_rules(np.ones(4), np.ones(4))[name]
    np.testing.assert_array_equal(first.allocation, np.eye(4, 3))


def revenue(name, bids, quality, reserve, squash):
    return RULES[name](bids, quality, [1.0, 0.5], reserve, squash=squash).payments.sum()


_slopes = jax.jit(jax.grad(revenue, argnums=(2, 3, 4)), static_argnums=0)
_revenues = jax.jit(
    lambda name, *batches: jax.vmap(partial(revenue, name))(*batches), static_argnums=0
)


def test_revenue_has_a_gradient_in_reserves_and_squash():
    bids, quality = np.array([1.0, 0.8, 0.3, 0.0]), np.array([0.5, 0.4, 0.9, 1.0])
    at = np.array([0.2, 0.7, 0.1, 0.9])
    around = at + np.concatenate([1e-6 * np.eye(4), -1e-6 * np.eye(4)])
    # The fourth bids less than any reserve, as in the test of qualities there are four.
    reserves = np.insert(around[:, :3], 3, 0.5, axis=1)
    with jax.enable_x64(True):
        _, *slopes = _slopes("gsp", bids, quality, np.array([*at[:3], 0.5]), at[3])
        slopes = np.append(slopes[0][:3], slopes[1])
        nearby = _revenues(
            "gsp", np.tile(bids, (8, 1)), np.tile(quality, (8, 1)), reserves, around[:, 3]
        )
    above, below = np.split(np.asarray(nearby), 2)
    np.testing.assert_allclose(slopes, (above - below) / 2e-6, rtol=0, atol=1e-6)
    assert slopes[1] > 0 and slopes[3] != 0


@each_rule
@pytest.mark.parametrize("squash", [0.5, *slowly(0.0, 1.0)])
def test_gradients_in_quality_are_finite_at_zero(name, squash):
    bids, quality = np.array([1.0, 0.8, 0.6, 0.3]), np.array([0.5, 0.0, 0.2, 0.9])
    around = quality + np.concatenate([1e-6 * np.eye(4), -1e-6 * np.eye(4)])
    squashes = np.full(8, squash)
    with jax.enable_x64(True):
        slopes = jax.device_get(_slopes(name, bids, quality, np.full(4, 0.1), squashes[0]))
        nearby = _revenues(name, np.tile(bids, (8, 1)), around, np.full((8, 4), 0.1), squashes)
    assert np.isfinite(slopes[0]).all() and np.isfinite(slopes[2])
    above, below = np.split(np.asarray(nearby), 2)
    positive = quality > 0
    np.testing.assert_allclose(
        slopes[0][positive], ((above - below) / 2e-6)[positive], rtol=0, atol=1e-5
    )


@each_rule
def test_what_is_refused(name):
    rule = RULES[name]
    bids, quality = [1.0, 2.0], [0.5, 0.5]
    good = {"bids": bids, "quality": quality, "click_rates": [1.0], "reserve": 0.0, "squash": 1.0}
    for field in good:
        for bad in (-0.5, np.nan):
            wrong = np.array(good[field])
            wrong.flat[-1] = bad
            with pytest.raises(ValueError, match=f"{field}: got"):
                rule(**{**good, field: wrong})
        with pytest.raises(ValueError, match=f"{field}: got shape"):
            rule(**{**good, field: np.ones((2, 2))})
    with pytest.raises(ValueError, match="click_rates: got 3 slots for 2 bidders"):
        rule(bids, quality, CLICK_RATES)
    with pytest.raises(ValueError, match="click_rates: got 0.75 at index 1; .* do not rise"):
        rule(bids, quality, [0.5, 0.75])
    with pytest.raises(ValueError, match="quality: got shape"):
        jax.jit(lambda b: rule(b, np.ones(3), [1.0]))(np.ones(2))
    everybody = np.ones(6, np.float32)
    assert not np.any(rule(everybody, everybody, CLICK_RATES, np.inf).allocation)


def test_filtering_is_named_when_wrong():
    with pytest.raises(ValueError, match="filtering: got 'none'; allowed are 'eager', 'lazy'"):
        generalized_second_price([1.0], [1.0], [1.0], filtering="none")
