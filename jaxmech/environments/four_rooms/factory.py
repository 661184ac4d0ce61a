"""``make("four_rooms")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.four_rooms.game import FourRooms
from jaxmech.environments.four_rooms.grid import Grid
from jaxmech.environments.four_rooms.params import params_of
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options


def make(
    *, grid: Grid | None = None, max_steps: int = 2000, **options: Any
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """A leader who makes it dear for a follower to be in some cells of four rooms.

    Args:
      grid: the rooms; those of ``Grid`` where it is None.
      max_steps: see ``FourRooms``.
      options: temperature, costs and rewards, see ``jaxmech.environments.four_rooms.params_of``;
        and of rounds, see ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("four_rooms", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = FourRooms(Grid() if grid is None else grid, max_steps)
    return incentive_design(game, params_of(game, **numbers), **rounds)
