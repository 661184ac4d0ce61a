"""Generalised advantages against sums written out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.ppo.advantages import generalized_advantages


def by_definition(rewards, values, next_values, terminated, ended, gamma, gae_lambda):
    """The double sum of the definition, one start at a time."""
    steps = len(rewards)
    advantages = np.zeros(steps)
    for start in range(steps):
        weight = 1.0
        for t in range(start, steps):
            later = 0.0 if terminated[t] else next_values[t]
            advantages[start] += weight * (rewards[t] + gamma * later - values[t])
            if ended[t]:
                break
            weight *= gamma * gae_lambda
    return advantages


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 1.0), (0.9, 0.0), (0.97, 0.8)])
def test_equals_the_definition(gamma, gae_lambda):
    rng = np.random.default_rng(0)
    rewards, values, next_values = rng.normal(size=(3, 12))
    terminated = np.zeros(12, bool)
    terminated[[3, 9]] = True
    ended = terminated.copy()
    ended[6] = True
    got = generalized_advantages(
        rewards=jnp.asarray(rewards),
        values=jnp.asarray(values),
        next_values=jnp.asarray(next_values),
        terminated=jnp.asarray(terminated),
        ended=jnp.asarray(ended),
        gamma=gamma,
        gae_lambda=gae_lambda,
    )
    expected = by_definition(rewards, values, next_values, terminated, ended, gamma, gae_lambda)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_monte_carlo_limit_is_return_less_value():
    rewards = jnp.array([1.0, 2.0, 3.0])
    values = jnp.array([0.5, 0.25, 0.125])
    ended = jnp.array([False, False, True])
    got = generalized_advantages(
        rewards=rewards,
        values=values,
        next_values=jnp.array([0.25, 0.125, 100.0]),
        terminated=ended,
        ended=ended,
        gamma=1.0,
        gae_lambda=1.0,
    )
    np.testing.assert_allclose(got, jnp.array([6.0, 5.0, 3.0]) - values, rtol=1e-6)
