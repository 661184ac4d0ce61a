"""Fixed reserves: Myerson's, the best for bids that stay, the best in hindsight."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from histories import BINS, history_of

import jaxmech
from jaxmech.agents.keywords.distribution import keyword_distribution
from jaxmech.data import load_keywords
from jaxmech.designers.planning.planners import FixedReserves, greedy_planner, tree_search_planner
from jaxmech.designers.planning.simulators import ExactSimulator
from jaxmech.designers.planning.static_reserves import (
    best_reserves,
    myerson_reserves,
    revenue_of_days,
    revenue_of_histograms,
)
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.experiments.reserve_pricing.schemes import Planned
from jaxmech.experiments.reserve_pricing.settings import SearchSettings

KEY = jax.random.key(6)
GRID = jnp.concatenate([jnp.zeros(1), jnp.geomspace(0.1, 6.0, 24)])


@jax.jit
def myerson_of_bids(bids):
    return myerson_reserves(history_of(bids), BINS)


def log_normal_bids(num_bidders):
    normal = np.random.default_rng(6).normal(size=(20_000, num_bidders))
    return np.float32(np.exp(0.35 + 0.71 * normal))


def test_myerson_reserve_of_log_normal_bids():
    np.testing.assert_allclose(myerson_of_bids(log_normal_bids(3)), 1.2834, rtol=0.02)


def test_myerson_reserve_is_zero_where_nobody_bids():
    nothing = np.zeros((20_000, 2), np.float32)
    np.testing.assert_array_equal(myerson_of_bids(nothing), 0)


def test_bidders_who_bid_nothing_do_not_count():
    bids = log_normal_bids(2)
    with_silent = np.concatenate([bids, np.zeros((20_000, 1), np.float32)], axis=1)
    reserves = np.asarray(myerson_of_bids(with_silent))
    np.testing.assert_allclose(reserves[:2], myerson_of_bids(bids), rtol=1e-6)


def test_best_reserves_of_one_bidder_who_does_not_react():
    """Uniform bids of one bidder: a price of 1/2 earns 1/4 of a click."""

    @jax.jit
    def best(bids, grid):
        revenue = revenue_of_histograms(
            history_of(bids), BINS, jnp.ones(1), jnp.ones(1), num_auctions=512
        )
        return best_reserves(revenue, grid, 1)

    bids = np.float32((np.arange(2000) + 0.5)[:, None] / 2000)
    reserves, earned = best(bids, np.linspace(0, 1, 41, dtype=np.float32))
    assert float(reserves[0]) == pytest.approx(0.5, abs=0.051)
    assert float(earned) == pytest.approx(0.25, abs=0.01)


def test_myerson_is_the_best_common_reserve_of_truthful_uniform_bids():
    """Second price, two bidders U[0, 1]: reserve 1/2 earns 5/12, none 1/3."""

    @jax.jit
    def revenues_and_best(bids, grid):
        revenue = revenue_of_histograms(
            history_of(bids), BINS, jnp.ones(2), jnp.ones(1), num_auctions=2048
        )
        common = jax.vmap(lambda reserve: revenue(jnp.full(2, reserve)))(grid)
        return common, best_reserves(revenue, grid, 2, sweeps=1)[0]

    bids = np.float32((np.arange(2000)[:, None] + 0.5) / 2000 * np.ones((1, 2)))
    grid = np.linspace(0, 1, 21, dtype=np.float32)
    common, reserves = revenues_and_best(bids, grid)
    assert float(common[0]) == pytest.approx(1 / 3, abs=0.01)
    assert float(common[10]) == pytest.approx(5 / 12, abs=0.01) and grid[10] == 0.5
    np.testing.assert_allclose(reserves, 0.5, atol=0.11)


def test_coordinate_search_climbs_from_the_best_start():
    def revenue(reserves):
        return -jnp.sum((reserves - jnp.array([1.0, 3.0])) ** 2)

    outside = np.float32([[1.1, 3.0]])

    @jax.jit
    def found(grid):
        return (
            best_reserves(revenue, grid, 2),
            best_reserves(revenue, grid, 2, sweeps=0)[0],
            best_reserves(revenue, grid + 0.5, 2, candidates=outside)[0],
        )

    (reserves, earned), none, from_outside = found(np.arange(5, dtype=np.float32))
    np.testing.assert_array_equal(reserves, [1, 3])
    assert earned == 0
    np.testing.assert_array_equal(none, [2, 2])
    np.testing.assert_allclose(from_outside, outside[0])


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: best_reserves(jnp.sum, jnp.zeros(0), 2), "grid"),
        (lambda: best_reserves(jnp.sum, jnp.zeros(3), 0), "num_bidders"),
        (lambda: best_reserves(jnp.sum, jnp.zeros(3), 2, sweeps=-1), "sweeps"),
        (lambda: revenue_of_days(None, None, KEY), "keys"),
        (lambda: revenue_of_days(None, None, jax.random.split(KEY, 0)), "keys"),
    ],
)
def test_what_is_out_of_range_is_refused(call, field):
    with pytest.raises(ValueError, match=f"^{field}.*: got "):
        call()


def episode_revenues(env, params, state, key, reserves_of):
    """Revenue of each day, float [days], from a state on."""

    def one_day(state, key):
        act_key, day_key = jax.random.split(key)
        _, state, revenue, _, _ = env.step_env(day_key, state, reserves_of(state, act_key), params)
        return state, revenue

    return jax.lax.scan(one_day, state, jax.random.split(key, env.days))[1]


@pytest.fixture(scope="module")
def still():
    """Keywords whose bidders never react."""
    env, params = jaxmech.make(
        "reserve_pricing",
        num_bidders=2,
        days=40,
        num_bins=30,
        history_days=2,
        auctions_per_day=16,
        kinds={"inactive": 1.0},
        inactive_activity=0.0,
    )
    return env, params


@pytest.mark.slow
def test_no_planning_beats_the_best_static_reserves_where_bidders_do_not_react(still):
    env, params = still
    states = jax.jit(jax.vmap(lambda key: env.reset(key, params)[1]))(jax.random.split(KEY, 8))
    simulator = ExactSimulator(env, params)
    planners = (
        greedy_planner(env, params, simulator),
        tree_search_planner(
            env, params, simulator, depth=3, search=TreeSearch(num_simulations=25, backup="max")
        ),
    )
    # Finer than the moves, which can lead to any reserve.
    grid = jnp.append(0.2 * 1.02 ** jnp.arange(-50, 150), 0.0)

    @jax.jit
    def of_keyword(state):
        revenue = revenue_of_days(simulator, state, jax.random.split(KEY, 4))
        static, _ = best_reserves(revenue, grid, env.num_bidders)
        fixed = FixedReserves(static)
        earned = [
            episode_revenues(env, params, state, KEY, lambda *_: fixed.act(None, None, None)[0])
        ]
        reserves = state.history.reserves.at[-1].set(static)
        at_best = replace(state, history=replace(state.history, reserves=reserves))
        for start in (state, at_best):
            for planner in planners:
                earned.append(episode_revenues(env, params, start, KEY, planner.reserves))
        return jnp.stack(earned)

    static, *dynamic = np.moveaxis(np.asarray(jax.vmap(of_keyword)(states)), 1, 0)
    assert (static.std(axis=-1) < 1e-5 * static.mean(axis=-1)).all()  # nobody reacts
    for from_deployed, from_best in zip(dynamic[:2], dynamic[2:], strict=True):
        # A little between the levels of the grid, and where one reserve at a time is no way up.
        assert (from_best[:, -1] <= static[:, -1] * 1.01).all()
        assert (from_best[:, -1] >= static[:, -1] * 0.99).all()
        # Planning is no waste of time either: it ends above where it began.
        assert from_deployed[:, -1].mean() > 1.1 * from_deployed[:, 0].mean()


@pytest.mark.slow
def test_larger_moves_leave_the_plateau_below_the_price_of_the_next_bidder():
    """Bids of 2 and 1 for one slot: reserves below 1 do not bind, and one up to 2 is paid."""
    env, params = jaxmech.make(
        "reserve_pricing",
        num_bidders=2,
        num_slots=1,
        days=8,
        num_bins=30,
        history_days=2,
        auctions_per_day=8,
        deployed_reserves=0.6,
        values_and_quality=load_keywords([[[2.0, 1.0], [1.0, 1.0]]]),
        kinds={"inactive": 1.0},
        inactive_activity=0.0,
        shading_range=(1.0, 1.0),
        scatter=0.0,
    )
    _, state = env.reset(KEY, params)
    small = SearchSettings(depth=3, simulations=60, held_days=1)

    @partial(jax.jit, static_argnames="settings")
    def last_revenue(settings):
        planner = Planned("tree_search", settings, "exact").build(env, params, None)
        return episode_revenues(env, params, state, KEY, planner.reserves)[-1]

    assert float(last_revenue(small)) == pytest.approx(1.0, rel=1e-5)
    assert float(last_revenue(small.with_larger_moves)) > 1.5


def test_revenue_of_days_is_that_of_the_environment_with_the_same_keys(still):
    env, params = still
    reserves = np.float32([0.3, 0.5])
    keys = jax.random.split(jax.random.key(11), env.days)
    moving = params.replace(
        distribution=keyword_distribution(
            kinds={"quantal_response": 1.0}, precision=3.0, response_activity=0.5
        )
    )

    @jax.jit
    def both_ways(moving, key, keys):
        _, state = env.reset(key, moving)

        def day(state, key):
            return env.step_env(key, state, reserves, moving)[1:3]

        mean = revenue_of_days(ExactSimulator(env, moving), state, keys)(reserves)
        return jax.lax.scan(day, state, keys)[1], mean

    days, mean = map(np.asarray, both_ways(moving, KEY, keys))
    assert np.std(days) > 1e-4  # bidders react, by the keys of their days
    np.testing.assert_allclose(mean, days.mean(), rtol=1e-5)


@pytest.mark.slow
def test_best_in_hindsight_is_above_every_other_static_on_the_same_days():
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=2, days=30, num_bins=30, history_days=2, auctions_per_day=16
    )
    states = jax.jit(jax.vmap(lambda key: env.reset(key, params)[1]))(jax.random.split(KEY, 6))
    simulator = ExactSimulator(env, params)
    myerson = jnp.stack(
        [
            myerson_reserves(jax.tree.map(lambda leaf, i=i: leaf[i], states.history), params.bins)
            for i in range(6)
        ]
    )

    @jax.jit
    def of_keyword(state, myerson):
        hindsight = revenue_of_days(simulator, state, jax.random.split(KEY, env.days))
        initial, expected = best_reserves(
            revenue_of_histograms(state.history, params.bins, state.quality, params.click_rates),
            GRID,
            env.num_bidders,
        )
        others = jnp.stack([myerson, params.deployed_reserves, initial])
        reserves, earned = best_reserves(hindsight, GRID, env.num_bidders, candidates=others)
        return earned, hindsight(reserves), jax.vmap(hindsight)(others), expected

    earned, again, others, expected = map(np.asarray, jax.vmap(of_keyword)(states, myerson))
    np.testing.assert_allclose(earned, again, rtol=1e-5)
    assert (earned[:, None] >= others - 1e-7).all()
    # What was expected of the initial bids is not what bidders who react leave.
    assert abs(expected.mean() / others[:, 2].mean() - 1) > 0.02
    assert math.isfinite(expected.sum())
