"""``make("escape_room")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.escape_room.game import EscapeRoom
from jaxmech.environments.escape_room.params import params_of
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options


def make(
    *,
    num_agents: int = 2,
    num_holders: int = 1,
    num_steps: int = 5,
    symmetric: bool = False,
    by_step: bool = False,
    **options: Any,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Agents who leave a room only where some of them are paid to hold its door.

    Args:
      num_agents, num_holders, num_steps, symmetric, by_step: see ``EscapeRoom``.
      options: rewards, temperature and bound, see ``jaxmech.environments.escape_room.params_of``;
        and of rounds, see ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("escape_room", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = EscapeRoom(num_agents, num_holders, num_steps, symmetric, by_step)
    return incentive_design(game, params_of(**numbers), **rounds)
