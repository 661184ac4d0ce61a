"""How bidders revise their bids from one day to the next, against brute force."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents.keywords.daily_bidders import (
    LEAST_BID,
    DailyBidders,
    Yesterday,
    next_bids,
    placed_bids,
    scattered_bids,
    slot_prices,
)
from jaxmech.environments.reserve_pricing.day import auction_normals, auction_points, day_outcome
from jaxmech.mechanisms import generalized_second_price

CLICK_RATES = jnp.asarray([1.0, 0.7, 0.49])
BIDDERS = 4
money = st.floats(0.05, 5.0)


def bidders_of(values, quality, **changes):
    count = len(values)
    fields = {
        "activity": 1.0,
        "precision": np.inf,
        "aims_at_kpi": False,
        "kpi": 1,
        "target": 0.0,
        "adjustment_rate": 0.0,
        "scatter": 0.0,
    } | changes
    arrays = {name: jnp.broadcast_to(jnp.asarray(x), count) for name, x in fields.items()}
    return DailyBidders(jnp.asarray(values, float), jnp.asarray(quality, float), **arrays)


@partial(jax.jit, static_argnums=(5, 6))
def revise(bidders, bids, yesterday, reserves, key, filtering="eager", squash=1.0):
    return next_bids(
        bidders, bids, yesterday, key, reserves=reserves, click_rates=CLICK_RATES,
        filtering=filtering, squash=squash,
    )  # fmt: skip


def respond(bidders, bids, reserves, *auctions, key=0, kpis=None, old_reserves=None):
    bids, reserves = jnp.asarray(bids, float), jnp.asarray(reserves, float)
    kpis = jnp.zeros((len(bids), 3)) if kpis is None else kpis
    before = jnp.zeros(len(bids)) if old_reserves is None else jnp.asarray(old_reserves, float)
    yesterday = Yesterday(bids, before, kpis)
    return revise(bidders, bids, yesterday, reserves, jax.random.key(key), *auctions)


def same_quality(count=BIDDERS):
    return np.full(count, 0.1)


@partial(jax.jit, static_argnums=(6, 7))
def best_utility(value, quality, bids, reserves, old_reserves, grid, filtering, squash):
    """Of bidder 0 over a grid of bids, against the others' bids of yesterday."""

    def utility(bid):
        # Eligibility was decided yesterday for the others, and is today for bidder 0.
        # With lazy filtering all keep their places.
        others = jnp.where((bids >= old_reserves) | (filtering == "lazy"), bids, 0)
        outcome = generalized_second_price(
            others.at[0].set(bid), quality, CLICK_RATES, jnp.zeros(BIDDERS).at[0].set(reserves[0]),
            squash=squash,
        )  # fmt: skip
        return outcome.clicks[0] * value - outcome.payments[0]

    return jax.vmap(utility)(grid)


@pytest.mark.parametrize(("filtering", "squash"), [("eager", 1.0), ("lazy", 0.5)])
@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(money, min_size=BIDDERS, max_size=BIDDERS),
    shares=st.lists(st.floats(0.1, 1.0), min_size=BIDDERS, max_size=BIDDERS),
    quality=st.lists(st.floats(0.02, 0.3), min_size=BIDDERS, max_size=BIDDERS),
    reserves=st.lists(money, min_size=BIDDERS, max_size=BIDDERS),
)
def test_no_bid_earns_more_at_yesterdays_prices_than_the_best_response(
    filtering, squash, values, shares, quality, reserves
):
    bidders = bidders_of(values, quality)
    bids = jnp.asarray(values) * jnp.asarray(shares)
    reserves = jnp.asarray(reserves)
    old_reserves = reserves * 0.5
    auctions = (filtering, squash)
    answer = respond(bidders, bids, reserves, *auctions, old_reserves=old_reserves)
    assert (answer <= bidders.values).all() and (answer >= 0).all()
    grid = jnp.concatenate([answer[:1], jnp.linspace(0, 6, 301)])
    earned = best_utility(
        bidders.values[0], bidders.quality, bids, reserves, old_reserves, grid, *auctions
    )
    assert earned[0] >= earned.max() - 1e-5


