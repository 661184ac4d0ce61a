"""Random economies: what any sequential price mechanism must satisfy, and a second opinion.

Shapes are fixed, so each demand compiles once. Half of the economies have values and prices
on a coarse grid, where ties and zero utilities are common and arithmetic is exact.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import plain_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents import AdditiveDemand, BundleDemand, Samples, UnitDemand, Valuations
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.mechanisms import OBJECTIVES

AGENTS, ITEMS, MAX_UNITS = 4, 3, 2
# Below most values, among them and above them all.
PRICE_HIGH = np.array([0.25, 1.5, 5.0])
DEMANDS = {
    "unit": UnitDemand(ITEMS),
    "additive": AdditiveDemand(ITEMS),
    "bundle": BundleDemand(ITEMS),
}

each_demand = pytest.mark.parametrize("kind", DEMANDS)
examples = partial(settings, deadline=None, derandomize=True)


@st.composite
def economies(draw, kind):
    """Values, units, actions and the purchase rule.

    Prices go beyond both bounds of their item, and any part of an action may be infinite or NaN.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    on_grid = draw(st.booleans())

    def numbers(low, high, shape):
        if on_grid:
            return random.integers(round(8 * low), round(8 * high) + 1, shape) / 8
        return random.uniform(low, high, shape).astype(np.float32).astype(float)

    values = numbers(0, 2, (AGENTS, *DEMANDS[kind].values_shape))
    if kind == "bundle":
        values[:, 0] = 0
    prices = [numbers(-0.25, high + 0.25, (AGENTS, 1)) for high in PRICE_HIGH]
    actions = np.hstack([numbers(-1, 1, (AGENTS, AGENTS)), *prices])
    extreme = random.choice([-np.inf, np.inf, np.nan], actions.shape)
    extremes = draw(st.sampled_from([0, 0.3, 1]))
    actions = np.where(random.random(actions.shape) < extremes, extreme, actions)
    units = [draw(st.integers(1, MAX_UNITS)) for _ in range(ITEMS)]
    return values, units, actions, draw(st.booleans())


def environment(kind, **options):
    return SequentialPrice(demand=DEMANDS[kind], num_agents=AGENTS, max_units=MAX_UNITS, **options)


def params_for(kind, values, units, buys_at_zero_utility):
    return SequentialPriceParams(
        distribution=Samples(jnp.asarray(values, float)[None], DEMANDS[kind]),
        units=jnp.asarray(units, jnp.int32),
        price_high=jnp.asarray(PRICE_HIGH, float),
        buys_at_zero_utility=jnp.asarray(buys_at_zero_utility),
    )


@partial(jax.jit, static_argnums=0)
def play(env, params, actions, key):
    """First state, then after each action: observation, state, reward, terminated, info."""
    _, start = env.reset(key, params)

    def step(state, action):
        observation, state, reward, terminated, info = env.step_env(key, state, action, params)
        return state, (observation, state, reward, terminated, info)

    return start, jax.lax.scan(step, start, actions)[1]


def play_economy(kind, economy, **options):
    values, units, actions, buys_at_zero_utility = economy
    params = params_for(kind, values, units, buys_at_zero_utility)
    played = play(environment(kind, **options), params, actions, jax.random.key(0))
    return jax.tree.map(np.asarray, played)


def live_steps(terminated):
    """How many steps the episode took."""
    return int(np.argmax(terminated)) + 1


@each_demand
@examples(max_examples=30)
@given(data=st.data())
def test_agrees_with_the_plain_implementation(kind, data):
    economy = data.draw(economies(kind))
    values, units, actions, buys = economy
    _, (observations, states, rewards, terminated, info) = play_economy(
        kind, economy, subtract_offline_optimum=True
    )
    expected = reference.play(kind, values, units, actions, PRICE_HIGH, buys)
    assert live_steps(terminated) == len(expected)
    for step, want in enumerate(expected):
        np.testing.assert_array_equal(states.allocation[step], want["allocation"])
        np.testing.assert_allclose(states.payments[step], want["payments"], atol=1e-6)
        np.testing.assert_allclose(observations[step], want["observation"], atol=1e-6)
        assert terminated[step] == want["terminated"]
        for name in ("welfare", "revenue"):
            np.testing.assert_allclose(info[name][step], want[name], atol=1e-6)
        valuations = Valuations(jnp.asarray(values, float), DEMANDS[kind])
        for name, objective in OBJECTIVES.items():
            got = objective(states.allocation[step], states.payments[step], valuations)
            np.testing.assert_allclose(got, want[name], atol=1e-6)
    optimum = reference.best_welfare(kind, values, units)
    np.testing.assert_allclose(states.offline_optimum[0], optimum, atol=1e-6)
    np.testing.assert_allclose(
        rewards[len(expected) - 1], expected[-1]["welfare"] - optimum, atol=1e-6
    )


