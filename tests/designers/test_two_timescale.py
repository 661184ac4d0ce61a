"""Two-timescale design: its gradients against closed forms, its ascent against known optima."""

from dataclasses import dataclass

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from compilations import Counted
from linear_game import (
    LinearGame,
    best_mechanism,
    linear_environment,
    shares_environment,
    slope_at_equilibrium,
)
from tiers import as_users_compile, slowly

from jaxmech import struct
from jaxmech.agents.responses.fixed_points import FixedPoint
from jaxmech.agents.responses.game import equilibrium
from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    SocialGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
    train,
)
from jaxmech.environments.incentives import incentive_design
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


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_units_of_the_objective_do_not_matter(size):
    """A tolerance that were not relative would take small gradients for nothing."""
    env, params = linear_environment(size=size)
    gradient = at_equilibrium(ImplicitGradient(1e-12), env, params, PLACES, jax.random.key(0))
    expected = 2 * slope_at_equilibrium(params, 2 * PLACES)
    np.testing.assert_allclose(gradient / size, expected, rtol=1e-9)


@pytest.mark.parametrize("estimator", [ImplicitGradient(), SocialGradient()])
def test_where_policies_do_not_matter_only_what_is_direct_counts(estimator):
    """Agents who are on target: the objective's slope is that of its cost, and nothing is NaN."""
    env, params = linear_environment()
    policies = params.game["target"][None]
    problem, places = TwoTimescale(env, params).problem, jnp.asarray(PLACES)
    gradient, _ = estimator.estimate(problem, places, places[None], policies, None, None)
    np.testing.assert_allclose(gradient, -2 * 2 * 0.5 * 2 * PLACES, rtol=1e-12)


@pytest.mark.parametrize(("coupling", "fails"), [(0.999, False), (1.0, True), (-1.0, True)])
def test_a_linear_system_without_a_solution_gives_no_number(coupling, fails):
    env, params = linear_environment(coupling)
    problem, places = TwoTimescale(env, params).problem, jnp.asarray(PLACES)
    policies = jnp.array([[0.3, 0.9]])
    gradient, _ = ImplicitGradient().estimate(
        problem, places, places[None], policies, None, jax.random.key(0)
    )
    assert np.all(np.isnan(gradient)) == fails


def test_too_few_steps_of_the_solver_give_no_number():
    """A circle of 40 agents passes on what is paid; one round of the solver goes half way."""
    env, params = shares_environment(np.arange(40.0) / 780, coupling=0.99)
    problem = TwoTimescale(env, params).problem
    places = problem.start(jax.random.key(0), 1.0)
    policies = jnp.linspace(0.0, 1.0, 40)[None]

    @jax.jit
    def gradients():
        return [
            ImplicitGradient(max_steps=steps).estimate(
                problem, places, places[None], policies, None, None
            )[0]
            for steps in (1, 100)
        ]

    after_one, after_all = gradients()
    assert np.all(np.isnan(after_one))
    assert np.all(np.isfinite(after_all))


def test_a_designer_takes_no_step_where_it_finds_no_gradient():
    env, params = linear_environment(coupling=1.0)
    designer = TwoTimescale(env, params, initial_spread=1.0)
    state = designer.init(jax.random.key(0))
    after, metrics = jax.jit(designer.update)(state)
    assert metrics["skipped"] == 1 and metrics["gradient_norm"] == 0
    np.testing.assert_array_equal(after.places, state.places)
    chex.assert_trees_all_equal(after.optimizer, state.optimizer)
    assert after.updates == 1
    env, params = linear_environment(coupling=0.5)
    designer = TwoTimescale(env, params, initial_spread=1.0)
    after, metrics = jax.jit(designer.update)(state)
    assert metrics["skipped"] == 0 and np.all(after.places != state.places)


def test_social_gradient_leaves_out_what_agents_make_of_each_other():
    env, params = linear_environment()
    gradient = at_equilibrium(SocialGradient(), env, params, PLACES, jax.random.key(0))
    policies = equilibrium(env.game, 2 * PLACES, params.game).point
    expected = -2 * (policies - params.game["target"]) - 2 * 0.5 * 2 * PLACES
    np.testing.assert_allclose(gradient, 2 * expected, rtol=1e-9)
    one_response = at_equilibrium(UnrolledGradient(1), env, params, PLACES, jax.random.key(0))
    np.testing.assert_allclose(gradient, one_response, rtol=1e-9)


@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_social_gradient_leads_to_the_best_mechanism_where_only_policies_matter(cost):
    """Where payments cost something, it comes to rest beside it: its two parts cancel there."""
    env, params = linear_environment(cost=cost)
    designer = TwoTimescale(env, params, gradient=SocialGradient(), responses_per_update=12)
    state, _ = jax.jit(lambda key: train(designer, key, updates=300))(jax.random.key(0))
    mechanism = designer.mechanism(state)
    policies = equilibrium(env.game, mechanism, params.game).point
    np.testing.assert_allclose(params.game["target"] - policies - cost * mechanism, 0, atol=1e-5)
    missed = float(jnp.max(jnp.abs(mechanism - best_mechanism(params))))
    assert missed > 0.04 if cost else missed < 1e-5