def test_a_reserve_that_binds_moves_the_balanced_bid_as_specified():
    """The bid of the last slot is ``v - alpha_3 / alpha_2 (v - r)``; of a lone bidder half-way."""
    values, bids = [4.0, 3.0, 1.0], [3.0, 2.0, 0.5]
    for reserve in (0.2, 0.4, 0.8):
        answer = respond(bidders_of(values, same_quality(3)), bids, [0.0, 0.0, reserve])
        np.testing.assert_allclose(answer[2], 1 - 0.7 * (1 - reserve), rtol=1e-5)
    others_out = [0.0, 9.0, 9.0]
    for reserve in (0.5, 2.0):
        answer = respond(
            bidders_of(values, same_quality(3)), bids, [reserve, 0.0, 0.0], old_reserves=others_out
        )
        np.testing.assert_allclose(answer[0], (4 + reserve) / 2, rtol=1e-5)


def test_slot_prices_leave_the_bidder_itself_out():
    yesterday = Yesterday(jnp.asarray([3.0, 2.0, 1.0, 5.0]), jnp.asarray([0, 0, 0, 6.0]), None)
    quality = jnp.asarray([0.2, 0.1, 0.1, 0.1])
    prices = slot_prices(quality, yesterday, jnp.asarray([0.0, 0.0, 1.5, 0.0]), 3)
    # Scores .6, .2, .1; the last bidder missed its reserve and sets no price.
    expected = [[1, 0.5, LEAST_BID], [6, 1, LEAST_BID], [6, 2, 1.5], [6, 2, 1]]
    np.testing.assert_allclose(prices, expected, rtol=1e-5)


def test_slot_prices_where_bids_below_their_reserves_keep_their_places():
    yesterday = Yesterday(jnp.asarray([3.0, 2.0, 1.0, 0.0]), jnp.asarray([0, 9.0, 0, 0]), None)
    quality, reserves = jnp.full(4, 0.1), jnp.zeros(4)
    eager = slot_prices(quality, yesterday, reserves, 2)
    lazy = slot_prices(quality, yesterday, reserves, 2, filtering="lazy")
    np.testing.assert_allclose(eager, [[1, LEAST_BID], [3, 1], [3, LEAST_BID], [3, 1]], rtol=1e-5)
    np.testing.assert_allclose(lazy, [[2, 1], [3, 1], [3, 2], [3, 2]], rtol=1e-5)


def test_a_free_slot_is_bid_for_and_got():
    """Where a slot is worth as much as the one above, whose price is beyond the value."""
    rates = jnp.ones(2)
    bidders = bidders_of([9.0, 1.0], same_quality(2), scatter=0.3)
    yesterday = Yesterday(jnp.asarray([5.0, 0.0]), jnp.zeros(2), jnp.zeros((2, 3)))
    answer = next_bids(
        bidders, yesterday.bids, yesterday, jax.random.key(0),
        reserves=jnp.zeros(2), click_rates=rates,
    )  # fmt: skip
    bids = scattered_bids(bidders, answer, jnp.asarray(auction_normals(32, 2)))
    kpis = day_outcome(bids, bidders.quality, rates, jnp.zeros(2)).kpis
    np.testing.assert_allclose(kpis[1], [1, 0.1, 0], atol=1e-6)


@pytest.mark.parametrize("filtering", ["eager", "lazy"])
@pytest.mark.parametrize("key", [None, jax.random.key(0)])
def test_who_bids_nothing_gets_nothing_and_sets_no_price_at_reserve_zero(filtering, key):
    bids, quality = jnp.asarray([[0.0, 1.0, 0.0]] * 8), jnp.asarray([0.5, 1.0, 0.2])
    outcome = day_outcome(bids, quality, CLICK_RATES, jnp.zeros(3), key=key, filtering=filtering)
    assert outcome.kpis[1].tolist() == [1, 1, 0] and outcome.revenue == 0
    np.testing.assert_array_equal(outcome.kpis[::2], 0)


