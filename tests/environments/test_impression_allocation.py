"""Impression allocation: closed forms, simulated values, and what sellers and buyers are owed."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxmech
from jaxmech.agents import seller_observation


def make(**options):
    return jaxmech.make("impression_allocation", **{"action_form": "shares", **options})


def uniform(observation, state, params):
    del observation, params
    return jnp.full(state.prices.shape, 1 / state.prices.shape[0])


def by_last_revenue(observation, state, params):
    revenue = seller_observation(observation).records[-1, :, 3]
    total = revenue.sum()
    return jnp.where(
        total > 0, revenue / jnp.where(total > 0, total, 1), uniform(None, state, params)
    )


def best_with_known_demand(observation, state, params):
    del observation
    chance = params.buyers.purchase_probability(
        state.prices, state.records.sales, state.appeal_quantile
    )
    return jax.nn.one_hot(jnp.argmax(state.prices * chance), state.prices.shape[0])


@partial(jax.jit, static_argnames=("env", "policy", "rounds", "populations"))
def rewards_of(env, params, policy, rounds, populations, key):
    """Float [populations, rounds]."""

    def one_population(key):
        def one_round(current, key):
            observation, state = current
            action = policy(observation, state, params)
            observation, state, reward, _, info = env.step_env(key, state, action, params)
            return (observation, state), (reward, info["objective"])

        reset_key, key = jax.random.split(key)
        start = env.reset(reset_key, params)
        return jax.lax.scan(one_round, start, jax.random.split(key, rounds))[1]

    return jax.vmap(one_population)(jax.random.split(key, populations))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(uniform, 1 / 6), (best_with_known_demand, 1 / 4 - 1 / (2 * 51 * 52))],
)
def test_first_round_earns_the_closed_form(policy, expected):
    """Of prices U(0, 1) and demand 1 - p, all shown alike, or all to the best of 50."""
    env, params = make(reputation=0.0)
    rewards, _ = rewards_of(env, params, policy, 1, 4000, jax.random.key(0))
    error = np.std(rewards) / np.sqrt(4000)
    assert abs(np.mean(rewards) - expected) <= 3 * error


SIMULATED = {
    (uniform, 0.0): 0.218,
    (uniform, 0.081): 0.224,
    (by_last_revenue, 0.0): 0.240,
    (by_last_revenue, 0.081): 0.258,
    (best_with_known_demand, 0.0): 0.2499,
    (best_with_known_demand, 0.081): 0.2654,
}
"""Mean rewards of the last 200 of 400 rounds, simulated independently, with a standard error of
at most .004."""


@pytest.mark.parametrize("policy", [uniform, by_last_revenue, best_with_known_demand])
def test_rewards_are_those_simulated_elsewhere(policy):
    env, params = make(num_rounds=400)
    for reputation in (0.0, 0.081):
        swept = replace(
            params, buyers=replace(params.buyers, reputation=jnp.asarray(reputation, float))
        )
        rewards, objective = rewards_of(env, swept, policy, 400, 32, jax.random.key(1))
        late = np.mean(rewards[:, -200:], axis=1)
        error = np.hypot(0.004, np.std(late) / np.sqrt(32))
        assert abs(np.mean(late) - SIMULATED[policy, reputation]) <= 3 * error
        np.testing.assert_allclose(objective[:, -1], np.mean(rewards, axis=1), rtol=1e-4)
        if reputation == 0:
            # No price earns more than 1/4 of a buyer with demand 1 - p.
            assert rewards.max() <= 0.25 + 1e-6


def plain_round(state, shares, draws, *, reputation, half, exploration, noise, discount, cost):
    """The round and the next prices, seller by seller."""
    window = np.asarray(state.records.prices), np.asarray(state.records.transactions)
    prices = np.asarray(state.prices, np.float64)
    sold, asked = [], []
    for seller in range(len(prices)):
        sales = window[1][:, seller].sum()
        trusted = sales / (sales + half)
        chance = min(max(1 - prices[seller] / (1 + reputation * trusted), 0), 1)
        sold.append(shares[seller] * chance)
        own = [*window[0][1:, seller], prices[seller]]
        amounts = [*window[1][1:, seller], sold[-1]]
        draw = draws[seller]
        if draw < exploration:
            profits = [
                discount ** (len(own) - row) * (own[row] - cost[seller]) * amounts[row]
                for row in range(len(own))
            ]
            best = own[max(row for row in range(len(own)) if profits[row] == max(profits))]
            from scipy.stats import norm

            asked.append(np.clip(best + noise * norm.ppf(draw / exploration), 0, 1))
        else:
            asked.append(own[int((draw - exploration) / (1 - exploration) * len(own))])
    return np.array(sold), np.array(asked)


def test_rounds_are_those_of_a_plain_population():
    env, params = make(num_sellers=20, reputation=0.4, num_rounds=40)
    _, state = env.reset(jax.random.key(0), params)
    random = np.random.default_rng(0)
    for index in range(40):
        key = jax.random.key(index)
        shares = random.dirichlet(np.ones(20) * 0.3)
        draws = np.asarray(jax.random.uniform(key, (20,)), np.float64)
        after = replace(state, time=state.time + 1)
        sold, asked = plain_round(
            state,
            shares,
            draws,
            reputation=0.4,
            half=5 / 20,
            exploration=0.3,
            noise=0.05,
            discount=0.9,
            cost=np.asarray(after.cost(env.rounds_per_cost)),
        )
        earned = float(np.sum(np.asarray(state.prices) * sold))
        _, state, reward, _, _ = env.step_env(key, state, jnp.asarray(shares, float), params)
        np.testing.assert_allclose(reward, earned, rtol=1e-5)
        np.testing.assert_allclose(state.records.transactions[-1], sold, rtol=1e-4, atol=1e-8)
        np.testing.assert_allclose(state.prices, asked, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), form=st.sampled_from(["scores", "shares"]))
def test_what_is_shown_sold_and_earned_adds_up(seed, form):
    env, params = make(num_sellers=8, action_form=form, appeal_spread=0.4)
    observation, state = env.reset(jax.random.key(seed), params)
    for index in range(3):
        key = jax.random.fold_in(jax.random.key(seed), index)
        prices = state.prices
        action = env.action_space(params).sample(key)
        observation, state, reward, terminated, _ = env.step_env(key, state, action, params)
        seen = seller_observation(observation)
        impressions, price, transactions, revenue = np.moveaxis(seen.records[-1], -1, 0)
        np.testing.assert_allclose(impressions.sum(), 1, rtol=1e-5)
        np.testing.assert_array_equal(price, prices)
        assert (transactions >= 0).all() and (transactions <= impressions + 1e-7).all()
        np.testing.assert_allclose(revenue.sum(), reward, rtol=1e-5)
        np.testing.assert_array_equal(seen.prices, state.prices)
        assert not terminated


def test_permuted_sellers_earn_the_same():
    env, params = make(num_sellers=12, reputation=0.5, appeal_spread=0.3)
    _, state = env.reset(jax.random.key(0), params)
    order = jnp.asarray(np.random.default_rng(0).permutation(12))

    def permuted(tree):
        return jax.tree.map(
            lambda leaf: leaf[..., order] if leaf.shape[-1:] == (12,) else leaf, tree
        )

    state = replace(state, learned=env.default_params.population.init())
    action = env.action_space(params).sample(jax.random.key(1))
    _, after, reward, *_ = env.step_env(jax.random.key(2), state, action, params)
    _, other, same, *_ = env.step_env(jax.random.key(2), permuted(state), action[order], params)
    np.testing.assert_allclose(reward, same, rtol=1e-6)
    for one, two in zip(
        jax.tree.leaves(permuted(after.records)), jax.tree.leaves(other.records), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_costs_are_drawn_again_every_few_rounds():
    env, params = make(num_sellers=400, num_rounds=7, rounds_per_cost=3, cost_low=0.1)
    _, state = env.reset(jax.random.key(0), params)
    costs = np.array(
        [replace(state, time=jnp.asarray(time)).cost(env.rounds_per_cost) for time in range(7)]
    )
    changes = (costs[1:] != costs[:-1]).any(axis=1)
    np.testing.assert_array_equal(changes, [False, False, True, False, False, True])
    assert costs.min() >= 0.1 and costs.max() <= 0.5
    error = 0.4 / np.sqrt(12 * 400)
    assert np.abs(costs[[0, 3, 6]].mean(axis=1) - 0.3).max() <= 3 * error
    assert abs(np.corrcoef(costs[0], costs[3])[0, 1]) <= 3 / np.sqrt(400)


def test_sampled_sales_have_the_expected_ones_as_their_mean():
    options = {"num_sellers": 6, "reputation": 0.0}
    (expected_env, params), (env, _) = make(**options), make(**options, num_buyers=50)
    _, state = env.reset(jax.random.key(0), params)
    shares = jnp.asarray([0.3, 0.0, 0.2, 0.1, 0.15, 0.25])
    allocation = np.asarray(shares)
    step = jax.jit(lambda env, key: env.step_env(key, state, shares, params)[1], static_argnums=0)
    records = jax.vmap(lambda key: step(env, key).records)(
        jax.random.split(jax.random.key(1), 4000)
    )
    sales, shown = records.transactions[:, -1], records.impressions[:, -1]
    expected = np.asarray(step(expected_env, jax.random.key(0)).records.transactions[-1])
    # Each buyer buys from a seller with the probability of its expected sales.
    error = np.sqrt(expected * (1 - expected) / (50 * 4000))
    assert (np.abs(np.mean(sales, axis=0) - expected) <= 3 * error + 1e-7).all()
    np.testing.assert_allclose(np.asarray(sales) * 50, np.round(np.asarray(sales) * 50), atol=1e-4)
    spread = np.sqrt(expected * (1 - expected) / 50)
    np.testing.assert_allclose(np.std(sales, axis=0), spread, rtol=0.08, atol=1e-7)
    # Who buys was shown the seller before.
    assert (sales <= shown).all()
    np.testing.assert_allclose(shown.sum(axis=1), 1, rtol=1e-6)
    error = np.sqrt(allocation * (1 - allocation) / (50 * 4000))
    assert (np.abs(np.mean(shown, axis=0) - allocation) <= 3 * error + 1e-7).all()


def test_scores_are_a_softmax():
    env, _ = make(num_sellers=5, action_form="scores")
    scores = jnp.array([-3.0, 0.5, 2.0, 9.0, 40.0])
    expected = jax.nn.softmax(jnp.minimum(scores, 10))
    shares = env.impressions(scores, jnp.ones(5, bool))
    np.testing.assert_allclose(shares, expected, rtol=1e-5)


def test_reward_is_differentiable_in_the_scores():
    with jax.enable_x64(True):
        env, params = make(num_sellers=4, action_form="scores", reputation=0.3)
        _, state = env.reset(jax.random.key(0), params)

        @jax.jit
        def reward(scores):
            return env.step_env(jax.random.key(1), state, scores, params)[2]

        scores = jnp.array([0.3, -0.2, 0.1, 0.5])
        steps = 1e-5 * np.eye(4)
        slopes = [(reward(scores + step) - reward(scores - step)) / 2e-5 for step in steps]
        np.testing.assert_allclose(jax.jit(jax.grad(reward))(scores), slopes, atol=1e-8)
