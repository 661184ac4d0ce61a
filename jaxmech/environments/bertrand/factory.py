"""``make("bertrand")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.bertrand.game import Bertrand
from jaxmech.environments.bertrand.params import params_of
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options


def make(
    *, num_nodes: int | None = None, **options: Any
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Two firms that compete by prices under a tax on what each sells.

    Args:
      num_nodes: see ``Bertrand``.
      options: costs, demand and the range of taxes, see
        ``jaxmech.environments.bertrand.params_of``; and of rounds, see
        ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("bertrand", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = Bertrand(num_nodes)
    return incentive_design(game, params_of(**numbers), **rounds)
