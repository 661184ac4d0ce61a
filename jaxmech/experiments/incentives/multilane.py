"""Transfers designed for agents in lanes, and what they are worth in equilibrium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents import equilibrium
from jaxmech.designers import (
    ImplicitGradient,
    OnePointGradient,
    TwoPointGradient,
    TwoTimescale,
    TwoTimescaleHyperParameters,
    UnrolledGradient,
)
from jaxmech.designers.two_timescale.gradients import GradientEstimator
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.experiments.incentives.configuration import MultilaneStudy
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import mean_of
from jaxmech.oracles.multilane import UniformLanes
from jaxmech.reports.findings import (
    Certificate,
    Estimate,
    Findings,
    LearningCurves,
    Oracle,
    Record,
    Table,
    with_interval,
)

EVALUATIONS = 20
"""Points of a learning curve, about."""

RESIDUAL_TOLERANCE = 1e-8
"""Up to which agents count as responding to themselves."""

EPISODES = 0xEB
"""Number of the key of the episodes that are drawn."""


@struct.dataclass
class Outcome:
    """What mechanisms are worth in equilibrium.

    Attributes:
      welfare: float [mechanisms], expected, transfers not counted.
      deviation: float [mechanisms], standard deviation of the welfare of one episode.
      utility: float [mechanisms], the lowest that an agent expects, transfers included.
      residual: float [mechanisms], how far agents are from responding to themselves.
    """

    welfare: jax.Array
    deviation: jax.Array
    utility: jax.Array
    residual: jax.Array


@dataclass(frozen=True)
class Designed:
    """What was reached with one number of agents.

    Attributes:
      mechanisms: float [seeds, coefficients].
      outcome: of each of them.
      without: of no mechanism, one entry.
    """

    mechanisms: NDArray[np.float64]
    outcome: Outcome
    without: Outcome


def outcomes(
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    mechanisms: jax.Array,
    key: jax.Array,
    episodes: int,
) -> Outcome:
    """What each mechanism, float [mechanisms, coefficients], is worth in equilibrium."""
    game = env.game

    def of(mechanism: jax.Array) -> Outcome:
        found = equilibrium(game, mechanism, params.game)
        play = jax.vmap(game.play, in_axes=(0, None, None, None))
        drawn = play(jax.random.split(key, episodes), found.point, mechanism, params.game)
        return Outcome(
            welfare=game.objective(found.point, mechanism, params.game),
            deviation=jnp.std(drawn, ddof=1),
            utility=jnp.min(game.utilities(found.point, mechanism, params.game)),
            residual=found.residual,
        )

    return jax.lax.map(of, mechanisms)


@struct.dataclass
class WelfareInEquilibrium:
    """What the mechanism that was designed so far is worth.

    Attributes:
      designer: who designs it.
    """

    designer: TwoTimescale

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        del key
        designer = self.designer
        mechanism, params = designer.mechanism(state), designer.params.game
        policies = equilibrium(designer.env.game, mechanism, params).point
        return {"welfare": designer.env.game.objective(policies, mechanism, params)}


def designer_of(
    study: MultilaneStudy, env: IncentiveDesign, params: IncentiveDesignParams
) -> TwoTimescale:
    """The designer that the study asks for."""
    gradients: dict[str, GradientEstimator] = {
        "implicit": ImplicitGradient(),
        "unrolled": UnrolledGradient(study.unrolled_steps),
        "two_point": TwoPointGradient(study.radius),
        "one_point": OnePointGradient(study.radius),
    }
    given = {
        one.name: getattr(study.two_timescale, one.name)
        for one in fields(TwoTimescaleHyperParameters)
    }
    return TwoTimescale(env, params, gradient=gradients[study.gradient], **given)


def compute(study: MultilaneStudy, workspace: Workspace) -> Findings:
    """Designs the mechanism for each number of agents, and finds what it is worth."""
    found: dict[int, Designed] = {}
    curves: list[LearningCurves] = []
    key = jax.random.fold_in(jax.random.key(0), EPISODES)
    for number in study.num_agents:
        env, params = study.build(number)
        designer = designer_of(study, env, params)
        name = f"{number}_agents"
        result = workspace.train(
            name,
            designer,
            updates=study.updates,
            seeds=study.seeds,
            evaluate=WelfareInEquilibrium(designer),
            evaluate_every=max(1, study.updates // EVALUATIONS),
        )
        mechanisms = jax.vmap(designer.mechanism)(result.states)
        several = jnp.concatenate([mechanisms, jnp.zeros_like(mechanisms[:1])])
        outcome: Outcome = workspace.kept(
            f"{name}_outcomes", outcomes, env, params, several, key, study.evaluation_episodes
        )
        outcome = jax.tree.map(np.asarray, outcome)
        found[number] = Designed(
            np.asarray(mechanisms, np.float64),
            jax.tree.map(lambda leaf: leaf[:-1], outcome),
            jax.tree.map(lambda leaf: leaf[-1:], outcome),
        )
        references = {"no mechanism": float(found[number].without.welfare[0])}
        curves.append(
            learning_curves(result, "welfare", label=f"{number} agents", references=references)
        )
    return _findings(study, found, tuple(curves))


def _findings(
    study: MultilaneStudy, found: dict[int, Designed], curves: tuple[LearningCurves, ...]
) -> Findings:
    of_seeds = {number: np.asarray(one.outcome.welfare) for number, one in found.items()}
    means = {number: mean_of(values) for number, values in of_seeds.items()}
    before = {number: float(one.without.welfare[0]) for number, one in found.items()}
    rational = {number: UniformLanes(number) for number in found}
    rows = []
    for number, one in found.items():
        coefficients = ", ".join(f"{value:.2f}" for value in one.mechanisms.mean(axis=0))
        rows.append(
            (
                f"{number}",
                f"{before[number]:.4f}",
                with_interval(means[number]),
                f"{float(one.without.deviation[0]):.3f}",
                f"{float(np.mean(one.outcome.deviation)):.3f}",
                coefficients,
                f"{rational[number].welfare_of_equilibrium:.4f}",
            )
        )
    residual = max(
        float(np.max(part.residual))
        for one in found.values()
        for part in (one.outcome, one.without)
    )
    lowest = min(float(np.min(one.outcome.utility)) for one in found.values())
    gains = [f"{before[n]:.3f} to {means[n].mean:.3f} with {n} agents" for n in found]
    return Findings(
        headline=f"Welfare without and with the mechanism: {', '.join(gains)}.",
        estimates={
            f"{number}_agents/learned": Estimate(
                means[number].mean,
                means[number].half_width,
                tuple(of_seeds[number].tolist()),
                over="seeds",
            )
            for number in found
        }
        | {f"{number}_agents/no mechanism": Estimate(before[number]) for number in found},
        oracles={
            f"{number}_agents/rational agents, no mechanism": Oracle(
                rational[number].welfare_of_equilibrium
            )
            for number in found
        },
        certificates={
            "equilibrium": Certificate(
                residual <= RESIDUAL_TOLERANCE,
                "Agents respond to themselves, with every mechanism in the table.",
                residual,
                RESIDUAL_TOLERANCE,
            ),
            "individual rationality": Certificate(
                lowest >= 0,
                "Before it knows where it starts, no agent expects less than nothing, transfers "
                "included."
                if lowest >= 0
                else f"Before it knows where it starts an agent expects {lowest:.3f}, transfers "
                "included: it would rather stay away, unless it is paid a subsidy of as much.",
                lowest,
                0.0,
            ),
        },
        learning_curves=curves,
        tables=(
            Table(
                "Welfare of an episode, transfers not counted",
                (
                    "Agents",
                    "No mechanism",
                    "Designed",
                    "Deviation without",
                    "Deviation with",
                    "Coefficients",
                    "Rational, no mechanism",
                ),
                tuple(rows),
                (
                    "Expected in equilibrium on the grid; intervals are over seeds. The standard "
                    f"deviation is that of the welfare of one of {study.evaluation_episodes:,} "
                    "episodes.",
                    "Rational agents: Bayes-Nash, in closed form without a grid.",
                ),
            ),
        ),
        records=tuple(_records(study, found)),
    )


def _records(study: MultilaneStudy, found: dict[int, Designed]) -> Iterator[Record]:
    for number, one in found.items():
        cell = f"{number}_agents"
        yield Record("no mechanism", "welfare", float(one.without.welfare[0]), cell=cell)
        mean = mean_of(np.asarray(one.outcome.welfare))
        yield Record("learned", "welfare", mean.mean, mean.half_width, cell=cell)
        for metric in ("welfare", "deviation", "utility", "residual"):
            for seed, value in enumerate(np.asarray(getattr(one.outcome, metric)).tolist()):
                yield Record("learned", metric, value, cell=cell, seed=seed)
        for place in range(one.mechanisms.shape[1]):
            for seed, value in enumerate(one.mechanisms[:, place].tolist()):
                yield Record("learned", f"coefficient_{place + 1}", value, cell=cell, seed=seed)
