"""Gradient steps against Adam written out in NumPy, and the bounds on them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.ppo.gradient_steps import improve, start_optimizer
from jaxmech.designers.ppo.surrogate import Batch

STEPS, ENVIRONMENTS = 3, 4
SLOPES = {"bias": jnp.asarray(3.0), "kernel": jnp.asarray([[0.0, -4.0]])}  # of norm 5


def batch():
    """Rows whose every entry is the number of their environment."""
    numbers = jnp.broadcast_to(jnp.arange(float(ENVIRONMENTS)), (STEPS, ENVIRONMENTS))
    return Batch(numbers[..., None], *[numbers] * 5, weight=jnp.ones_like(numbers))


def descended(*, num_epochs=1, num_minibatches=1, loss=None, **options):
    def linear(parameters, rows):
        del rows
        products = jax.tree.map(lambda slope, leaf: jnp.sum(slope * leaf), SLOPES, parameters)
        return sum(jax.tree.leaves(products)), {"approximate_kl": jnp.zeros(())}

    start = jax.tree.map(jnp.zeros_like, SLOPES)
    options = {"learning_rate": 0.1, "max_gradient_norm": jnp.inf, "target_kl": jnp.inf} | options
    return improve(
        start,
        start_optimizer(start),
        batch(),
        jax.random.key(0),
        loss=loss or linear,
        num_epochs=num_epochs,
        num_minibatches=num_minibatches,
        **options,
    )


def adam(gradients, learning_rate, eps=1e-5):
    """Kingma and Ba (2015), algorithm 1, from zero."""
    x = first = second = 0.0
    for t, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9**t), second / (1 - 0.999**t)
        x -= learning_rate * corrected[0] / (np.sqrt(corrected[1]) + eps)
    return x


@pytest.mark.parametrize("bound", [np.inf, 7.0, 1e-4])
def test_steps_are_adam_on_gradients_shortened_to_the_bound(bound):
    parameters, _, metrics = descended(num_epochs=2, num_minibatches=2, max_gradient_norm=bound)
    shortened = min(1, bound / 5)
    for name, slope in SLOPES.items():
        expected = adam([shortened * np.asarray(slope)] * 4, 0.1)
        np.testing.assert_allclose(parameters[name], expected, rtol=1e-3, atol=1e-6)
    assert float(metrics["gradient_norm"]) == pytest.approx(5)


def test_every_epoch_uses_every_environment_once():
    seen = []

    def loss(parameters, rows):
        jax.debug.callback(lambda value: seen.append(np.asarray(value)), rows.value, ordered=True)
        return jnp.sum(parameters["kernel"]), {"approximate_kl": jnp.zeros(())}

    jax.block_until_ready(descended(num_epochs=3, num_minibatches=2, loss=loss))
    jax.effects_barrier()
    orders = np.array(seen).reshape(3, 2, STEPS, ENVIRONMENTS // 2)
    assert np.array_equal(orders, np.broadcast_to(orders[:, :, :1], orders.shape))
    epochs = orders[:, :, 0].reshape(3, ENVIRONMENTS)
    assert np.array_equal(np.sort(epochs), np.broadcast_to(np.arange(ENVIRONMENTS), epochs.shape))
    assert len(np.unique(epochs, axis=0)) > 1


def test_nothing_moves_from_the_step_that_passes_the_target():
    def loss(parameters, rows):
        del rows
        moved = -parameters["bias"]
        return 3 * parameters["bias"], {"approximate_kl": moved}

    # Each step of Adam down a slope is as long as the learning rate: .1, .2, then no further.
    parameters, optimizer, metrics = descended(num_epochs=5, loss=loss, target_kl=0.15)
    assert float(parameters["bias"]) == pytest.approx(-0.2, abs=1e-4)
    assert int(optimizer.count) == 2
    assert float(metrics["approximate_kl"]) == pytest.approx(0.05, abs=1e-4)
