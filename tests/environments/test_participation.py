"""Random subsets of bidders are uniform, and rows come back to where they were."""

from __future__ import annotations

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.environments.repeated_auction.participation import (
    draw_participants,
    num_draws,
    put_back,
    select,
)


def subsets(bidders, participants, count, seed=0):
    uniforms = jax.random.uniform(jax.random.key(seed), (count, num_draws(bidders, participants)))
    return np.asarray(
        jax.jit(jax.vmap(lambda row: draw_participants(row, bidders, participants)))(uniforms)
    )


@pytest.mark.parametrize(("bidders", "participants"), [(6, 2), (5, 4), (4, 3), (3, 1)])
def test_every_subset_is_equally_likely(bidders, participants):
    count = 60_000
    drawn = np.sort(subsets(bidders, participants, count), axis=1)
    expected = list(combinations(range(bidders), participants))
    seen, counts = np.unique(drawn, axis=0, return_counts=True)
    assert [tuple(row) for row in seen] == expected
    share = 1 / len(expected)
    error = np.sqrt(share * (1 - share) / count)
    np.testing.assert_array_less(np.abs(counts / count - share), 4.5 * error)


@pytest.mark.parametrize(("bidders", "participants"), [(6, 6), (40, 17), (40, 3)])
def test_nobody_is_drawn_twice(bidders, participants):
    drawn = subsets(bidders, participants, 500)
    assert drawn.shape == (500, participants)
    assert drawn.min() >= 0 and drawn.max() < bidders
    assert all(len(set(row)) == participants for row in drawn)
    counts = np.bincount(drawn.ravel(), minlength=bidders)
    expected = 500 * participants / bidders
    assert np.all(np.abs(counts - expected) <= 6 * np.sqrt(expected))


def test_draws_at_the_ends_of_the_interval():
    for uniform in (0.0, 1 - 2.0**-24):
        drawn = np.asarray(draw_participants(jnp.full(3, uniform), 6, 3))
        assert len(set(drawn.tolist())) == 3 and drawn.min() >= 0 and drawn.max() < 6


@pytest.mark.parametrize("bidders", [5, 30])
@pytest.mark.parametrize("shape", [(), (4,)])
def test_select_and_put_back(bidders, shape):
    array = jnp.asarray(np.random.default_rng(0).normal(size=(bidders, *shape)))
    participants = jnp.asarray([3, 0, 4], jnp.int32)
    rows = select(array, participants)
    np.testing.assert_array_equal(rows, np.asarray(array)[[3, 0, 4]])
    np.testing.assert_array_equal(put_back(rows, array, participants), array)
    expected = np.array(array)
    expected[[3, 0, 4]] = 7 * np.asarray(rows)
    np.testing.assert_array_equal(put_back(7 * rows, array, participants), expected)
