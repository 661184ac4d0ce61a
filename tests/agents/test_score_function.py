"""Derivatives from drawn episodes: those of the expectation, but for noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.finite_games import bayesian, normal_form
from jaxmech.agents.responses.score_function import sampled_utilities, score_function_mean
from jaxmech.checks import InvalidValueError
from jaxmech.environments.matrix_game import PRISONERS_DILEMMA

KEYS = 2000


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def assert_same_mean(drawn, expected):
    """Within four standard errors, in every entry."""
    drawn, expected = np.asarray(drawn), np.asarray(expected)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.all(np.abs(drawn.mean(axis=0) - expected) < 4 * error)


def over_keys(function):
    return jax.jit(jax.vmap(function))(jax.random.split(jax.random.key(0), KEYS))


def typed_game():
    """Two players of two and three types, with two and three actions."""
    payoffs = jax.random.normal(jax.random.key(1), (2, 2, 3, 2, 3))
    prior = jax.random.uniform(jax.random.key(2), (2, 3)).at[0, 1].set(0)
    return bayesian(payoffs, prior)


def test_utilities_and_their_derivatives_are_those_expected():
    game = typed_game()
    keys = jax.random.split(jax.random.key(3), 2)
    logits = (jax.random.normal(keys[0], (2, 2)), jax.random.normal(keys[1], (3, 3)))

    def welfare(utilities):
        return utilities @ jnp.array([1.0, -0.5])

    def expected(logits):
        return welfare(game.utilities(jax.tree.map(jax.nn.softmax, logits)))

    def drawn(key):
        def value(logits):
            policies = jax.tree.map(jax.nn.softmax, logits)
            return welfare(sampled_utilities(game, policies, key, episodes=16))

        return jax.value_and_grad(value)(logits)

    values, slopes = over_keys(drawn)
    exact, exact_slopes = jax.value_and_grad(expected)(logits)
    assert_same_mean(values, exact)
    for of_drawn, of_expected in zip(slopes, exact_slopes, strict=True):
        assert_same_mean(of_drawn, of_expected)


def test_the_slope_of_payments_through_responses_is_that_expected():
    """A payment to the first player for its first action, as both respond to uniform policies."""

    def welfare(payment, utilities_of):
        payments = jnp.zeros((2, 2, 2)).at[0, 0].add(payment)
        paid, before = normal_form(PRISONERS_DILEMMA + payments), normal_form(PRISONERS_DILEMMA)
        return jnp.sum(utilities_of(before, paid.respond(paid.uniform(), 1.0)))

    def drawn(key):
        def utilities_of(game, policies):
            return sampled_utilities(game, policies, key, episodes=8)

        return jax.grad(welfare)(0.7, utilities_of)

    exact = jax.grad(welfare)(0.7, lambda game, policies: game.utilities(policies))
    assert float(exact) > 0.1
    assert_same_mean(over_keys(drawn), exact)


def test_actions_that_are_never_chosen_leave_slopes_finite():
    """One player is certain of its action; slopes by the other's policy are those expected."""
    game = normal_form(PRISONERS_DILEMMA)
    policies = (jnp.array([[0.0, 1.0]]), jnp.array([[0.25, 0.75]]))

    def drawn(key):
        def first(policies):
            return sampled_utilities(game, policies, key, episodes=8)[0]

        return jax.grad(first)(policies)

    slopes = over_keys(drawn)
    assert all(bool(jnp.all(jnp.isfinite(slope))) for slope in slopes)
    np.testing.assert_array_equal(slopes[0][..., 0], 0)
    exact = jax.grad(lambda policies: game.utilities(policies)[0])(policies)
    # Along policies that sum to 1.
    along = slopes[1][:, 0, 0] - slopes[1][:, 0, 1]
    assert_same_mean(along, exact[1][0, 0] - exact[1][0, 1])


def test_what_is_common_to_all_values_adds_no_noise():
    probabilities = jnp.array([0.2, 0.5, 0.3])

    def slopes(common):
        def drawn(key):
            def mean(logits):
                likelihoods = jax.nn.log_softmax(logits)
                which = jax.random.categorical(key, likelihoods, shape=(8,))
                values = common + jnp.array([1.0, 2.0, 4.0])[which]
                return score_function_mean(values, likelihoods[which])

            return jax.grad(mean)(jnp.log(probabilities))

        return over_keys(drawn)

    np.testing.assert_allclose(slopes(0.0), slopes(1e6), atol=1e-6)
    expected = probabilities * (jnp.array([1.0, 2, 4]) - 2.4)
    assert_same_mean(slopes(1e6), expected)


def test_values_that_depend_on_what_is_differentiated_are_differentiated():
    slope = jax.grad(lambda x: score_function_mean(x * jnp.array([1.0, 3.0]), jnp.zeros(2)))(2.0)
    assert float(slope) == 2.0


def test_refusals():
    with pytest.raises(InvalidValueError, match="episodes: got 1"):
        score_function_mean(jnp.ones(1), jnp.ones(1))
    with pytest.raises(InvalidValueError, match="log_probabilities: got shape"):
        score_function_mean(jnp.ones(3), jnp.ones(2))
    with pytest.raises(InvalidValueError, match="episodes: got 1"):
        sampled_utilities(typed_game(), typed_game().uniform(), jax.random.key(0), episodes=1)
