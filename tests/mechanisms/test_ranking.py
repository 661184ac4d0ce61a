"""The leaders against a sort, for every way of finding them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.mechanisms.ranking import leaders, tie_order

NOBODY = np.iinfo(np.int32).max


# Two at once; one pass; blocks, also with more places than bidders; longer blocks, of which the
# best is found in two steps.
@pytest.mark.parametrize(("bidders", "places"), [(5, 2), (12, 5), (48, 4), (26, 40), (1000, 13)])
@pytest.mark.parametrize("key", [None, jax.random.key(2)])
def test_leaders_are_the_first_of_a_sort(bidders: int, places: int, key: jax.Array | None) -> None:
    random = np.random.default_rng(bidders)
    # Many ties, zeros of both signs, and bidders who stay out.
    scores = random.integers(0, 5, (16, bidders)).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    scores[0] = -np.inf
    scores[1, 3:] = -np.inf
    scores[2], scores[2, ::2] = 0.0, -0.0
    order = tie_order(bidders, key)
    found = jax.jit(jax.vmap(lambda scores: leaders(scores, places, order)))(jnp.asarray(scores))
    for row, best, who in zip(scores, found.scores, found.order, strict=True):
        ranked = [i for i in np.lexsort((np.asarray(order), -row)) if row[i] > -np.inf][:places]
        missing = places - len(ranked)
        np.testing.assert_array_equal(best, [*row[ranked], *[-np.inf] * missing])
        np.testing.assert_array_equal(who, [*np.asarray(order)[ranked], *[NOBODY] * missing])


@pytest.mark.parametrize("bidders", [26, 400])
def test_the_gradient_goes_to_who_is_in_the_place(bidders: int) -> None:
    scores = jnp.asarray(np.random.default_rng(0).permutation(bidders), float)
    order = tie_order(bidders, None)
    for place in (0, 2):
        gradient = jax.grad(lambda s, place=place: leaders(s, 3, order).scores[place])(scores)
        ranked = int(jnp.argsort(-scores)[place])
        np.testing.assert_array_equal(gradient, jnp.arange(bidders) == ranked)
