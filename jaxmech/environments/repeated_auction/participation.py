"""Which bidders take part in a round, and moving numbers between all bidders and those."""

from __future__ import annotations

import jax
import jax.numpy as jnp

_UNROLLED_UP_TO = 16
"""Sizes up to which a chain of selections is sooner done than a gather or a sort, on CPUs."""


def num_draws(num_bidders: int, num_participants: int) -> int:
    """How many uniform numbers ``draw_participants`` needs."""
    if num_participants == num_bidders:
        return 0
    return num_participants if num_participants <= _UNROLLED_UP_TO else num_bidders


def draw_participants(uniforms: jax.Array, num_bidders: int, num_participants: int) -> jax.Array:
    """A uniformly random subset, int32 [participants], without repetition.

    Floyd's algorithm (Bentley and Floyd 1987): a draw for each participant, no permutation.

    Args:
      uniforms: float [num_draws], uniform on [0, 1).
    """
    if num_participants == num_bidders:
        return jnp.arange(num_bidders, dtype=jnp.int32)
    if num_participants > _UNROLLED_UP_TO:
        return jax.lax.top_k(uniforms, num_participants)[1].astype(jnp.int32)
    chosen: list[jax.Array] = []
    for place, last in enumerate(range(num_bidders - num_participants, num_bidders)):
        candidate = jnp.minimum((uniforms[place] * (last + 1)).astype(jnp.int32), last)
        for other in chosen:
            # No earlier one is `last`, so a repeated candidate changes once, to something new.
            candidate = jnp.where(candidate == other, last, candidate)
        chosen.append(candidate)
    return jnp.stack(chosen)


def select(array: jax.Array, participants: jax.Array) -> jax.Array:
    """The rows of the participants, [participants, ...].

    Args:
      array: [bidders, ...].
      participants: int32 [participants].
    """
    num_bidders, num_participants = len(array), len(participants)
    if num_participants == num_bidders:
        return array
    if num_bidders > _UNROLLED_UP_TO:
        return array[participants]
    which = participants.reshape((-1,) + (1,) * (array.ndim - 1))
    rows = jnp.broadcast_to(array[0], (num_participants, *array.shape[1:]))
    for bidder in range(1, num_bidders):
        rows = jnp.where(which == bidder, array[bidder], rows)
    return rows


def put_back(rows: jax.Array, array: jax.Array, participants: jax.Array) -> jax.Array:
    """``array`` with the participants' rows replaced, [bidders, ...].

    Args:
      rows: [participants, ...].
      array: [bidders, ...].
      participants: int32 [participants], without repetition.
    """
    if len(participants) == len(array):
        return rows
    if len(array) > _UNROLLED_UP_TO:
        return array.at[participants].set(rows)
    bidders = jnp.arange(len(array)).reshape((-1,) + (1,) * (array.ndim - 1))
    for place in range(len(participants)):
        array = jnp.where(bidders == participants[place], rows[place], array)
    return array
