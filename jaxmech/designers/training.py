"""Training as one call, to embed in anybody's ``jit``, ``vmap`` or ``scan``."""

from __future__ import annotations

from typing import Any

import jax

from jaxmech import checks
from jaxmech.designers.protocols import Designer


def train(designer: Designer, key: jax.Array, *, updates: int) -> tuple[Any, dict[str, jax.Array]]:
    """``updates`` iterations from a fresh state; jittable, with ``updates`` static.

    Returns:
      The last state, and every metric stacked, float [updates].

    Raises:
      InvalidValueError: updates that are no whole number from 0.
    """
    checks.integer("updates", updates, low=0)
    return jax.lax.scan(lambda state, _: designer.update(state), designer.init(key), length=updates)
