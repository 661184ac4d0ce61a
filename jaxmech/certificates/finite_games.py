"""What is certain of policies in a finite game: gains from deviating, and from staying away.

Exact, as games are finite; differentiable, and of one game: batches go through ``jax.vmap``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.responses.finite_games import FiniteGame, Policies
from jaxmech.agents.responses.outside_options import outside_options


@struct.dataclass
class Deviations:
    """How far policies are from an equilibrium that everybody takes part in.

    Attributes:
      gains: float [players], at least 0, what a best response to the others would add to each
        player's expected utility.
      exploitability: float [], their sum; 0 in a Bayes-Nash equilibrium and nowhere else.
      participation_slack: float [players], expected utility less what staying away is worth;
        negative where a player is better off so. It is before types are known.
    """

    gains: jax.Array
    exploitability: jax.Array
    participation_slack: jax.Array


def deviations(game: FiniteGame, policies: Policies, outside_option: Any = 0.0) -> Deviations:
    """Gains of best responses, and of staying away.

    Args:
      game: as players see it, payments included.
      policies: of each player float [types, actions].
      outside_option: what staying away is worth, a scalar or float [players].

    Raises:
      InvalidValueError: an outside option of another shape or not finite.
    """
    gains, utilities = game.gains(policies), game.utilities(policies)
    outside = outside_options(outside_option, "players", game.num_players, utilities.dtype)
    return Deviations(gains, jnp.sum(gains), utilities - outside)