@each_demand
@examples(max_examples=15)
@given(data=st.data())
def test_last_visit_shows_what_the_visited_agent_took_and_was_offered(kind, data):
    economy = data.draw(economies(kind))
    values, units, actions, buys = economy
    start, (observations, *_) = play_economy(kind, economy, statistic="last_visit")
    assert not start.last_bundle.any() and not start.last_prices.any()
    expected = reference.play(kind, values, units, actions, PRICE_HIGH, buys)
    for step, want in enumerate(expected):
        posted = np.clip(np.nan_to_num(actions[step, AGENTS:], nan=np.inf), 0, PRICE_HIGH)
        left = want["observation"][: AGENTS + ITEMS]
        shown = np.concatenate([left, want["bundle"], posted / PRICE_HIGH])
        np.testing.assert_allclose(observations[step], shown, atol=1e-6)


@each_demand
@examples(max_examples=30)
@given(data=st.data())
def test_outcomes_are_feasible_and_voluntary(kind, data):
    economy = data.draw(economies(kind))
    values, units, actions, _ = economy
    start, (_, states, _, terminated, _) = play_economy(kind, economy)
    left_before = np.vstack([start.agents_left[None], states.agents_left[:-1]])
    for step in range(live_steps(terminated)):
        visited = left_before[step] & ~states.agents_left[step]
        assert visited.sum() == 1, "one agent a step, and none twice"
        assert not (states.agents_left[step] & ~left_before[step]).any()
        # Only the agent visited gets or pays anything new.
        if step:
            np.testing.assert_array_equal(
                states.allocation[step][~visited], states.allocation[step - 1][~visited]
            )
        posted = np.clip(np.nan_to_num(actions[step, AGENTS:], nan=np.inf), 0, PRICE_HIGH)
        bundle = states.allocation[step][visited][0]
        np.testing.assert_allclose(states.payments[step][visited][0], posted @ bundle, atol=1e-6)
        np.testing.assert_allclose(states.prices_faced[step][visited][0], posted, atol=1e-6)
    final = states.allocation[-1]
    assert np.isin(final, [0, 1]).all()
    sold = states.allocation.sum(axis=1)
    assert (sold <= units).all(), "no unit is sold twice"
    np.testing.assert_array_equal(states.units_left + sold, np.broadcast_to(units, sold.shape))
    for agent in range(AGENTS):
        utility = (
            reference.bundle_value(kind, values[agent], final[agent]) - states.payments[-1][agent]
        )
        assert utility >= -1e-6, "no agent loses by taking part"


@each_demand
@pytest.mark.parametrize("subtract", [False, True])
@examples(max_examples=15)
@given(data=st.data())
def test_reward_comes_once_and_the_end_is_absorbing(kind, subtract, data):
    economy = data.draw(economies(kind))
    values, units, _, _ = economy
    _, (observations, states, rewards, terminated, info) = play_economy(
        kind, economy, subtract_offline_optimum=subtract
    )
    last = live_steps(terminated) - 1
    optimum = reference.best_welfare(kind, values, units) if subtract else 0
    np.testing.assert_allclose(rewards[last], info["objective"][last] - optimum, atol=1e-6)
    assert (np.delete(rewards, last) == 0).all()
    assert not terminated[:last].any() and terminated[last:].all()
    assert states.time[last] == last + 1
    for step in range(last, AGENTS):
        for whole in (states, observations, info):
            jax.tree.map(
                lambda leaf, step=step: np.testing.assert_array_equal(leaf[step], leaf[last]),
                whole,
            )


