"""What types gain by acting otherwise or staying away, by brute force and in known equilibria."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.logit import logit_response
from jaxmech.certificates import interim_deviations, largest_logit_gains
from jaxmech.checks import InvalidValueError
from jaxmech.environments.multilane import Multilane, params_of


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


UTILITIES = np.array([[1.0, 4.0, 2.0], [0.0, -1.0, -3.0], [5.0, 9.0, 9.0]])
POLICIES = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_gains_lies_and_absence_by_hand():
    outside = jnp.array([2.0, 0.0, 0.0])
    found = interim_deviations(
        jnp.asarray(UTILITIES), jnp.asarray(POLICIES), jnp.array([0.6, 0.4, 0.0]), outside
    )
    np.testing.assert_allclose(found.gains, [1.5, 3, 0])
    np.testing.assert_allclose(found.exploitability, 0.6 * 1.5 + 0.4 * 3)
    # The second type would name the first one; the third, which never occurs, is no type to name.
    np.testing.assert_allclose(found.regrets, [0, 2.5, 0])
    np.testing.assert_allclose(found.regret, 2.5)
    np.testing.assert_allclose(found.slacks, [0.5, -3, 5])
    np.testing.assert_allclose([found.slack, found.least_subsidy], [-3, 3])
    happy = interim_deviations(jnp.ones((2, 2)), jnp.full((2, 2), 0.5), jnp.full(2, 0.5))
    assert happy.least_subsidy == 0 and happy.slack == 1


@pytest.mark.parametrize("temperature", [0.0, 0.01, 1.0, 30.0])
def test_logit_responses_give_up_no_more_than_their_temperature_explains(temperature):
    keys = jax.random.split(jax.random.key(0), 3)
    utilities = 3 * jax.random.normal(keys[0], (500, 6))
    prior = jax.random.dirichlet(keys[1], jnp.ones(6), (500,))
    policies = logit_response(utilities, temperature, prior)
    found = interim_deviations(utilities, policies, jnp.full(500, 1 / 500))
    allowed = largest_logit_gains(utilities, policies, prior, temperature)
    assert np.all(found.gains <= allowed + 1e-12)
    if temperature == 0:
        np.testing.assert_allclose(found.gains, 0, atol=1e-12)
    else:
        assert np.max(found.gains) > 0.001 * temperature


def test_rational_agents_in_lanes_gain_nothing_and_lies_gain_nothing():
    game = Multilane(3, num_positions=23, num_actions=41)
    params = params_of(game, temperature=0.0)
    mechanism = jnp.array([3.0, -4.0])
    policies = game.equilibrium(mechanism, params).point
    utilities = game.interim_utilities(policies, mechanism, params)
    found = interim_deviations(utilities, policies, params.position_weights)
    np.testing.assert_allclose([found.exploitability, found.regret], 0, atol=1e-12)
    uniform = game.initial_policies(params)
    found = interim_deviations(
        game.interim_utilities(uniform, mechanism, params), uniform, params.position_weights
    )
    assert found.exploitability > 0.1 and np.all(found.gains > 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"policies": jnp.ones((2, 2))},
        {"probabilities": jnp.ones(2)},
        {"probabilities": jnp.array([0.5, 0.2, 0.2])},
        {"probabilities": jnp.array([1.5, -0.5, 0.0])},
        {"utilities": jnp.ones(3)},
        {"outside_option": float("nan")},
        {"outside_option": jnp.array([0.0, float("nan"), 0.0])},
        {"outside_option": [0.0, 1.0, float("inf")]},
        {"outside_option": jnp.zeros(2)},
        {"outside_option": jnp.zeros((3, 3))},
        {"outside_option": [[0.0], [1.0, 2.0]]},
        {"outside_option": 1j},
        {"outside_option": "none"},
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    given = {
        "utilities": jnp.asarray(UTILITIES),
        "policies": jnp.asarray(POLICIES),
        "probabilities": jnp.full(3, 1 / 3),
    }
    with pytest.raises(InvalidValueError, match=next(iter(wrong))):
        interim_deviations(**(given | wrong))


def test_a_type_that_never_occurs_decides_nothing():
    """Whatever it has, and whatever staying away is worth to it."""
    given = jnp.asarray(UTILITIES), jnp.asarray(POLICIES), jnp.array([0.6, 0.4, 0.0])
    worst = (given[0].at[2].set(-1e6), *given[1:])
    for found in (
        interim_deviations(*given, jnp.array([2.0, 0.0, 1e9])),
        interim_deviations(*worst, [2.0, 0.0, 0.0]),
    ):
        np.testing.assert_allclose([found.slack, found.least_subsidy], [-3, 3])
        np.testing.assert_allclose([found.regret, found.exploitability], [2.5, 2.1])
        assert found.slacks[2] < -1e5 and found.gains[2] == found.regrets[2] == 0


def test_outside_options_may_be_traced():
    given = jnp.asarray(UTILITIES), jnp.asarray(POLICIES), jnp.full(3, 1 / 3)
    slack = jax.jit(lambda outside: interim_deviations(*given, outside).slack)
    np.testing.assert_allclose(slack(2.0), -5)
    np.testing.assert_allclose(slack(jnp.array([0.0, -3.0, 1.0])), 0)
    with pytest.raises(InvalidValueError, match="outside_option: got shape"):
        slack(jnp.zeros(2))
