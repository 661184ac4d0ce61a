"""Running moments against NumPy over everything seen."""

import jax.numpy as jnp
import numpy as np

from jaxmech.designers.normalization import RunningMoments


def test_batches_add_up_to_the_moments_of_all_that_counts():
    rng = np.random.default_rng(0)
    batches = rng.normal(3, 2, (3, 5, 4, 2))
    weights = rng.integers(0, 2, (3, 5, 4)).astype(float)
    moments = RunningMoments.start((2,))
    for batch, weight in zip(batches, weights, strict=True):
        moments = moments.include(jnp.asarray(batch), jnp.asarray(weight))
    seen = batches[weights > 0]
    assert float(moments.count) == len(seen)
    np.testing.assert_allclose(moments.mean, seen.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, seen.var(axis=0), rtol=1e-4)


def test_normalising_what_was_seen_gives_mean_zero_and_variance_one():
    sample = jnp.asarray(np.random.default_rng(1).normal(5, 3, (1000, 1)))
    moments = RunningMoments.start((1,)).include(sample, jnp.ones(1000))
    normalised = moments.normalize(sample)
    np.testing.assert_allclose(normalised.mean(), 0, atol=1e-4)
    np.testing.assert_allclose(normalised.std(), 1, atol=1e-3)


def test_nothing_seen_leaves_the_moments_alone():
    before = RunningMoments.start((2,))
    after = before.include(jnp.ones((3, 2)), jnp.zeros(3))
    np.testing.assert_array_equal(after.mean, before.mean)
