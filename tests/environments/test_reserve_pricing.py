"""The economics of reserves that change from day to day."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

import jaxmech
from jaxmech.agents import BidBins, LogNormal
from jaxmech.checks import InvalidValueError
from jaxmech.data import load_keywords
from jaxmech.environments import RelativeReserves
from jaxmech.environments.reserve_pricing.day import auction_normals, day_outcome
from jaxmech.mechanisms import generalized_second_price

DAYS = 4
KEYWORDS = 500
SHORT = {"days": DAYS, "num_bins": 8, "history_days": 2, "auctions_per_day": 16}
BINS = BidBins.log_spaced(0.5, 2.0, 8)
RATES = np.float32([1.0, 0.7])
STATIC = {"kinds": {"inactive": 1.0}, "inactive_activity": 0.0}


def play(env, key, params, reserves):
    """At reserves [days, bidders], of each day: state before and after it, reward, observation."""
    reset_key, key = jax.random.split(key)
    _, start = env.reset(reset_key, params)

    def day(state, inputs):
        key, action = inputs
        observation, after, reward, _, _ = env.step_env(key, state, action, params)
        return after, (state, after, reward, observation)

    keys = jax.random.split(key, reserves.shape[0])
    return jax.lax.scan(day, start, (keys, reserves))[1]


one = jax.jit(play, static_argnums=0)
many = jax.jit(jax.vmap(play, (None, 0, None, None)), static_argnums=0)


# One program for all tests with as many bidders: their kinds and their keywords are traced.
def episode(env, key, params, reserves, program=one):
    """What was played, as arrays of NumPy."""
    return jax.tree.map(np.asarray, program(env, key, params, np.float32(reserves)))


def episodes(env, keys, params, reserves):
    return episode(env, keys, params, reserves, many)


def make(**options):
    return jaxmech.make("reserve_pricing", **{**SHORT, **options})


def at(tree, *place):
    return jax.tree.map(lambda leaf: leaf[place], tree)


@pytest.mark.parametrize(
    "auctions",
    [{"filtering": "lazy", "squash": 0.5}, *slowly({})],
    ids=["lazy and squashed", "eager"],
)
def test_inactive_bidders_earn_the_static_revenue_every_day_and_nothing_moves(auctions):
    env, params = make(**STATIC, **auctions)
    reserves = np.float32([0.3, 0.9, 0.6])
    # Of this keyword each of the four kinds of auctions has a revenue of its own.
    _, after, revenue, _ = episode(env, jax.random.key(8), params, np.tile(reserves, (DAYS, 1)))
    assert (revenue == revenue[0]).all() and revenue[0] > 0
    assert (after.strategy_bids == after.strategy_bids[:1]).all()
    # The closed computation: the mean auction over the spread of the bids.
    bidders = at(after.bidders, 0)
    strategy = np.where(reserves > bidders.values, 0, after.strategy_bids[0])

    @jax.jit
    @jax.vmap
    def auction(bids):
        return generalized_second_price(
            bids, bidders.quality, params.click_rates, reserves, **auctions
        )

    bids = np.float32(strategy * np.exp(0.15 * auction_normals(16, 3)))
    paid = np.asarray(auction(bids).payments).sum(axis=1)
    np.testing.assert_allclose(revenue[0], np.mean(paid), rtol=1e-5)


def test_winners_pay_from_their_reserve_up_to_their_bid():
    env, params = make(scatter=0.3)
    keys = jax.random.split(jax.random.key(0), KEYWORDS)
    reserves = 3 * np.random.default_rng(1).random((DAYS, 3), np.float32)
    _, after, revenue, _ = episodes(env, keys, params, reserves)
    impressions, clicks, cost = np.moveaxis(after.history.kpis[:, :, -1], -1, 0)
    price = cost / np.where(clicks > 0, clicks, 1)
    highest = after.placed_bids * np.exp(0.3 * 1.9)
    assert (np.where(clicks > 0, price - reserves[None], 0) >= -1e-4).all()
    assert (price <= highest + 1e-4).all()
    assert (impressions.sum(axis=-1) <= 3 + 1e-5).all() and (impressions <= 1 + 1e-6).all()
    np.testing.assert_allclose(cost.sum(axis=-1), revenue, rtol=1e-5)
    dropped = reserves[None] > after.values
    assert dropped.any() and (clicks[dropped] == 0).all() and (impressions[dropped] == 0).all()
    assert (after.history.histograms[:, :, -1][dropped][:, 0] == 1).all()
    assert (after.strategy_bids <= after.values).all()


def test_raising_one_reserve_leaves_the_others_in_the_auction_where_bids_are_fixed():
    """With as many slots as bidders all that are eligible are shown."""
    env, params = make(**STATIC)
    reserves = np.array([0.8, 0.6, 0.7]) * (1 + 0.5 * np.eye(4, 3, -1))
    _, after, _, _ = episodes(env, jax.random.split(jax.random.key(4), KEYWORDS), params, reserves)
    impressions = after.history.kpis[:, :, -1, :, 0]
    for raised in range(3):
        change = impressions[:, 1 + raised] - impressions[:, 0]
        assert (np.delete(change, raised, axis=-1) == 0).all()
        assert (change[:, raised] <= 0).all() and change[:, raised].mean() < -0.1


def lone_bidder(kind, quality=0.2):
    """Of value 1, after days at a reserve of .1."""
    keyword = load_keywords([[[1.0, quality]]])
    return make(
        num_bidders=1, values_and_quality=keyword, kinds={kind: 1.0}, response_activity=1.0,
        precision=1e6, scatter=0.0, target_range=(0.9, 0.9), deployed_reserves=0.1, days=40,
        shading_range=(0.5, 0.5), reserve_high=2.0,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["best_response", "quantal_response", "kpi_target"])
def test_raising_the_reserve_of_a_lone_bidder_raises_its_bid_and_the_revenue(kind):
    """Responders bid half-way from reserve to value; who bids pays the reserve."""
    env, params = lone_bidder(kind)
    reserve = 0.8
    before, after, revenue, _ = episode(env, jax.random.key(0), params, np.full((40, 1), reserve))
    bids = after.strategy_bids[:, 0]
    np.testing.assert_allclose(revenue, np.where(bids >= reserve, 0.2 * reserve, 0), rtol=1e-5)
    if kind == "kpi_target":
        # It moves down by .02 a day with all clicks of the slot, and up by .18 without any.
        assert before.strategy_bids[0, 0] < reserve * np.exp(-0.02)
        assert reserve * np.exp(-0.02) < bids[10:].min() and bids.max() < reserve * np.exp(0.18)
        np.testing.assert_allclose(revenue[10:].mean(), 0.9 * 0.2 * reserve, rtol=0.05)
    else:
        np.testing.assert_allclose(before.strategy_bids[0, 0], (1 + 0.1) / 2, rtol=1e-5)
        np.testing.assert_allclose(bids, (1 + reserve) / 2, rtol=1e-5)


def test_a_best_responder_drops_out_above_its_value_and_comes_back_the_day_the_reserve_falls():
    env, params = lone_bidder("best_response")
    reserves = np.array([0.5, 1.0, 1.01, 1.01, 0.5] + 35 * [0.0])[:, None]
    _, after, revenue, _ = episode(env, jax.random.key(0), params, reserves)
    assert ((after.placed_bids[:, 0] > 0) == ~np.isin(np.arange(40), [2, 3])).all()
    expected = 0.2 * np.where(reserves <= 1, reserves, 0)[:, 0]
    np.testing.assert_allclose(revenue, expected, rtol=1e-5)


def two_bidders(second, **options):
    """Value and quality of the first are 1 and .2; the summary is observed."""
    keyword = load_keywords([[[1.0, 0.2], second]])
    return make(num_bidders=2, statistic="summary", values_and_quality=keyword, **options)


def test_who_values_a_click_at_nothing_gets_none_even_where_there_is_no_reserve():
    env, params = two_bidders([0.0, 0.9], kinds={"best_response": 1.0}, deployed_reserves=0.0)
    _, after, _, _ = episode(env, jax.random.key(0), params, np.zeros((DAYS, 2)))
    assert (after.history.kpis[:, :, 0, 0] == 1).all()
    np.testing.assert_array_equal(after.history.kpis[:, :, 1], 0)
    np.testing.assert_array_equal(after.history.histograms[:, :, 1, 0], 1)


def test_bins_of_logs_are_those_of_the_environment():
    env, params = jaxmech.make("reserve_pricing", history_days=2, days=1, bins=BINS)
    assert env.num_bins == 8
    np.testing.assert_array_equal(params.bins.edges, BINS.edges)
    # Reserves may be higher than the bins reach, and are observed all the same.
    assert params.reserve_high > 2
    env, params = jaxmech.make("reserve_pricing", **{**SHORT, "num_bins": None}, bins=BINS)
    high = np.full((DAYS, 3), params.reserve_high)
    assert episode(env, jax.random.key(0), params, high)[3].max() <= 1


def test_relative_reserves_are_a_view_of_the_environment_itself():
    with pytest.raises(InvalidValueError, match=r"env: got 'reserve_pricing'; needed .* make\("):
        RelativeReserves("reserve_pricing")
    assert RelativeReserves(make()[0]).name == "reserve_pricing"


def test_reserves_above_every_bid_earn_nothing_whatever_the_bidders():
    env, params = make()
    high = np.full((DAYS, 3), np.inf)
    before, after, revenue, _ = episode(env, jax.random.key(0), params, high)
    assert (after.reserves == params.reserve_high).all()
    assert (before.values < params.reserve_high).all()
    assert (revenue == 0).all()
    assert (after.history.kpis[:, -1] == 0).all()


def test_not_a_number_counts_as_the_highest_reserve_and_negative_as_none():
    env, params = make()
    reserves = np.tile([np.nan, -1.0, 0.5], (DAYS, 1))
    _, after, _, _ = episode(env, jax.random.key(0), params, reserves)
    assert (after.reserves == [params.reserve_high, 0, 0.5]).all()


@pytest.mark.parametrize("kind", ["best_response", "kpi_target"])
def test_zero_quality_earns_nothing_and_stays_finite(kind):
    env, params = lone_bidder(kind, quality=0.0)
    _, after, revenue, _ = episode(env, jax.random.key(0), params, np.full((40, 1), 0.3))
    assert (revenue == 0).all() and (after.history.kpis[..., 1:] == 0).all()
    assert all(np.isfinite(leaf).all() for leaf in (after.strategy_bids, after.history.kpis))


def test_evenly_spread_auctions_come_nearer_to_the_expected_revenue_than_drawn_ones():
    bids, quality, rates = np.float32([1.5, 1.2, 1.0]), np.float32([0.3, 0.4, 0.2]), RATES
    random = np.random.default_rng(0)
    reserves = 1.2 * random.random((40, 3), np.float32)

    @jax.jit
    @jax.vmap
    def revenues(normals):
        scattered = bids[None] * jnp.exp(0.2 * normals)
        return jax.vmap(lambda reserve: day_outcome(scattered, quality, rates, reserve).revenue)(
            reserves
        )

    # A hundred thousand auctions are so many days.
    normals = [auction_normals(32, 3)[None], random.normal(size=(8 + 3125, 32, 3))]
    of_days = np.asarray(revenues(np.float32(np.concatenate(normals))))
    exact = of_days[9:].mean(axis=0)
    spread, *drawn = np.sqrt(np.mean((of_days[:9] / exact - 1) ** 2, axis=1))
    assert spread < min(0.02, 0.4 * np.mean(drawn))


def test_drawn_clicks_and_costs_are_those_expected():
    quality, rates = np.float32([0.3, 0.4, 0.2]), RATES
    bids = np.tile(np.float32([1.5, 1.2, 1.0]), (50_000, 1))
    reserves = np.full(3, 0.9, np.float32)

    @jax.jit
    def both_ways(bids, key):
        day = partial(day_outcome, bids, quality, rates, reserves)
        return day(), day(key=key)

    expected, drawn = jax.tree.map(np.asarray, both_ways(bids, jax.random.key(1)))
    np.testing.assert_allclose(drawn.kpis, expected.kpis, rtol=0.02)
    np.testing.assert_allclose(drawn.revenue, expected.revenue, rtol=0.02)
    assert (drawn.kpis != expected.kpis)[:2, 1:].all()
    # Scores .45, .48, .2: each pays the next score over its quality, or its reserve.
    np.testing.assert_allclose(
        expected.kpis, [[1, 0.21, 0.21 * 0.9], [1, 0.4, 0.4 * 1.125], [0, 0, 0]], rtol=1e-4
    )


def test_sampled_days_differ_and_average_to_the_expected_one():
    keywords = load_keywords([[[2.0, 0.8], [1.5, 0.9], [1.0, 0.7]]])
    env, params = make(
        **STATIC, auctions_per_day=256, days=40, values_and_quality=keywords, revenue="sampled"
    )
    reserves = np.full(3, 0.5, np.float32)
    _, after, sampled, _ = episode(env, jax.random.key(0), params, np.tile(reserves, (40, 1)))
    strategy, quality = after.strategy_bids[0], at(after.quality, 0)
    bids = np.float32(strategy * np.exp(0.15 * auction_normals(4096, 3)))
    expected = jax.jit(day_outcome)(bids, quality, params.click_rates, reserves).revenue
    error = 3 * sampled.std(ddof=1) / 40**0.5
    assert len(np.unique(sampled)) > 30
    assert abs(sampled.mean() - expected) < error < 0.05 * expected


def test_same_key_same_episode_alone_and_in_a_batch():
    env, params = make()
    reserves = np.full((DAYS, 3), 0.7)
    keys = jax.random.split(jax.random.key(5), KEYWORDS)
    batch = episodes(env, keys, params, reserves)
    again = episodes(env, keys, params, reserves)
    jax.tree.map(np.testing.assert_array_equal, batch, again)
    for index in (1, KEYWORDS - 1):
        alone = episode(env, keys[index], params, reserves)
        jax.tree.map(
            partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), at(batch, index), alone
        )
    assert len(np.unique(batch[2][:, 0])) > 0.9 * KEYWORDS


def test_the_first_state_has_lived_at_the_deployed_reserves():
    env, params = make(deployed_reserves=[0.1, 0.2, 0.4])
    start = at(episode(env, jax.random.key(0), params, np.zeros((DAYS, 3)))[0], 0)
    np.testing.assert_allclose(start.history.reserves, np.tile([0.1, 0.2, 0.4], (2, 1)), rtol=1e-6)
    np.testing.assert_allclose(start.history.histograms.sum(axis=-1), 1, rtol=1e-6)
    assert start.day == 0
    assert (start.history.kpis[:, :, 2] >= start.history.kpis[:, :, 1] * 0.1 - 1e-6).all()
    assert start.history.kpis[:, :, 0].sum() > 0


def test_bins_hold_the_bids_of_keywords_whose_money_differs():
    bids = [[500.0, 400.0, 300.0], [0.5, 0.4, 0.3], [5.0, 4.0, 0.001]]
    params = make(values_and_quality=load_keywords(bids), num_bins=50)[1]
    assert params.bins.edges[1] < 0.4 / 2 < 500 < params.bins.edges[-1]
    shares = np.asarray(params.bins.histogram(jnp.asarray(bids[1])[:, None]))
    assert len(set(np.argmax(shares, axis=-1).tolist())) == 3  # all tell apart
    assert make(values_and_quality=load_keywords(bids), num_bins=8, bid_low=1.0)[1]
    with pytest.raises(InvalidValueError, match=r"num_bins: got 8, .*relative=True"):
        make(values_and_quality=load_keywords(bids), num_bins=8)
    relative = make(values_and_quality=load_keywords(bids, relative=True), num_bins=8)[1]
    np.testing.assert_allclose(relative.bins.edges[-1] / relative.bins.edges[1], 200, rtol=1e-5)


def test_history_moves_on_by_a_day_and_the_summary_is_of_the_last():
    env, params = two_bidders([0.8, 0.3])
    before, after, _, seen = episode(env, jax.random.key(0), params, np.full((DAYS, 2), 0.4))
    assert (after.history.histograms[:, :-1] == before.history.histograms[:, 1:]).all()
    assert (after.day == np.arange(DAYS) + 1).all()
    assert seen.shape == (DAYS, *env.observation_space(params).shape) == (DAYS, 17)
    shares = after.history.histograms[:, -1]
    bins = np.linspace(0, 1, 8)
    bidding = shares[..., 1:] / shares[..., 1:].sum(axis=-1, keepdims=True)
    mean = bidding @ bins[1:]
    spread = np.sqrt(np.sum(bidding * (bins[1:] - mean[..., None]) ** 2, axis=-1))
    summary = np.stack([shares[..., 0], mean, spread], axis=-1).reshape(DAYS, -1)
    np.testing.assert_allclose(seen[:, :6], summary, atol=1e-5)
    np.testing.assert_allclose(seen[:, 6:8], 0.4 / float(params.bins.edges[-1]), rtol=1e-5)
    np.testing.assert_allclose(seen[:, -1], (np.arange(DAYS) + 1) / DAYS, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_bidders": 0}, "num_bidders: got 0"),
        ({"num_bidders": 2, "num_slots": 3}, "num_slots: got 3; allowed are integers from 1 to 2"),
        ({"days": 0}, "days: got 0"),
        ({"num_bins": 1}, "num_bins: got 1"),
        ({"history_days": 0}, "history_days: got 0"),
        ({"auctions_per_day": 0.5}, "auctions_per_day: got 0.5"),
        ({"revenue": "exact"}, "revenue: got 'exact'; allowed are"),
        ({"statistic": "all"}, "statistic: got 'all'; allowed are"),
        ({"click_rates": [0.5, 0.7, 0.2]}, "click_rates: got .*never rise"),
        ({"click_rates": [0.5]}, r"click_rates: got shape \(1,\); .*slots.*\(3,\)"),
        ({"click_rates": [1.5, 0.7, 0.2]}, "click_rates: got .*from 0 to 1"),
        ({"deployed_reserves": -0.1}, "deployed_reserves: got -0.1"),
        ({"deployed_reserves": [0.1, 0.2]}, r"deployed_reserves: got shape \(2,\)"),
        ({"reserve_high": 0.0}, "reserve_high: got 0.0"),
        ({"bid_low": 5.0, "bid_high": 4.0}, "high: got 4.0"),
        ({"kind": {"inactive": 1.0}}, "got 'kind'; did you mean 'kinds'"),
        ({"kinds": {"lazy": 1.0}}, "kind of bidder: got 'lazy'"),
        ({"kinds": ["best_response"]}, r"kinds: got \['best_response'\]; allowed are weights by"),
        ({"values_and_quality": LogNormal(0.0, 1.0)}, r"quality: got LogNormal.*CopulaValueQ"),
        ({"values_and_quality": "bids.csv"}, r"quality: got 'bids.csv'; .*load_keywords\("),
        ({"values_and_quality": jnp.ones((4, 3))}, r"quality: got \[\[1.*load_keywords\("),
        ({"filtering": "late"}, "filtering: got 'late'; allowed are"),
        ({"squash": -1.0}, "squash: got -1.0; allowed are finite numbers from 0"),
        ({"bins": 50}, "bins: got 50; allowed are BidBins"),
        ({"bins": BINS, "num_bins": 6}, "num_bins: got 6 and bins"),
        ({"bins": BINS, "bid_high": 6.0}, "bid_high: got 6.0 and bins"),
    ],
)
def test_make_refuses(options, message):
    with pytest.raises(InvalidValueError, match=message):
        jaxmech.make("reserve_pricing", **options)
