"""Gains from deviating and from staying away, in games with known equilibria."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.finite_games import bayesian, normal_form
from jaxmech.certificates import deviations
from jaxmech.checks import InvalidValueError

CHICKEN = np.array([[[0.0, 7.0], [2.0, 6.0]], [[0.0, 2.0], [7.0, 6.0]]])
"""Dare or swerve."""


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(
    ("first", "second", "gains", "utilities"),
    [
        (1.0, 0.0, [0, 0], [7, 2]),
        (1 / 3, 1 / 3, [0, 0], [14 / 3, 14 / 3]),
        (1.0, 1.0, [2, 2], [0, 0]),
        (0.0, 0.0, [1, 1], [6, 6]),
        (0.5, 1.0, [1, 0.5], [1, 3.5]),
    ],
)
def test_chicken(first, second, gains, utilities):
    policies = tuple(jnp.array([[dare, 1 - dare]]) for dare in (first, second))
    found = deviations(normal_form(CHICKEN), policies, outside_option=jnp.array([1.0, 4.0]))
    np.testing.assert_allclose(found.gains, gains, atol=1e-12)
    np.testing.assert_allclose(found.exploitability, sum(gains), atol=1e-12)
    np.testing.assert_allclose(found.participation_slack, np.subtract(utilities, [1, 4]))


def test_types_deviate_one_by_one():
    """The first player guesses the second one's type, which it knows nothing of; 3 : 1."""
    payoffs = np.zeros((2, 1, 2, 2, 2))
    payoffs[0, 0, 0, 0, :] = payoffs[0, 0, 1, 1, :] = 4.0
    game = bayesian(payoffs, [[3.0, 1.0]])
    others = jnp.full((2, 2), 0.5)
    for often in (0.0, 0.25, 1.0):
        found = deviations(game, (jnp.array([[often, 1 - often]]), others))
        np.testing.assert_allclose(found.gains, [2 * (1 - often), 0], atol=1e-12)
        np.testing.assert_allclose(found.participation_slack, [1 + 2 * often, 0])


def test_an_outside_option_that_is_no_number_is_refused():
    game = normal_form(CHICKEN)
    with pytest.raises(InvalidValueError, match="outside_option"):
        deviations(game, game.uniform(), float("nan"))