@partial(jax.jit, static_argnums=0)
def adaptive_episode(env, params, weights, key):
    """The last state under a mechanism that acts on all it has seen."""
    observation, state = env.reset(key, params)

    def step(carry, _):
        observation, state = carry
        observation, state, *_ = env.step_env(key, state, jnp.sin(observation @ weights), params)
        return (observation, state), None

    return jax.lax.scan(step, (observation, state), None, AGENTS)[0][1]


@each_demand
@examples(max_examples=25)
@given(data=st.data())
def test_no_misreport_beats_the_truth_even_against_an_adaptive_mechanism(kind, data):
    (values, units, _, buys) = data.draw(economies(kind))
    lie, *_ = data.draw(economies(kind))
    env = environment(kind)
    size = env.observation_space(None).shape[0]
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weights = random.normal(size=(size, AGENTS + ITEMS)).astype(np.float32)

    def utilities(reported):
        params = params_for(kind, reported, units, buys)
        state = adaptive_episode(env, params, weights, jax.random.key(0))
        taken = np.asarray(state.allocation)
        return [
            reference.bundle_value(kind, values[a], taken[a]) - state.payments[a]
            for a in range(AGENTS)
        ]

    truthful = utilities(values)
    for agent in range(AGENTS):
        reported = values.copy()
        reported[agent] = lie[agent]
        assert utilities(reported)[agent] <= truthful[agent] + 1e-6


@each_demand
@pytest.mark.parametrize("buys", [False, True])
def test_purchase_at_exactly_zero_utility(kind, buys):
    values = np.full((AGENTS, *DEMANDS[kind].values_shape), 0.25)
    if kind == "bundle":
        values[:] = 0.25 * DEMANDS[kind].bundles.sum(axis=1)
    actions = np.hstack([np.zeros((AGENTS, AGENTS)), np.full((AGENTS, ITEMS), 0.25)])
    _, (_, states, _, _, info) = play_economy(kind, (values, [2] * ITEMS, actions, buys))
    first_takes = [1, 1, 1] if kind == "additive" else [1, 0, 0]
    expected = np.array(first_takes) * buys
    np.testing.assert_array_equal(states.allocation[0][0], expected)
    assert info["welfare"][0] == info["revenue"][0] == 0.25 * expected.sum()


def test_the_episode_ends_when_units_run_out():
    """Two units gone after two buyers: the others are never visited."""
    env = SequentialPrice(demand=UnitDemand(1), num_agents=3, max_units=2)
    params = SequentialPriceParams(
        distribution=Samples(jnp.array([[[0.2], [0.9], [0.5]]]), UnitDemand(1)),
        units=jnp.array([2]),
        price_high=jnp.array(1.0),
        buys_at_zero_utility=jnp.array(False),
    )
    actions = jnp.array([[0.0, 1.0, 0.5, 0.3], [0.0, 1.0, 0.5, 0.4], [1.0, 0.0, 0.0, 0.1]])
    _, (_, states, rewards, terminated, _) = play(env, params, actions, jax.random.key(0))
    np.testing.assert_array_equal(states.allocation[-1][:, 0], [0, 1, 1])
    np.testing.assert_allclose(states.payments[-1], [0, 0.3, 0.4], atol=1e-6)
    np.testing.assert_allclose(rewards, [0, 1.4, 0], atol=1e-6)
    np.testing.assert_array_equal(terminated, [False, True, True])


@pytest.mark.parametrize("score", [-np.inf, np.inf, np.nan])
def test_no_score_brings_an_agent_back(score):
    actions = np.hstack([np.full((AGENTS, AGENTS), score), np.zeros((AGENTS, ITEMS))])
    values = np.ones((AGENTS, ITEMS))
    _, (_, states, _, _, _) = play_economy("unit", (values, [2] * ITEMS, actions, False))
    np.testing.assert_array_equal(states.agents_left, ~np.tri(AGENTS, dtype=bool))
    np.testing.assert_array_equal(states.allocation[-1].sum(axis=1), 1)


def test_a_price_that_is_not_a_number_is_the_highest():
    actions = np.hstack([np.zeros((AGENTS, AGENTS)), np.full((AGENTS, ITEMS), np.nan)])
    values = np.tile(PRICE_HIGH * [0.5, 2, 0], (AGENTS, 1))
    _, (_, states, _, _, _) = play_economy("additive", (values, [2] * ITEMS, actions, False))
    np.testing.assert_array_equal(states.allocation[0][0], [0, 1, 0])
    np.testing.assert_array_equal(states.prices_faced[0][0], PRICE_HIGH)


