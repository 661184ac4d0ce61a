"""One market of the study of impression allocation, computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.designers import KnownDemand
from jaxmech.designers.allocation_policies import baselines
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.evaluation import Policy, evaluate, play
from jaxmech.experiments.impression_allocation.configuration import MarketStudy
from jaxmech.experiments.impression_allocation.learners import LABELS, learner
from jaxmech.experiments.learning import learning_curves
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, mean_of, normal_interval
from jaxmech.reports.findings import (
    Estimate,
    Findings,
    LearningCurves,
    Record,
    Table,
    with_interval,
)
from jaxmech.runner import RunResult, read_log
from jaxmech.wrappers import state_observed

REFERENCE = "known demand"
"""What earns most in each round by itself, by the true demand."""

EVALUATIONS = 15
"""Points of a learning curve."""

CURVE_EPISODES = 32
"""Episodes of each point."""

TESTING = 0x7E57
"""Number of the key of the episodes on which all are compared, which no seed trains on."""

TRAINING_SHARE = 10
"""Of a training, the last part in so many is what training is said to have reached."""


@struct.dataclass
class TestReward:
    """Mean reward of what a learner has learned so far, without exploration.

    Attributes:
      designer: the learner.
    """

    designer: Any

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        designer = self.designer
        policy = designer.policy(state)
        estimate = evaluate(designer.env, designer.params, policy, key, CURVE_EPISODES)
        return {"reward": estimate.mean}


def rewards(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    policy: Policy,
    key: jax.Array,
    episodes: int,
) -> jax.Array:
    """Mean reward per round of each episode, float [episodes]."""

    def of_one(key: jax.Array) -> jax.Array:
        return play(env, params, policy, key, record=False).objective

    return jax.vmap(of_one)(jax.random.split(key, episodes))


def rewards_of_seeds(
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
    policies: Policy,
    key: jax.Array,
    episodes: int,
) -> jax.Array:
    """Of what each seed has learned, all on the same episodes, float [seeds, episodes].

    Args:
      policies: one for each seed, every array of them [seeds, ...].
    """
    return jax.lax.map(lambda policy: rewards(env, params, policy, key, episodes), policies)


@dataclass(frozen=True)
class Learned:
    """What a learner reached.

    Attributes:
      testing: float [seeds], mean reward per round on fresh episodes, without exploration.
      training: float [seeds], that of the last part of the training, while it explored.
    """

    testing: NDArray[np.float64]
    training: NDArray[np.float64]


def compute(study: MarketStudy, workspace: Workspace) -> Findings:
    """Trains the learners, plays everything on the same fresh episodes, and compares."""
    env, params = study.market.build(study.sellers, study.records, study.rounds)
    key = jax.random.fold_in(jax.random.key(study.first_seed), TESTING)
    episodes = study.evaluation_episodes
    fixed = {
        name: workspace.kept(_file(name), rewards, env, params, policy, key, episodes)
        for name, policy in jax.tree.map(jnp.asarray, baselines(env, params)).items()
    }
    fixed[REFERENCE] = workspace.kept(
        _file(REFERENCE), rewards, state_observed(env), params, KnownDemand(params), key, episodes
    )
    means = {name: np.asarray(of_episodes, np.float64) for name, of_episodes in fixed.items()}
    references = {name: float(means[name].mean()) for name in (REFERENCE, "learned demand")}
    learned: dict[str, Learned] = {}
    curves: list[LearningCurves] = []
    for name in study.learners:
        designer = learner(name, study, env, params)
        result = workspace.train(
            name,
            designer,
            updates=study.updates,
            seeds=study.all_seeds,
            evaluate=TestReward(designer),
            evaluate_every=max(1, study.updates // EVALUATIONS),
            beside=references,
        )
        # Of the states the policies alone: a replay is large.
        policies = jax.vmap(jax.tree.map(jnp.asarray, designer).policy)(result.states)
        of_seeds = workspace.kept(
            f"{name}_rewards", rewards_of_seeds, designer.env, params, policies, key, episodes
        )
        learned[name] = Learned(np.asarray(of_seeds, np.float64).mean(axis=1), _training(result))
        label = LABELS[name]
        curves.append(learning_curves(result, "reward", label=label, references=references))
    return _findings(study, means, learned, tuple(curves))


def _file(name: str) -> str:
    return name.lower().replace(" ", "_")


def _training(result: RunResult) -> NDArray[np.float64]:
    """Mean reward of each seed in the last part of its training, float [seeds]."""
    log = read_log(result.directory / "metrics.csv")
    last = max(1, int(result.updates.max()) // TRAINING_SHARE)
    return np.array(
        [np.mean(log["objective"][log["seed"] == seed][-last:]) for seed in result.seeds]
    )


def _findings(
    study: MarketStudy,
    fixed: dict[str, NDArray[np.float64]],
    learned: dict[str, Learned],
    curves: tuple[LearningCurves, ...],
) -> Findings:
    best = float(fixed[REFERENCE].mean())
    tested = {name: mean_of(one.testing) for name, one in learned.items()}
    trained = {name: mean_of(one.training) for name, one in learned.items()}
    played = {name: mean_of(of_episodes, normal_interval) for name, of_episodes in fixed.items()}
    rows = [
        (
            LABELS[name],
            with_interval(trained[name]),
            with_interval(tested[name]),
            f"{100 * tested[name].mean / best:.2f} %",
            f"{best - tested[name].mean:+.4f}",
        )
        for name in learned
    ] + [
        (
            name,
            "",
            with_interval(one),
            f"{100 * one.mean / best:.2f} %",
            f"{best - one.mean:+.4f}",
        )
        for name, one in sorted(played.items(), key=lambda item: -item[1].mean)
    ]
    first = next(iter(learned))
    return Findings(
        headline=f"{LABELS[first]} earns {with_interval(tested[first])} a round, "
        f"{100 * tested[first].mean / best:.2f} % of what known demand earns, {best:.4f}.",
        estimates={
            ("learned" if name == first else name): _estimate(one.testing, tested[name])
            for name, one in learned.items()
        }
        | {
            name: Estimate(one.mean, one.half_width, over="episodes")
            for name, one in played.items()
        },
        learning_curves=curves,
        tables=(
            Table(
                "Mean reward of a round, per buyer",
                ("Allocation", "In training", "In testing", "Of known demand", "Regret"),
                tuple(rows),
                (
                    f"Testing: {study.evaluation_episodes} fresh episodes of {study.rounds} "
                    "rounds, the same for all, without exploration. Intervals of what is learned "
                    "are over seeds, of the others over episodes.",
                    "Known demand earns most in each round by itself; who looks further can earn "
                    "more.",
                ),
            ),
        ),
        records=tuple(_records(study, learned, played)),
    )


def _estimate(of_seeds: NDArray[np.float64], mean: Mean) -> Estimate:
    return Estimate(mean.mean, mean.half_width, tuple(of_seeds.tolist()), over="seeds")


def _records(
    study: MarketStudy, learned: dict[str, Learned], played: dict[str, Mean]
) -> Iterator[Record]:
    for name, one in learned.items():
        for metric, of_seeds in (("training_reward", one.training), ("reward", one.testing)):
            mean = mean_of(of_seeds)
            yield Record(name, metric, mean.mean, mean.half_width)
            for seed, value in zip(study.all_seeds, of_seeds.tolist(), strict=True):
                yield Record(name, metric, value, seed=seed)
    for name, mean in played.items():
        yield Record(name, "reward", mean.mean, mean.half_width)
