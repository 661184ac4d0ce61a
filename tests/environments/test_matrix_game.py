"""Normal forms with payments, against plain enumeration, closed forms and known equilibria."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmech
from jaxmech.agents.responses.game import equilibrium
from jaxmech.certificates import deviations
from jaxmech.checks import InvalidValueError
from jaxmech.environments.matrix_game import (
    CHICKEN,
    NAMED,
    PRISONERS_DILEMMA,
    STAG_HUNT,
    MatrixGame,
    params_of,
)

GAME = MatrixGame()


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


find = jax.jit(GAME.equilibrium)
"""Compiled once for all games of two players with two actions."""


def welfare(game, mechanism, params):
    policies = equilibrium(game, mechanism, params).point
    return game.objective(policies, mechanism, params)


welfare_and_slopes = jax.jit(
    jax.value_and_grad(lambda w, params: welfare(GAME, w, params), argnums=(0, 1))
)
"""Of two players with two actions, by the payments and the parameters."""


@pytest.mark.parametrize("paid_for", ["actions", "outcomes"])
def test_expectations_are_those_of_enumeration(paid_for):
    draws = np.random.default_rng(5)
    game = MatrixGame((2, 3, 2), paid_for)
    payoffs, weights = draws.normal(size=(3, 2, 3, 2)), np.array([1.0, 2.0, -0.5])
    mechanism = draws.normal(size=7 if paid_for == "actions" else 36)
    policies = [draws.dirichlet(np.ones(size)) for size in game.num_actions]
    objective, utilities = 0.0, np.zeros(3)
    for place, actions in enumerate(product(range(2), range(3), range(2))):
        chance = np.prod([p[a] for p, a in zip(policies, actions, strict=True)])
        for player, action in enumerate(actions):
            own = payoffs[player][actions]
            of_action = mechanism[[0, 2, 5][player] + action]
            paid = of_action if paid_for == "actions" else mechanism[12 * player + place]
            objective += chance * weights[player] * own
            utilities[player] += chance * (own + paid)
    params = params_of(game, payoffs, weights=weights)
    given = tuple(jnp.array([policy]) for policy in policies)
    assert game.mechanism_space(params).shape == mechanism.shape
    mechanism = jnp.array(mechanism)
    np.testing.assert_allclose(game.objective(given, mechanism, params), objective, rtol=1e-12)
    np.testing.assert_allclose(game.utilities(given, mechanism, params), utilities, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
@pytest.mark.parametrize("payment", [0.0, 1.5, 4.0])
def test_a_dilemma_of_gifts_in_closed_form(payment, temperature):
    """A gift of 3 costs 2 whatever the other does, so it is made with a logistic probability."""
    gifts = np.array([[[1.0, -2.0], [3.0, 0.0]], [[1.0, 3.0], [-2.0, 0.0]]])
    params = params_of(GAME, gifts, temperature=temperature)
    mechanism = jnp.array([payment, 0.0, payment, 0.0])
    value, (slopes, of_params) = welfare_and_slopes(mechanism, params)
    often = 1 / (1 + np.exp((2 - payment) / temperature))
    slope = often * (1 - often) / temperature
    np.testing.assert_allclose(value, 2 * often, atol=1e-12)
    np.testing.assert_allclose(slopes, [slope, -slope, slope, -slope], atol=1e-12)
    by_temperature = -2 * slope * (payment - 2) / temperature
    np.testing.assert_allclose(of_params.temperature, by_temperature, atol=1e-12)


@pytest.mark.parametrize("name", NAMED)
def test_slopes_through_the_equilibrium_are_differences(name):
    params = params_of(GAME, NAMED[name], temperature=1.2)
    mechanism = jnp.array([0.4, -0.3, 1.1, 0.2])
    _, (slopes, _) = welfare_and_slopes(mechanism, params)
    for index in range(4):
        step = 1e-5 * jnp.eye(4)[index]
        above, _ = welfare_and_slopes(mechanism + step, params)
        below, _ = welfare_and_slopes(mechanism - step, params)
        np.testing.assert_allclose(slopes[index], (above - below) / 2e-5, atol=1e-8)
    assert np.max(np.abs(slopes)) > 0.05


@pytest.mark.parametrize(
    ("payoffs", "unpaid", "payment", "paid"),
    [(PRISONERS_DILEMMA, 2, [2.5, 0, 2.5, 0], 6), (CHICKEN, 28 / 3, [0, 1.5, 0, 1.5], 12)]
    + [(STAG_HUNT, 4, [2.5, 0, 2.5, 0], 8), (CHICKEN, 28 / 3, [1, 0, 0, 1], 9)],
)
def test_payments_lead_near_rational_players_to_what_is_best(payoffs, unpaid, payment, paid):
    """Unpaid, the branch leads to the dominant, the mixed and the less risky equilibrium."""
    params = params_of(GAME, payoffs, temperature=0.01)
    for mechanism, expected in ((jnp.zeros(4), unpaid), (jnp.array(payment, float), paid)):
        found = find(mechanism, params)
        assert found.residual < 1e-9
        value = GAME.objective(found.point, mechanism, params)
        np.testing.assert_allclose(value, expected, atol=0.06)
        shortfall = deviations(GAME.paid(mechanism, params), found.point)
        # Nobody gains more than temperature times the logarithm of the number of actions.
        assert 0 <= shortfall.exploitability <= 2 * 0.01 * np.log(2)


def test_payments_for_actions_are_payments_for_their_outcomes():
    mechanism = jnp.array([1.0, 2.0, 3.0, 4.0])
    in_full = jnp.array([[[1.0, 1.0], [2.0, 2.0]], [[3.0, 4.0], [3.0, 4.0]]])
    of_outcomes = MatrixGame(paid_for="outcomes")
    np.testing.assert_array_equal(GAME.payments(mechanism), in_full)
    np.testing.assert_array_equal(of_outcomes.payments(in_full.ravel()), in_full)


def test_the_objective_is_the_mean_of_plays():
    params = params_of(GAME, CHICKEN, weights=[1.0, 0.5])
    mechanism, plays = jnp.array([0.5, 0.0, 0.0, 1.0]), 20_000
    policies = find(mechanism, params).point
    keys = jax.random.split(jax.random.key(2), plays)
    play = jax.jit(jax.vmap(lambda key: GAME.play(key, policies, mechanism, params)))
    drawn = play(keys)
    error = np.std(drawn) / np.sqrt(plays)
    assert error > 0
    assert abs(np.mean(drawn) - GAME.objective(policies, mechanism, params)) < 4 * error
    np.testing.assert_array_equal(drawn, play(keys))


@pytest.mark.slow
def test_games_in_a_batch_and_in_single_precision():
    mechanisms = [[0.0, 0.0, 0.0, 0.0], [3.0, -5.0, 1.0, 0.0]]
    exact = [find(jnp.array(w), params_of(GAME, CHICKEN)).point for w in mechanisms]
    with jax.enable_x64(False):
        params = params_of(GAME, CHICKEN)
        in_a_batch = jax.jit(jax.vmap(GAME.equilibrium, (0, None)))
        found = in_a_batch(jnp.array(mechanisms), params)
        assert found.point[0].dtype == jnp.float32
        for index, one in enumerate(exact):
            for policy, expected in zip(found.point, one, strict=True):
                np.testing.assert_allclose(policy[index], expected, atol=1e-5)


def test_named_games_are_symmetric_and_cannot_be_changed():
    for payoffs in NAMED.values():
        np.testing.assert_array_equal(payoffs[1], payoffs[0].T)
        with pytest.raises(ValueError, match="read-only"):
            payoffs[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"num_actions": ()}, "num_actions"), ({"num_actions": (2, 0)}, "num_actions")]
    + [({"paid_for": "nothing"}, "paid_for")],
)
def test_bad_games_are_refused(fields, field):
    with pytest.raises(InvalidValueError) as refused:
        MatrixGame(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"payoffs": np.zeros((2, 3, 2))}, "payoffs"),
        ({"payoffs": np.full((2, 2, 2), np.nan)}, "payoffs"),
        ({"weights": [1.0]}, "weights"),
        ({"weights": [1.0, np.inf]}, "weights"),
        ({"temperature": 0.0}, "temperature"),
        ({"bound": 0.0}, "bound"),
    ],
)
def test_bad_parameters_are_refused(given, field):
    with pytest.raises(InvalidValueError) as refused:
        params_of(GAME, **{"payoffs": CHICKEN, **given})
    assert refused.value.field == field


def test_a_mechanism_of_another_size_is_refused():
    params = params_of(GAME, CHICKEN)
    with pytest.raises(InvalidValueError, match="mechanism"):
        GAME.equilibrium(jnp.zeros(3), params)


@pytest.mark.parametrize(
    ("payoffs", "told"),
    [
        (3.0, r"payoffs: got 3.0; .*as many axes of actions as players"),
        ([[[3, 0], [5, 1]], [[3, 5], [0]]], "payoffs: got .*lists of one length each"),
        (1j * CHICKEN, r"payoffs: got .*\(complex128\); allowed are real numbers"),
        ([["a", "b"]], "payoffs: got .*; allowed are real numbers"),
        (np.zeros((2, 2)), r"payoffs: got shape \(2, 2\); .*such as \(2, 2, 2\)"),
        (np.zeros((3, 2, 2)), r"payoffs: got shape \(3, 2, 2\)"),
        (np.zeros((2, 2, 0)), r"payoffs: got shape \(2, 2, 0\)"),
        ([], r"payoffs: got shape \(0,\)"),
        (np.full((2, 2, 2), np.inf), "payoffs: got .*; allowed are finite numbers"),
        ("chickens", "payoffs: got 'chickens'; did you mean 'chicken'"),
    ],
)
def test_payoffs_that_are_no_normal_form_are_told_what_one_looks_like(payoffs, told):
    with pytest.raises(InvalidValueError, match=told):
        jaxmech.make("matrix_game", payoffs=payoffs)


def test_three_players_are_made_from_lists():
    env, params = jaxmech.make("matrix_game", payoffs=np.ones((3, 2, 4, 1)).tolist())
    assert env.game.num_actions == (2, 4, 1) and params.game.payoffs.shape == (3, 2, 4, 1)


def test_payments_cost_the_designer_nothing():
    params, policies = params_of(GAME, CHICKEN), GAME.initial_policies(params_of(GAME, CHICKEN))
    paid, unpaid = (GAME.objective(policies, size * jnp.ones(4), params) for size in (5.0, 0.0))
    assert paid == unpaid
