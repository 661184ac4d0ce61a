"""Sellers who leave and enter: at which rates, what is known of them, and what they get."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxmech
from jaxmech.agents import seller_observation

SELLERS = 50


def make(**options):
    return jaxmech.make("impression_allocation", **{"action_form": "shares", **options})


def test_sellers_leave_and_enter_at_their_rates():
    env, params = make(
        sellers=["resampling", "ucb1"] * 25,
        entry_rate=0.1,
        exit_rate=0.2,
        num_rounds=60,
        appeal_spread=0.5,
    )

    equal = jnp.full(SELLERS, 1 / SELLERS)

    @jax.jit
    def play(key):
        def one_round(current, key):
            observation, state = current
            shares = env.impressions(equal, state.present)
            observation, state, *_ = env.step_env(key, state, equal, params)
            return (observation, state), (observation, state, shares)

        return jax.lax.scan(
            one_round, env.reset(jax.random.key(0), params), jax.random.split(key, 60)
        )[1]

    observations, states, shares = play(jax.random.key(1))
    seen = seller_observation(observations)
    np.testing.assert_array_equal(seen.present, states.present)
    present = np.asarray(states.present)
    before = np.concatenate([np.ones((1, SELLERS), bool), present[:-1]])
    for was, now, rate in ((True, False, 0.2), (False, True, 0.1)):
        could = before == was
        share = (present == now)[could].mean()
        assert abs(share - rate) <= 3 * np.sqrt(rate * (1 - rate) / could.sum())
    shares = np.asarray(shares)
    assert (shares[~before] == 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    # Who is not there asks nothing, and who comes has no records and has learned nothing.
    assert (np.asarray(states.prices)[~present] == 0).all()
    entered = present & ~before
    assert entered.sum() > 20
    records = np.moveaxis(np.asarray(seen.records), -3, -1)
    assert (records[entered][:, 0] == 0).all() and (records[entered][:, 2] == 0).all()
    assert (np.asarray(states.learned.counts)[entered] == 0).all()
    # Resampling sellers at any price, the others on their grid of 11.
    first = np.asarray(states.prices)
    places = np.nonzero(entered)[1]
    assert len(np.unique(first[entered][places % 2 == 0])) > 0.9 * np.sum(places % 2 == 0)
    on_grid = first[entered][places % 2 == 1] * 10
    np.testing.assert_allclose(on_grid, np.round(on_grid), atol=1e-5)
    appeal = np.asarray(states.appeal_quantile)
    assert (appeal[1:][entered[1:]] != appeal[:-1][entered[1:]]).all()
    assert (appeal[1:][~entered[1:]] == appeal[:-1][~entered[1:]]).all()


def test_nothing_is_sold_where_nobody_is():
    env, params = make(num_sellers=3, entry_rate=0.0, exit_rate=1.0)
    _, state = env.reset(jax.random.key(0), params)
    for index in range(2):
        action = jnp.full(3, 1 / 3)
        _, state, reward, _, _ = env.step_env(jax.random.key(index), state, action, params)
    assert not state.present.any() and reward == 0
    assert np.isfinite(np.concatenate([np.ravel(x) for x in jax.tree.leaves(state)])).all()


def test_withheld_prices_are_not_observed_until_they_are_asked():
    env, params = make(num_sellers=4, prices_shown=False, entry_rate=0.5, exit_rate=0.5)
    observation, state = env.reset(jax.random.key(0), params)
    assert (state.prices > 0).all()
    assert (seller_observation(observation).prices == 0).all()
    # Nor in the records, which hold the first price for the sellers alone.
    assert (seller_observation(observation).records == 0).all()
    asked = [np.asarray(state.prices)]
    for index in range(6):
        _, state, *_ = stepped = env.step_env(
            jax.random.key(index), state, jnp.full(4, 1 / 4), params
        )
        seen = np.asarray(seller_observation(stepped[0]).records)[..., 1]
        age = np.asarray(state.age)
        for seller in range(4):
            past = [prices[seller] for prices in asked[len(asked) - age[seller] :]][-5:]
            np.testing.assert_array_equal(seen[5 - len(past) :, seller], past)
            assert (seen[: 5 - len(past), seller] == 0).all()
        asked.append(np.asarray(state.prices))


def test_what_is_given_to_absent_sellers_alone_goes_to_those_present():
    env, _ = make(num_sellers=3, exit_rate=0.1)
    present = jnp.array([True, False, True])
    shares = env.impressions(jnp.array([0.0, 1.0, 0.0]), present)
    np.testing.assert_allclose(shares, [0.5, 0, 0.5])
    np.testing.assert_allclose(
        env.impressions(jnp.array([0.3, 0.6, 0.1]), present), [0.75, 0, 0.25], rtol=1e-6
    )
