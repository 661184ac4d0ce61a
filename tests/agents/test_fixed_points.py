"""Fixed points: found by any solver, and differentiated without looking at how."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest

from jaxmech.agents.responses.fixed_points import fixed_point

SOLVERS = [
    (optimistix.Newton(1e-12, 1e-12), None),
    (optimistix.FixedPointIteration(1e-12, 1e-12, damp=0.5), None),
    (optimistix.Bisection(1e-12, 1e-12), {"lower": -1.0, "upper": 3.0}),
]
IDS = ["newton", "damped iteration", "bisection"]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def cosine(point, rate):
    return jnp.cos(rate * point)


def found(rate, solver=SOLVERS[0][0], options=None):
    return fixed_point(cosine, jnp.zeros(()), rate, solver=solver, options=options)


@pytest.mark.parametrize(("solver", "options"), SOLVERS, ids=IDS)
def test_every_solver_finds_the_point_and_its_derivatives(solver, options):
    """Of x = cos(a x): x' = -x sin(a x) / (1 + a sin(a x)), and x'' by differences of it."""

    def derivative(rate):
        point = float(found(rate).point)
        return -point * np.sin(rate * point) / (1 + rate * np.sin(rate * point))

    def point(rate):
        return found(rate, solver, options).point

    assert float(point(1.0)) == pytest.approx(0.7390851332151607, abs=1e-11)
    assert float(jax.jit(jax.grad(point))(1.0)) == pytest.approx(derivative(1.0), abs=1e-9)
    expected = (derivative(1 + 1e-5) - derivative(1 - 1e-5)) / 2e-5
    assert float(jax.grad(jax.grad(point))(1.0)) == pytest.approx(expected, abs=1e-5)


def test_what_the_response_closes_over_has_derivatives_too():
    def closed_over(rate):
        solver = SOLVERS[0][0]
        return fixed_point(lambda x, _: jnp.cos(rate * x), jnp.zeros(()), solver=solver).point

    expected = jax.grad(lambda rate: found(rate).point)(0.5)
    assert float(jax.grad(closed_over)(0.5)) == pytest.approx(float(expected), abs=1e-12)
    batch = jax.vmap(jax.grad(closed_over))(jnp.array([0.5, 1.0]))
    assert float(batch[0]) == pytest.approx(float(expected), abs=1e-12)


def test_derivatives_do_not_depend_on_the_start():
    def point(rate, start):
        return fixed_point(cosine, start, rate, solver=SOLVERS[0][0]).point

    assert float(jax.grad(point, argnums=1)(1.0, jnp.array(0.3))) == 0


def test_the_residual_says_where_nothing_was_found():
    """x = x + 1 has no solution, and one step of a slow iteration does not reach its end."""
    solver = optimistix.FixedPointIteration(1e-12, 1e-12)
    nowhere = fixed_point(lambda x, _: x + 1, jnp.zeros(()), solver=solver, max_steps=5)
    assert float(nowhere.residual) == 1
    assert int(nowhere.steps) == 5
    assert float(found(1.0).residual) < 1e-12


def test_points_may_be_trees():
    """A linear system in two arrays, (I - A) x = b."""
    weights = jnp.array([[0.1, 0.3], [-0.2, 0.4]])

    def response(point, shift):
        both = weights @ jnp.concatenate([point["one"], point["other"]]) + shift
        return {"one": both[:1], "other": both[1:]}

    start = {"one": jnp.zeros(1), "other": jnp.zeros(1)}
    shift = jnp.array([1.0, 2.0])
    point = fixed_point(response, start, shift, solver=SOLVERS[0][0]).point
    expected = np.linalg.solve(np.eye(2) - np.asarray(weights), [1.0, 2.0])
    np.testing.assert_allclose(jnp.concatenate([point["one"], point["other"]]), expected)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="max_steps: got 0; allowed are integers from 1"):
        fixed_point(cosine, jnp.zeros(()), 1.0, solver=SOLVERS[0][0], max_steps=0)


def test_a_singular_system_has_finite_derivatives_and_does_not_end_a_batch():
    """x = tanh(a x) at a = 1, where the branches part."""

    def point(rate):
        solver = SOLVERS[0][0]
        return fixed_point(lambda x, a: jnp.tanh(a * x), jnp.zeros(()), rate, solver=solver).point

    slopes = jax.jit(jax.vmap(jax.grad(point)))(jnp.array([0.5, 1.0]))
    np.testing.assert_allclose(slopes, 0, atol=1e-9)
