"""Taxes that are learned while people choose what to earn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmech.agents.responses.game import equilibrium
from jaxmech.designers import ImplicitGradient, SocialGradient
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.income_tax import IncomeTax
from jaxmech.experiments.incentives.designing import design, two_timescale
from jaxmech.experiments.incentives.income_tax.cells import Cell, cells_of
from jaxmech.experiments.incentives.income_tax.checking import gains_of_labour, imbalance
from jaxmech.experiments.incentives.income_tax.configuration import IncomeTaxStudy
from jaxmech.experiments.incentives.income_tax.findings import LearnedTax, findings
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import Findings

OPTIMIZER = optax.adam(1.0, b2=0.9)
"""Which soon forgets how large gradients were: those of rates that few people pay fall far below
those of the first updates."""


def compute(study: IncomeTaxStudy, workspace: Workspace) -> Findings:
    """Learns a tax in each cell, and compares it with theory."""
    # All of them first, so that what a cell refuses is refused before any is learned.
    cells = list(cells_of(study))
    return findings(study, [_learned(study, workspace, cell) for cell in cells])


def _learned(study: IncomeTaxStudy, workspace: Workspace, cell: Cell) -> LearnedTax:
    env, params = cell.build()
    gradient = SocialGradient() if study.gradient == "social" else ImplicitGradient()
    designer = two_timescale(
        env, params, study.two_timescale, gradient=gradient, optimizer=OPTIMIZER
    )
    designed = design(
        workspace,
        cell.name,
        designer,
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=cell.label,
    )
    mechanisms = jnp.asarray(designed.mechanisms)
    rates, earnings = workspace.kept(
        f"{cell.name}_earnings", rates_and_earnings, env, params, mechanisms
    )
    rates, earnings = (np.asarray(one, np.float64) for one in (rates, earnings))
    gains, missing = [], []
    if cell.temperature == 0:
        for of_seed, earned, utilities in zip(
            rates, earnings, np.asarray(designed.outcomes.utilities), strict=True
        ):
            thresholds = cell.schedule.thresholds
            gains.append(gains_of_labour(earned, cell.skills, cell.elasticity, of_seed, thresholds))
            missing.append(imbalance(utilities, earned, cell.skills, cell.shares, cell.elasticity))
    return LearnedTax(cell, designed, rates, earnings, tuple(gains), tuple(missing))


def rates_and_earnings(
    env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Of each mechanism all rates, and what people are expected to earn under it.

    Returns:
      float [mechanisms, brackets] and float [mechanisms, types].
    """
    game = env.game
    assert isinstance(game, IncomeTax)

    def of(mechanism: jax.Array) -> tuple[jax.Array, jax.Array]:
        policies = equilibrium(game, mechanism, params.game).point
        earnings, probabilities = game.labour.earnings(policies, params.game)
        return game.schedule.rates(mechanism), jnp.sum(earnings * probabilities, axis=-1)

    return jax.lax.map(of, mechanisms)
