"""Gradients from values of mechanisms played: no bias, noise, and where they may be played."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_game import linear_environment, slope_at_equilibrium

from jaxmech.agents.responses.game import equilibrium
from jaxmech.designers import OnePointGradient, TwoPointGradient, TwoTimescale

PLACES = np.array([0.2, -0.1])
"""Of a mechanism between bounds of 2 on either side: it is twice as much."""


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def estimates(estimator, env, params, places, num_keys, memory=None):
    """Of agents in equilibrium, float [keys, coefficients], and the places played."""
    problem, places = TwoTimescale(env, params).problem, jnp.asarray(places)
    memory = estimator.init(problem) if memory is None else memory

    def estimate(key):
        played = estimator.played(problem, places, key)
        policies = jax.vmap(lambda one: problem.equilibrium(one).point)(played)
        gradient, _ = estimator.estimate(problem, places, played, policies, memory, key)
        return gradient, played

    found = jax.jit(jax.vmap(estimate))(jax.random.split(jax.random.key(1), num_keys))
    return jax.tree.map(np.asarray, found)


def assert_unbiased(gradients, expected):
    """Within four standard errors."""
    error = np.std(gradients, axis=0) / np.sqrt(len(gradients))
    assert np.all(np.abs(gradients.mean(axis=0) - expected) < 4 * error)


def test_two_point_gradient_is_unbiased_for_a_quadratic_objective():
    env, params = linear_environment()
    gradients, played = estimates(TwoPointGradient(0.1), env, params, PLACES, 2000)
    assert_unbiased(gradients, 2 * slope_at_equilibrium(params, 2 * PLACES))
    np.testing.assert_allclose(np.linalg.norm(played - PLACES, axis=-1), 0.1)


def test_one_point_gradient_is_unbiased_and_a_baseline_takes_most_of_its_noise():
    env, params = linear_environment()
    here = equilibrium(env.game, jnp.asarray(2 * PLACES), params.game).point
    value, one = env.game.objective(here, 2 * PLACES, params.game), jnp.ones(())
    plain, _ = estimates(OnePointGradient(0.1, baseline_rate=0.0), env, params, PLACES, 4000)
    seen = (value, one)
    with_baseline, _ = estimates(OnePointGradient(0.1), env, params, PLACES, 4000, seen)
    for gradients in (plain, with_baseline):
        assert_unbiased(gradients, 2 * slope_at_equilibrium(params, 2 * PLACES))
    assert np.all(with_baseline.std(axis=0) < plain.std(axis=0) / 2)


def test_sampled_episodes_add_noise_and_no_bias():
    env, params = linear_environment(noise=0.1)
    for estimator in (TwoPointGradient(0.2, episodes=4), OnePointGradient(0.2, 0.0, episodes=4)):
        gradients, _ = estimates(estimator, env, params, PLACES, 4000)
        assert_unbiased(gradients, 2 * slope_at_equilibrium(params, 2 * PLACES))


@pytest.mark.parametrize("places", [[1.0, -1.0], [0.95, 0.2]])
@pytest.mark.parametrize("estimator", [TwoPointGradient(0.3), OnePointGradient(0.3, 0.0)])
def test_beside_a_bound_the_slope_is_that_of_the_nearest_mechanism_with_room(estimator, places):
    """Nothing that is played is moved to a bound, which would tilt the slope."""
    env, params = linear_environment()
    gradients, played = estimates(estimator, env, params, places, 4000)
    assert np.abs(played).max() <= 1
    room = np.clip(places, -0.7, 0.7)
    np.testing.assert_allclose(np.linalg.norm(played - room, axis=-1), 0.3)
    assert_unbiased(gradients, 2 * slope_at_equilibrium(params, 2 * room))
