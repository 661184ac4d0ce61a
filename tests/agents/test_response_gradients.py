"""Derivatives of smoothed responses compose: compiled or not, in batches, of themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

from jaxmech.agents.responses.anchoring import anchored_response
from jaxmech.agents.responses.decision_processes import DecisionProcess, optimal_values
from jaxmech.agents.responses.finite_games import normal_form, quantal_response_equilibrium


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def of_game(numbers):
    """A probability in the equilibrium of a game of two players, by payoffs and temperature."""
    payoffs = jnp.array([[[1.0, 0.2], [0.4, 0.9]], [[0.3, 0.8], [1.0, -0.2]]])
    payoffs = payoffs.at[0, 0, 1].add(numbers[0])
    found = quantal_response_equilibrium(normal_form(payoffs), jnp.exp(numbers[1]))
    return found.point[1][0, 0]


def of_process(numbers):
    """A value of a process of two states, by a reward and the temperature."""
    moves = jnp.array([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.7, 0.3]]])
    rewards = jnp.array([[0.0, 0.3], [1.0, -0.4]]).at[0, 1].add(numbers[0])
    return optimal_values(DecisionProcess(moves, rewards, 0.9), jnp.exp(numbers[1]))[0]


def of_anchor(numbers):
    """A probability of an anchored agent, by a utility and the bound."""
    utilities = jnp.array([0.2, 0.9, -0.4]).at[1].add(numbers[0])
    return anchored_response(utilities, 0.2 * jnp.exp(numbers[1])).probabilities[0]


@pytest.mark.parametrize("function", [of_process, *slowly(of_game, of_anchor)])
def test_derivatives_compose(function):
    here = jnp.array([0.1, -0.2])
    slope = jax.grad(function)

    @jax.jit
    def all_ways(here):
        def closed_over(step):
            """The other number is closed over, and so is what it is multiplied by."""
            return function(jnp.stack([here[0] + step, here[1]]))

        compiled = jax.grad(jax.jit(function))(here)
        batch = jax.vmap(slope)(jnp.stack([here, 0 * here]))
        return compiled, batch[0], jax.grad(closed_over)(0.0), jax.jacrev(slope)(here)

    first = jax.jit(slope)
    expected = np.asarray(first(here))
    compiled, of_batch, alone, hessian = all_ways(here)
    np.testing.assert_allclose(compiled, expected, rtol=1e-10)
    np.testing.assert_allclose(of_batch, expected, rtol=1e-10)
    assert float(alone) == pytest.approx(expected[0], rel=1e-10)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-8)
    for place in range(2):
        step = 1e-5 * jnp.eye(2)[place]
        differences = (first(here + step) - first(here - step)) / 2e-5
        np.testing.assert_allclose(hessian[place], differences, rtol=1e-5, atol=1e-8)
    assert np.min(np.abs(expected)) > 1e-3
