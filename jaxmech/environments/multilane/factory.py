"""``make("multilane")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.agents.responses.transfers import Polynomial, Transfer
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.multilane.game import Multilane, PaidPosition
from jaxmech.environments.multilane.params import params_of
from jaxmech.environments.registry import check_options


def make(
    *,
    num_agents: int = 5,
    blind: bool = False,
    transfer: Transfer | None = None,
    paid_position: PaidPosition = "terminal",
    num_positions: int = 101,
    num_actions: int = 201,
    **options: Any,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Agents in lanes of their own who had better end up side by side.

    Args:
      num_agents, blind, paid_position, num_positions, num_actions: see ``Multilane``.
      transfer: what is paid for a position; a polynomial of degree 2 where it is None.
      options: costs, temperature and bound, see ``jaxmech.environments.multilane.params_of``; and
        of rounds, see ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("multilane", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    paid = Polynomial() if transfer is None else transfer
    game = Multilane(num_agents, blind, paid, paid_position, num_positions, num_actions)
    return incentive_design(game, params_of(game, **numbers), **rounds)
