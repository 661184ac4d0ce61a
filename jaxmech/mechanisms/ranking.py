"""Who ranks first: the one place that chooses how to rank, by sizes known when compiling.

Scores are float [bidders]; -inf marks a bidder who does not take part. Among equal scores the
lower ``order``, int32 [bidders], goes first; no two are equal, so a place names one bidder.

Measured on a two-core CPU under ``vmap``: sorting is 10 to 60 times slower than finding the
few best one after another, and comparing all pairs 3 to 10 times. XLA vectorises a pass that
carries score and order together if the axis is short, hence the blocks; searching again only
the block of who was last found makes four places among 48 bidders 1.8 times faster.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmech import struct

RUNNING_TOP_TWO = 12
"""Most bidders whose best two are found by a loop unrolled over bidders."""

ONE_PASS = 24
"""Most bidders whose best is found in one pass that carries score and order together."""

BLOCK = 8
"""Of more bidders the best of each block of so many is found so, then the best of those; blocks
are twice as long where that leaves ``ONE_PASS`` of them and these do not."""

UNROLLED_PLACES = 16
"""Most places found by a loop unrolled over places, which takes time to compile."""

WINNERS_ONE_BY_ONE = 256
"""Most winners found one after another; sorting beyond keeps the cost at n log n."""

_LAST = jnp.iinfo(jnp.int32).max

_Firsts = tuple[jax.Array, jax.Array]


@struct.dataclass
class Leaders:
    """The best bidders, the best first.

    Attributes:
      scores: float [places]; -inf beyond the last who takes part.
      order: int32 [places], which tells the bidders apart; nobody's where the score is -inf.
    """

    scores: jax.Array
    order: jax.Array


def tie_order(num_bidders: int, key: jax.Array | None) -> jax.Array:
    """Who goes first among equals, int32 [bidders]: the lowest index, or at random by ``key``."""
    index = jnp.arange(num_bidders, dtype=jnp.int32)
    if key is None:
        return index
    # The index in the lowest bits keeps random orders apart at no cost. The two highest are 0:
    # the sign, and one that keeps orders below _LAST.
    low_bits = _index_bits(num_bidders)
    random = jax.random.bits(key, (num_bidders,), jnp.uint32) >> (low_bits + 2)
    return (random.astype(jnp.int32) << low_bits) | index


def _index_bits(num_bidders: int) -> int:
    return max(num_bidders - 1, 1).bit_length()


def _index(order: jax.Array, num_bidders: int) -> jax.Array:
    """Whose ``tie_order`` it is."""
    return order & (2 ** _index_bits(num_bidders) - 1)


@partial(jax.jit, static_argnames="places", inline=True)
def leaders(scores: jax.Array, places: int, order: jax.Array) -> Leaders:
    """The bidders in the first ``places``, which may be more than there are bidders."""
    return Leaders(*_leaders(places, scores, order))


@partial(jax.jit, static_argnames="units", inline=True)
def winners(scores: jax.Array, units: int, order: jax.Array) -> jax.Array:
    """Who is among the ``units`` best and takes part, bool [bidders]."""
    takes_part = scores > -jnp.inf
    if units >= scores.shape[0]:
        return takes_part
    scores = lax.stop_gradient(scores)
    if units <= WINNERS_ONE_BY_ONE:
        found = leaders(scores, units, order)
        cut, last = found.scores[-1], found.order[-1]
    else:
        negated, sorted_order = lax.sort((-scores, order), num_keys=2)
        cut, last = -negated[units - 1], sorted_order[units - 1]
    return takes_part & ((scores > cut) | ((scores == cut) & (order <= last)))


def highest_other(scores: jax.Array, excluded: jax.Array) -> jax.Array:
    """Highest score of those not ``excluded``, bool [bidders]; -inf without any."""
    return jnp.max(jnp.where(excluded, -jnp.inf, scores))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _leaders(places: int, scores: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    if places == 2 and 2 <= scores.shape[0] <= RUNNING_TOP_TWO:
        return _running_top_two(scores, order)
    if scores.shape[0] <= ONE_PASS:
        return _in_turn(places, scores, order)
    return _in_turn_by_blocks(places, scores, order)


@_leaders.defjvp
def _leaders_jvp(
    places: int, primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, Any]]:
    scores, order = primals
    best, who = _leaders(places, scores, order)
    changes = jnp.sum(jnp.where(order[None] == who[:, None], tangents[0][None], 0), axis=1)
    return (best, who), (changes, np.zeros(who.shape, jax.dtypes.float0))


def _in_turn(places: int, scores: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first, then the first of the others, and so on."""

    def next_place(left: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        best, who = _one_pass(left, order)
        return jnp.where(order == who, -jnp.inf, left), (best, _or_nobody(best, who))

    found: tuple[jax.Array, jax.Array]
    _, found = lax.scan(next_place, scores, length=places, unroll=_unrolled(places))
    return found


def _in_turn_by_blocks(
    places: int, scores: jax.Array, order: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """As ``_in_turn``: keeps the first of every block, and searches one block again a place."""
    num_bidders = scores.shape[0]
    length = 2 * BLOCK if BLOCK < num_bidders / ONE_PASS <= 2 * BLOCK else BLOCK
    blocks = num_bidders // length
    in_blocks = blocks * length
    # Whoever is left over is a block apart: padding all of them would keep the pass over the
    # blocks from being vectorised.
    rest = (scores[in_blocks:], order[in_blocks:])
    scores = scores[:in_blocks].reshape(blocks, length)
    order = order[:in_blocks].reshape(blocks, length)
    all_firsts = _one_pass(scores, order)
    if num_bidders > in_blocks:
        all_firsts = _appended(all_firsts, _one_pass(*rest))
        rest = _padded(length, *rest)

    def block(number: jax.Array) -> _Firsts:
        scores_there = lax.dynamic_index_in_dim(scores, number, keepdims=False)
        order_there = lax.dynamic_index_in_dim(order, number, keepdims=False)
        if num_bidders == in_blocks:
            return scores_there, order_there
        in_rest = number == blocks
        return jnp.where(in_rest, rest[0], scores_there), jnp.where(in_rest, rest[1], order_there)

    def next_place(firsts: _Firsts, _: None) -> tuple[_Firsts, _Firsts]:
        best, who = _first(*firsts)
        searched = _index(who, num_bidders) // length
        its_scores, its_order = block(searched)
        left = (its_scores < best) | ((its_scores == best) & (its_order > who))
        next_first = _one_pass(jnp.where(left, its_scores, -jnp.inf), its_order)
        here = jnp.arange(firsts[0].shape[0]) == searched
        firsts = (
            jnp.where(here, next_first[0], firsts[0]),
            jnp.where(here, next_first[1], firsts[1]),
        )
        return firsts, (best, _or_nobody(best, who))

    found: _Firsts
    _, found = lax.scan(next_place, all_firsts, length=places, unroll=_unrolled(places))
    return found


def _appended(firsts: _Firsts, one: _Firsts) -> _Firsts:
    return jnp.append(firsts[0], one[0]), jnp.append(firsts[1], one[1])


def _padded(length: int, scores: jax.Array, order: jax.Array) -> _Firsts:
    """With nobody, to the length of a block."""
    padding = length - scores.shape[0]
    return (
        jnp.pad(scores, (0, padding), constant_values=-jnp.inf),
        jnp.pad(order, (0, padding), constant_values=_LAST),
    )


def _unrolled(places: int) -> int:
    return places if places <= UNROLLED_PLACES else 1


def _first(scores: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Score and order of the first."""
    if scores.shape[0] <= ONE_PASS:
        return _one_pass(scores, order)
    best = jnp.max(scores)
    return best, jnp.min(jnp.where(scores == best, order, _LAST))


def _one_pass(scores: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Score and order of the first along the last axis."""

    def better(
        one: tuple[jax.Array, jax.Array], other: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        (score, rank), (other_score, other_rank) = one, other
        goes_first = (score > other_score) | ((score == other_score) & (rank < other_rank))
        return (
            jnp.where(goes_first, score, other_score),
            jnp.where(goes_first, rank, other_rank),
        )

    start = (jnp.asarray(-jnp.inf, scores.dtype), jnp.asarray(_LAST, jnp.int32))
    best, who = lax.reduce((scores, order), start, better, (scores.ndim - 1,))
    return best, who


def _running_top_two(scores: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    best, second = scores[0], jnp.full_like(scores[0], -jnp.inf)
    who, runner_up = order[0], jnp.full_like(order[0], _LAST)
    for bidder in range(1, scores.shape[0]):
        score, rank = scores[bidder], order[bidder]
        leads = (score > best) | ((score == best) & (rank < who))
        follows = (score > second) | ((score == second) & (rank < runner_up))
        # Not by `follows`, so that XLA drops it where nobody asks who is second.
        second = jnp.where(leads, best, jnp.maximum(score, second))
        runner_up = jnp.where(leads, who, jnp.where(follows, rank, runner_up))
        best, who = jnp.where(leads, score, best), jnp.where(leads, rank, who)
    order = jnp.stack([_or_nobody(best, who), _or_nobody(second, runner_up)])
    return jnp.stack([best, second]), order


def _or_nobody(score: jax.Array, who: jax.Array) -> jax.Array:
    return jnp.where(score > -jnp.inf, who, _LAST)
