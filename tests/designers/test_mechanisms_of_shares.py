"""Two-timescale design of mechanisms that divide a whole: closed forms, noise, and their space."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_game import moves_of_shares, shares_environment

from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    TwoPointGradient,
    TwoTimescale,
    train,
)
from jaxmech.designers.two_timescale.mirror_descent import (
    scale_by_recent_size,
    shrinking_mirror_descent,
)

BEST = np.array([0.4, 0.3, 0.2, 0.1])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def slope(shares):
    """Of the objective in equilibrium, as far as it lies in the space."""
    moves = np.asarray(moves_of_shares(4, 0.5))
    gradient = -2 * moves.T @ moves @ (shares - BEST)
    return gradient - gradient.mean()


def estimates(estimator, shares, num_keys):
    """Of agents in equilibrium, float [keys, shares], and what was played."""
    problem, shares = TwoTimescale(*shares_environment(BEST)).problem, jnp.asarray(shares)
    memory = estimator.init(problem)

    def estimate(key):
        played = estimator.played(problem, shares, key)
        policies = jax.vmap(lambda one: problem.equilibrium(one).point)(played)
        gradient, _ = estimator.estimate(problem, shares, played, policies, memory, key)
        return problem.along(gradient), played

    found = jax.jit(jax.vmap(estimate))(jax.random.split(jax.random.key(0), num_keys))
    return jax.tree.map(np.asarray, found)


def test_gradients_lie_in_the_space():
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    gradients, _ = estimates(ImplicitGradient(1e-12), shares, 1)
    np.testing.assert_allclose(gradients[0], slope(shares), rtol=1e-9)


@pytest.mark.parametrize("estimator", [TwoPointGradient(0.2), OnePointGradient(0.2, 0.0)])
def test_random_gradients_are_unbiased(estimator):
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    gradients, played = estimates(estimator, shares, 4000)
    error = np.std(gradients, axis=0) / np.sqrt(4000)
    assert np.all(np.abs(gradients.mean(axis=0) - slope(shares)) < 4 * error)
    np.testing.assert_allclose(np.linalg.norm(played - shares, axis=-1), 0.2 / 4)


@pytest.mark.parametrize("estimator", [TwoPointGradient(0.9), OnePointGradient(0.5)])
def test_what_is_played_are_shares_also_at_the_edge(estimator):
    _, played = estimates(estimator, np.array([1.0, 0, 0, 0]), 1000)
    assert played.min() >= 0
    np.testing.assert_allclose(played.sum(axis=-1), 1)
    apart = played - played.mean(axis=(0, 1))
    assert np.linalg.matrix_rank(apart.reshape(-1, 4), tol=1e-6) == 3


@pytest.mark.parametrize(
    ("gradient", "responses", "updates", "margin"),
    [
        (ImplicitGradient(), 12, 400, 1e-3),
        (ImplicitGradient(), None, 400, 1e-3),
        (TwoPointGradient(0.1), 12, 1500, 5e-3),
        (OnePointGradient(0.1), 12, 3000, 1e-2),
    ],
    ids=["implicit", "in equilibrium", "two points", "one point"],
)
def test_every_gradient_leads_to_the_best_shares(gradient, responses, updates, margin):
    designer = TwoTimescale(
        *shares_environment(BEST),
        gradient=gradient,
        responses_per_update=responses,
        initial_spread=0.8,
    )
    states, _ = jax.jit(jax.vmap(lambda key: train(designer, key, updates=updates)))(
        jax.random.split(jax.random.key(0), 4)
    )
    np.testing.assert_allclose(states.places, jnp.broadcast_to(BEST, (4, 4)), atol=margin)
    mechanisms = jax.vmap(designer.mechanism)(states)
    np.testing.assert_array_equal(mechanisms, states.places)


def test_shares_that_are_worth_nothing_come_to_nothing():
    """What would be best gives the last agent half the whole less than nothing."""
    best = np.array([0.75, 0.5, 0.25, -0.5])
    designer = TwoTimescale(
        *shares_environment(best, coupling=0.0), optimizer=optax.sgd(1.0), mechanism_rate=0.2
    )
    state, _ = jax.jit(lambda key: train(designer, key, updates=200))(jax.random.key(0))
    # Without responses to each other it is the nearest point of the simplex.
    np.testing.assert_allclose(state.places, [7 / 12, 1 / 3, 1 / 12, 0], atol=1e-6)


def test_first_shares_are_drawn_around_the_middle():
    env, params = shares_environment(BEST)

    def first(spread):
        designer = TwoTimescale(env, params, initial_spread=spread)
        keys = jax.random.split(jax.random.key(0), 500)
        return np.asarray(jax.vmap(lambda key: designer.init(key).places)(keys))

    np.testing.assert_allclose(first(0.0), 0.25)
    half, whole = first(0.5), first(1.0)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    assert half.min() >= 0.125 > whole.min() >= 0
    np.testing.assert_allclose(half, 0.125 + whole / 2)


def test_a_transformation_of_shares_may_be_handed_in():
    """Its steps are made in full while those of the mechanism are 1."""
    env, params = shares_environment(BEST)
    transformation = shrinking_mirror_descent(100, step_sizes=(2.0, 1e-3), dealt_out=(0.1, 1e-9))
    designer = TwoTimescale(
        env,
        params,
        responses_per_update=None,
        optimizer=transformation,
        mechanism_rate=1.0,
        settling=1e9,
    )
    state, _ = jax.jit(lambda key: train(designer, key, updates=100))(jax.random.key(0))
    np.testing.assert_allclose(state.places, BEST, atol=1e-2)


def test_gradients_are_divided_by_the_size_of_recent_ones():
    scale = scale_by_recent_size(0.5)
    state = scale.init(jnp.zeros(2))
    first, state = scale.update(jnp.array([5.0, -1.0]), state)
    np.testing.assert_allclose(first, [1, -1])
    # Of largest entries 3 and 1, with weights 1/3 and 2/3.
    second, state = scale.update(jnp.array([1.0, -1.0]), state)
    np.testing.assert_allclose(second, np.array([1, -1]) / np.sqrt(11 / 3))
    nothing, _ = scale.update(jnp.ones(2), scale.init(jnp.zeros(2)))
    np.testing.assert_array_equal(nothing, 0)
    with pytest.raises(ValueError, match="decay: got 1"):
        scale_by_recent_size(1.0)