def test_the_price_of_a_day_follows_filtering_and_squash():
    bids, quality = jnp.asarray([[3.0, 2.0, 1.0]]), jnp.asarray([0.16, 0.16, 0.64])
    day = partial(day_outcome, bids, quality, CLICK_RATES[:2], jnp.asarray([0, 2.5, 0]))
    # Scores .48, .32 (below its reserve) and .64; with squash 0 the bids alone rank.
    np.testing.assert_allclose(day().kpis[:, 0], [1, 0, 1])
    np.testing.assert_allclose(day().revenue, 0.64 * 0.48 / 0.64, rtol=1e-5)
    lazy = day(filtering="lazy")
    np.testing.assert_allclose(lazy.kpis[:, 0], [1, 0, 1])
    np.testing.assert_allclose(lazy.revenue, 0.48 + 0.7 * 0.32, rtol=1e-5)
    np.testing.assert_allclose(day(squash=0.0).revenue, 0.16 * 1, rtol=1e-5)


def test_balanced_bids_settle_at_the_lowest_envy_free_equilibrium():
    """The fixed point of balanced bidding (Cary et al. 2007) charges as Vickrey does."""
    values = [10.0, 8.0, 5.0, 2.0]
    bidders = bidders_of(values, np.ones(4), activity=0.5)
    rates = jnp.asarray([1.0, 0.6, 0.3])
    bids, reserves = jnp.asarray(values), jnp.zeros(4)
    day = jax.jit(lambda bids, key: next_bids(
        bidders, bids, Yesterday(bids, reserves, jnp.zeros((4, 3))), key,
        reserves=reserves, click_rates=rates,
    ))  # fmt: skip
    for index in range(150):
        bids = day(bids, jax.random.key(index))
    outcome = generalized_second_price(bids, jnp.ones(4), rates)
    np.testing.assert_allclose(outcome.payments, [5.3, 2.1, 0.6, 0], rtol=1e-3, atol=1e-6)


def test_quantal_responses_become_best_responses_as_precision_grows():
    values, bids = [4.0, 3.0, 2.0, 1.2], [3.0, 2.5, 1.0, 0.9]
    best = respond(bidders_of(values, same_quality()), bids, np.full(4, 0.3))
    keys = range(40)

    def agreement(precision):
        bidders = bidders_of(values, same_quality(), precision=precision)
        answers = [respond(bidders, bids, np.full(4, 0.3), key=key) for key in keys]
        return np.mean([np.isclose(answer, best) for answer in answers])

    assert agreement(1e6) == agreement(np.inf) == 1
    assert agreement(1e-3) < agreement(30.0) < 1


def test_quantal_choices_have_logit_frequencies():
    """A lone bidder at reserve r keeps ``alpha_k (1 - r / v)`` of its value in slot k."""
    count, precision, reserve = 20_000, 4.0, 1.0
    bidders = bidders_of([2.0, 1.0, 1.0], same_quality(3), precision=precision)
    yesterday = Yesterday(jnp.zeros(3), jnp.ones(3), jnp.zeros((3, 3)))
    bids = jax.vmap(
        lambda key: revise(bidders, jnp.ones(3), yesterday, jnp.full(3, reserve), key)[0]
    )(jax.random.split(jax.random.key(0), count))
    # Balanced bids for the slots are 1.5, 1.3 and 1.3, and 0 is to stay away.
    odds = np.exp(precision * np.array([1.0, 0.7, 0.49, 0]) / 2)
    shares = odds / odds.sum()
    shown = [np.mean(np.isclose(bids, bid, atol=1e-4)) for bid in (1.5, 1.3, 0)]
    np.testing.assert_allclose(shown, [shares[0], shares[1:3].sum(), shares[3]], atol=0.015)


def test_a_bidder_reconsiders_as_often_as_it_is_active():
    bidders = bidders_of([2.0, 2.0, 2.0], same_quality(3), activity=jnp.asarray([0.0, 0.3, 1.0]))
    keys = jax.random.split(jax.random.key(0), 3000)
    yesterday = Yesterday(jnp.ones(3), jnp.zeros(3), jnp.zeros((3, 3)))
    bids = jax.vmap(lambda key: revise(bidders, jnp.ones(3), yesterday, jnp.zeros(3), key))(keys)
    np.testing.assert_allclose((bids != 1).mean(axis=0), [0, 0.3, 1], atol=0.03)


