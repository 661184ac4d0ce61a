"""The study of one mechanism, computed: learned, evaluated and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.evaluation import Policy
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.sequential_price import worth
from jaxmech.experiments.sequential_price.certified import certificates_of
from jaxmech.experiments.sequential_price.picture import Visits, heat_maps, tree
from jaxmech.experiments.sequential_price.problem import PICTURE, LearningProblem, problem_of
from jaxmech.experiments.sequential_price.references import References, references_of
from jaxmech.experiments.sequential_price.results import Results
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy
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
    references, baselines = compared_with(problem, workspace)
    designer, count = problem.designer, min(CURVE_EPISODES, 4 * study.ppo.num_environments)
    result = workspace.train(
        "learned",
        designer,
        updates=study.updates,
        seeds=study.all_seeds,
        evaluate=worth.MeanObjective(problem.designer, problem.env, problem.test_params, count),
        evaluate_every=max(1, study.updates // EVALUATIONS),
        beside=references.beside,
    )
    policies = [_policy(problem, result.states, place) for place in range(study.seeds)]
    learned = worth.worth_of_seeds(problem, policies, workspace)
    best = worth.best_seeds(problem, policies, workspace)
    of_best = tuple(learned[place].estimate.mean for place in best)
    estimates = {
        "learned": worth.over_seeds(learned),
        # An interval would take the selected seeds for seeds drawn at random.
        "learned_best": Estimate(float(np.mean(of_best)), per_seed=of_best),
        **baselines,
    }
    chosen = tuple(study.all_seeds[place] for place in best)
    held_out = None if problem.held_out is None else len(problem.held_out.values)
    results = Results(study.title, study.objective, estimates, references.oracles, chosen, held_out)
    curves = learning_curves(result, references=results.references)
    visits = _visits(problem, policies[best[0]], workspace)
    return Findings(
        headline=results.headline,
        estimates=estimates,
        oracles=references.oracles,
        certificates=certificates_of(problem, policies[best[0]], workspace),
        learning_curves=(replace(curves, metric=study.objective),),
        tables=(results.table,),
        heat_maps=heat_maps(visits),
        trees=(tree(visits, chosen[0]),),
        records=tuple(_records(results, study.all_seeds, result)),
    )


def compared_with(
    problem: LearningProblem, workspace: Workspace
) -> tuple[References, dict[str, Estimate]]:
    """Exact values and baselines, and what the baselines are worth; kept by the workspace.

    None of it depends on how the study learns, so that a panel finds it once for its cells.
    """
    references = references_of(problem, workspace)
    return references, worth.worth_of_baselines(problem, references, workspace)


def _policy(problem: LearningProblem, states: Any, place: int) -> Policy:
    """What the seed at ``place`` learned, every leaf an array."""
    state = jax.tree.map(lambda leaf: leaf[place], states)
    return jax.tree.map(jnp.asarray, problem.designer).policy(state)


def _visits(problem: LearningProblem, policy: Policy, workspace: Workspace) -> Visits:
    played = (problem.env, problem.test_params, policy, problem.key(PICTURE), PICTURED_EPISODES)
    made = workspace.kept("visits_of_best_seed", worth.visits, *played)
    return Visits(**jax.tree.map(np.asarray, made), units=np.asarray(problem.params.units))


def _records(results: Results, all_seeds: Sequence[int], result: RunResult) -> Iterator[Record]:
    metric = results.objective
    seeds = {"learned": all_seeds, "learned_best": results.best_seeds}
    for name, estimate in results.estimates.items():
        yield Record(name, metric, estimate.mean, estimate.half_width)
        of_seeds = zip_longest(seeds.get(name, ()), estimate.per_seed, estimate.per_seed_half_width)
        for seed, mean, half_width in of_seeds:
            yield Record(name, metric, mean, half_width, seed=seed)
    for name, oracle in results.oracles.items():
        yield Record(name, f"exact_{metric}", oracle.value)
    log = read_log(result.directory / "metrics.csv")
    for seed, updates in zip(result.seeds, result.updates.tolist(), strict=True):
        steps = float(log["environment_steps"][log["seed"] == seed].sum())
        yield Record("learned", "updates", float(updates), seed=seed)
        yield Record("learned", "environment_steps", steps, seed=seed)
