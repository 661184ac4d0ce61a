"""What can be swept of a game whose mechanism is designed."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks, struct
from jaxmech.spaces import Simplex


@struct.dataclass
class IncentiveDesignParams:
    """What can be swept.

    Attributes:
      game: parameters of the game.
      response_rate: float [], how far agents move towards their response at once, above 0 to 1; of
        no account where they are in equilibrium.
      max_steps_in_episode: rounds of an episode. Static.
    """

    game: Any
    response_rate: Any
    max_steps_in_episode: int = struct.field(pytree_node=False)


def probabilities_of(
    field: str, given: ArrayLike | None, axis: str, size: int
) -> NDArray[np.float64]:
    """Probabilities of ``size`` of a kind, float [size]; all alike where none are given.

    Args:
      axis: what there are ``size`` of, such as ``"types"``.

    Raises:
      ValueError: another shape, a number below 0, or a sum other than 1.
    """
    if given is None:
        return np.full(size, 1 / size)
    probabilities = checks.reals(field, given, f"real numbers [{axis}]")
    checks.shape(field, probabilities, f"[{axis}]", (size,))
    Simplex(size).check(field, probabilities)
    return probabilities


def params_of(
    game_params: Any, *, num_rounds: int = 1, response_rate: Any = 1.0
) -> IncentiveDesignParams:
    """Parameters around those of a game.

    Raises:
      ValueError: fewer than one round, or a rate that is not above 0 and up to 1.
    """
    checks.leaf("response_rate", response_rate, above=0, high=1)
    return IncentiveDesignParams(
        game=game_params,
        response_rate=jnp.asarray(response_rate, float),
        max_steps_in_episode=checks.integer("num_rounds", num_rounds),
    )
