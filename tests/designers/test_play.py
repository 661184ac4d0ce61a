"""Designers that do not learn, on the common runner."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from histories import BINS
from scipy.special import ndtri
from tiers import slowly

import jaxmech
from jaxmech.agents import LogNormal, keyword_distribution
from jaxmech.agents.keywords.bid_history import BidHistory
from jaxmech.designers import (
    FixedReserves,
    InitialReserves,
    LearnedSimulator,
    Play,
    RandomSerialDictatorship,
    greedy_planner,
    train,
)
from jaxmech.designers.planning.static_reserves import myerson_reserves
from jaxmech.environments.reserve_pricing.day import auction_points, day_outcome
from jaxmech.evaluation import play
from jaxmech.networks import bidder_model
from jaxmech.oracles import myerson_reserve

KEY = jax.random.key(8)
DAYS = 3

myerson_of_bids = jax.jit(lambda bins, history, bids: myerson_reserves(
    replace(history, histograms=bins.histogram(bids.T)[None]), bins
))  # fmt: skip


@jax.jit
def reserves_of(policy, state):
    return policy.reserves(state)


@jax.jit
def start(designer, key):
    return designer.init(key)


@jax.jit
def update(designer, state):
    return designer.update(state)


def at(tree, place):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[place], tree)


@pytest.fixture(scope="module")
def market():
    """An environment of few days, where all bidders keep their bids."""
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=3, days=DAYS, num_bins=12, history_days=2
    )
    still = keyword_distribution(kinds={"inactive": 1.0}, inactive_activity=0.0)
    return env, params.replace(distribution=still)


def played(env, params, policy, num_environments=6):
    return Play(env, params, policy, num_environments=num_environments)


def yesterdays_reserves(state):
    return np.asarray(state.running.state.history.reserves)[:, -1]


@pytest.mark.slow
def test_a_planner_runs_as_a_learner_does(market, tmp_path):
    env, params = market
    model = bidder_model("persistence", env.history_days)
    observation, state = jax.jit(env.reset)(KEY, params)
    parameters = model.init(KEY, state.history, state.reserves, state.quality, params.bins)
    simulator = LearnedSimulator(
        model, parameters, params.bins, params.click_rates, num_auctions=16
    )
    planner = greedy_planner(env, params, simulator)
    designer = played(env, params, planner, 2)
    folder = tmp_path / "run"
    before = jaxmech.runner.run(designer, directory=folder, seeds=[4], updates=1)
    resumed = jaxmech.runner.resume(designer, directory=folder, updates=2)
    first, second = (
        yesterdays_reserves(jax.tree.map(lambda of_seeds: of_seeds[0], result.states))
        for result in (before, resumed)
    )
    deployed = np.broadcast_to(params.deployed_reserves, first.shape)
    for yesterday, today in ((deployed, first), (first, second)):
        moved = np.asarray(today) / np.asarray(yesterday)
        assert (np.sum(np.abs(moved - 1) > 1e-4, axis=1) <= 1).all()
        assert np.abs(np.abs(moved[np.abs(moved - 1) > 1e-4] - 1) - 0.05).max(initial=0) < 1e-4
    assert np.any(np.asarray(second) != deployed)
    assert resumed.metrics["reward"][0] > 0
    action, _ = designer.policy(resumed.states).act(observation, None, KEY)
    np.testing.assert_array_equal(action, planner.act(observation, None, KEY)[0])


@pytest.mark.slow
def test_initial_reserves_earn_what_the_environment_pays_and_stay_until_the_next_keyword(market):
    """An update is a day stepped by hand, and an episode's return the sum of its days."""
    env, params = market
    policy = InitialReserves(env, params, "myerson")
    designer = played(env, params, policy)
    state = start(designer, KEY)

    def keywords(state):
        return [at(state.running.state, place) for place in range(6)]

    chosen = [reserves_of(policy, keyword) for keyword in keywords(state)]
    _, steps_key = jax.random.split(state.key)
    _, env_key = jax.random.split(jax.random.split(steps_key, 1)[0])
    keys = jax.random.split(jax.random.split(env_key)[0], 6)
    revenue = [
        float(env.step_env(key, keyword, reserves, params)[2])
        for key, keyword, reserves in zip(keys, keywords(state), chosen, strict=True)
    ]

    metrics = []
    for day in range(DAYS + 1):
        if day == DAYS:
            first, chosen = chosen, [reserves_of(policy, keyword) for keyword in keywords(state)]
            assert np.abs(np.subtract(chosen, first)).max() > 0.01
        state, of_day = update(designer, state)
        metrics.append(of_day)
        if day != DAYS - 1:  # the last day of an episode is followed by another keyword
            np.testing.assert_allclose(yesterdays_reserves(state), chosen, rtol=1e-5)
    rewards = [float(of_day["reward"]) for of_day in metrics]
    assert rewards[0] == pytest.approx(np.mean(revenue), rel=1e-5)
    assert rewards[0] > 0
    assert [int(of_day["episodes"]) for of_day in metrics] == [0, 0, 6, 0]
    assert float(metrics[2]["episode_return"]) == pytest.approx(sum(rewards[:3]), rel=1e-5)


