"""Actions of deterministic policies: on their bounds, in the simplex, and as far off as said."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.networks import ActionValue, BoundedActions, DeterministicActor, SimplexActions
from jaxmech.networks.deterministic_actions import actions_for
from jaxmech.spaces import Box, Discrete, Simplex

INFINITE = float("inf")
MANY = 100_000
LOW = np.float32([-1.0, 0.0, -INFINITE, 2.0, -INFINITE])
HIGH = np.float32([3.0, 0.5, INFINITE, INFINITE, 1.0])
MIXED = BoundedActions(LOW, HIGH)
"""Of five numbers, the first two between bounds."""


def test_raw_outputs_span_the_bounds():
    raw = np.float32([[-50.0] * 5, [0.0] * 5, [50.0] * 5, [np.arctanh(0.5)] * 5])
    actions = MIXED.greedy(raw)
    np.testing.assert_allclose(
        actions[:, :2], [[-1, 0], [1, 0.25], [3, 0.5], [2, 0.375]], rtol=1e-6
    )
    # Where a bound is infinite they are the actions, up to the other bound.
    np.testing.assert_allclose(actions[:, 2], raw[:, 2])
    np.testing.assert_allclose(actions[:, 3], [2, 2, 50, 2])
    np.testing.assert_allclose(actions[:, 4], [-50, 0, 1, raw[3, 4]])


def test_gradients_are_finite_whatever_the_bounds():
    raw = np.float32([0.0, 1.0, 2.0, 3.0, -1.0])
    slopes = jax.grad(lambda raw: jnp.sum(MIXED.greedy(raw)))(raw)
    np.testing.assert_allclose(slopes, [2.0, 0.25 / np.cosh(1.0) ** 2, 1, 1, 1], rtol=1e-5)


def test_noise_is_a_share_of_half_the_range_and_stays_within_the_bounds():
    raw = np.tile(np.float32([0.0, 0.0, 5.0, 10.0, -10.0]), (MANY, 1))
    actions = np.asarray(MIXED.explore(jax.random.key(0), raw, 0.1))
    np.testing.assert_allclose(actions.mean(0), [1.0, 0.25, 5.0, 10.0, -10.0], atol=3e-3)
    np.testing.assert_allclose(actions.std(0), [0.2, 0.025, 0.1, 0.1, 0.1], rtol=0.02)
    wild = np.asarray(MIXED.explore(jax.random.key(1), raw, 10.0))
    assert (wild >= LOW).all() and (wild <= HIGH).all()
    # A normal is beyond a tenth of its deviation with probability .92: then at a bound.
    assert np.mean((wild[:, 0] == -1) | (wild[:, 0] == 3)) == pytest.approx(0.920, abs=0.005)


def test_random_actions_are_uniform_between_bounds():
    raw = np.tile(np.float32([9.0, 9.0, 0.0, 5.0, -9.0]), (MANY, 1))
    actions = np.asarray(MIXED.random(jax.random.key(0), raw))
    assert (actions >= LOW).all() and (actions <= HIGH).all()
    for place in (0, 1):
        shares = (actions[:, place] - LOW[place]) / (HIGH[place] - LOW[place])
        np.testing.assert_allclose(np.quantile(shares, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
    np.testing.assert_allclose(actions[:, 2].std(), 1, rtol=0.02)


@pytest.mark.parametrize("limit", [1e30, 3.4e38])
def test_huge_bounds_do_not_overflow(limit):
    actions = BoundedActions(-limit, limit)
    raw = np.float32([-0.5, 0.0, 0.5])
    for made in (
        actions.greedy(raw), actions.random(jax.random.key(0), raw),
        jax.grad(lambda raw: jnp.sum(actions.greedy(raw)) / limit)(raw),
    ):  # fmt: skip
        assert np.isfinite(made).all()


SCORES = st.one_of(st.floats(-20, 20, width=32), st.just(-INFINITE), st.just(-1e30))


@settings(max_examples=100, deadline=None)
@given(
    others=st.lists(SCORES, min_size=4, max_size=4),
    finite=st.floats(-20, 20, width=32),
    noise=st.floats(0, 10, width=32),
    seed=st.integers(0, 2**31 - 1),
)
def test_shares_are_of_the_simplex_and_of_what_is_not_left_out(others, finite, noise, seed):
    raw = np.float32([*others, finite])
    actions, key = SimplexActions(), jax.random.key(seed)
    made = [actions.greedy(raw), actions.explore(key, raw, noise), actions.random(key, raw)]
    for action in map(np.asarray, made):
        assert (action >= 0).all()
        assert action.sum() == pytest.approx(1, abs=1e-5)
        assert (action[raw < -1e29] == 0).all()
    assert (np.asarray(made[0])[raw > -1e29] > 0).all()
    assert (np.asarray(made[2])[raw > -1e29] > 0).all()
    np.testing.assert_array_equal(actions.explore(key, raw, 0.0), made[0])


def test_noise_is_that_of_the_scores():
    raw = np.tile(np.float32([1.0, 0.0, -INFINITE]), (MANY, 1))
    action = np.asarray(SimplexActions().explore(jax.random.key(0), raw, 0.3))
    # Of two scores the difference is the log odds of their shares.
    odds = np.log(action[:, 0] / action[:, 1])
    assert odds.mean() == pytest.approx(1.0, abs=0.01)
    assert odds.std() == pytest.approx(0.3 * np.sqrt(2), rel=0.02)


def test_random_shares_are_uniform_over_the_simplex():
    # Dirichlet of ones: mean 1/n, variance (n - 1) / (n^2 (n + 1)), covariance -1 / (n^2 (n + 1)).
    raw = np.tile(np.float32([3.0, -INFINITE, -5.0, 0.0]), (MANY, 1))
    action = np.asarray(SimplexActions().random(jax.random.key(0), raw))[:, [0, 2, 3]]
    np.testing.assert_allclose(action.mean(0), 1 / 3, atol=5e-3)
    covariance = (np.eye(3) * 3 - 1) / 36
    np.testing.assert_allclose(np.cov(action.T), covariance, atol=2e-3)
    one = SimplexActions().random(jax.random.key(0), np.zeros((MANY, 1), np.float32))
    np.testing.assert_array_equal(one, 1)


def test_gradients_of_shares_are_finite_where_scores_are_left_out():
    raw = np.float32([0.0, -INFINITE, 1.0, -1e30])
    slopes = jax.grad(lambda raw: SimplexActions().greedy(raw)[0])(raw)
    share = 1 / (1 + np.e)
    np.testing.assert_allclose(slopes, [share * (1 - share), 0, -share * (1 - share), 0], rtol=1e-5)


def test_a_space_has_the_actions_that_suit_it():
    assert actions_for(Box(-1.0, 3.0, (2,))) == BoundedActions(-1.0, 3.0)
    assert actions_for(Simplex(2)) == SimplexActions()
    with pytest.raises(ValueError, match=r"action_space: got Discrete\(n=2\); allowed are a box"):
        actions_for(Discrete(2))


@pytest.mark.parametrize(("seen", "done"), [((3,), (2,)), ((), ()), ((2, 3), (2, 2))])
def test_plain_networks_take_any_shape_and_start_in_the_middle(seen, done):
    actor, critic = DeterministicActor((8, 8), seen, done), ActionValue((8, 8), seen, done)
    observation, action = jnp.ones((5, 4, *seen)), jnp.ones((5, 4, *done))
    raw, parameters = actor.init_with_output(jax.random.key(0), observation)
    assert raw.shape == action.shape
    assert 0 < np.abs(raw).max() < 0.1
    value, values = critic.init_with_output(jax.random.key(1), observation, action)
    assert value.shape == (5, 4)
    assert 0 < np.abs(value).max() < 0.1
    alone = actor.apply(parameters, observation[0, 0])
    np.testing.assert_allclose(alone, raw[0, 0], rtol=1e-5)
    # Every number of the action counts.
    slopes = jax.grad(lambda action: critic.apply(values, observation, action).sum())(action)
    assert (np.abs(slopes) > 0).all()
