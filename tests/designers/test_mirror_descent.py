"""Mirror descent on shares: closed forms, optima of known problems, refusals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.mirror_descent import (
    exponentiated_gradient,
    maximise_shares,
    scale_by_largest,
    shrinking_mirror_descent,
)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def moved(transformation, shares, gradient):
    updates, _ = transformation.update(gradient, transformation.init(shares), shares)
    return optax.apply_updates(shares, updates)


def test_one_step_multiplies_shares_by_an_exponential():
    shares, gradient = np.array([0.1, 0.2, 0.3, 0.4]), np.array([3.0, -1, 0, 2])
    weights = shares * np.exp(-0.7 * gradient)
    expected = weights / weights.sum()
    step = exponentiated_gradient(0.7)
    np.testing.assert_allclose(moved(step, jnp.asarray(shares), jnp.asarray(gradient)), expected)
    dealt = moved(exponentiated_gradient(0.7, 0.2), jnp.asarray(shares), jnp.asarray(gradient))
    np.testing.assert_allclose(dealt, 0.8 * expected + 0.05)


def test_it_is_the_descent_whose_distance_is_relative_entropy():
    """The step minimises ``gradient @ new + divergence(new, old) / step``, among all shares."""
    keys = jax.random.split(jax.random.key(0), 2)
    shares = jax.random.dirichlet(keys[0], jnp.ones(6))
    gradient = jax.random.normal(keys[1], (6,))

    def cost(new):
        return new @ gradient + new @ jnp.log(new / shares) / 0.5

    others = jax.random.dirichlet(jax.random.key(1), jnp.ones(6), (500,))
    best = moved(exponentiated_gradient(0.5), shares, gradient)
    assert float(cost(best)) < float(jnp.min(jax.vmap(cost)(others)))
    slopes = jax.grad(cost)(best)
    np.testing.assert_allclose(slopes - jnp.mean(slopes), 0, atol=1e-10)


def test_long_steps_neither_overflow_nor_lose_the_whole():
    shares, gradient = jnp.array([1e-9, 0.5, 0.5 - 1e-9]), jnp.array([-1e4, 1e4, 0.0])
    np.testing.assert_allclose(moved(exponentiated_gradient(1e3), shares, gradient), [1, 0, 0])
    kept = moved(exponentiated_gradient(1e3, 0.03), shares, gradient)
    np.testing.assert_allclose(kept, [0.98, 0.01, 0.01], rtol=1e-12)


def test_the_scale_forgets_units_and_what_is_common():
    gradient = jnp.array([1.0, 2, 6])
    scale = scale_by_largest()
    expected = np.array([-2, -1, 3]) / 3
    for same in (gradient, 1e-6 * gradient, 7 + 50 * gradient):
        np.testing.assert_allclose(scale.update(same, scale.init(same))[0], expected)
    assert not np.any(scale.update(jnp.ones(3), scale.init(gradient))[0])


def test_steps_shrink_geometrically():
    transformation = shrinking_mirror_descent(5, step_sizes=(2, 0.125), dealt_out=(0.4, 0.025))
    shares = start = jnp.array([0.5, 0.5])
    state = transformation.init(shares)
    for step in range(5):
        size, part = 2 * 0.5**step, 0.4 * 0.5**step
        updates, state = transformation.update(jnp.array([3.0, 1.0]), state, start)
        # The scaled gradient is (1, -1).
        expected = (1 - part) / (1 + np.exp(2 * size)) + part / 2
        np.testing.assert_allclose((start + updates)[0], expected, rtol=1e-6)


def test_the_best_portfolio_of_two_races_is_found():
    """Kelly's: with fair odds of two outcomes, shares are their probabilities."""
    chances = jnp.array([0.5, 0.3, 0.2])

    def growth(shares):
        return chances @ jnp.log(shares)

    steps = 300
    transformation = shrinking_mirror_descent(steps, step_sizes=(1.0, 1e-3))
    starts = jax.random.dirichlet(jax.random.key(0), jnp.ones(3), (4,))
    found = jax.jit(jax.vmap(lambda start: maximise_shares(growth, start, transformation, steps)))(
        starts
    )
    assert found.values.shape == (4, steps)
    np.testing.assert_allclose(found.shares, jnp.broadcast_to(chances, (4, 3)), atol=2e-3)
    np.testing.assert_array_equal(found.value, jnp.max(found.values, axis=1))
    np.testing.assert_array_equal(found.values[:, 0], jax.vmap(growth)(starts))


def test_the_best_is_kept_and_what_is_no_number_never_is():
    def objective(shares):
        return jnp.where(shares[0] > 0.9, jnp.nan, shares[0])

    start = jnp.array([0.5, 0.5])
    found = maximise_shares(objective, start, exponentiated_gradient(1.0), 6)
    assert np.isnan(found.values).any()
    assert 0.5 < float(found.value) == float(found.shares[0]) <= 0.9


def test_refusals():
    with pytest.raises(InvalidValueError, match="step_size"):
        exponentiated_gradient(-1.0)
    with pytest.raises(InvalidValueError, match="dealt_out"):
        exponentiated_gradient(1.0, 1.5)
    with pytest.raises(InvalidValueError, match="steps"):
        shrinking_mirror_descent(1)
    with pytest.raises(InvalidValueError, match="dealt_out"):
        shrinking_mirror_descent(9, dealt_out=(0.1, 0.0))
    with pytest.raises(InvalidValueError, match="steps"):
        maximise_shares(jnp.sum, jnp.ones(2) / 2, exponentiated_gradient(1.0), 0)
    step = exponentiated_gradient(1.0)
    with pytest.raises(InvalidValueError, match="shares"):
        step.update(jnp.ones(2), step.init(jnp.ones(2)))
