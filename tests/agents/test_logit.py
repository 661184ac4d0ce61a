"""The logit response and its value: optimal, exact in both limits, and smooth in between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy.special import logsumexp

from jaxmech.agents.responses.logit import logit_response, smoothed_maximum

UTILITIES = np.array([[1.0, 3.0, 3.0], [5.0, 2.0, -1.0]])
PRIOR = np.array([[1.0, 2.0, 6.0], [0.0, 1.0, 3.0]])

numbers = st.lists(st.floats(-20, 20, allow_subnormal=False), min_size=2, max_size=6)


def regularised_utility(probabilities, utilities, temperature, prior):
    """What an agent earns that pays the temperature for each nat of divergence from the prior."""
    prior = prior / prior.sum()
    chosen = probabilities > 0
    divergence = np.sum(probabilities[chosen] * np.log(probabilities[chosen] / prior[chosen]))
    return probabilities @ utilities - temperature * divergence


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@given(utilities=numbers, temperature=st.floats(0.05, 50), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_no_other_probabilities_are_worth_more(utilities, temperature, seed):
    with jax.enable_x64(True):
        draws = np.random.default_rng(seed)
        utilities = np.array(utilities)
        prior = draws.uniform(0.1, 1, utilities.shape)
        response = np.asarray(logit_response(jnp.array(utilities), temperature, jnp.array(prior)))
        best = regularised_utility(response, utilities, temperature, prior)
        assert response.sum() == pytest.approx(1)
        for other in draws.dirichlet(np.ones(len(utilities)), 20):
            assert regularised_utility(other, utilities, temperature, prior) <= best + 1e-9
        value = smoothed_maximum(jnp.array(utilities), temperature, jnp.array(prior))
        assert float(value) == pytest.approx(best, rel=1e-9, abs=1e-9)


def test_without_temperature_the_best_actions_share_all_by_their_prior():
    response = logit_response(jnp.array(UTILITIES), 0.0, jnp.array(PRIOR))
    # The 5 of the second row has no weight, so that it is never chosen.
    np.testing.assert_allclose(response, [[0, 0.25, 0.75], [0, 1, 0]])
    value = smoothed_maximum(jnp.array(UTILITIES), 0.0, jnp.array(PRIOR))
    np.testing.assert_allclose(value, [3, 2])


def test_at_an_infinite_temperature_the_prior_stays():
    response = logit_response(jnp.array(UTILITIES), jnp.inf, jnp.array(PRIOR))
    prior = PRIOR / PRIOR.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(response, prior)
    value = smoothed_maximum(jnp.array(UTILITIES), jnp.inf, jnp.array(PRIOR))
    np.testing.assert_allclose(value, (prior * UTILITIES).sum(axis=1))


@pytest.mark.parametrize("temperature", [1e-3, 0.1, 1.0, 1e3, 1e9])
def test_value_is_the_logarithm_of_the_mean_of_exponentials(temperature):
    with np.errstate(divide="ignore"):
        weights = np.log(PRIOR / PRIOR.sum(axis=1, keepdims=True))
    expected = temperature * logsumexp(UTILITIES / temperature + weights, axis=1)
    value = smoothed_maximum(jnp.array(UTILITIES), temperature, jnp.array(PRIOR))
    np.testing.assert_allclose(value, expected, rtol=1e-6 if temperature > 1e6 else 1e-12)


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.0, 1e6, np.inf])
def test_derivatives_of_the_value_are_the_probabilities(temperature):
    prior = jnp.array(PRIOR)
    derivatives = jax.grad(lambda u: jnp.sum(smoothed_maximum(u, temperature, prior)))
    response = logit_response(jnp.array(UTILITIES), temperature, prior)
    np.testing.assert_allclose(derivatives(jnp.array(UTILITIES)), response, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_numbers_chosen_from_an_interval_have_the_distribution_of_theory(temperature):
    """On nodes of Gauss and Legendre, whose weights are the prior: a normal distribution where
    utility is quadratic, an exponential one where it is linear and there is no upper end nearby."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    numbers = 20 * temperature * (nodes + 1)
    response = np.asarray(logit_response(-3 * jnp.array(numbers), temperature, jnp.array(weights)))
    moments = [response @ numbers, response @ numbers**2]
    np.testing.assert_allclose(moments, [temperature / 3, 2 * (temperature / 3) ** 2], rtol=1e-9)
    numbers = 0.3 + 6 * np.sqrt(temperature) * nodes
    utilities = -2.0 * jnp.array(numbers - 0.3) ** 2
    response = np.asarray(logit_response(utilities, temperature, jnp.array(weights)))
    mean = response @ numbers
    assert mean == pytest.approx(0.3, abs=1e-12)
    assert response @ (numbers - mean) ** 2 == pytest.approx(temperature / 4, rel=1e-9)
    # The integral of exp(-2 x^2 / temperature), over the length of the interval.
    value = smoothed_maximum(utilities, temperature, jnp.array(weights))
    share = np.sqrt(np.pi * temperature / 2) / (12 * np.sqrt(temperature))
    assert float(value) == pytest.approx(temperature * np.log(share), rel=1e-9)


def test_derivatives_of_probabilities_equal_finite_differences():
    def of(inputs):
        utilities, temperature, prior = inputs
        return logit_response(utilities, temperature, prior)[0]

    inputs = (jnp.array([[0.3, -1.0, 2.0]]), jnp.array([0.7]), jnp.array([[1.0, 0.5, 2.0]]))
    check_grads(of, (inputs,), order=2, modes=["rev"])


def test_derivatives_are_finite_however_small_the_temperature():
    @jax.jit
    def derivatives(temperature):
        def total(utilities, temperature):
            response = logit_response(utilities, temperature)
            return jnp.sum(response**2) + jnp.sum(smoothed_maximum(utilities, temperature))

        return jax.grad(total, argnums=(0, 1))(jnp.array(UTILITIES), temperature)

    for temperature in (0.0, 1e-30, 1e-3, 1e30, jnp.inf):
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in derivatives(temperature))


def test_each_agent_may_have_a_temperature_of_its_own():
    temperatures = jnp.array([0.5, 2.0])
    together = logit_response(jnp.array(UTILITIES), temperatures)
    for row, temperature in enumerate((0.5, 2.0)):
        alone = logit_response(jnp.array(UTILITIES[row]), temperature)
        np.testing.assert_allclose(together[row], alone)


@pytest.mark.parametrize("temperature", [-1.0, float("nan")])
def test_a_temperature_below_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature: got .* allowed are numbers from 0"):
        logit_response(jnp.array(UTILITIES), temperature)


@pytest.mark.parametrize("precise", [True, False])
@pytest.mark.parametrize("temperature", [1e-3, 1.0])
def test_derivatives_are_finite_where_the_best_action_is_all_but_never_chosen(temperature, precise):
    """The value is the larger of two: temperature * log(1e-20), and the other's -100."""
    with jax.enable_x64(precise):
        utilities, prior = jnp.array([0.0, -100.0]), jnp.array([1e-20, 1.0])
        value, slopes = jax.value_and_grad(smoothed_maximum)(utilities, temperature, prior)
        assert bool(jnp.all(jnp.isfinite(slopes)))
        assert float(value) == pytest.approx(temperature * np.log(1e-20), rel=1e-5)
