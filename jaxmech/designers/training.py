"""Training as one call, to embed in anybody's ``jit``, ``vmap`` or ``scan``."""

from __future__ import annotations

from typing import Any

import jax

from jaxmech.designers.protocols import Designer


def train(designer: Designer, key: jax.Array, *, updates: int) -> tuple[Any, dict[str, jax.Array]]:
    """``updates`` iterations from a fresh state; jittable, with ``updates`` static.

    Returns:
      The last state, and every metric stacked, float [updates].
    """
    return jax.lax.scan(lambda state, _: designer.update(state), designer.init(key), length=updates)
