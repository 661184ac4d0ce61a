"""Two-timescale design: its gradients against closed forms, its ascent against known optima."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_game import best_mechanism, linear_environment, slope_at_equilibrium

from jaxmech.agents.responses.game import equilibrium
from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
    train,
)
from jaxmech.environments.multilane import make

PLACES = np.array([0.2, -0.1])
"""Of a mechanism between bounds of 2 on either side: it is twice as much."""


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def at_equilibrium(estimator, env, params, places, key):
    """What the estimator gives of agents who have come to rest."""
    problem, places = TwoTimescale(env, params).problem, jnp.asarray(places)
    played = estimator.played(problem, places, key)
    policies = jax.vmap(
        lambda one: equilibrium(env.game, problem.mechanism(one), params.game).point
    )(played)
    memory = estimator.init(problem)
    return estimator.estimate(problem, places, played, policies, memory, key)[0]


def test_implicit_gradient_is_exact_in_equilibrium():
    env, params = linear_environment()
    gradient = at_equilibrium(ImplicitGradient(1e-12), env, params, PLACES, jax.random.key(0))
    expected = 2 * slope_at_equilibrium(params, 2 * PLACES)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9)


@pytest.mark.parametrize("coupling", [0.5, -0.9])
def test_unrolled_gradient_approaches_it_as_fast_as_the_agents_come_to_rest(coupling):
    """After n responses the terms from power n of the coupling on are missing."""
    env, params = linear_environment(coupling)
    expected = 2 * slope_at_equilibrium(params, 2 * PLACES)
    errors = [
        float(
            jnp.max(
                jnp.abs(
                    at_equilibrium(UnrolledGradient(steps), env, params, PLACES, jax.random.key(0))
                    - expected
                )
            )
        )
        for steps in (4, 8)
    ]
    assert errors[1] == pytest.approx(errors[0] * coupling**4, rel=1e-6)


def test_two_point_gradient_is_unbiased_for_a_quadratic_objective():
    env, params = linear_environment()
    keys = jax.random.split(jax.random.key(1), 2000)
    estimator = TwoPointGradient(0.1)
    gradients = jax.vmap(lambda key: at_equilibrium(estimator, env, params, PLACES, key))(keys)
    expected = 2 * slope_at_equilibrium(params, 2 * PLACES)
    error = np.std(gradients, axis=0) / np.sqrt(len(keys))
    assert np.all(np.abs(gradients.mean(axis=0) - expected) < 4 * error)


def test_one_point_gradient_is_unbiased_and_a_baseline_takes_most_of_its_noise():
    env, params = linear_environment()
    problem = TwoTimescale(env, params).problem
    keys = jax.random.split(jax.random.key(2), 4000)
    expected = 2 * slope_at_equilibrium(params, 2 * PLACES)
    places = jnp.asarray(PLACES)
    here = equilibrium(env.game, 2 * places, params.game).point
    value = env.game.objective(here, 2 * places, params.game)

    def estimates(estimator, memory):
        def estimate(key):
            played = estimator.played(problem, places, key)
            policies = jax.vmap(
                lambda one: equilibrium(env.game, problem.mechanism(one), params.game).point
            )(played)
            return estimator.estimate(problem, places, played, policies, memory, key)[0]

        return np.asarray(jax.vmap(estimate)(keys))

    one = jnp.ones(())
    plain = estimates(OnePointGradient(0.1, baseline_rate=0.0), (0 * one, 0 * one))
    with_baseline = estimates(OnePointGradient(0.1), (value, one))
    for gradients in (plain, with_baseline):
        error = gradients.std(axis=0) / np.sqrt(len(keys))
        assert np.all(np.abs(gradients.mean(axis=0) - expected) < 4 * error)
    assert np.all(with_baseline.std(axis=0) < plain.std(axis=0) / 2)


@pytest.mark.parametrize(
    ("gradient", "updates", "margin"),
    [
        (ImplicitGradient(), 300, 1e-7),
        (UnrolledGradient(20), 300, 1e-7),
        (TwoPointGradient(0.05), 500, 1e-4),
        (OnePointGradient(0.1), 3000, 5e-3),
    ],
    ids=["implicit", "unrolled", "two points", "one point"],
)
def test_every_gradient_leads_to_the_best_mechanism(gradient, updates, margin):
    """Without the agents' responses to each other .02 of the objective or more would be lost."""
    env, params = linear_environment()
    designer = TwoTimescale(env, params, gradient=gradient, responses_per_update=12)
    states, _ = jax.jit(jax.vmap(lambda key: train(designer, key, updates=updates)))(
        jax.random.split(jax.random.key(0), 3)
    )

    def worth(mechanism):
        reached = equilibrium(env.game, mechanism, params.game).point
        return float(env.game.objective(reached, mechanism, params.game))

    best = best_mechanism(params)
    # Of a designer who differentiates at the agents' policies, but not through their responses.
    myopic = params.game["target"] / (1 + params.game["cost"])
    assert worth(myopic) < worth(best) - 0.02
    for places in states.places:
        assert worth(2 * places) > worth(best) - margin


