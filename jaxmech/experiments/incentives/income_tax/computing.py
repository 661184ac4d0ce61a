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
from jaxmech.experiments.incentives.income_tax.checking import best_logit_rate
from jaxmech.experiments.incentives.income_tax.configuration import IncomeTaxStudy
from jaxmech.experiments.incentives.income_tax.findings import findings
from jaxmech.experiments.incentives.income_tax.learned import LearnedTax, learned_tax
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
    found = workspace.kept(f"{cell.name}_earnings", rates_and_earnings, env, params, mechanisms)
    rates, earnings, probabilities = (np.asarray(one, np.float64) for one in found)
    best_of_logit = None
    if cell.temperature:
        best_of_logit = workspace.kept_on_host(
            f"{cell.name}_best_rate",
            best_logit_rate,
            cell.skills,
            cell.shares,
            cell.weights,
            cell.elasticity,
            cell.temperature,
            cell.nodes,
        )
    return learned_tax(cell, designed, rates, earnings, probabilities, best_of_logit)


def rates_and_earnings(
    env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of each mechanism all rates, what people may earn under it, and how likely each amount is.

    Returns:
      float [mechanisms, brackets], and twice float [mechanisms, types, choices].
    """
    game = env.game
    assert isinstance(game, IncomeTax)

    def of(mechanism: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        policies = equilibrium(game, mechanism, params.game).point
        return game.schedule.rates(mechanism), *game.labour.earnings(policies, params.game)

    return jax.lax.map(of, mechanisms)