def test_the_users_own_objective_is_the_reward():
    def units_sold(allocation, payments, valuations):
        return jnp.sum(allocation).astype(payments.dtype)

    env = environment("additive", objective=units_sold)
    params = params_for("additive", np.ones((AGENTS, ITEMS)), [2, 1, 2], False)
    actions = np.hstack([np.zeros((AGENTS, AGENTS)), np.full((AGENTS, ITEMS), 0.5)])
    _, (_, _, rewards, _, _) = play(env, params, jnp.asarray(actions), jax.random.key(0))
    np.testing.assert_array_equal(rewards, [0, 5, 0, 0])


@each_demand
def test_revenue_moves_with_the_price_of_what_is_sold(kind):
    """d revenue / d price is 1 where a unit sells at it, by autodiff and finite differences."""
    random = np.random.default_rng(3)
    with jax.enable_x64(True):
        values = random.uniform(0.5, 2, (AGENTS, *DEMANDS[kind].values_shape))
        if kind == "bundle":
            values[:, 0] = 0
        scores = random.normal(size=(AGENTS, AGENTS))
        actions = jnp.asarray(np.hstack([scores, random.uniform(0.1, 1, (AGENTS, ITEMS))]))
        env, key = environment(kind), jax.random.key(0)
        # Some prices asked for are above the highest that can be posted.
        price_high = jnp.asarray([0.4, 0.8, 2.0])
        params = params_for(kind, values, [1, 2, 2], False)

        def final(actions, price_high):
            changed = params.replace(price_high=price_high)
            _, (_, states, _, _, info) = play(env, changed, actions, key)
            return info["revenue"][-1], states

        def revenue(actions, price_high):
            return final(actions, price_high)[0]

        by_actions, by_price_high = jax.grad(revenue, argnums=(0, 1))(actions, price_high)
        _, states = final(actions, price_high)
        sold = jnp.diff(states.allocation.sum(axis=1), axis=0, prepend=0)
        assert sold.sum() >= 2
        within = actions[:, AGENTS:] < price_high[None]
        np.testing.assert_allclose(by_actions[:, AGENTS:], sold * within, atol=1e-9)
        np.testing.assert_array_equal(by_actions[:, :AGENTS], 0)
        np.testing.assert_allclose(by_price_high, (sold * ~within).sum(axis=0), atol=1e-9)

        change = 1e-6
        for place in np.ndindex(AGENTS, ITEMS):
            place = (place[0], AGENTS + place[1])
            up, down = (revenue(actions.at[place].add(d), price_high) for d in (change, -change))
            np.testing.assert_allclose((up - down) / (2 * change), by_actions[place], atol=1e-6)
        for item in range(ITEMS):
            up, down = (revenue(actions, price_high.at[item].add(d)) for d in (change, -change))
            np.testing.assert_allclose((up - down) / (2 * change), by_price_high[item], atol=1e-6)


@each_demand
def test_welfare_moves_with_the_values_of_what_is_held(kind):
    env = environment(kind)
    random = np.random.default_rng(5)
    values = random.uniform(0.5, 2, (AGENTS, *DEMANDS[kind].values_shape))
    if kind == "bundle":
        values[:, 0] = 0
    params = params_for(kind, values, [2, 2, 2], False)
    actions = jnp.asarray(np.hstack([np.zeros((AGENTS, AGENTS)), np.full((AGENTS, ITEMS), 0.25)]))

    def welfare(values):
        distribution = params.distribution.replace(values=values)
        changed = params.replace(distribution=distribution)
        _, (_, _, _, _, info) = play(env, changed, actions, jax.random.key(0))
        return info["welfare"][-1]

    given_values = params.distribution.values
    gradient = jax.grad(welfare)(given_values)
    # Welfare is a sum of values, one for each bundle (or item of it) held.
    np.testing.assert_allclose(jnp.sum(gradient * given_values), welfare(given_values), rtol=1e-6)
    assert set(np.unique(gradient)) <= {0.0, 1.0}
