"""Designers who see to it that everybody takes part: by multipliers, and by a subsidy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxmech import spaces
from jaxmech.agents import equilibrium
from jaxmech.agents.responses.transfers import Polynomial, WithSubsidy
from jaxmech.certificates import interim_deviations
from jaxmech.checks import InvalidValueError
from jaxmech.environments.incentives.participation import WithParticipation, least_subsidy
from jaxmech.environments.multilane import Multilane, params_of


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@dataclass(frozen=True)
class Wage:
    """Two agents are paid ``w``, for an effort of 1 and of 2, by a designer whom it costs w^2."""

    name: str = "wage"
    default_params: float = 0.0

    def mechanism_space(self, params):
        return spaces.Box(-5.0, 5.0, (1,))

    def initial_policies(self, params):
        return jnp.zeros(1)

    def respond(self, policies, mechanism, params):
        return 0 * policies

    def objective(self, policies, mechanism, params):
        return -(mechanism[0] ** 2) + jnp.sum(policies)

    def utilities(self, policies, mechanism, params):
        return mechanism[0] - jnp.array([1.0, 2.0])

    def play(self, key, policies, mechanism, params):
        return self.objective(policies, mechanism, params)


def test_multipliers_come_to_what_the_constraint_is_worth():
    game = WithParticipation(Wage())
    params = game.params_of(0.0, penalty=4.0, outside_option=jnp.array([0.0, 0.5]))
    slope = jax.jit(jax.grad(lambda w, params: game.objective(jnp.zeros(1), w, params)))
    for _ in range(30):
        wage = jnp.zeros(1)
        for _ in range(60):
            wage = wage + 0.1 * slope(wage, params)
        params = game.with_updated_multipliers(jnp.zeros(1), wage, params)
    # The second agent takes part for 2.5, at the margin of which the wage bill rises by 5.
    np.testing.assert_allclose(wage, [2.5], atol=1e-6)
    np.testing.assert_allclose(params.multipliers, [0, 5], atol=1e-5)
    np.testing.assert_allclose(game.slack(jnp.zeros(1), wage, params), [1.5, 0], atol=1e-6)
    np.testing.assert_allclose(game.objective(jnp.zeros(1), wage, params), -(2.5**2), atol=1e-5)


GAME = Multilane(3, transfer=WithSubsidy(Polynomial(2)), num_positions=7, num_actions=9)


def test_the_least_subsidy_leaves_welfare_as_it_was_and_nobody_away():
    game = WithParticipation(GAME, knowing="type")
    params = game.params_of(params_of(GAME), outside_option=0.25)
    without = jnp.array([0.0, 3.0, -5.0])
    policies = game.equilibrium(without, params).point
    slack = game.slack(policies, without, params)
    assert slack.shape == (7,) and np.ptp(slack) > 0.1 and np.min(slack) < 0
    paid = without.at[0].set(least_subsidy(slack))
    again = game.equilibrium(paid, params).point
    np.testing.assert_allclose(np.min(game.slack(again, paid, params)), 0, atol=1e-12)
    np.testing.assert_allclose(
        GAME.objective(again, paid, params.game),
        GAME.objective(policies, without, params.game),
        atol=1e-12,
    )
    certified = interim_deviations(
        GAME.interim_utilities(policies, without, params.game),
        policies,
        params.game.position_weights,
        0.25,
    )
    np.testing.assert_allclose(certified.least_subsidy, paid[0], rtol=1e-12)
    assert least_subsidy(jnp.array([0.5, 0.1])) == 0


def highest(game, params):
    """The best mechanism within bounds, along implicit gradients, and its objective."""

    @jax.jit
    @jax.value_and_grad
    def of_places(places):
        mechanism = game.mechanism_space(params).high * places
        return -game.objective(game.equilibrium(mechanism, params).point, mechanism, params)

    def loss(places):
        value, slopes = of_places(jnp.asarray(places))
        return float(value), np.asarray(slopes)

    size = game.mechanism_space(params).shape[0]
    found = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * size)
    return game.mechanism_space(params).high * jnp.asarray(found.x), -found.fun


@pytest.mark.slow
def test_design_in_rounds_leads_to_a_subsidy_that_everybody_takes_part_for():
    own = params_of(GAME, bound=10.0)
    unconstrained = Multilane(3, num_positions=7, num_actions=9)
    _, best = highest(unconstrained, params_of(unconstrained, bound=10.0))
    game = WithParticipation(GAME, knowing="type")
    params = game.params_of(own, outside_option=4.0)
    for _ in range(3):
        mechanism, _ = highest(game, params)
        policies = game.equilibrium(mechanism, params).point
        params = game.with_updated_multipliers(policies, mechanism, params)
    assert mechanism[0] > 1 and np.min(game.slack(policies, mechanism, params)) > -1e-3
    # Nobody charges for the subsidy: it costs no welfare.
    np.testing.assert_allclose(GAME.objective(policies, mechanism, own), best, atol=1e-3)


def test_it_is_the_game_but_for_the_objective():
    game = WithParticipation(GAME)
    params = game.default_params
    mechanism = jnp.array([1.0, 3.0, -5.0])
    policies = game.equilibrium(mechanism, params).point
    expected = equilibrium(GAME, mechanism, params.game).point
    np.testing.assert_array_equal(policies, expected)
    # Of a few units of rounding: not compiled as one program.
    by_hand = GAME.equilibrium(mechanism, params.game).point
    np.testing.assert_allclose(policies, by_hand, rtol=32 * np.finfo(float).eps)
    np.testing.assert_array_equal(
        game.respond(policies, mechanism, params), GAME.respond(policies, mechanism, params.game)
    )
    utilities = GAME.utilities(policies, mechanism, params.game)
    np.testing.assert_array_equal(game.utilities(policies, mechanism, params), utilities)
    own = GAME.objective(policies, mechanism, params.game)
    assert np.all(utilities > 0) and game.objective(policies, mechanism, params) == own
    key = jax.random.key(0)
    drawn = game.play(key, policies, mechanism, params)
    assert drawn == GAME.play(key, policies, mechanism, params.game)
    raised = replace(params, outside_option=utilities[0] + 2.0)
    taken = own - game.objective(policies, mechanism, raised)
    np.testing.assert_allclose(taken, 3 * 2.0**2 / 2)
    assert hash(game) == hash(WithParticipation(GAME)) and game.name == "multilane"
    assert game.mechanism_space(params).shape == (3,)


def test_what_has_no_meaning_is_refused():
    with pytest.raises(InvalidValueError, match="knowing: got 'all'"):
        WithParticipation(GAME, knowing="all")
    with pytest.raises(InvalidValueError, match="games that have interim_utilities and type"):
        WithParticipation(Wage(), knowing="type")
    with pytest.raises(InvalidValueError, match="penalty"):
        WithParticipation(GAME).params_of(params_of(GAME), penalty=0.0)
    with pytest.raises(InvalidValueError, match="outside_option"):
        WithParticipation(GAME).params_of(params_of(GAME), outside_option=float("nan"))
    for wrong in (jnp.zeros(6), jnp.full(7, jnp.nan), [0.0, 1.0], "none"):
        with pytest.raises(InvalidValueError, match="outside_option"):
            WithParticipation(GAME, knowing="type").params_of(params_of(GAME), outside_option=wrong)


def test_types_that_never_occur_have_no_constraint():
    weights = [1.0, 2.0, 3.0, 2.0, 1.0, 1.0, 0.0]
    own = params_of(GAME, position_weights=weights)
    game = WithParticipation(GAME, knowing="type")
    low, high = (
        game.params_of(own, outside_option=jnp.full(7, 0.25).at[6].set(worth), penalty=2.0)
        for worth in (0.25, 100.0)
    )
    mechanism = jnp.array([0.0, 3.0, -5.0])
    policies = game.equilibrium(mechanism, low).point
    slack = game.slack(policies, mechanism, high)
    assert slack[6] == jnp.inf and least_subsidy(slack) < 10
    np.testing.assert_array_equal(slack, game.slack(policies, mechanism, low))

    @jax.jit
    def of(mechanism, params):
        return jax.value_and_grad(game.objective, argnums=(1, 2))(policies, mechanism, params)

    (value, slopes), (same, _) = of(mechanism, high), of(mechanism, low)
    assert value == same
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    raised = game.with_updated_multipliers(policies, mechanism, high).multipliers
    assert raised[6] == 0 and np.max(raised) > 0