def test_episodes_that_are_drawn_are_counted_and_played():
    env, params = linear_environment(noise=0.1)
    designer = TwoTimescale(env, params, gradient=TwoPointGradient(0.2, episodes=8))
    _, metrics = jax.jit(lambda key: train(designer, key, updates=3))(jax.random.key(0))
    np.testing.assert_allclose(metrics["episodes"], [16, 32, 48])
    exact = TwoTimescale(env, params, gradient=TwoPointGradient(0.2))
    _, of_exact = jax.jit(lambda key: train(exact, key, updates=3))(jax.random.key(0))
    np.testing.assert_allclose(of_exact["episodes"], 0)


def test_step_sizes_fall_and_that_of_the_mechanism_faster():
    env, params = linear_environment()
    designer = TwoTimescale(
        env, params, mechanism_rate=0.1, mechanism_decay=0.9, response_decay=0.3, settling=10.0
    )
    _, metrics = jax.jit(lambda key: train(designer, key, updates=21))(jax.random.key(0))
    assert float(metrics["mechanism_step"][-1]) == pytest.approx(0.1 * 3**-0.9)
    assert float(metrics["response_step"][-1]) == pytest.approx(3**-0.3)
    ratio = metrics["mechanism_step"] / metrics["response_step"]
    assert bool(jnp.all(jnp.diff(ratio) < 0))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("mechanism_decay", 0.0, "mechanism_decay: got 0.0; allowed are numbers above response_de"),
        ("response_decay", 0.7, "mechanism_decay: got 0.6; allowed are numbers above response_de"),
        ("mechanism_rate", 0.0, "mechanism_rate: got 0.0; allowed are"),
        ("response_rate", 1.5, "response_rate: got 1.5; allowed are"),
        ("responses_per_update", 0, "responses_per_update: got 0; allowed are integers from 1"),
    ],
)
def test_step_sizes_that_would_not_settle_are_refused(option, value, message):
    env, params = linear_environment()
    with pytest.raises(ValueError, match=message):
        TwoTimescale(env, params, **{option: value})


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: TwoPointGradient(0.0), "radius: got 0.0"),
        (lambda: OnePointGradient(-1.0), "radius: got -1.0"),
        (lambda: OnePointGradient(baseline_rate=2.0), "baseline_rate: got 2.0"),
        (lambda: OnePointGradient(episodes=0), "episodes: got 0"),
        (lambda: UnrolledGradient(0), "steps: got 0"),
        (lambda: ImplicitGradient(0.0), "tolerance: got 0.0"),
    ],
)
def test_estimators_out_of_range_are_refused(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


def test_training_is_the_same_again_and_seeds_differ():
    env, params = linear_environment()
    designer = TwoTimescale(env, params, gradient=OnePointGradient())
    run = jax.jit(lambda key: train(designer, key, updates=5)[0].places)
    np.testing.assert_array_equal(run(jax.random.key(3)), run(jax.random.key(3)))
    assert not np.array_equal(run(jax.random.key(3)), run(jax.random.key(4)))


def test_an_optimiser_may_be_handed_in():
    """Plain gradient ascent: the first step is the rate times the gradient of untold agents."""
    env, params = linear_environment()
    designer = TwoTimescale(env, params, mechanism_rate=0.01, optimizer=optax.sgd(1.0))
    state, _ = designer.update(designer.init(jax.random.key(0)))
    np.testing.assert_allclose(
        state.places, 0.01 * 2 * slope_at_equilibrium(params, jnp.zeros(2)), rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gradient", "updates", "margin"),
    [
        (ImplicitGradient(), 400, 1e-3),
        (UnrolledGradient(10), 400, 1e-3),
        (TwoPointGradient(0.02), 1500, 1e-3),
        (OnePointGradient(0.05), 6000, 0.02),
    ],
    ids=["implicit", "unrolled", "two points", "one point"],
)
def test_the_best_transfer_among_agents_of_bounded_rationality_is_found(gradient, updates, margin):
    """Five agents of temperature 1, transfers of degree 2 with coefficients up to 100."""
    env, params = make(num_positions=100)
    designer = TwoTimescale(env, params, gradient=gradient, responses_per_update=2)

    @jax.jit
    def reached(key):
        state, _ = train(designer, key, updates=updates)
        mechanism = designer.mechanism(state)
        policies = equilibrium(env.game, mechanism, params.game).point
        return env.game.objective(policies, mechanism, params.game)

    for seed in range(3):
        assert float(reached(jax.random.key(seed))) > -1.388707 - margin