@pytest.mark.parametrize(
    ("gradient", "responses", "updates", "margin"),
    [
        (ImplicitGradient(), 12, 300, 1e-7),
        (UnrolledGradient(20), 12, 300, 1e-7),
        (TwoPointGradient(0.05), 12, 500, 1e-4),
        (OnePointGradient(0.1), 12, 3000, 5e-3),
        (ImplicitGradient(), None, 300, 1e-7),
        (TwoPointGradient(0.05), None, 500, 1e-4),
        *slowly((UnrolledGradient(20), None, 300, 1e-7), (OnePointGradient(0.1), None, 3000, 5e-3)),
    ],
)
def test_every_gradient_leads_to_the_best_mechanism(gradient, responses, updates, margin):
    """Without the agents' responses to each other .02 of the objective or more would be lost."""
    env, params = linear_environment()
    designer = TwoTimescale(
        env, params, gradient=gradient, responses_per_update=responses, initial_spread=0.5
    )
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


def test_a_search_that_did_not_come_to_its_end_is_told():
    @struct.dataclass
    class Found(FixedPoint):
        arrived: jax.Array

    @dataclass(frozen=True)
    class Lost(LinearGame):
        """Its search for an equilibrium ends early above a mechanism of 0."""

        def equilibrium(self, mechanism, params):
            policies = jnp.linalg.solve(jnp.array([[1, -0.5], [-0.5, 1]]), mechanism)
            arrived = mechanism[0] <= 0
            return Found(policies, jnp.zeros(()), jnp.ones((), jnp.int32), arrived=arrived)

    def arrived(game, first, **options):
        env, params = incentive_design(game, linear_environment()[1].game)
        designer = TwoTimescale(env, params, **options)
        state = designer.init(jax.random.key(0))
        state = state.replace(places=jnp.array([first, 0.0]))
        return float(jax.jit(designer.update)(state)[1]["arrived"])

    both_sides = {"gradient": TwoPointGradient(0.1), "responses_per_update": None}
    assert arrived(Lost(), -0.5, **both_sides) == 1
    assert arrived(Lost(), 0.0, **both_sides) == 0
    assert arrived(Lost(), 0.5, responses_per_update=None) == 0
    assert arrived(Lost(), 0.5, responses_per_update=2) == 1
    assert arrived(LinearGame(), 0.5, responses_per_update=None) == 1


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


def test_first_mechanisms_are_drawn_around_the_middle():
    env, params = linear_environment()

    def first(spread):
        designer = TwoTimescale(env, params, initial_spread=spread)
        keys = jax.random.split(jax.random.key(0), 500)
        return np.asarray(jax.vmap(lambda key: designer.init(key).places)(keys))

    assert not np.any(first(0.0))
    places = first(0.6)
    assert 0.55 < np.abs(places).max() <= 0.6
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=0.06)


def test_equal_designers_compile_once_and_numbers_are_swept_without_compiling():
    trained = Counted(lambda designer, key: train(designer, key, updates=2)[0].places)
    env, params = linear_environment()
    first = trained(TwoTimescale(env, params), jax.random.key(0))
    again = trained(TwoTimescale(*linear_environment()), jax.random.key(0))
    np.testing.assert_array_equal(first, again)
    faster = TwoTimescale(env, params).replace(mechanism_rate=0.1)
    assert not np.array_equal(first, trained(faster, jax.random.key(0)))
    assert trained.traces == 1
    handed_in = optax.sgd(1.0)
    for _ in range(2):
        trained(TwoTimescale(env, params, optimizer=handed_in), jax.random.key(0))
    assert trained.traces == 2

    def of_rate(rate):
        return train(
            TwoTimescale(env, params).replace(mechanism_rate=rate), jax.random.key(0), updates=2
        )[0].places

    swept = Counted(jax.vmap(of_rate))
    places = swept(jnp.array([0.05, 0.1]))
    swept(jnp.array([0.2, 0.3]))
    np.testing.assert_allclose(places[0], first, rtol=1e-12)
    assert swept.traces == 1


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
        (TwoPointGradient(0.005), 1500, 1e-3),
        (OnePointGradient(0.05), 6000, 0.02),
    ],
    ids=["implicit", "unrolled", "two points", "one point"],
)
def test_the_best_transfer_among_agents_of_bounded_rationality_is_found(gradient, updates, margin):
    """Five agents of temperature 1, transfers of degree 2 with coefficients up to 100."""
    env, params = make(num_positions=100)
    designer = TwoTimescale(env, params, gradient=gradient, responses_per_update=2)

    def reached(key):
        state, _ = train(designer, key, updates=updates)
        mechanism = designer.mechanism(state)
        policies = equilibrium(env.game, mechanism, params.game).point
        return env.game.objective(policies, mechanism, params.game)

    keys = jax.vmap(jax.random.key)(jnp.arange(3))
    worth = jax.jit(jax.vmap(reached), compiler_options=as_users_compile())(keys)
    assert float(jnp.min(worth)) > -1.388707 - margin
