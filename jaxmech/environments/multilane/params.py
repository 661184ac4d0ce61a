"""What can be swept of the multi-lane game, and its defaults."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError


@struct.dataclass
class MultilaneParams:
    """What can be swept.

    Attributes:
      mismatch_cost: float [], of the squared distance to each other agent at the end.
      move_cost: float [], of each unit of length moved.
      length: float [], of a lane: agents start, and can move, on 0 to half of it.
      temperature: float [], in units of utility: agents maximise their utility less
        ``temperature`` times the relative entropy of their policy to moves drawn uniformly.
        0 for best responses.
      bound: float [], on the size of each coefficient of the mechanism.
      positions: float [positions], where an agent may start, from 0 to half the length.
      position_weights: float [positions], their probabilities.
    """

    mismatch_cost: jax.Array
    move_cost: jax.Array
    length: jax.Array
    temperature: jax.Array = struct.number(low=0)
    bound: jax.Array
    positions: jax.Array
    position_weights: jax.Array


class Sizes(Protocol):
    """What parameters have to fit: the game, or anything with its sizes."""

    @property
    def num_positions(self) -> int: ...


def params_of(
    sizes: Sizes,
    *,
    mismatch_cost: float = 10.0,
    move_cost: float = 0.1,
    length: float = 1.0,
    temperature: float = 1.0,
    bound: float = 100.0,
    positions: ArrayLike | None = None,
    position_weights: ArrayLike | None = None,
) -> MultilaneParams:
    """Parameters, with defaults for what is not given; Mguni (2018) gives no numbers.

    Args:
      sizes: the game.
      positions: float [positions] of the prior of initial positions: the midpoints of equal cells
        of [0, length / 2] unless given.
      position_weights: float [positions], in proportion to probabilities: equal unless given.

    Raises:
      InvalidValueError: a cost or the temperature negative or not finite, a length or bound not
        above 0 or not finite, positions out of range, weights that are negative, not finite or
        all 0, or the wrong number of either.
    """
    checks.number("mismatch_cost", mismatch_cost, low=0)
    checks.number("move_cost", move_cost, low=0)
    checks.number("length", length, above=0)
    checks.number("temperature", temperature, low=0)
    checks.number("bound", bound, above=0)
    shape = (sizes.num_positions,)
    midpoints = (np.arange(sizes.num_positions) + 0.5) / sizes.num_positions * (length / 2)
    nodes = np.asarray(midpoints if positions is None else positions, float)
    checks.shape("positions", nodes, "[positions]", shape)
    checks.numbers("positions", nodes, low=0, high=length / 2)
    weights = np.asarray(np.ones(shape) if position_weights is None else position_weights, float)
    checks.shape("position_weights", weights, "[positions]", shape)
    checks.numbers("position_weights", weights, low=0)
    if not np.sum(weights) > 0:
        raise InvalidValueError("position_weights", weights, "some above 0", verb="needed are")
    return MultilaneParams(
        mismatch_cost=jnp.asarray(mismatch_cost, float),
        move_cost=jnp.asarray(move_cost, float),
        length=jnp.asarray(length, float),
        temperature=jnp.asarray(temperature, float),
        bound=jnp.asarray(bound, float),
        positions=jnp.asarray(nodes, float),
        position_weights=jnp.asarray(weights / np.sum(weights), float),
    )
