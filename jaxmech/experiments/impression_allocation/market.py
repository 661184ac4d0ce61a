"""One market of the study of impression allocation, computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.designers import DDPG, PPO, KnownDemand, LearnedDemand, LearnedSellerDemand
from jaxmech.designers.allocation_policies.baselines import baselines
from jaxmech.evaluation import Policy, evaluate
from jaxmech.experiments.impression_allocation.configuration import LearnerName, MarketStudy
from jaxmech.experiments.impression_allocation.episodes import (
    DEMAND,
    keys_of_seeds,
    rewards,
    rewards_of_seeds,
    testing_keys,
    trained_demands,
)
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

TRAINED = "trained demand"
"""The demand learned beforehand, in as many rounds as DDPG has."""

EVALUATIONS = 15
"""Points of a learning curve."""

CURVE_EPISODES = 32
"""Episodes of each point."""

INTERVALS = "Intervals of 95 %, of what is learned over seeds, of the others over episodes."

TRAINING_SHARE = 0.1
"""Of a training, the last part, whose episodes tell what it reached while it explored."""


@struct.dataclass
class GreedyReward:
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


def trained(
    study: MarketStudy,
    workspace: Workspace,
    name: LearnerName,
    designer: DDPG | PPO,
    beside: Mapping[str, float] | None = None,
) -> RunResult:
    """A learner trained in the workspace, or found there."""
    return workspace.train(
        name,
        designer,
        updates=study.updates,
        seeds=study.all_seeds,
        evaluate=GreedyReward(designer),
        evaluate_every=max(1, study.updates // EVALUATIONS),
        beside=beside,
    )


def policies_of_seeds(designer: DDPG | PPO, states: Any) -> Policy:
    """What each seed has learned, every array of it [seeds, ...]."""
    # Of the states the policies alone: a replay is large.
    policies: Policy = jax.vmap(jax.tree.map(jnp.asarray, designer).policy)(states)
    return policies


Row = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Reached:
    """What a learner reached.

    Attributes:
      testing: float [seeds], mean reward per round on fresh episodes, without exploration.
      training: float [seeds], that of the last part of its training, while it explored.
    """

    testing: NDArray[np.float64]
    training: NDArray[np.float64]


def compute(study: MarketStudy, workspace: Workspace) -> Findings:
    """Trains the learners, plays everything on the same fresh episodes, and compares."""
    env, params = study.build()
    keys = testing_keys(study.all_seeds)
    episodes = study.evaluation_episodes
    fixed = {
        name: workspace.kept(f"{_file(name)}_rewards", rewards, env, params, policy, keys, episodes)
        for name, policy in jax.tree.map(jnp.asarray, baselines(env, params)).items()
    }
    demands: LearnedDemand = workspace.kept(
        _file(TRAINED),
        trained_demands,
        env,
        params,
        keys_of_seeds(study.all_seeds, DEMAND),
        study.training_episodes,
    )
    of_each = jax.vmap(lambda one: LearnedSellerDemand(one, num_sellers=study.sellers))(demands)
    for name, policies in ((TRAINED, demands), (f"{TRAINED} of each seller", of_each)):
        fixed[name] = workspace.kept(
            f"{_file(name)}_rewards", rewards_of_seeds, env, params, policies, keys, episodes
        )
    fixed[REFERENCE] = workspace.kept(
        f"{_file(REFERENCE)}_rewards",
        rewards,
        state_observed(env),
        params,
        KnownDemand(params),
        keys,
        episodes,
    )
    means = {name: np.asarray(of_seeds, np.float64) for name, of_seeds in fixed.items()}
    references = {name: float(means[name].mean()) for name in (REFERENCE, TRAINED)}
    learned: dict[LearnerName, Reached] = {}
    curves: list[LearningCurves] = []
    for name in study.learners:
        designer = learner(name, study, env, params)
        result = trained(study, workspace, name, designer, beside=references)
        of_seeds = workspace.kept(
            f"{name}_rewards",
            rewards_of_seeds,
            designer.env,
            params,
            policies_of_seeds(designer, result.states),
            keys,
            episodes,
        )
        learned[name] = Reached(np.asarray(of_seeds, np.float64).mean(axis=1), _training(result))
        label = LABELS[name]
        curves.append(learning_curves(result, "reward", label=label, references=references))
    return _findings(study, means, learned, tuple(curves))


def _file(name: str) -> str:
    return name.lower().replace(" ", "_")


def _training(result: RunResult) -> NDArray[np.float64]:
    """Mean reward of each seed in the episodes that ended last in its training, float [seeds]."""
    log = read_log(result.directory / "metrics.csv")
    reached = []
    for seed in result.seeds:
        of_seed = log["seed"] == seed
        episodes, objective = log["episodes"][of_seed], log["objective"][of_seed]
        # Between ends of episodes the log repeats what was last.
        weights = np.where(np.arange(len(episodes)) >= len(episodes) * (1 - TRAINING_SHARE), 1, 0)
        if not (weights * episodes).any():
            weights = np.arange(len(episodes)) == np.flatnonzero(episodes)[-1]
        reached.append(np.average(np.nan_to_num(objective), weights=weights * episodes))
    return np.array(reached)


def _findings(
    study: MarketStudy,
    fixed: dict[str, NDArray[np.float64]],
    learned: dict[LearnerName, Reached],
    curves: tuple[LearningCurves, ...],
) -> Findings:
    known = fixed[REFERENCE].mean(axis=1)
    best = float(known.mean())
    tested = {name: mean_of(one.testing) for name, one in learned.items()}
    trained = {name: mean_of(one.training) for name, one in learned.items()}
    played = {name: mean_of(of_seeds.ravel(), normal_interval) for name, of_seeds in fixed.items()}

    def row(label: str, training: str, mean: Mean, of_seeds: NDArray[np.float64]) -> Row:
        share = f"{100 * mean.mean / best:.2f} %"
        regret = with_interval(mean_of(known - of_seeds), "+.4f")
        return label, training, with_interval(mean), share, regret

    rows = [
        row(LABELS[name], with_interval(trained[name]), tested[name], one.testing)
        for name, one in learned.items()
    ] + [
        row(name, "", mean, fixed[name].mean(axis=1))
        for name, mean in sorted(played.items(), key=lambda item: -item[1].mean)
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
            name: Estimate(
                one.mean,
                one.half_width,
                tuple(fixed[name].mean(axis=1).tolist()),
                over="episodes",
            )
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
                    "rounds for each seed, the same for all, without exploration. Intervals of "
                    "what is learned and of regrets are over seeds, of the others over episodes.",
                    f"{TRAINED.capitalize()} is learned by each seed in "
                    f"{study.training_episodes:,} episodes of its own before; of each seller, it "
                    "is multiplied by what the seller is seen to sell more or less in the episode.",
                    "Steps of the environment while learning: "
                    + ", ".join(f"{LABELS[name]} {study.steps_of(name):,}" for name in learned)
                    + ".",
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
    study: MarketStudy, learned: dict[LearnerName, Reached], played: dict[str, Mean]
) -> Iterator[Record]:
    for name, one in learned.items():
        for metric, of_seeds in (("training_reward", one.training), ("reward", one.testing)):
            mean = mean_of(of_seeds)
            yield Record(name, metric, mean.mean, mean.half_width)
            for seed, value in zip(study.all_seeds, of_seeds.tolist(), strict=True):
                yield Record(name, metric, value, seed=seed)
    for scheme, mean in played.items():
        yield Record(scheme, "reward", mean.mean, mean.half_width)


def not_learned(findings: Findings) -> list[str]:
    """The baselines that see what the learners see."""
    return [name for name in findings.estimates if name not in ("learned", *LABELS, REFERENCE)]


def best_seen(findings: Findings) -> str:
    """The best by its mean of the baselines that see what the learners see."""
    return max(not_learned(findings), key=lambda name: findings.estimates[name].mean)
