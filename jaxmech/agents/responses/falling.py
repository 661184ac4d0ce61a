"""The search for the one number at which a falling response meets itself."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optimistix

_BISECTION: Any = optimistix.Bisection
"""To type checkers it lacks an argument, which it has a constant for."""


def falling_bisection(like: jax.Array) -> optimistix.AbstractRootFinder:
    """Bisection to the precision of ``like``, for the fixed point of a response that falls.

    Ends between which there is no such point are not refused: the one nearest to it is found.
    """
    tolerance = 8 * float(jnp.finfo(like.dtype).eps)
    finder: optimistix.AbstractRootFinder = _BISECTION(rtol=tolerance, atol=tolerance, flip=True)
    return finder
