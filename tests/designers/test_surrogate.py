"""The surrogate loss against sums written out by hand."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.ppo.surrogate import (
    Batch,
    clipped_surrogate,
    explained_variance,
    rows_of,
    weighted_mean,
)

OLD_LOG_PROB = np.log([0.5, 0.2, 0.4, 0.9])
NEW_LOG_PROB = np.log([0.75, 0.1, 0.4, 0.1])
ADVANTAGE = np.array([1.0, -2.0, 0.5, 3.0])
OLD_VALUE = np.array([0.0, 1.0, 2.0, 9.0])
NEW_VALUE = np.array([1.0, 1.1, 1.0, 0.0])
TARGET = np.array([2.0, 1.0, 0.0, 5.0])
ENTROPY = np.array([0.1, 0.2, 0.3, 7.0])
WEIGHT = np.array([1.0, 1.0, 1.0, 0.0])  # the last step counts for nothing

BATCH = Batch(
    observation=jnp.zeros((4, 1)),
    action=jnp.zeros(4),
    log_prob=jnp.asarray(OLD_LOG_PROB),
    value=jnp.asarray(OLD_VALUE),
    advantage=jnp.asarray(ADVANTAGE),
    target=jnp.asarray(TARGET),
    weight=jnp.asarray(WEIGHT),
)
DISTRIBUTION = SimpleNamespace(
    log_prob_and_entropy=lambda *_: (jnp.asarray(NEW_LOG_PROB), jnp.asarray(ENTROPY))
)


def loss(**options):
    options = {
        "clip": 0.2,
        "value_clip": np.inf,
        "value_weight": 0.5,
        "entropy_bonus": 0.0,
    } | options
    return clipped_surrogate(
        None,
        BATCH,
        network=lambda *_: (None, jnp.asarray(NEW_VALUE)),
        distribution=DISTRIBUTION,
        **options,
    )


def test_parts_have_their_closed_forms():
    total, parts = loss(entropy_bonus=0.3)
    # Ratios 1.5, .5, 1: the first gain is held at 1.2; the second, a loss, at .8.
    policy_loss = -(1.2 * 1 + 0.8 * -2 + 1 * 0.5) / 3
    value_loss = (1.0 + 0.01 + 1.0) / 3
    assert float(parts["policy_loss"]) == pytest.approx(policy_loss, rel=1e-5)
    assert float(parts["value_loss"]) == pytest.approx(value_loss, rel=1e-5)
    assert float(parts["entropy"]) == pytest.approx(0.2, rel=1e-5)
    assert float(parts["clip_fraction"]) == pytest.approx(2 / 3)
    divergence = ((0.5 - np.log(1.5)) + (-0.5 - np.log(0.5))) / 3
    assert float(parts["approximate_kl"]) == pytest.approx(divergence, rel=1e-4)
    expected = policy_loss + 0.5 * value_loss - 0.3 * 0.2
    assert float(total) == pytest.approx(expected, rel=1e-5)


def test_value_clip_takes_the_worse_of_the_two_errors():
    _, parts = loss(value_clip=0.5)
    # Values held within .5 of the old: .5, 1.1, 1.5.
    assert float(parts["value_loss"]) == pytest.approx((1.5**2 + 0.01 + 1.5**2) / 3, rel=1e-5)


def test_explained_variance_is_one_for_right_values_and_zero_for_constant_ones():
    assert float(explained_variance(BATCH.replace(value=BATCH.target))) == pytest.approx(1)
    assert float(explained_variance(BATCH.replace(value=jnp.ones(4)))) == pytest.approx(0)


def test_weighted_mean_of_nothing_is_zero():
    assert float(weighted_mean(jnp.ones(3), jnp.zeros(3))) == 0


def test_rows_are_the_steps_of_the_environments_asked_for():
    steps = jnp.arange(6.0).reshape(2, 3)
    batch = BATCH.replace(
        observation=steps[..., None], action=steps, log_prob=steps, value=steps,
        advantage=steps, target=steps, weight=steps,
    )  # fmt: skip
    rows = rows_of(batch, jnp.array([2, 0]))
    np.testing.assert_array_equal(rows.value, [2, 0, 5, 3])
    np.testing.assert_array_equal(rows.observation[:, 0], rows.value)
