"""The study of one mechanism, computed: learned, evaluated, certified and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.agents import Samples, Valuations
from jaxmech.certificates import incentive_regret, individual_rationality
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Policy, play
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.sequential_price import worth
from jaxmech.experiments.sequential_price.picture import Visits, heat_maps, tree
from jaxmech.experiments.sequential_price.problem import (
    CERTIFICATES,
    PICTURE,
    LearningProblem,
    References,
    problem_of,
    references_of,
)
from jaxmech.experiments.sequential_price.results import Results
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy
from jaxmech.mechanisms import Outcome
from jaxmech.reports.findings import Certificate, Estimate, Findings, Record
from jaxmech.runner import RunResult, read_log

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

EVALUATIONS = 20
"""Points of a learning curve."""

CURVE_EPISODES = 1024
"""Episodes of each point at most; no more than four times those of an update."""

PICTURED_EPISODES = 8192

PROFILES = 256
"""Episodes in which it is checked that nobody loses by taking part."""

REPORTS = 4
"""Other reports that each agent tries for a certificate of truthfulness."""

REPORT_EPISODES = 4096
"""Episodes, about, in which other reports are tried."""

ROUNDING = 1e-5
"""Of the highest price, that a gain or a loss may be and still count as nothing."""


def learned_and_compared(study: SequentialPriceStudy, workspace: Workspace) -> Findings:
    """Learned mechanisms beside baselines and exact values.

    Every mechanism is played on ``evaluation_episodes`` fresh episodes of its own, or on
    every held-out sample equally often; the learned ones without randomness of their own.
    """
    problem = problem_of(study)
    references, baselines = compared_with(problem, workspace)
    count = min(CURVE_EPISODES, 4 * study.ppo.num_environments)
    result = workspace.train(
        "learned",
        problem.designer,
        updates=study.updates,
        seeds=study.all_seeds,
        evaluate=worth.MeanObjective(problem.designer, problem.env, problem.test_params, count),
        evaluate_every=max(1, study.updates // EVALUATIONS),
        beside=references.beside,
    )
    # Every leaf an array, so that the policies of all seeds compile once.
    designer = jax.tree.map(jnp.asarray, problem.designer)
    policies = [
        designer.policy(jax.tree.map(itemgetter(place), result.states))
        for place in range(study.seeds)
    ]
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


def certificates_of(
    problem: LearningProblem, policy: Policy, workspace: Workspace
) -> dict[str, Certificate]:
    """Individual rationality and truthfulness of a learned mechanism."""
    # Of the outcome alone, so that the offline optimum of every episode is not computed.
    env = replace(problem.env, subtract_offline_optimum=False)
    asked = (env, problem.test_params, policy, problem.key(CERTIFICATES))
    found = workspace.kept_on_host(
        "certificates", checked, *asked, PROFILES, REPORTS, REPORT_EPISODES
    )
    is_rational = found["lowest_utility"] >= -found["tolerance"]
    is_truthful = found["gain"] <= found["tolerance"]
    rational = (
        "an agent takes nothing that costs more than it is worth to it, so nobody is worse off "
        "than by staying away"
    )
    truthful = (
        "an agent is visited once and takes what it likes best at prices that its own values do "
        "not move, so no other report serves it better"
    )
    return {
        "individually_rational": Certificate(
            holds=is_rational,
            statement=(
                f"{rational if is_rational else 'an agent was worse off than by staying away'}; "
                f"lowest utility in {found['profiles']} episodes {found['lowest_utility']:.3g}"
            ),
            value=found["lowest_utility"],
            tolerance=found["tolerance"],
        ),
        "truthful": Certificate(
            holds=is_truthful,
            statement=(
                f"{truthful if is_truthful else 'another report served an agent better'}; greatest "
                f"mean gain of any agent from {found['reports']} other reports in each of "
                f"{found['profiles_of_reports']} episodes {found['gain']:.3g}"
            ),
            value=found["gain"],
            tolerance=found["tolerance"],
        ),
    }


def checked(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    profiles: int,
    reports: int,
    episodes: int,
) -> dict[str, Any]:
    """The lowest utility and the greatest gain from another report, in played episodes.

    Args:
      env, params: the environment.
      policy: that plays, without randomness of its own.
      key: for all draws.
      profiles: episodes in which taking part is checked.
      reports: other reports that each agent tries.
      episodes: to play at most for these, if that makes two profiles of values.
    """

    def mechanism(reports: jax.Array) -> Outcome:
        """The outcome where agents buy as if their values were ``reports``, [agents, ...]."""
        alone = replace(params, distribution=Samples(reports[None], env.demand))
        # Without randomness of its own, the key decides nothing.
        outcome: Outcome = play(env, alone, policy, jax.random.key(0)).state.outcome
        return outcome

    def utility(values: jax.Array, outcome: Outcome) -> jax.Array:
        """What each agent gets is worth to it, less its payment: float [agents]."""
        return Valuations(values, env.demand).of(outcome.allocation) - outcome.payments

    part_key, gain_key = jax.random.split(key)
    part = individual_rationality(
        mechanism, params.distribution, part_key, utility=utility, num_profiles=profiles
    )
    tried = max(2, episodes // (env.num_agents * (reports + 1)))
    regret = incentive_regret(
        mechanism,
        params.distribution,
        gain_key,
        utility=utility,
        num_profiles=tried,
        num_reports=reports,
        ascent_steps=0,
    )
    return {
        "lowest_utility": float(part.lowest_utility.min()),
        "gain": regret.mean,
        "profiles": profiles,
        "profiles_of_reports": tried,
        "reports": reports,
        "tolerance": ROUNDING * float(params.price_high.max()),
    }


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
