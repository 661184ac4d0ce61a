"""What can be swept of the Escape Room, and its defaults."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct


@struct.dataclass
class EscapeRoomParams:
    """What can be swept.

    Attributes:
      escape_reward: float [], to each agent who chooses the door while it is open.
      move_cost: float [], of any other move.
      temperature: float [], in units of reward: in each step agents maximise what they expect of
        it and of what follows, less ``temperature`` times the relative entropy of their choice to a
        uniform one.
      bound: float [], of each payment, which is at least 0.
    """

    escape_reward: jax.Array
    move_cost: jax.Array
    temperature: jax.Array = struct.number(above=0)
    bound: jax.Array


def params_of(
    *,
    escape_reward: float = 10.0,
    move_cost: float = 1.0,
    temperature: float = 1.0,
    bound: float = 10.0,
) -> EscapeRoomParams:
    """Parameters; the rewards are those of Yang et al. (2020), whose agents pay each other up to 2.

    Raises:
      InvalidValueError: a reward or cost below 0 or not finite, or a temperature or bound that is
        not above 0 and finite.
    """
    checks.number("escape_reward", escape_reward, low=0)
    checks.number("move_cost", move_cost, low=0)
    checks.number("temperature", temperature, above=0)
    checks.number("bound", bound, above=0)
    return EscapeRoomParams(
        escape_reward=jnp.asarray(escape_reward, float),
        move_cost=jnp.asarray(move_cost, float),
        temperature=jnp.asarray(temperature, float),
        bound=jnp.asarray(bound, float),
    )
