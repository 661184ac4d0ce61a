"""What can be swept of a normal form with payments, and its defaults."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    temperature: jax.Array = struct.number(above=0)
    bound: jax.Array


_PAYOFFS = (
    "real numbers [players, actions of the first, ..., actions of the last], with as many axes of "
    "actions as players and at least 1 of each, such as (2, 2, 2) or (3, 2, 2, 2)"
)


class Sizes(Protocol):
    """What parameters have to fit: the game, or anything with its sizes."""

    @property
    def num_actions(self) -> tuple[int, ...]: ...


def normal_form_payoffs(payoffs: ArrayLike) -> NDArray[np.float64]:
    """The payoffs of any number of players, float [players, actions of each].

    Args:
      payoffs: an array, or lists within lists.

    Raises:
      InvalidValueError: numbers that are complex or not finite, lists of unequal lengths, or
        another number of axes than one for the players and one for each player's actions.
    """
    given = checks.reals("payoffs", payoffs, _PAYOFFS)
    if given.ndim < 2 or 0 in given.shape or given.ndim != 1 + len(given):
        got = f"shape {given.shape}" if given.ndim else checks.shown(payoffs)
        raise checks.InvalidValueError("payoffs", payoffs, _PAYOFFS, got=got)
    checks.numbers("payoffs", given)
    return given


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
      InvalidValueError: payoffs or weights of another size, complex or not finite, or a temperature
        or bound that is not above 0 and finite.
    """
    players = len(sizes.num_actions)
    given = normal_form_payoffs(payoffs)
    checks.shape("payoffs", given, "[players, actions of each]", (players, *sizes.num_actions))
    shares = checks.reals("weights", np.ones(players) if weights is None else weights)
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
