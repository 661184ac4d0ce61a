"""Evaluation against expectations that are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech.agents import Samples, Setting, UnitDemand
from jaxmech.designers import RandomSerialDictatorship, StaticPrices
from jaxmech.evaluation import (
    Estimate,
    evaluate,
    evaluate_samples,
    function_policy,
    map_in_batches,
    play,
)

ENV, PARAMS = jaxmech.make("sequential_price", setting="two_worlds", num_agents=3)
KEY = jax.random.key(0)


@jax.jit
def played(policy, key):
    return play(ENV, PARAMS, policy, key)


def test_random_serial_dictatorship_gives_away_the_average_value():
    policy = RandomSerialDictatorship(ENV, PARAMS)
    estimate = evaluate(ENV, PARAMS, policy, KEY, 5000, deterministic=False)
    # The first agent takes the item; its value is .8 or .25 on average.
    assert estimate.mean == pytest.approx(0.525, abs=3 * estimate.half_width / 1.96)


def test_static_price_sells_to_the_first_who_values_it_more():
    policy = StaticPrices(ENV, PARAMS, jnp.array([0.5]))
    estimate = evaluate(ENV, PARAMS, policy, KEY, 5000)
    # In the world of .6 and 1 the first agent buys; in the other nobody does.
    assert estimate.mean == pytest.approx(0.4, abs=3 * estimate.half_width / 1.96)


def test_personalised_prices_reach_each_agent_in_index_order():
    prices = jnp.array([[0.9], [0.8], [0.0]])
    policy = StaticPrices(ENV, PARAMS, prices)
    trajectory = played(policy, jax.random.key(5))
    live = np.asarray(trajectory.live)
    faced = np.asarray(trajectory.state.prices_faced)
    visited = ~np.asarray(trajectory.state.agents_left)
    assert visited.sum() == live.sum()
    np.testing.assert_allclose(faced[visited], np.asarray(prices)[: live.sum()], rtol=1e-6)


def test_static_prices_follow_the_order_given():
    order = jnp.array([2, 0, 1])
    policy = StaticPrices(ENV, PARAMS, jnp.ones(1), order)
    trajectory = played(policy, KEY)
    # Nobody values the item above 1, so all three are visited.
    visited = np.argmax(np.asarray(trajectory.actions)[:, :3], axis=-1)
    np.testing.assert_array_equal(visited, order)


def test_estimate_has_the_textbook_interval():
    estimate = Estimate.of(np.array([1.0, 2.0, 3.0, 4.0]))
    assert estimate.mean == 2.5
    assert estimate.half_width == pytest.approx(1.959964 * np.std([1, 2, 3, 4], ddof=1) / 2)
    assert estimate.episodes == 4


def test_result_does_not_depend_on_the_batch_size():
    policy = RandomSerialDictatorship(ENV, PARAMS)
    first = evaluate(ENV, PARAMS, policy, KEY, 100, batch_size=100, deterministic=False)
    second = evaluate(ENV, PARAMS, policy, KEY, 100, batch_size=32, deterministic=False)
    assert first == second


class Squares:
    """Step ``t`` of three gives ``t`` squared, and nothing tells what the episode is worth."""

    def reset(self, key, params):
        return jnp.zeros(()), jnp.zeros(())

    def step_env(self, key, state, action, params):
        return state, state + 1, (state + 1) ** 2, state == 2, {}


def test_objective_falls_back_to_the_sum_of_rewards():
    policy = function_policy(lambda observation, key: observation)
    trajectory = play(Squares(), None, policy, KEY, steps=5)
    assert trajectory.rewards.tolist() == [1, 4, 9, 0, 0]
    assert trajectory.objective == 14


def test_every_sample_is_played_equally_often():
    values = jnp.array([[0.1, 0.9], [0.7, 0.3], [0.2, 0.4]])[:, :, None]
    setting = Setting(Samples(values, UnitDemand(1)), (1,))
    env, params = jaxmech.make("sequential_price", setting=setting)
    policy = StaticPrices(env, params, jnp.array([0.5]))
    worth = evaluate_samples(env, params, policy, KEY, batch_size=2)
    np.testing.assert_allclose(worth, [0.9, 0.7, 0.0], rtol=1e-6)
    random = RandomSerialDictatorship(env, params)
    worth = evaluate_samples(env, params, random, KEY, plays=4000, deterministic=False)
    # The standard error is at most .4 / sqrt(4000).
    np.testing.assert_allclose(worth, [0.5, 0.5, 0.3], atol=0.03)


def test_only_samples_can_be_played_one_by_one():
    policy = StaticPrices(ENV, PARAMS, jnp.array([0.0]))
    with pytest.raises(ValueError, match=r"got FiniteMixture; allowed is Samples"):
        evaluate_samples(ENV, PARAMS, policy, KEY)


@pytest.mark.parametrize("field", ["episodes", "batch_size"])
def test_bad_counts_are_named(field):
    policy = StaticPrices(ENV, PARAMS, jnp.array([0.0]))
    with pytest.raises(ValueError, match=field):
        evaluate(ENV, PARAMS, policy, KEY, **{"episodes": 1, field: 0})


def test_evaluation_can_be_swept():
    """The mean of the swept is that of each alone, and can be jitted."""

    def mean(price):
        estimate = evaluate(ENV, PARAMS, StaticPrices(ENV, PARAMS, price[None]), KEY, 64)
        return estimate.mean, estimate.half_width

    prices = jnp.array([0.05, 0.5, 0.9])
    means, half_widths = jax.jit(jax.vmap(mean))(prices)
    for place, price in enumerate(prices):
        alone = evaluate(ENV, PARAMS, StaticPrices(ENV, PARAMS, price[None]), KEY, 64)
        assert means[place] == pytest.approx(alone.mean, rel=1e-5)
        assert half_widths[place] == pytest.approx(alone.half_width, rel=1e-4)


def test_one_episode_gives_no_interval():
    assert evaluate(ENV, PARAMS, StaticPrices(ENV, PARAMS, jnp.ones(1)), KEY, 1).half_width is None


def test_functions_are_played_as_policies():
    policy = function_policy(lambda price, observation, key: jnp.array([0, 0, 0, price]), 0.5)
    estimate = evaluate(ENV, PARAMS, policy, KEY, 64)
    prices = evaluate(ENV, PARAMS, StaticPrices(ENV, PARAMS, jnp.array([0.5])), KEY, 64)
    assert estimate == prices
    with pytest.raises(ValueError, match="policy: got .*; needed is an object with act"):
        evaluate(ENV, PARAMS, lambda observation, key: None, KEY, 2)


def test_an_episode_goes_on_from_where_it_starts():
    policy = StaticPrices(ENV, PARAMS, jnp.ones(1))
    _, state = ENV.reset(KEY, PARAMS)
    step = ENV.step_env(KEY, state, jnp.array([0.0, 1, 0, 1]), PARAMS)
    go_on = jax.jit(lambda start, key: play(ENV, PARAMS, policy, key, start=start, record=False))
    rest = go_on(step[:2], KEY)
    assert rest.observations is None and rest.rewards is None
    # One agent was visited before; the others follow, at the price of 1.
    assert int(rest.state.time) == 3
    np.testing.assert_allclose(rest.state.prices_faced, 1)


def test_a_number_of_steps_is_needed():
    with pytest.raises(ValueError, match="steps: got None; needed"):
        evaluate(ENV, None, StaticPrices(ENV, PARAMS, jnp.ones(1)), KEY, 2)


@pytest.mark.parametrize("rows", [1, 4, 10])
def test_batches_give_each_row_what_it_gives_alone(rows):
    keys, values = jax.random.split(jax.random.key(0), rows), jnp.arange(rows, dtype=jnp.float32)

    def function(row):
        key, value = row
        return {"drawn": jax.random.normal(key, (3,)) + value, "value": value}

    both = (keys, values)
    mapped = jax.tree.map(np.asarray, jax.jit(lambda both: map_in_batches(function, both, 4))(both))
    assert mapped["drawn"].shape == (rows, 3)
    one = jax.jit(lambda both, row: function(jax.tree.map(lambda leaf: leaf[row], both)))
    for row in range(rows):
        alone = one(both, row)
        np.testing.assert_array_equal(mapped["drawn"][row], alone["drawn"])
        assert mapped["value"][row] == row
