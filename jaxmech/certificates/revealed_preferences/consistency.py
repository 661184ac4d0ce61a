"""Whether choices are consistent with the maximisation of a utility, ties included.

``jaxmech.certificates.revealed_preferences.closed_paths`` says what ``costs`` are.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech.certificates.revealed_preferences.closed_paths import widest, widths


def satisfies_garp(costs: jax.Array) -> jax.Array:
    """Whether no closed path of comparisons contains one that is strict, bool [].

    The generalised axiom of revealed preference (Varian 1982). A closed path of comparisons all of
    which are strict is a gap above 0; one whose other comparisons hold with equality is none, and
    violates the axiom all the same.

    Args:
      costs: float [observations, observations], of one agent.
    """
    width = widths(costs)
    found = widest(width)
    # Only with ties must paths be followed.
    tied = jax.lax.cond(found == 0, _closes_strictly, lambda _: jnp.asarray(False), width)
    return jnp.where(jnp.isnan(found), False, ~((found > 0) | tied))


def _closes_strictly(width: jax.Array) -> jax.Array:
    """Whether a strict comparison lies on a closed path, bool []."""

    def through(place: jax.Array, reached: jax.Array) -> jax.Array:
        return reached | (reached[:, place, None] & reached[None, place])

    reached = jax.lax.fori_loop(0, width.shape[0], through, width >= 0)
    return jnp.any(reached & (width.T > 0))