def test_only_new_keywords_get_other_reserves(market):
    env, params = market
    policy = InitialReserves(env, params, "myerson")
    observation, state = env.reset(KEY, params)
    carries = np.stack([policy.initial_carry(), np.float32([1.0, 0.1, 0.2, 0.3])])
    act = jax.jit(jax.vmap(policy.act, (None, 0, None)))
    reserves, after = act(observation, carries, None)
    chosen = np.asarray(reserves_of(policy, state))
    np.testing.assert_allclose(reserves, [chosen, [0.1, 0.2, 0.3]], rtol=1e-5)
    np.testing.assert_allclose(after, [[1, *chosen], [1, 0.1, 0.2, 0.3]], rtol=1e-5)


def test_what_a_policy_carries_is_played_by_episode_too(market):
    """The policy of a designer that plays one is that one."""
    env, params = market
    designer = played(env, params, InitialReserves(env, params, "myerson"), 2)
    actions = jax.jit(lambda key: play(env, params, designer.policy(None), key).actions)(KEY)
    actions = np.asarray(actions)
    assert actions.shape == (DAYS, 3)
    np.testing.assert_array_equal(actions, actions[:1].repeat(DAYS, axis=0))
    assert (actions > 0).all()


@pytest.mark.parametrize("auctions", [*slowly({}), {"filtering": "lazy", "squash": 0.5}])
def test_the_best_for_the_first_bids_is_not_beaten_by_a_reserve_for_all(market, auctions):
    """In the auctions of the environment, whichever they are."""
    env, params = market
    _, state = env.reset(KEY, params)
    best = reserves_of(InitialReserves(replace(env, **auctions), params, num_levels=16), state)
    points = np.float32(auction_points(256, 3))

    @jax.jit
    def revenues(reserves):
        bids = params.bins.quantile(jnp.mean(state.history.histograms, axis=0), points)

        def revenue(reserves):
            outcome = day_outcome(bids, state.quality, params.click_rates, reserves, **auctions)
            return outcome.revenue

        return jax.vmap(revenue)(reserves)

    levels = np.append(0, np.geomspace(0.05, params.reserve_high, 24))
    tried = np.concatenate(
        [
            np.asarray(best)[None],
            np.tile(levels[:, None], (1, 3)),
            np.asarray(reserves_of(InitialReserves(env, params, "myerson"), state))[None],
            np.asarray(params.deployed_reserves)[None],
        ]
    )
    of_best, *of_others = np.asarray(revenues(np.float32(tried)))
    # Levels of its own, besides those of the grid it tried.
    assert of_best >= 0.999 * max(of_others) > 0
    assert (best <= params.reserve_high).all()


def test_reserves_stay_within_their_bound(market):
    env, params = market
    low = params.replace(reserve_high=np.float32(0.3))
    _, state = env.reset(KEY, low)
    lazy = replace(env, filtering="lazy", squash=0.5)
    for policy in (
        InitialReserves(lazy, low, num_levels=16),
        InitialReserves(env, low, "myerson"),
    ):
        reserves = np.asarray(reserves_of(policy, state))
        assert (reserves <= low.reserve_high).all() and (reserves > 0).any()


def test_a_mechanism_of_sequential_prices_is_played_too():
    env, params = jaxmech.make("sequential_price", setting="two_worlds")
    baseline = RandomSerialDictatorship(env, params)
    designer = Play(env, params, baseline, 64, length=4)
    _, metrics = jax.jit(lambda key: train(designer, key, updates=40))(KEY)
    metrics = jax.tree.map(np.asarray, metrics)
    shares = metrics["episodes"] / metrics["episodes"].sum()
    # Until an episode has ended its means are NaN.
    objective = np.sum(np.where(shares > 0, shares * metrics["objective"], 0))
    # The first agent takes the item; its value is .8 or .25 on average.
    assert float(objective) == pytest.approx(0.525, abs=0.02)


@pytest.mark.parametrize("deviation", [1e-3, 0.1, 0.71, 2.0, 6.0])
def test_myerson_reserve_is_that_of_the_oracle(deviation):
    """Bids at the quantiles of a log-normal, in bins: their mean and deviation are recovered."""
    normal = ndtri((np.arange(4000) + 0.5) / 4000)
    bids = np.float32(np.exp(0.1 + deviation * normal))[:, None]
    bins = BINS.log_spaced(float(bids.min()) * 0.9, float(bids.max()) * 1.1, 2000)
    nothing = BidHistory(None, np.zeros((1, 1), np.float32), np.zeros((1, 1, 3), np.float32))
    reserve = float(myerson_of_bids(bins, nothing, bids)[0])
    spread = float(np.std(deviation * normal))
    assert reserve == pytest.approx(myerson_reserve(LogNormal(0.1, spread)), rel=2e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_environments": 0}, "num_environments: got 0"),
        ({"length": 1.5}, "length: got 1.5"),
        ({"fixed_policy": jnp.zeros(3)}, "fixed_policy: got"),
        ({"rule": "worst"}, "rule: got 'worst'"),
        ({"num_levels": 1}, "num_levels: got 1"),
    ],
)
def test_what_cannot_be_played_is_refused(market, changes, message):
    env, params = market
    if changes.keys() & {"rule", "num_levels"}:
        with pytest.raises(ValueError, match=message):
            InitialReserves(env, params, **changes)
        return
    arguments = {"fixed_policy": FixedReserves(jnp.zeros(3)), "num_environments": 2, **changes}
    with pytest.raises(ValueError, match=message):
        Play(env, params, **arguments).init(KEY)
