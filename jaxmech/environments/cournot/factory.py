"""``make("cournot")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.cournot.game import Cournot
from jaxmech.environments.cournot.params import params_of
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options


def make(
    *, num_nodes: int | None = None, **options: Any
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Firms that compete by quantities under a tax on what they emit.

    Args:
      num_nodes: see ``Cournot``.
      options: costs, demand, damage and the range of taxes, see
        ``jaxmech.environments.cournot.params_of``; and of rounds, see
        ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("cournot", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = Cournot(num_nodes)
    return incentive_design(game, params_of(**numbers), **rounds)
