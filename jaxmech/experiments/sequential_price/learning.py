"""The study of one mechanism, computed: learned, evaluated and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.evaluation import Policy
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.sequential_price import episodes
from jaxmech.experiments.sequential_price.certified import certificates_of
from jaxmech.experiments.sequential_price.episodes import MeanObjective
from jaxmech.experiments.sequential_price.picture import Visits, picture_of
from jaxmech.experiments.sequential_price.picture_drawing import heat_maps, tree
from jaxmech.experiments.sequential_price.problem import LearningProblem, problem_of
from jaxmech.experiments.sequential_price.references import References, references_of
from jaxmech.experiments.sequential_price.results import Results
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy
from jaxmech.experiments.sequential_price.worth import (
    PICTURE,
    best_seeds,
    key_of,
    over_seeds,
    worth_of_baselines,
    worth_of_seeds,
)
from jaxmech.reports.findings import Estimate, Findings, Record
from jaxmech.runner import RunResult, read_log

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

EVALUATIONS = 20
"""Points of a learning curve."""

CURVE_EPISODES = 1024
"""Episodes of each point at most; no more than four times those of an update."""

PICTURED_EPISODES = 8192


def learned_and_compared(study: SequentialPriceStudy, workspace: Workspace) -> Findings:
    """Learned mechanisms beside baselines and exact values.

    Every mechanism is played on ``evaluation_episodes`` fresh episodes of its own, or on
    every held-out sample equally often; the learned ones without randomness of their own.
    """
    problem = problem_of(study)
    references, baselines = compared_with(study, problem, workspace)
    result = _trained(study, problem, references, workspace)
    policies = [_policy(problem, result.states, place) for place in range(study.seeds)]
    test = worth_of_seeds(study, problem, policies, workspace)
    best = best_seeds(study, problem, policies, workspace)
    of_best = tuple(test[place].mean.mean for place in best)
    estimates = {
        "learned": over_seeds(test),
        # An interval would take the selected seeds for seeds drawn at random.
        "learned_best": Estimate(float(np.mean(of_best)), per_seed=of_best),
        **baselines,
    }
    chosen = tuple(study.all_seeds[place] for place in best)
    held_out = None if problem.held_out is None else len(problem.held_out)
    results = Results(study.title, study.objective, estimates, references.oracles, chosen, held_out)
    curves = learning_curves(result, references=results.references)
    picture = picture_of(_visits(study, problem, policies[best[0]], workspace))
    return Findings(
        headline=results.headline,
        estimates=estimates,
        oracles=references.oracles,
        certificates=certificates_of(study, problem, policies[best[0]], workspace),
        learning_curves=(replace(curves, metric=study.objective),),
        tables=(results.table,),
        heat_maps=heat_maps(picture),
        trees=(tree(picture, chosen[0]),),
        records=tuple(_records(study, estimates, references, chosen, result)),
    )


def compared_with(
    study: SequentialPriceStudy, problem: LearningProblem, workspace: Workspace
) -> tuple[References, dict[str, Estimate]]:
    """Exact values and baselines, and what the baselines are worth; kept by the workspace.

    None of it depends on how the study learns, so that a panel finds it once for its cells.
    """
    references = references_of(study, problem, workspace)
    return references, worth_of_baselines(study, problem, references, workspace)


def _trained(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    references: References,
    workspace: Workspace,
) -> RunResult:
    count = min(CURVE_EPISODES, 4 * study.ppo.num_environments)
    return workspace.train(
        "learned",
        problem.designer,
        updates=study.updates,
        seeds=study.all_seeds,
        evaluate=MeanObjective(problem.designer, problem.env, problem.test_params, count),
        evaluate_every=max(1, study.updates // EVALUATIONS),
        beside=references.beside,
    )


def _policy(problem: LearningProblem, states: Any, place: int) -> Policy:
    """What the seed at ``place`` learned, every leaf an array."""
    state = jax.tree.map(lambda leaf: leaf[place], states)
    return jax.tree.map(jnp.asarray, problem.designer).policy(state)


def _visits(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    policy: Policy,
    workspace: Workspace,
) -> Visits:
    key, params = key_of(study, PICTURE), problem.test_params
    made = workspace.kept(
        "visits_of_best_seed", episodes.visits, problem.env, params, policy, key, PICTURED_EPISODES
    )
    on_host = {name: np.asarray(of) for name, of in made.items()}
    return Visits(**on_host, units=np.asarray(problem.params.units))


def _records(
    study: SequentialPriceStudy,
    estimates: Mapping[str, Estimate],
    references: References,
    chosen: Sequence[int],
    result: RunResult,
) -> list[Record]:
    metric = study.objective
    seeds = {"learned": study.all_seeds, "learned_best": chosen}
    records = []
    for name, estimate in estimates.items():
        records.append(Record(name, metric, estimate.mean, estimate.half_width))
        half_widths = estimate.per_seed_half_width or (None,) * len(estimate.per_seed)
        for seed, mean, half_width in zip(
            seeds.get(name, ()), estimate.per_seed, half_widths, strict=True
        ):
            records.append(Record(name, metric, mean, half_width, seed=seed))
    records += [
        Record(name, f"exact_{metric}", oracle.value) for name, oracle in references.oracles.items()
    ]
    log = read_log(result.directory / "metrics.csv")
    for seed, updates in zip(result.seeds, result.updates.tolist(), strict=True):
        steps = float(log["environment_steps"][log["seed"] == seed].sum())
        records.append(Record("learned", "updates", float(updates), seed=seed))
        records.append(Record("learned", "environment_steps", steps, seed=seed))
    return records
