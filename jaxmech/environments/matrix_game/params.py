"""What can be swept of a normal form with payments, and its defaults."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct


@struct.dataclass
class MatrixGameParams:
    """What can be swept.

    Attributes:
      payoffs: float [players, actions of the first, ..., actions of the last], without payments.
      weights: float [players], of each player's payoff in the objective.
      temperature: float [], in units of payoff, of the logit responses.
      bound: float [], on the size of each payment.
    """

    payoffs: jax.Array
    weights: jax.Array
    temperature: jax.Array
    bound: jax.Array


class Sizes(Protocol):
    """What parameters have to fit: the game, or anything with its sizes."""

    @property
    def num_actions(self) -> tuple[int, ...]: ...


def params_of(
    sizes: Sizes,
    payoffs: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    temperature: float = 1.0,
    bound: float = 10.0,
) -> MatrixGameParams:
    """Parameters, with defaults for what is not given.

    Args:
      sizes: the game.
      payoffs: float [players, actions of the first, ..., actions of the last], such as
        ``CHICKEN``.
      weights: float [players], of any sign: all 1 unless given, so that the objective is welfare.

    Raises:
      InvalidValueError: payoffs or weights of another size or not finite, or a temperature or bound
        that is not above 0 and finite.
    """
    players = len(sizes.num_actions)
    given = np.asarray(payoffs, float)
    checks.shape("payoffs", given, "[players, actions of each]", (players, *sizes.num_actions))
    checks.numbers("payoffs", given)
    shares = np.asarray(np.ones(players) if weights is None else weights, float)
    checks.shape("weights", shares, "[players]", (players,))
    checks.numbers("weights", shares)
    checks.number("temperature", temperature, above=0)
    checks.number("bound", bound, above=0)
    return MatrixGameParams(
        payoffs=jnp.asarray(given, float),
        weights=jnp.asarray(shares, float),
        temperature=jnp.asarray(temperature, float),
        bound=jnp.asarray(bound, float),
    )
