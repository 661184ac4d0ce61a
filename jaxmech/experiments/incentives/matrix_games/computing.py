"""Payments designed for the players of matrix games, beside the best that payments can do."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents.responses.game import equilibrium
from jaxmech.certificates.finite_games import Deviations, deviations
from jaxmech.designers import AnnealedTemperature
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.matrix_game import NAMED, MatrixGame
from jaxmech.experiments.incentives.designing import (
    Designed,
    MechanismDesigner,
    Outcomes,
    design,
    kept_outcomes,
    two_timescale,
)
from jaxmech.experiments.incentives.matrix_games.configuration import (
    GameName,
    MatrixGamesStudy,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.matrix_games import best_quantal_response, best_welfare
from jaxmech.reports.findings import Findings


@dataclass(frozen=True)
class Paid:
    """What was found in a game at a temperature.

    Attributes:
      game, temperature: which.
      designed: the payments of each restart.
      unpaid: without payments, one entry.
      deviations: of the players under the payments of each restart, arrays [seeds, ...].
      best_joint_action: welfare of the best of what all players can do together.
      best_with_errors: the highest welfare of a quantal response equilibrium under such payments.
    """

    game: GameName
    temperature: float
    designed: Designed
    unpaid: Outcomes
    deviations: Deviations
    best_joint_action: float
    best_with_errors: float

    @property
    def cell(self) -> str:
        return cell_of(self.game, self.temperature)

    @property
    def welfare(self) -> NDArray[np.float64]:
        """Of each restart, float [seeds]."""
        return np.asarray(self.designed.outcomes.objective, np.float64)

    @property
    def paid_out(self) -> NDArray[np.float64]:
        """What all players together are paid, as expected in each restart, float [seeds]."""
        return np.asarray(self.designed.outcomes.utilities).sum(axis=-1) - self.welfare

    def reached(self, within: float) -> NDArray[np.bool_]:
        """Which restarts come to the best, errors allowed for, bool [seeds]."""
        return np.asarray(self.welfare >= self.best_with_errors - within)


def cell_of(game: GameName, temperature: float) -> str:
    """What a game at a temperature is called."""
    return f"{game}_temperature_{temperature:g}"


def compute(study: MatrixGamesStudy, workspace: Workspace) -> Findings:
    """Designs payments in each game, and finds what they are worth."""
    from jaxmech.experiments.incentives.matrix_games.findings import findings

    found = [
        _paid(study, workspace, game, temperature)
        for game in study.games
        for temperature in study.temperatures
    ]
    return findings(study, found)


def deviations_under(
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    mechanisms: jax.Array,
    outside_option: jax.Array,
) -> Deviations:
    """What players would gain in equilibrium under each mechanism, arrays [mechanisms, ...]."""
    game = env.game
    assert isinstance(game, MatrixGame)

    def of(mechanism: jax.Array) -> Deviations:
        policies = equilibrium(game, mechanism, params.game).point
        return deviations(game.paid(mechanism, params.game), policies, outside_option)

    return jax.lax.map(of, mechanisms)


def best_with_errors(game: GameName, temperature: float, bound: float) -> float:
    """The highest welfare of a quantal response equilibrium under bounded payments."""
    return best_quantal_response(NAMED[game], temperature=temperature, bound=bound).welfare


def _designer(
    study: MatrixGamesStudy, env: IncentiveDesign, params: IncentiveDesignParams
) -> MechanismDesigner:
    designer = two_timescale(env, params, study.two_timescale)
    if study.first_temperature is None:
        return designer
    falling = max(1, study.updates // 2)
    return AnnealedTemperature(designer, first=study.first_temperature, updates=falling)


def _paid(
    study: MatrixGamesStudy, workspace: Workspace, game: GameName, temperature: float
) -> Paid:
    env, params = study.build(game, temperature)
    cell = cell_of(game, temperature)
    best = workspace.kept_on_host(f"{cell}_best", best_with_errors, game, temperature, study.bound)
    nothing = np.zeros((1, *env.action_space(params).shape))
    unpaid = kept_outcomes(workspace, f"{cell}_unpaid", env, params, nothing)
    designed = design(
        workspace,
        cell,
        _designer(study, env, params),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"{game.replace('_', ' ')}, temperature {temperature:g}",
        references={"unpaid": float(unpaid.objective[0]), "best with errors": best},
    )
    mechanisms = jnp.asarray(designed.mechanisms)
    outside = jnp.asarray(study.outside_option, mechanisms.dtype)
    gains: Deviations = workspace.kept(
        f"{cell}_deviations", deviations_under, env, params, mechanisms, outside
    )
    return Paid(
        game,
        temperature,
        designed,
        unpaid,
        jax.tree.map(np.asarray, gains),
        best_welfare(NAMED[game]),
        best,
    )
