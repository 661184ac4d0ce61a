"""Emission taxes designed for firms that compete by quantities, beside the closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.agents.responses.game import equilibrium
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.cournot import Cournot
from jaxmech.experiments.incentives.cournot.configuration import CournotStudy
from jaxmech.experiments.incentives.cournot.findings import findings
from jaxmech.experiments.incentives.cournot.markets import Market, cell_of, theory
from jaxmech.experiments.incentives.designing import (
    design,
    gains_from,
    kept_outcomes,
    two_timescale,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.cournot import LinearCournot
from jaxmech.reports.findings import Findings

QUANTITIES = 2001
"""Deviations that are tried of each firm that can choose any quantity."""


def compute(study: CournotStudy, workspace: Workspace) -> Findings:
    """Designs a tax in each market, and finds what it is worth."""
    markets = [
        _market(study, workspace, damage, temperature)
        for damage in study.damages
        for temperature in study.temperatures
    ]
    env, params = study.build(study.damages[0], 0.0)
    permit = float(workspace.kept("permit_price", permit_price, env, params, jnp.array(study.cap)))
    known_permit = theory(lambda: markets[0].firms.cap_price(study.cap))
    return findings(study, markets, permit, known_permit)


def permit_price(env: IncentiveDesign, params: IncentiveDesignParams, cap: jax.Array) -> jax.Array:
    """Of a unit of emissions where permits for ``cap`` of them are traded, float []."""
    assert isinstance(env.game, Cournot)
    return env.game.cap_price(cap, params.game).point


def gains_of_firms(
    env: IncentiveDesign, params: IncentiveDesignParams, taxes: jax.Array
) -> jax.Array:
    """What each firm would gain by the best of many quantities, float [taxes, firms].

    Args:
      taxes: float [taxes, 1].
    """
    game = env.game
    assert isinstance(game, Cournot)
    if game.num_nodes is None:
        deviations = jnp.linspace(params.game.lowest, params.game.highest, QUANTITIES)
    else:
        certain = jnp.eye(game.num_nodes)[:, None]
        shape = (game.num_nodes, *params.game.costs.shape, game.num_nodes)
        deviations = jnp.broadcast_to(certain, shape)

    def of(tax: jax.Array) -> jax.Array:
        policies = equilibrium(game, tax, params.game).point
        return gains_from(deviations, game, policies, tax, params.game)

    return jax.lax.map(of, taxes)


def _market(study: CournotStudy, workspace: Workspace, damage: float, temperature: float) -> Market:
    env, params = study.build(damage, temperature)
    cell = cell_of(damage, temperature)
    firms = LinearCournot(
        study.costs, study.intercept, study.slope, study.curvature, study.emissions, damage
    )
    taxes = np.append(0.0, np.linspace(-study.bound, study.bound, study.taxes))
    swept = kept_outcomes(workspace, f"{cell}_taxes", env, params, taxes[:, None])
    designed = design(
        workspace,
        cell,
        two_timescale(env, params, study.two_timescale),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"damage {damage:g}, temperature {temperature:g}",
        references={"untaxed": float(swept.objective[0])},
    )
    mechanisms = jnp.asarray(designed.mechanisms)
    gains = workspace.kept(f"{cell}_gains", gains_of_firms, env, params, mechanisms)
    return Market(damage, temperature, firms, designed, taxes, swept, np.asarray(gains))
