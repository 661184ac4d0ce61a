"""Learned reserve policies, and the shares of bids that they post."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers import train
from jaxmech.environments import ReservePricing
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.experiments.reserve_pricing.keywords import draw_keywords
from jaxmech.experiments.reserve_pricing.playing import play_learned
from jaxmech.experiments.reserve_pricing.schemes import PolicyName, learner_of
from jaxmech.experiments.reserve_pricing.settings import LearnedPolicies
from jaxmech.experiments.reserve_pricing.study import learned_policies
from jaxmech.intervals import paired_comparison


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


@pytest.mark.slow
def test_learned_policies_earn_more_than_the_shares_they_begin_with(tmp_path):
    """What untrained policies earn is known to a few thousandths: the same keywords and chance."""
    settings = LearnedPolicies(updates=60, environments=16, rollout_days=8)
    env = ReservePricing(2, 2, days=16, num_bins=16, history_days=2, statistic="summary")
    params = env.default_params
    keywords = jax.jit(draw_keywords, static_argnums=(0, 3))(env, params, jax.random.key(7), 64)
    relative = RelativeReserves(env)
    share = jnp.full(2, 0.5)

    def day(states, keys):
        _, states, revenue, *_ = jax.vmap(relative.step_env, in_axes=(0, 0, None, None))(
            keys, states, share, params
        )
        return states, revenue

    keys = keywords.day_keys.T
    before = np.asarray(jax.jit(partial(jax.lax.scan, day))(keywords.states, keys)[1]).mean(axis=0)
    for name in get_args(PolicyName):
        learner = learner_of(name, settings, env, params)
        learnt, _ = jax.jit(partial(train, learner, updates=settings.updates))(jax.random.key(3))
        play = jax.jit(play_learned, static_argnums=(0, 2, 3))
        revenue = play(env, params, name, settings, params, learnt, keywords, jnp.zeros((64, 2)))
        gains = paired_comparison(np.asarray(revenue, np.float64).mean(axis=1), before)
        assert gains.verdict == "more", name
        assert revenue.shape == (64, 16)


class Asked:
    """In place of a workspace: notes what is to be trained."""

    def __init__(self):
        self.names = []

    def train(self, name, designer, *, updates, seeds, keys):
        self.names.append((name, designer.num_epochs, updates, seeds))
        return SimpleNamespace(states={"parameters": jnp.zeros((1, 3))})


def test_policies_are_trained_by_the_workspace_and_not_where_no_updates_are_asked_for():
    env = ReservePricing(2, 2, days=16, num_bins=16, history_days=2, statistic="summary")
    asked = Asked()
    settings = LearnedPolicies(updates=5, environments=16)
    found = learned_policies(asked, settings, env, env.default_params, jax.random.key(3))
    assert asked.names == [("policy_gradient", 1, 5, 1), ("ppo", 4, 5, 1)]
    assert found["ppo"]["parameters"].shape == (3,)
    none = replace(settings, updates=0)
    assert learned_policies(asked, none, env, env.default_params, jax.random.key(3)) == {}
