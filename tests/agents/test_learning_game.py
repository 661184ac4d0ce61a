"""Learners in the place of agents who respond at once: where they come to rest, who designs for
them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.responses.game import equilibrium
from jaxmech.agents.responses.learners import (
    Boltzmann,
    MirrorDescent,
    PolicyGradient,
    QLearning,
)
from jaxmech.agents.responses.learning_game import LearningAgents, LearningAgentsParams
from jaxmech.checks import InvalidValueError
from jaxmech.designers import (
    ImplicitGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
    train,
)
from jaxmech.environments import bertrand, cournot, escape_room, matrix_game, multilane
from jaxmech.environments.incentives.factory import incentive_design

CHICKEN = matrix_game.MatrixGame()


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def chicken(temperature=2.0, bound=2.0):
    return matrix_game.params_of(
        CHICKEN, matrix_game.CHICKEN, temperature=temperature, bound=bound, weights=[1.0, 0.7]
    )


@jax.jit
@jax.grad
def of_equilibrium(mechanism, params):
    """Slopes of the objective of players in equilibrium."""
    policies = CHICKEN.equilibrium(mechanism, params).point
    return CHICKEN.objective(policies, mechanism, params)


def games():
    """Games of finitely many actions, parameters and a mechanism, each small."""
    lanes = multilane.Multilane(num_agents=3, num_positions=7, num_actions=9)
    blind = multilane.Multilane(num_agents=3, num_positions=7, num_actions=9, blind=True)
    room = escape_room.EscapeRoom(num_steps=2)
    firms = cournot.Cournot(num_nodes=6)
    pair = bertrand.Bertrand(num_nodes=5)
    return {
        "matrix game": (CHICKEN, chicken(), [0.5, 0.0, 0.0, 1.0]),
        "lanes": (lanes, lanes.default_params, [0.3, -1.0]),
        "blind": (blind, blind.default_params, [0.3, -1.0]),
        "escape room": (room, escape_room.params_of(temperature=2.0), [0.5, 0, 0, 0, 0, 1.0]),
        "cournot": (firms, cournot.params_of(temperature=4.0), [1.0]),
        "bertrand": (pair, bertrand.params_of(temperature=1.0), [0.2, 0.1]),
    }


@pytest.mark.parametrize(
    ("name", "step_size"),
    [("matrix game", 0.5), ("lanes", 0.5), ("blind", 0.5), ("escape room", 0.2)]
    + [("cournot", 0.1), ("bertrand", 0.5)],
)
def test_anchored_learners_come_to_rest_at_the_equilibrium_of_logit_responses(name, step_size):
    """They pay the game's temperature for departing from what its agents do unasked."""
    game, params, mechanism = games()[name]
    learning, mechanism = LearningAgents(game), jnp.asarray(mechanism, float)
    params = LearningAgentsParams(params, MirrorDescent(step_size, params.temperature))

    @jax.jit
    def compared(mechanism, params):
        def respond(state, _):
            return learning.respond(state, mechanism, params), None

        end, _ = jax.lax.scan(respond, learning.initial_policies(params), length=600)
        found = game.equilibrium(mechanism, params.game)
        both = (learning.policies(end, params), found.point)
        worth = [
            learning.objective(end, mechanism, params),
            learning.utilities(end, mechanism, params),
        ]
        return both, found.residual, worth

    (policies, expected), residual, worth = compared(mechanism, params)
    assert float(residual) < 1e-10
    for one, other in zip(*map(jax.tree.leaves, (policies, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8)
    for one, function in zip(worth, (game.objective, game.utilities), strict=True):
        np.testing.assert_allclose(one, function(expected, mechanism, params.game), atol=1e-6)


@pytest.mark.parametrize(
    "learner", [MirrorDescent(0.5, 2.0), PolicyGradient(1.0, 2.0), QLearning(0.5, Boltzmann(2.0))]
)
def test_slopes_through_the_steps_of_learners_are_those_through_the_equilibrium(learner):
    """Differentiated through 60 steps, or implicitly where they have come to rest."""
    env, params = incentive_design(
        LearningAgents(CHICKEN), LearningAgentsParams(chicken(), learner)
    )
    problem, places = TwoTimescale(env, params).problem, jnp.array([0.1, -0.2, 0.3, 0.0])

    @jax.jit
    def slopes(places):
        start = env.game.initial_policies(params.game)
        rest, _ = jax.lax.scan(
            lambda state, _: (problem.respond(state, places), None), start, length=200
        )
        policies = jax.tree.map(lambda leaf: leaf[None], rest)
        estimators = (UnrolledGradient(60), ImplicitGradient(1e-12))
        return [
            one.estimate(problem, places, places[None], policies, None, jax.random.key(0))[0]
            for one in estimators
        ]

    unrolled, implicit = slopes(places)
    mechanism = problem.mechanism(places)
    exact = 2 * of_equilibrium(mechanism, chicken())  # The bound is 2, so places count double.
    assert float(jnp.max(jnp.abs(exact))) > 0.1
    np.testing.assert_allclose(unrolled, exact, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(implicit, exact, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "learner", [MirrorDescent(0.5, 2.0), PolicyGradient(1.0, 2.0), QLearning(0.5, Boltzmann(2.0))]
)
def test_learners_in_equilibrium_are_at_rest_with_the_slopes_of_the_game(learner):
    learning, mechanism = LearningAgents(CHICKEN), jnp.array([0.5, 0.0, 0.0, 1.0])
    params = LearningAgentsParams(chicken(), learner)

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def worth(mechanism):
        found = equilibrium(learning, mechanism, params)
        policies = learning.policies(found.point, params)
        return learning.objective(found.point, mechanism, params), (policies, found.residual)

    (_, (policies, residual)), slopes = worth(mechanism)
    assert float(residual) < 1e-13
    for one, other in zip(policies, CHICKEN.equilibrium(mechanism, chicken()).point, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)
    np.testing.assert_allclose(slopes, of_equilibrium(mechanism, chicken()), atol=1e-9)


@pytest.mark.parametrize(
    ("learner", "margin"),
    [(MirrorDescent(), 1e-12), (PolicyGradient(), 2e-3), (QLearning(0.1, Boltzmann(0.01)), 1e-12)],
)
def test_learners_in_equilibrium_defect_in_the_dilemma(learner, margin):
    """Unasked they do so half of the time; those who follow gradients are never quite certain."""
    game = LearningAgents(CHICKEN)
    dilemma = matrix_game.params_of(CHICKEN, matrix_game.PRISONERS_DILEMMA)
    params, mechanism = LearningAgentsParams(dilemma, learner), jnp.zeros(4)

    def worth(mechanism):
        found = equilibrium(game, mechanism, params)
        return game.objective(found.point, mechanism, params), found

    slopes, found = jax.jit(jax.grad(worth, has_aux=True))(mechanism)
    assert float(found.residual) <= margin
    for policies in game.policies(found.point, params):
        np.testing.assert_allclose(policies, [[0, 1]], atol=margin)
    assert bool(jnp.all(jnp.isfinite(slopes)))


@pytest.mark.parametrize(
    ("gradient", "updates", "margin"),
    [(UnrolledGradient(5), 150, 0.01), (TwoPointGradient(0.05), 300, 0.05)],
    ids=["unrolled", "two points"],
)
def test_a_designer_of_learners_comes_near_the_best_payments(gradient, updates, margin):
    """In the dilemma it is best to pay as much as there is for cooperation, and charge for its
    absence; players who have come to rest then cooperate as often as the logit says. With two
    points they respond to payments a little below those."""
    params = matrix_game.params_of(CHICKEN, matrix_game.PRISONERS_DILEMMA, bound=2.0)
    params = LearningAgentsParams(params, MirrorDescent(0.5, temperature=1.0))
    env, params = incentive_design(LearningAgents(CHICKEN), params)
    designer = TwoTimescale(env, params, gradient=gradient, responses_per_update=2)

    @jax.jit
    def reached(key):
        state, metrics = train(designer, key, updates=updates)
        return designer.mechanism(state), metrics["objective"]

    mechanism, objectives = reached(jax.random.key(0))
    best = jnp.array([2.0, -2.0, 2.0, -2.0])
    np.testing.assert_allclose(mechanism, best, atol=0.05)
    policies = CHICKEN.equilibrium(best, params.game.game).point
    expected = CHICKEN.objective(policies, best, params.game.game)
    assert float(objectives[-1]) == pytest.approx(float(expected), abs=margin)
    assert float(expected) > float(objectives[0]) + 1


def test_games_without_values_of_actions_are_refused():
    with pytest.raises(InvalidValueError, match="game: got .* allowed are games that have action_"):
        LearningAgents(object())
    for game in (cournot.Cournot(), bertrand.Bertrand()):
        with pytest.raises(InvalidValueError, match="game: got .* allowed are games of some num_"):
            LearningAgents(game)


def test_a_learner_with_an_array_belongs_into_the_parameters():
    with pytest.raises(InvalidValueError, match="learner: got"):
        LearningAgents(CHICKEN, MirrorDescent(jnp.array(0.1)))
    assert hash(LearningAgents(CHICKEN)) == hash(LearningAgents(matrix_game.MatrixGame()))


def test_plays_are_those_of_the_game():
    learning, key = LearningAgents(CHICKEN), jax.random.key(3)
    params = learning.default_params
    mechanism, state = jnp.zeros(4), learning.initial_policies(params)
    policies = CHICKEN.initial_policies(params.game)
    assert learning.play(key, state, mechanism, params) == CHICKEN.play(
        key, policies, mechanism, params.game
    )
    assert learning.name == "matrix_game"
    assert learning.mechanism_space(params).shape == (4,)
