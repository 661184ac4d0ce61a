"""Learned reserve policies, and the shares of bids that they post."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.environments import ReservePricing
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.experiments import (
    EXPERIMENTS,
    LearnedPolicies,
)
from jaxmech.experiments.reserve_pricing.keywords import Clock, Given, draw_keywords, play
from jaxmech.experiments.reserve_pricing.policies import learned_policies

NAME = "tang2017/reserve_pricing"

pytestmark = pytest.mark.usefixtures("compile_quickly")


def test_relative_reserves_are_shares_of_the_mean_bid():
    env = ReservePricing(2, 2, days=4, statistic="summary")
    params = env.default_params
    view = RelativeReserves(env)
    _, state = jax.jit(view.reset)(jax.random.key(0), params)
    share = jnp.array([0.5, 1.0])
    reserves = np.asarray(view.reserves(state, share, params))
    bids = np.asarray(state.strategy_bids)
    # Bids scatter by .15, and bins are a ratio of 1.11 wide.
    np.testing.assert_allclose(reserves / np.asarray(share), bids, rtol=0.08)
    step = jax.jit(env.step_env)
    _, after, revenue, *_ = jax.jit(view.step_env)(jax.random.key(1), state, share, params)
    _, expected, same, *_ = step(jax.random.key(1), state, jnp.asarray(reserves), params)
    assert float(revenue) == pytest.approx(float(same), rel=1e-6)
    np.testing.assert_allclose(after.reserves, expected.reserves, rtol=1e-6)
    # A bidder priced out keeps its reserve, in shares of which the next is.
    _, out, *_ = step(jax.random.key(1), state, params.reserve_high * jnp.ones(2), params)
    np.testing.assert_allclose(
        view.reserves(out, share, params), params.reserve_high * share, rtol=1e-6
    )


def test_learned_policies_earn_more_than_the_shares_they_begin_with():
    study = replace(
        EXPERIMENTS[NAME],
        policies=LearnedPolicies(updates=60, environments=16, rollout_days=8),
    )
    env = ReservePricing(2, 2, days=16, num_bins=16, history_days=2, statistic="summary")
    params = env.default_params
    policies = learned_policies(study, env, params, Clock())
    assert list(policies) == ["policy_gradient", "ppo"]
    keywords = jax.jit(partial(draw_keywords, env, count=64))(params, jax.random.key(7))

    def mean_revenue(choose):
        of_keyword = jnp.zeros(64)
        revenue, _ = jax.jit(partial(play, env, choose))(Given(params, {}), keywords, of_keyword)
        return float(revenue.mean())

    relative = RelativeReserves(env)

    def untrained(given, of_keyword, observation, state, key):
        return relative.reserves(state, jnp.full(2, 0.5), given.params)

    before = mean_revenue(untrained)
    for name, choose in policies.items():
        assert mean_revenue(choose) > 1.02 * before, name
    none = replace(study, policies=LearnedPolicies(updates=0))
    assert learned_policies(none, env, params, Clock()) == {}