def test_a_kpi_bidder_multiplies_its_bid_and_stops_at_its_value():
    for place in range(3):
        bidders = bidders_of(
            [2.0, 2.0], [0.1, 0.1], aims_at_kpi=True, kpi=place, target=0.5, adjustment_rate=0.4
        )
        kpis = jnp.full((2, 3), 9.0).at[:, place].set(jnp.asarray([0.25, 0.75]))
        answer = respond(bidders, [1.0, 1.0], [0.0, 0.0], kpis=kpis)
        np.testing.assert_allclose(answer, [np.exp(0.1), np.exp(-0.1)], rtol=1e-6)
    eager = replace(bidders, adjustment_rate=jnp.full(2, 100.0))
    answer = respond(eager, [1.0, 1.0], [0.0, 0.0], kpis=jnp.zeros((2, 3)))
    assert (answer == bidders.values).all()


def test_a_kpi_bidder_comes_to_its_target():
    """Expected clicks of a bidder between two inactive ones, from .15 to .075 over its bids."""
    points = jnp.asarray(auction_normals(64, 3))
    quality = jnp.full(3, 0.15)
    bidders = bidders_of(
        [4.0, 4.0, 4.0], quality, scatter=0.2, activity=jnp.asarray([0.0, 1.0, 0.0]),
        aims_at_kpi=jnp.asarray([False, True, False]), target=0.11, adjustment_rate=1.0,
    )  # fmt: skip

    def day(bids, key):
        outcome = day_outcome(
            scattered_bids(bidders, bids, points), quality, CLICK_RATES, jnp.zeros(3)
        )
        yesterday = Yesterday(bids, jnp.zeros(3), outcome.kpis)
        return revise(bidders, bids, yesterday, jnp.zeros(3), key), outcome.kpis[1, 1]

    start = jnp.asarray([2.0, 0.3, 1.0])
    bids, clicks = jax.lax.scan(day, start, jax.random.split(jax.random.key(0), 400))
    assert abs(clicks[0] - 0.11) > 0.02
    np.testing.assert_allclose(clicks[-50:].mean(), 0.11, atol=0.002)
    assert 1 <= bids[1] <= 2


def test_bidders_drop_out_only_where_the_reserve_exceeds_the_value():
    bidders = bidders_of([2.0, 2.0, 2.0], same_quality(3))
    bids, reserves = jnp.ones(3), jnp.asarray([1.5, 2.0, 2.001])
    assert placed_bids(bidders, bids, reserves).tolist() == [1, 1, 0]
    # Those that take part meet their reserve, even the one that gains nothing.
    answer = respond(bidders, bids, reserves)
    assert (placed_bids(bidders, answer, reserves)[:2] >= reserves[:2]).all()


def test_a_bidder_of_quality_zero_does_no_harm():
    for quality in ([0.0, 0.1, 0.1], [0.0, 0.0, 0.0]):
        answer = respond(bidders_of([2.0, 3.0, 1.0], quality), [1.0, 1.0, 1.0], np.full(3, 0.5))
        assert np.isfinite(answer).all() and (answer <= jnp.asarray([2.0, 3.0, 1.0])).all()


def test_a_bidder_of_value_zero_bids_nothing():
    answer = respond(bidders_of([0.0, 1.0], [0.1, 0.1]), [0.0, 0.5], [0.0, 0.0])
    assert answer[0] == 0 < answer[1] and np.isfinite(answer).all()


def test_the_scatter_is_log_normal_around_the_strategy_bid():
    bidders = bidders_of([2.0, 2.0], [0.1, 0.1], scatter=jnp.asarray([0.3, 0.0]))
    points = jnp.asarray(auction_normals(256, 2))
    logs = jnp.log(scattered_bids(bidders, jnp.asarray([1.0, 0.5]), points))
    np.testing.assert_allclose(logs.mean(axis=0), [0, np.log(0.5)], atol=1e-4)
    np.testing.assert_allclose(logs.std(axis=0), [0.3, 0], atol=3e-3)


@pytest.mark.parametrize("auctions", [1, 5, 32])
def test_auction_points_are_one_in_each_interval_and_uncorrelated(auctions):
    points = auction_points(auctions, 5)
    assert points.shape == (auctions, 5)
    middles = (np.arange(auctions) + 0.5) / auctions
    np.testing.assert_allclose(np.sort(points, axis=0), np.tile(middles[:, None], 5))
    if auctions == 32:
        off_diagonal = np.corrcoef(points.T) - np.eye(5)
        assert np.abs(off_diagonal).max() < 0.2
