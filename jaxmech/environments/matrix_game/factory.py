"""``make("matrix_game")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.matrix_game.game import MatrixGame, PaidFor
from jaxmech.environments.matrix_game.named import NAMED
from jaxmech.environments.matrix_game.params import normal_form_payoffs, params_of
from jaxmech.environments.registry import check_options
from jaxmech.naming import lookup


def make(
    payoffs: str | ArrayLike = "prisoners_dilemma", *, paid_for: PaidFor = "actions", **options: Any
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Players of a normal form who are paid for what they do.

    Args:
      payoffs: float [players, actions of the first, ..., actions of the last], or the name of one
        of ``jaxmech.environments.matrix_game.NAMED``.
      paid_for: see ``MatrixGame``.
      options: weights, temperature and bound, see ``jaxmech.environments.matrix_game.params_of``;
        and of rounds, see ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("matrix_game", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    named = lookup("payoffs", payoffs, NAMED) if isinstance(payoffs, str) else payoffs
    of_players = normal_form_payoffs(named)
    game = MatrixGame(of_players.shape[1:], paid_for)
    return incentive_design(game, params_of(game, of_players, **numbers), **rounds)
