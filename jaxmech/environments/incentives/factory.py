"""From a game to the environment around it, for the factories of all games."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from jaxmech.agents.responses.game import Game
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.params import IncentiveDesignParams, params_of


def incentive_design(
    game: Game,
    game_params: Any,
    *,
    num_rounds: int = 1,
    responses_per_round: int | None = None,
    sampled: bool = False,
    response_rate: Any = 1.0,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """The environment around a game, and its parameters.

    Args:
      num_rounds, responses_per_round, sampled: see ``IncentiveDesign``.
      response_rate: see ``IncentiveDesignParams``.

    Raises:
      ValueError: a value out of range.
    """
    env = IncentiveDesign(game, num_rounds, responses_per_round, sampled)
    return env, params_of(game_params, num_rounds=num_rounds, response_rate=response_rate)


def of_rounds(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of ``incentive_design``, and the others."""
    known = signature(incentive_design).parameters
    rounds = {name: value for name, value in options.items() if name in known}
    return rounds, {name: value for name, value in options.items() if name not in known}
