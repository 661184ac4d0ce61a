"""The branch of solutions of a family of equations that begins with a known one.

Solutions of ``equation(point, scale) = 0`` form curves. That through the known solution at scale 0
is followed by steps along its tangent, each corrected by Newton's method across it, so that it may
turn back and forth in the scale on its way, as branches of quantal response equilibria do
(Turocy 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct

Equation = Callable[[jax.Array, jax.Array], jax.Array]
"""From a point, float [size], and a scale, float [], to what is to be 0, float [size]."""

CORRECTIONS = 5
"""Newton's steps after each step along the tangent."""

FIRST_STEP = 0.05
"""Length of the first step along the curve."""

LARGEST_CORRECTION = 0.15
"""Length of the first correction as a share of the step; larger ones may lead to another curve."""

LARGEST_TURN = 0.95
"""Cosine of the largest angle between the tangents before and after a step."""

MOST_STEPS = 2000
"""Steps, taken or not, after which the curve is given up."""


@struct.dataclass
class Branch:
    """How far a curve of solutions was followed.

    Attributes:
      point: float [size], the solution at the scale asked for, or the last one before the curve was
        lost, which is one at a smaller scale.
      arrived: bool [], whether it is the former.
      steps: int32 [], along the curve, taken or not.
    """

    point: jax.Array
    arrived: jax.Array
    steps: jax.Array


@struct.dataclass
class _Place:
    """Where the curve has been followed to.

    Attributes:
      position: float [size + 1], point and scale.
      tangent: float [size + 1], of length 1.
      length: float [], of the next step.
      arrived: bool [].
      steps: int32 [].
    """

    position: jax.Array
    tangent: jax.Array
    length: jax.Array
    arrived: jax.Array
    steps: jax.Array


def follow(equation: Equation, start: jax.Array, scale: jax.Array) -> Branch:
    """The first solution at ``scale`` on the curve through ``start`` at scale 0.

    Where the curve is lost, ``arrived`` is false; nothing is raised. The point has no derivatives;
    ask ``fixed_point`` for those. Outside a compiled program it compiles anew for every new
    ``equation``: call it in one.

    Args:
      equation: smooth; ``start`` solves it at scale 0, and there the point has no other solution
        nearby.
      start: float [size].
      scale: float [], above 0.
    """
    scale = jnp.asarray(scale, start.dtype)
    unit = jnp.zeros(start.size + 1, start.dtype).at[-1].set(1)

    def whole(position: jax.Array) -> jax.Array:
        return equation(position[:-1], position[-1])

    def across(position: jax.Array, direction: jax.Array) -> jax.Array:
        """Derivatives of the equation, and ``direction`` as the last row."""
        return jnp.concatenate([jax.jacfwd(whole)(position), direction[None]])

    def tangent_at(position: jax.Array, direction: jax.Array) -> jax.Array:
        tangent = jnp.linalg.solve(across(position, direction), unit)
        return tangent / jnp.linalg.norm(tangent)

    def corrected(position: jax.Array, direction: jax.Array) -> tuple[jax.Array, jax.Array]:
        """On the curve again, without a move in ``direction``; and the lengths of the moves."""

        def correct(position: jax.Array, _: Any) -> tuple[jax.Array, jax.Array]:
            missing = jnp.append(whole(position), 0)
            move = jnp.linalg.solve(across(position, direction), missing)
            return position - move, jnp.linalg.norm(move)

        return jax.lax.scan(correct, position, length=CORRECTIONS)

    precision = jnp.sqrt(jnp.finfo(start.dtype).eps)

    def advance(place: _Place) -> _Place:
        ahead = place.position + place.length * place.tangent
        passes = ahead[-1] >= scale
        rest = (scale - place.position[-1]) / jnp.where(passes, place.tangent[-1], 1)
        ahead = jnp.where(passes, place.position + rest * place.tangent, ahead)
        ahead = ahead.at[-1].set(jnp.where(passes, scale, ahead[-1]))
        direction = jnp.where(passes, unit, place.tangent)
        position, moves = corrected(ahead, direction)
        tangent = tangent_at(position, place.tangent)
        step = jnp.where(passes, rest, place.length)
        # Written so that what is not a number is not good.
        good = (
            (moves[-1] <= precision * (1 + jnp.linalg.norm(position)))
            & (moves[0] <= LARGEST_CORRECTION * step)
            & (tangent @ place.tangent >= LARGEST_TURN)
            & (position[-1] > 0)
            & (position[-1] <= scale)
        )
        easy = moves[0] <= LARGEST_CORRECTION / 4 * step
        length = jnp.where(good, place.length * jnp.where(easy, 2, 1), step / 2)
        return _Place(
            position=jnp.where(good, position, place.position),
            tangent=jnp.where(good, tangent, place.tangent),
            length=length,
            arrived=good & passes,
            steps=place.steps + 1,
        )

    def goes_on(place: _Place) -> jax.Array:
        return ~place.arrived & (place.steps < MOST_STEPS)

    position = jnp.append(start, 0)
    first = _Place(
        position,
        tangent_at(position, unit),
        jnp.asarray(FIRST_STEP, start.dtype),
        jnp.zeros((), bool),
        jnp.zeros((), jnp.int32),
    )
    last = jax.lax.while_loop(goes_on, advance, first)
    return Branch(last.position[:-1], last.arrived, last.steps)
