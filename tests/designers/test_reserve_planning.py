"""Moves, plans and the search of all plans."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plan_models import MOVES, Moody, moody_plan, moody_planning
from tiers import slowly

import jaxmech
from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.data import load_keywords
from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.planners import (
    FixedReserves,
    ReservePlanner,
    greedy_planner,
    local_moves,
    observed_keyword,
    tree_search_planner,
)
from jaxmech.designers.planning.plans import ExhaustiveSearch, Moves, Plan, Planning, best_move
from jaxmech.designers.planning.simulators import ExactSimulator, LearnedSimulator, spread_bids
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.environments.reserve_pricing.day import auction_points, day_outcome
from jaxmech.networks.bidder_models.models import bidder_model

KEY = jax.random.key(3)
exhaustive_values = jax.jit(ExhaustiveSearch().values)
first_of_best = jax.jit(best_move)
moved = jax.jit(jax.vmap(Moves.apply, (None, None, 0)))


@jax.jit
def act(planner, observation):
    return planner.act(observation, None, None)[0]


act_on_many = jax.jit(jax.vmap(act, (None, 0)))


def test_moves_keep_or_scale_one_reserve():
    moves = Moves(2)
    after = moved(moves, np.float32([1.0, 2.0]), np.arange(moves.num_moves))
    expected = [[1, 2], [0.95, 2], [1.05, 2], [1, 1.9], [1, 2.1]]
    np.testing.assert_allclose(after, expected, rtol=1e-6)


def test_a_moved_reserve_stays_within_bounds():
    moves = Moves(2, low=0.1, high=2.05)
    every = np.arange(moves.num_moves)
    after = moved(moves, np.float32([0.0, 2.0]), every)
    # Reserves that are not moved may lie anywhere; a reserve of 0 can rise, but not by less.
    np.testing.assert_allclose(after, [[0, 2], [0, 2], [0.1, 2], [0, 1.9], [0, 2.05]], rtol=1e-6)
    low = moved(moves, np.float32([0.05, 0.102]), every)
    expected = [[0.05, 0.102], [0.05, 0.102], [0.1, 0.102], [0.05, 0.1], [0.05, 0.1071]]
    np.testing.assert_allclose(low, expected, rtol=1e-6)


def test_a_reserve_above_the_bounds_is_not_lowered_by_raising_it():
    moves = Moves(2, low=0.1, high=1.0)
    after = moved(moves, np.float32([2.0, 0.99]), np.arange(5))
    expected = [[2, 0.99], [1, 0.99], [2, 0.99], [2, 0.9405], [2, 1]]
    np.testing.assert_allclose(after, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Moves(0), "num_bidders"),
        (lambda: Moves(2, factors=()), "factors"),
        (lambda: Moves(2, factors=(0.0,)), "factors"),
        (lambda: Moves(2, low=2.0, high=1.0), "low, high"),
        (lambda: moody_planning(0), "depth"),
        (lambda: moody_planning(1, "some"), "leaf_value"),
        (lambda: moody_planning(1, "held_forever", 1.0), "gamma"),
        (lambda: moody_planning(1, gamma=-0.1), "gamma"),
        (lambda: TreeSearch(num_simulations=0), "num_simulations"),
        (lambda: TreeSearch(backup="median"), "backup"),
        (lambda: TreeSearch(trace=1.5), "trace"),
        (lambda: TreeSearch(exploration=-1.0), "exploration"),
    ],
)
def test_what_is_out_of_range_is_refused(make, field):
    with pytest.raises(ValueError, match=f"{field}: got "):
        make()


def best_of_all(mood, reserve, depth, gamma, last_days):
    """Greatest discounted revenue after each first move, by enumeration in plain Python."""
    best = [-math.inf] * 3
    for moves in itertools.product(range(3), repeat=depth):
        state, now, total = mood, reserve, 0.0
        for day, move in enumerate(moves):
            now *= (1, 0.8, 1.25)[move]
            revenue = now * math.exp(-state * now)
            state = 0.6 * state + 0.5 * now**2 + 0.1 * math.sin(7 * now)
            total += gamma**day * revenue
        total += gamma**depth * last_days * revenue
        best[moves[0]] = max(best[moves[0]], total)
    return best


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("leaf_value", "last_days"), [("none", 0), ("held_forever", 10)])
def test_exhaustive_search_tries_all_plans(depth, leaf_value, last_days):
    planning = moody_planning(depth, leaf_value, 0.9)
    values = exhaustive_values(planning, moody_plan(), KEY)
    expected = best_of_all(0.5, 1.0, depth, 0.9, last_days)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert first_of_best(values) == np.argmax(expected)


def test_looking_further_ahead_changes_the_first_move():
    first = [
        int(first_of_best(exhaustive_values(moody_planning(depth), moody_plan(0.2), KEY)))
        for depth in (1, 4)
    ]
    assert first[0] == 2 and first[0] != first[1]


def test_held_revenue_counts_for_the_days_left():
    planning = moody_planning(3, "held", 0.9)
    plan = moody_plan()
    step = jax.jit(planning.step)
    for days_left in (2, 1, 0):
        plan, value = step(plan, jnp.array(0), KEY)
        expected = plan.revenue * sum(0.9**day for day in range(days_left))
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_plans_meet_the_same_noise_whatever_their_moves():
    planning = Planning(Moody(noise=0.3), MOVES, 2, "none", 0.9)
    plan, moves = moody_plan(), np.arange(MOVES.num_moves)
    quiet, noisy = (
        np.asarray(jax.jit(jax.vmap(simulated.step, (None, 0, None)))(plan, moves, KEY)[0].revenue)
        for simulated in (moody_planning(2), planning)
    )
    ratios = noisy / quiet
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-5)
    assert abs(ratios[0] - 1) > 1e-3


def test_of_equal_moves_the_first_is_chosen():
    for values, first in (
        ([1.0, 1.0 + 5e-7, 0.5], 0),
        ([1.0, 1.00001, 0.5], 1),
        ([-np.inf, -2.0, -3.0], 1),
        ([0.0, 0.0, 0.0], 0),
    ):
        assert first_of_best(np.float32(values)) == first


@pytest.fixture(scope="module")
def keyword():
    """An environment of few days, its first observation and state."""
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=3, days=4, num_bins=12, history_days=2
    )
    observation, state = env.reset(jax.random.key(5), params)
    return env, params, observation, state


@pytest.fixture(scope="module")
def observations(keyword):
    """Of six keywords."""
    env, params, _, _ = keyword
    return np.stack([env.reset(key, params)[0] for key in jax.random.split(KEY, 6)])


@pytest.fixture(scope="module")
def learned(keyword):
    env, params, _, state = keyword
    model = bidder_model("linear", env.history_days)
    parameters = jax.jit(model.init)(KEY, state.history, state.reserves, state.quality, params.bins)
    return LearnedSimulator(model, parameters, params.bins, params.click_rates, num_auctions=8)


@pytest.mark.parametrize("make_planner", [greedy_planner, tree_search_planner])
def test_planners_refuse_what_is_no_simulator_of_their_environment(keyword, learned, make_planner):
    env, params, _, _ = keyword
    with pytest.raises(ValueError, match=r"simulator: got dict; allowed are LearnedSimulator\("):
        make_planner(env, params, learned.parameters)
    edges = params.bins.edges
    told = r"needed are those of params, 12 bins from .*load_bid_logs\(..., bins=params.bins\)"
    for bins, got in ((BidBins(edges / 2), "12 bins"), (BidBins(edges[:-1]), "11 bins")):
        other = learned.replace(bins=bins)
        for simulator in (other, HeldDays(other)):
            with pytest.raises(ValueError, match=f"simulator.bins: got {got} from .*; {told}"):
                make_planner(env, params, simulator)
    with pytest.raises(ValueError, match=r"simulator.filtering: got 'lazy'; needed is 'eager'"):
        make_planner(env, params, HeldDays(learned.replace(filtering="lazy")))
    with pytest.raises(ValueError, match=r"simulator.squash: got 1.0; needed is 0.5"):
        make_planner(replace(env, squash=0.5), params, learned)
    make_planner(env, params, HeldDays(learned.replace(bins=BidBins(edges * (1 + 1e-6)))))
    # Within a program bins may be told apart by their number alone.
    with pytest.raises(ValueError, match=r"simulator.bins: got 11 bins; needed"):
        jax.jit(lambda bins: make_planner(env, params, learned.replace(bins=bins)))(
            BidBins(edges[:-1])
        )


def test_planners_say_what_they_plan_for(keyword, learned):
    env, params, _, state = keyword
    planner = greedy_planner(env, params, learned)
    with pytest.raises(ValueError, match=r"observation: got BidHistory; .*ObservedKeyword"):
        planner.act(state.history, None, None)
    several = jax.tree.map(lambda leaf: np.stack([leaf] * 2), state)
    with pytest.raises(ValueError, match=r"got reserves of shape \(2, 2, 3\); .*jax.vmap plans"):
        planner.reserves(several, None)


def test_a_plan_draws_with_a_key_that_no_day_has(keyword):
    """A caller may split its key, or fold small numbers into it, to play the day itself."""
    env, params, _, state = keyword
    seen = []

    class Watched:
        def values(self, planning, plan, key):
            seen.append(key)
            return jnp.zeros(planning.moves.num_moves)

    planner = greedy_planner(env, params, ExactSimulator(env, params)).replace(search=Watched())
    planner.reserves(state, KEY)
    taken = [KEY, *jax.random.split(KEY, 5), *(jax.random.fold_in(KEY, i) for i in range(5))]
    assert len(seen) == 1 and all((seen[0] != key) for key in taken)


def test_what_is_observed_is_the_state(keyword):
    env, params, observation, state = keyword
    seen = observed_keyword(env, params, np.asarray(observation))
    chosen = (seen.history, seen.quality)
    jax.tree.map(
        lambda seen, true: np.testing.assert_allclose(seen, true, rtol=1e-5, atol=1e-6),
        chosen,
        (state.history, state.quality),
    )


def test_costs_and_reserves_are_read_off_whole_where_bids_are_above_every_reserve():
    bids = load_keywords([[[8.0, 1.0], [7.0, 1.0], [6.0, 0.9]]])
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=3, num_bins=12, history_days=2, values_and_quality=bids,
        kinds={"inactive": 1.0}, reserve_high=0.5, deployed_reserves=0.5,
    )  # fmt: skip
    observation, state = jax.tree.map(np.asarray, env.reset(jax.random.key(5), params))
    assert state.history.kpis[..., 2].max() > 2
    assert observation.max() <= 1
    seen = observed_keyword(env, params, observation)
    np.testing.assert_allclose(seen.history.kpis, state.history.kpis, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(seen.history.reserves, 0.5, rtol=1e-6)
    # The bins reach to the bids, not only to the reserves.
    assert state.history.histograms[..., -1].max() < 0.5


def test_exact_simulator_asks_for_the_state(keyword):
    env, params, observation, state = keyword
    planner = greedy_planner(env, params, ExactSimulator(env, params))
    with pytest.raises(ValueError, match=r"got ObservedKeyword.*call .*reserves\(state, key\)"):
        planner.act(observation, None, None)
    assert jax.eval_shape(lambda state: planner.reserves(state, None), state).shape == (3,)


@pytest.mark.slow
def test_planning_exactly_a_lone_best_responder_pays_nearly_its_value():
    """It bids half-way from reserve to value, and pays the reserve on every click."""
    value, quality, rate = 1.0, 0.2, 0.6
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=1, num_slots=1, num_bins=8, history_days=2, days=60,
        auctions_per_day=2, click_rates=[rate], deployed_reserves=0.1, reserve_high=2.0,
        values_and_quality=load_keywords([[[value, quality]]]), scatter=0.0,
        kinds={"best_response": 1.0}, response_activity=1.0,
    )  # fmt: skip
    exact = ExactSimulator(env, params)
    search = TreeSearch(num_simulations=9)
    planners = (
        greedy_planner(env, params, exact),
        tree_search_planner(env, params, exact, depth=2, search=search),
    )
    _, start = jax.jit(env.reset)(KEY, params)
    for planner in planners:

        def day(state, key, planner=planner):
            reserves = planner.reserves(state, key)
            _, state, revenue, _, _ = env.step_env(key, state, reserves, params)
            return state, (reserves[0], revenue)

        keys = jax.random.split(KEY, env.days)
        _, (reserves, revenue) = jax.jit(lambda keys, day=day: jax.lax.scan(day, start, keys))(keys)
        # Steps of 5 % up, the last of them above no value: it takes them all, and no other.
        steps = np.floor(np.log(value / 0.1) / np.log(1.05))
        path = 0.1 * 1.05 ** np.minimum(np.arange(1, env.days + 1), steps)
        np.testing.assert_allclose(reserves, path, rtol=1e-4)
        np.testing.assert_allclose(revenue, path * rate * quality, rtol=1e-4)
        assert revenue[-1] > 0.95 * value * rate * quality


def test_plans_need_to_see_the_history():
    env, params = jaxmech.make("reserve_pricing", statistic="summary")
    with pytest.raises(ValueError, match="statistic: got 'summary'"):
        observed_keyword(env, params, jnp.zeros(1))


def test_exact_simulator_is_the_environment(keyword):
    env, params, _, state = keyword
    reserves = np.full(3, 0.4, np.float32)
    step = ExactSimulator(env, params).step
    after, revenue = step(state, reserves, KEY)
    _, expected, reward, _, _ = env.step_env(KEY, state, reserves, params)
    assert revenue == reward
    jax.tree.map(np.testing.assert_array_equal, after, expected)
    traced = jax.eval_shape(step, state, reserves, KEY)
    assert jax.tree.map(jnp.shape, traced) == jax.tree.map(jnp.shape, (after, revenue))


def test_learned_simulator_earns_what_its_prediction_earns(keyword, learned):
    _, params, _, state = keyword
    reserves = np.float32([0.2, 0.9, 0.0])

    @jax.jit
    def both_ways(learned, state):
        before = learned.start(state)
        distribution = learned.predict(before, reserves)
        places = jax.random.uniform(jax.random.key(1), (20_000, 3))
        bids = params.bins.quantile(distribution, places)
        drawn = day_outcome(bids, state.quality, params.click_rates, reserves)
        return *learned.step(before, reserves, KEY), distribution, drawn.revenue

    after, revenue, distribution, expected = both_ways(learned.replace(num_auctions=256), state)
    assert float(expected) > 0.01
    assert float(revenue) == pytest.approx(float(expected), rel=0.03)
    # The day it foresaw is the last that it remembers.
    np.testing.assert_allclose(after.kept.histograms[-1], distribution)
    np.testing.assert_allclose(after.kept.reserves[-1], reserves)


def test_spread_bids_are_the_quantiles_of_the_bins(keyword):
    _, params, _, _ = keyword
    bins = params.bins
    weights = np.random.default_rng(3).random((4, bins.num_bins), np.float32)
    # No weight on some bins; hardly any on the positive ones; all on the bin of no bid.
    weights[0, 3:6] = weights[1, 0] = weights[3, 1:] = 0
    weights[2, 1:] *= 1e-3
    points = np.float32(auction_points(16, 4))
    bids, expected = jax.jit(
        lambda bins, weights: (spread_bids(bins, weights, 16), bins.quantile(weights, points))
    )(bins, weights)
    np.testing.assert_allclose(bids, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(bids)[:, 3], 0)


def test_greedy_planner_makes_the_best_single_move(keyword, learned):
    env, params, observation, state = keyword
    planner = greedy_planner(env, params, learned)
    moves = local_moves(env, params)

    @jax.jit
    def reserves_and_revenue(move):
        reserves = moves.apply(state.reserves, move)
        return reserves, learned.step(learned.start(state), reserves, KEY)[1]

    tried = [reserves_and_revenue(move) for move in range(moves.num_moves)]
    best = int(np.argmax([float(revenue) for _, revenue in tried]))
    assert best != 0
    np.testing.assert_allclose(act(planner, observation), tried[best][0], rtol=1e-5)


@pytest.mark.parametrize("backup", ["max", *slowly("mean", "sarsa_lambda")])
def test_depth_one_tree_search_is_greedy_on_the_keyword(keyword, learned, backup, observations):
    env, params, _, _ = keyword
    expected = act_on_many(greedy_planner(env, params, learned), observations)
    search = TreeSearch(num_simulations=7, backup=backup)
    planner = tree_search_planner(env, params, learned, depth=1, leaf_value="none", search=search)
    np.testing.assert_array_equal(act_on_many(planner, observations), expected)


@pytest.mark.slow
def test_planner_on_the_environment_plays_a_whole_episode(keyword):
    """Over four days, on the simulator that is the truth, it earns more than reserves that stay,
    by moves of at most one reserve a day within the bounds."""
    env, params, _, _ = keyword
    planner = tree_search_planner(
        env,
        params,
        ExactSimulator(env, params),
        depth=2,
        search=TreeSearch(num_simulations=20, backup="max"),
    )

    def episode(choose, key):
        _, start = env.reset(key, params)

        def day(state, key):
            reserves = choose(state, key)
            _, after, revenue, _, _ = env.step_env(key, state, reserves, params)
            return after, (state.reserves, reserves, revenue)

        _, played = jax.lax.scan(day, start, jax.random.split(key, env.days))
        return played

    keys = jax.random.split(KEY, 8)
    before, reserves, planned = jax.jit(jax.vmap(lambda key: episode(planner.reserves, key)))(keys)
    held = jax.jit(jax.vmap(lambda key: episode(lambda state, _: state.reserves, key)[2]))(keys)
    changed = np.sum(np.asarray(reserves != before), axis=-1)
    assert changed.max() == 1 and changed.mean() > 0.5
    assert ((reserves >= 0) & (reserves <= params.reserve_high)).all()
    gains = np.asarray(planned.sum(axis=1) - held.sum(axis=1))
    assert gains.mean() > 0 and np.mean(gains > 0) >= 0.75


def test_fixed_reserves_ignore_what_they_see():
    np.testing.assert_array_equal(FixedReserves(jnp.arange(2.0)).act(None, None, None)[0], [0, 1])


def test_planners_are_trees_that_can_be_compiled_and_mapped(keyword, learned, observations):
    env, params, _, _ = keyword
    planner = greedy_planner(env, params, learned)
    assert isinstance(planner, ReservePlanner)
    together = act_on_many(planner, observations)
    alone = act(planner, observations[1])
    np.testing.assert_allclose(together[1], alone, rtol=1e-6)


def test_reserves_stay_when_no_bidder_bids(keyword, learned):
    """Nothing to earn: every move is worth 0, and the first keeps the reserves."""
    env, params, observation, _ = keyword
    quiet = np.array(observation)
    quiet[-4:-1] = 0
    seen = observed_keyword(env, params, quiet)
    np.testing.assert_array_equal(seen.quality, 0)
    planner = greedy_planner(env, params, learned)
    np.testing.assert_array_equal(act(planner, quiet), seen.history.reserves[-1])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["zero quality", "reserves above every bid", "one bidder"])
def test_planners_in_the_corners_move_one_reserve_within_bounds(case):
    """Defined results on the learned model and on the environment itself."""
    num_bidders = 1 if case == "one bidder" else 2
    env, params = jaxmech.make(
        "reserve_pricing", num_bidders=num_bidders, num_slots=1, num_bins=8, history_days=2
    )
    _, state = jax.jit(env.reset)(jax.random.key(5), params)
    if case == "zero quality":
        state = state.replace(bidders=state.bidders.replace(quality=jnp.zeros(num_bidders)))
    if case == "reserves above every bid":
        top = jnp.full((num_bidders,), params.reserve_high)
        step = jax.jit(env.step_env)
        for _ in range(2):
            _, state, revenue, _, _ = step(KEY, state, top, params)
        assert revenue == 0
        np.testing.assert_array_equal(state.history.kpis[-1], 0)
    model = bidder_model("linear", env.history_days)
    init = (KEY, state.history, state.reserves, state.quality, params.bins)
    parameters = jax.jit(model.init)(*init)
    learned = LearnedSimulator(model, parameters, params.bins, params.click_rates, num_auctions=4)
    search = TreeSearch(num_simulations=12)
    for simulator in (learned, ExactSimulator(env, params)):
        planner = tree_search_planner(env, params, simulator, depth=2, search=search)
        plan = Plan.start(simulator.start(state), state.reserves)
        values, reserves = jax.jit(
            lambda state, planner=planner, plan=plan: (
                search.values(planner.planning, plan, KEY),
                planner.reserves(state, KEY),
            )
        )(state)
        assert np.isfinite(values).all() and (values >= 0).all()
        assert ((reserves >= 0) & (reserves <= params.reserve_high)).all()
        assert np.sum(np.asarray(reserves) != state.reserves) <= 1
        if case == "zero quality":
            np.testing.assert_array_equal(values, 0)
            np.testing.assert_array_equal(reserves, state.reserves)
