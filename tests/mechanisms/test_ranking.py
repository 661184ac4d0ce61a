"""The leaders against a sort, for every way of finding them."""

from __future__ import annotations

from functools import cache, partial

import jax
import numpy as np
import pytest

from jaxmech.mechanisms.ranking import Leaders, leaders, tie_order

NOBODY = np.iinfo(np.int32).max
# Bidders and places. Two at once; one pass; blocks, also with more places than bidders; longer
# blocks, of which the best is found in two steps.
SIZES = [(5, 2), (12, 5), (48, 4), (26, 40), (1000, 13)]


@partial(jax.jit, static_argnums=1)
def _leaders(scores: jax.Array, places: int, order: jax.Array) -> Leaders:
    return jax.vmap(lambda scores: leaders(scores, places, order))(scores)


@cache
def orders(seed: int | None) -> dict[int, np.ndarray]:
    """By the number of bidders."""

    @jax.jit
    def of_each_size() -> dict[int, jax.Array]:
        key = None if seed is None else jax.random.key(seed)
        return {bidders: tie_order(bidders, key) for bidders, _ in SIZES}

    return jax.device_get(of_each_size())


@pytest.mark.parametrize(("bidders", "places"), SIZES)
@pytest.mark.parametrize("seed", [None, 2])
def test_leaders_are_the_first_of_a_sort(bidders: int, places: int, seed: int | None) -> None:
    random = np.random.default_rng(bidders)
    # Many ties, zeros of both signs, and bidders who stay out.
    scores = random.integers(0, 5, (16, bidders)).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    scores[0] = -np.inf
    scores[1, 3:] = -np.inf
    scores[2], scores[2, ::2] = 0.0, -0.0
    order = orders(seed)[bidders]
    found = jax.device_get(_leaders(scores, places, order))
    for row, best, who in zip(scores, found.scores, found.order, strict=True):
        ranked = [i for i in np.lexsort((order, -row)) if row[i] > -np.inf][:places]
        missing = places - len(ranked)
        np.testing.assert_array_equal(best, [*row[ranked], *[-np.inf] * missing])
        np.testing.assert_array_equal(who, [*order[ranked], *[NOBODY] * missing])


@pytest.mark.parametrize("bidders", [26, 400])
def test_the_gradient_goes_to_who_is_in_the_place(bidders: int) -> None:
    scores = np.random.default_rng(0).permutation(bidders).astype(np.float32)
    order = np.arange(bidders, dtype=np.int32)
    gradients = jax.jit(jax.jacobian(lambda scores: leaders(scores, 3, order).scores))(scores)
    best_first = np.argsort(-scores)
    for place in (0, 2):
        np.testing.assert_array_equal(gradients[place], np.arange(bidders) == best_first[place])
