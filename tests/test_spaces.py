"""Spaces have gymnax's attributes, and samples lie in them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.spaces import Box, Discrete

KEYS = jax.random.split(jax.random.key(0), 2000)


def test_discrete_is_uniform_over_its_integers():
    space = Discrete(5)
    draws = jax.vmap(space.sample)(KEYS)
    assert (space.n, space.shape, draws.dtype) == (5, (), jnp.int32)
    assert jax.vmap(space.contains)(draws).all()
    shares = np.bincount(draws, minlength=5) / len(draws)
    np.testing.assert_allclose(shares, 0.2, atol=4 * np.sqrt(0.16 / len(draws)))
    assert not space.contains(5) and not space.contains(-1)
    assert Discrete(5) == space and hash(Discrete(5)) == hash(space)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (np.array([-1.0, 0.0, 2.0]), np.array([1.0, 3.0, 2.5]))]
)
def test_box_is_uniform_between_its_bounds(low, high):
    space = Box(low, high, (3,))
    draws = jax.vmap(space.sample)(KEYS)
    assert draws.shape == (len(KEYS), 3) and draws.dtype == space.dtype == jnp.float32
    assert jax.vmap(space.contains)(draws).all()
    middle, width = (np.asarray(low) + high) / 2, np.asarray(high) - low
    bound = 4 * width / np.sqrt(12 * len(KEYS))
    assert (np.abs(draws.mean(axis=0) - middle) < bound).all()
    assert not space.contains(jnp.full(3, 10.0))
    assert not space.contains(jnp.array([0.5, 0.5, -3.0]))
    assert not space.contains(jnp.full(3, jnp.nan))


def test_box_follows_the_float_width():
    with jax.enable_x64(True):
        space = Box(0.0, 1.0, (2,))
        assert space.dtype == space.sample(jax.random.key(0)).dtype == jnp.float64
