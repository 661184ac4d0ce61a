"""Designs taxes for consumers, and climbs to the best ones beside which they stand."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.consumer_tax import ConsumerTax
from jaxmech.experiments.incentives.climbing import climbed, highest_climbed
from jaxmech.experiments.incentives.consumer_tax.configuration import ConsumerTaxStudy
from jaxmech.experiments.incentives.consumer_tax.findings import findings
from jaxmech.experiments.incentives.consumer_tax.taxed import Checked, Taxed
from jaxmech.experiments.incentives.designing import design, kept_outcomes, two_timescale
from jaxmech.experiments.incentives.followers import (
    FollowerCheck,
    follower_check,
    gains_as_another,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import Findings


def compute(study: ConsumerTaxStudy, workspace: Workspace) -> Findings:
    """Designs taxes at each temperature, and searches for the best ones."""
    return findings(study, {each: _taxed(study, workspace, each) for each in study.temperatures})


def checked(env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array) -> Checked:
    """What consumers get and could get under each tax, float [mechanisms, coefficients].

    Returns:
      Every array [mechanisms, types].
    """
    game, numbers = env.game, params.game
    assert isinstance(game, ConsumerTax)
    plain = replace(numbers, temperature=jnp.zeros_like(numbers.temperature))
    totals = game.choices.totals
    nothing = jnp.asarray((game.choices.hours == 0) & (totals == 0), numbers.preferences.dtype)

    def of(mechanism: jax.Array) -> Checked:
        policies = game.equilibrium(mechanism, numbers).point

        def of_type(
            preferences: jax.Array, actions: jax.Array, baskets: jax.Array
        ) -> FollowerCheck:
            process = game.process(preferences, mechanism, numbers)
            # Rewards of the process count the entropy of how totals are divided.
            nats = game.choices.divides @ jax.scipy.special.entr(baskets)
            return follower_check(
                process,
                actions,
                numbers.temperature,
                plain=game.process(preferences, mechanism, plain),
                choices=(game.choices.most_hours + 1) * len(game.choices.baskets),
                earned=process.rewards - numbers.temperature * nats[totals][None],
            )

        idle = replace(policies, actions=jnp.broadcast_to(nothing, policies.actions.shape))
        return Checked(
            jax.vmap(of_type)(numbers.preferences, policies.actions, policies.baskets),
            game.utilities(policies, mechanism, numbers),
            gains_as_another(game, policies, mechanism, numbers),
            game.utilities(idle, mechanism, numbers),
        )

    return jax.lax.map(of, mechanisms)


def _taxed(study: ConsumerTaxStudy, workspace: Workspace, temperature: float) -> Taxed:
    name = f"temperature_{temperature:g}"
    env, params = study.build(temperature, study.assets)
    (size,) = env.action_space(params).shape
    start = np.full(size, study.start_rate)
    coarse = study.build(temperature, study.design_assets)
    # Gradients on the finer grid cost many times as much: only the last climb takes them.
    starts = np.tile(np.array(study.climb_starts)[:, None], size)
    climbs = workspace.kept_on_host(f"{name}_climbs", highest_climbed, *coarse, starts)
    found = workspace.kept_on_host(f"{name}_best", climbed, env, params, climbs["mechanism"])
    designed = design(
        workspace,
        name,
        two_timescale(*coarse, study.two_timescale),
        env,
        params,
        updates=study.updates,
        seeds=study.seeds,
        label=f"temperature {temperature:g}",
        references={"best found": found["objective"]},
    )
    two = np.stack([start, found["mechanism"]])
    beside = kept_outcomes(workspace, f"{name}_beside", env, params, two)
    mechanisms = jnp.asarray(np.concatenate([two, designed.mechanisms]))
    consumers: Checked = workspace.kept(f"{name}_checked", checked, env, params, mechanisms)
    return Taxed(
        designed,
        found["mechanism"],
        found["gradients"],
        climbs["ends"],
        climbs["gradients"],
        found["slope"],
        beside,
        jax.tree.map(np.asarray, consumers),
    )
