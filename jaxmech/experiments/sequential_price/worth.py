"""What mechanisms are worth: means of the objective of played episodes, with their intervals.

What is computed of episodes is a program: a pure function that a workspace keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents import Samples, Valuations
from jaxmech.designers import PPO, RandomSerialDictatorship
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Policy, Trajectory, map_in_batches, play
from jaxmech.experiments.sequential_price.problem import (
    BASELINES,
    ECONOMIES,
    OFFLINE_OPTIMUM,
    TEST,
    VALIDATION,
    LearningProblem,
    References,
)
from jaxmech.intervals import mean_of, normal_interval, students_interval
from jaxmech.oracles.offline import offline_optimum
from jaxmech.reports.findings import Estimate

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

BATCH = 4096
"""Episodes played side by side."""

PICTURED_BATCH = 256

BEST_SEEDS = 3
"""How many of the seeds Brero et al. (2021) average."""


def objectives(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    episodes: int,
) -> jax.Array:
    """Of fresh episodes, float [episodes]; episode ``i`` is played with ``fold_in(key, i)``."""

    def objective(index: jax.Array) -> jax.Array:
        return _play(env, params, policy, jax.random.fold_in(key, index)).objective

    return map_in_batches(objective, jnp.arange(episodes), BATCH)


def sample_objectives(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    samples: Samples,
    plays: int,
) -> jax.Array:
    """Of every sample, played equally often: float [samples, plays]."""

    def objective(index: jax.Array) -> jax.Array:
        only = replace(samples, values=samples.values[index // plays][None])
        alone = replace(params, distribution=only)
        return _play(env, alone, policy, jax.random.fold_in(key, index)).objective

    index = jnp.arange(len(samples.values) * plays)
    return map_in_batches(objective, index, BATCH).reshape(-1, plays)


def offline_optima(
    params: SequentialPriceParams,
    max_units: int,
    key: jax.Array,
    episodes: int,
    samples: Samples | None,
) -> jax.Array:
    """The greatest welfare possible: with every sample, or else in fresh economies.

    Returns:
      float [samples] or float [episodes].
    """
    distribution = params.distribution

    def optimum(values: jax.Array) -> jax.Array:
        valuations = Valuations(values, distribution.demand)
        return offline_optimum(valuations, params.units, max_units)

    if samples is not None:
        return map_in_batches(optimum, samples.values, BATCH)
    keys = jax.random.split(key, episodes)
    return map_in_batches(lambda key: optimum(distribution.sample(key)), keys, BATCH)


def visits(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    episodes: int,
) -> dict[str, jax.Array]:
    """Whom a mechanism visits, at what prices, and what is taken.

    Returns:
      ``agents``, int [episodes, visits]; ``prices``, float [episodes, visits, items];
      ``bundles``, int [episodes, visits, items]; ``live``, bool [episodes, visits], whether the
      episode was still going on.
    """

    def of_one_episode(key: jax.Array) -> dict[str, jax.Array]:
        episode = _play(env, params, policy, key)
        scores = episode.actions[:, : env.num_agents]
        left = env.agents_left(episode.observations)
        agents = jnp.argmax(jnp.where(left, scores, -jnp.inf), axis=-1)
        prices = jnp.clip(episode.actions[:, env.num_agents :], 0, params.price_high[None])
        bundles = jnp.where(episode.live[:, None], episode.state.allocation[agents], 0)
        return {"agents": agents, "prices": prices, "bundles": bundles, "live": episode.live}

    # In batches, as observations are long: only what is returned is kept of each.
    keys = jax.random.split(key, episodes)
    return map_in_batches(of_one_episode, keys, PICTURED_BATCH)


@struct.dataclass
class MeanObjective:
    """Of what a designer has learned so far, on fresh episodes without exploration.

    Attributes:
      designer: the learner.
      env, params: the environment to play in.
      episodes: how many to play.
    """

    designer: PPO
    env: SequentialPrice = struct.field(pytree_node=False)
    params: SequentialPriceParams
    episodes: int = struct.field(pytree_node=False)

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        """The mean ``objective`` of one seed's ``state``."""
        policy = self.designer.policy(state)
        return {"objective": objectives(self.env, self.params, policy, key, self.episodes).mean()}


@dataclass(frozen=True)
class Worth:
    """What one mechanism is worth.

    Attributes:
      values: float64 [episodes], the objective of each, or [samples], its mean for each.
      of_samples: whether these are held-out samples.
    """

    values: NDArray[np.float64]
    of_samples: bool

    @property
    def estimate(self) -> Estimate:
        """The mean, with the interval for more such episodes or samples."""
        mean = mean_of(self.values, students_interval if self.of_samples else normal_interval)
        over = "held-out samples" if self.of_samples else "episodes"
        return Estimate(mean.mean, mean.half_width, over=over)


def worth_of_seeds(
    problem: LearningProblem, policies: Sequence[Policy], workspace: Workspace
) -> list[Worth]:
    """Of what each seed learned, played without randomness of its own."""
    return [
        _worth(problem, f"learned_by_seed_{seed}", policy, problem.key(TEST, place), workspace)
        for place, (seed, policy) in enumerate(zip(problem.study.all_seeds, policies, strict=True))
    ]


def best_seeds(
    problem: LearningProblem, policies: Sequence[Policy], workspace: Workspace
) -> list[int]:
    """Places of the best three seeds, best first, chosen on the validation episodes.

    These are of the economy learned in, so that no held-out sample has a part in the choice.
    """
    if len(policies) == 1:
        return [0]
    means = []
    for place, (seed, policy) in enumerate(zip(problem.study.all_seeds, policies, strict=True)):
        key, count = problem.key(VALIDATION, place), problem.study.validation_episodes
        played = (problem.env, problem.params, policy, key, count)
        values = workspace.kept(f"validation_of_seed_{seed}", objectives, *played)
        means.append(np.asarray(values, np.float64).mean())
    return sorted(range(len(means)), key=lambda place: -means[place])[:BEST_SEEDS]


def worth_of_baselines(
    problem: LearningProblem, references: References, workspace: Workspace
) -> dict[str, Estimate]:
    """Of mechanisms that do not learn, and of the offline optimum where welfare counts."""
    found = {}
    for number, (name, baseline) in enumerate(references.baselines.items()):
        blind, key = replace(problem, env=baseline.env), problem.key(BASELINES, number)
        found[name] = _worth(blind, name, baseline, key, workspace).estimate
    if problem.study.objective == "welfare":
        key, count = problem.key(ECONOMIES), problem.study.evaluation_episodes
        asked = (problem.test_params, problem.env.max_units, key, count, problem.held_out)
        optima = workspace.kept(OFFLINE_OPTIMUM, offline_optima, *asked)
        of_samples = problem.held_out is not None
        found[OFFLINE_OPTIMUM] = Worth(np.asarray(optima, np.float64), of_samples).estimate
    return found


def over_seeds(several: Sequence[Worth]) -> Estimate:
    """Mean over seeds; with one seed, over its episodes.

    All seeds are played on the same held-out samples, so that the error of the mean has a
    part due to seeds and one due to samples. The two are independent: their intervals are
    added in quadrature. What is due to neither alone counts twice, to be on the safe side.
    """
    estimates = [worth.estimate for worth in several]
    per_seed = tuple(estimate.mean for estimate in estimates)
    half_widths = tuple(estimate.half_width for estimate in estimates)
    if len(several) == 1:
        return replace(estimates[0], per_seed=per_seed, per_seed_half_width=half_widths)
    means = mean_of(np.array(per_seed))
    if not several[0].of_samples:
        return Estimate(means.mean, means.half_width, per_seed, half_widths, "seeds")
    over_samples = mean_of(np.mean([worth.values for worth in several], axis=0))
    half_width = None
    if over_samples.half_width is not None and means.half_width is not None:
        half_width = float(np.hypot(means.half_width, over_samples.half_width))
    over = "seeds and held-out samples"
    return Estimate(over_samples.mean, half_width, per_seed, half_widths, over)


def _play(
    env: SequentialPrice, params: SequentialPriceParams, policy: Policy, key: jax.Array
) -> Trajectory:
    # Without exploration; but chance is all there is to a random order.
    deterministic = not isinstance(policy, RandomSerialDictatorship)
    return play(env, params, policy, key, deterministic=deterministic)


def _worth(
    problem: LearningProblem, name: str, policy: Policy, key: jax.Array, workspace: Workspace
) -> Worth:
    """What ``policy`` is worth: on every held-out sample, or else on fresh episodes."""
    played = (problem.env, problem.test_params, policy, key)
    count, samples = problem.study.evaluation_episodes, problem.held_out
    if samples is None:
        values = workspace.kept(name, objectives, *played, count)
        return Worth(np.asarray(values, np.float64), of_samples=False)
    random = isinstance(policy, RandomSerialDictatorship)
    plays = max(1, count // len(samples.values)) if random else 1
    values = workspace.kept(name, sample_objectives, *played, samples, plays)
    return Worth(np.asarray(values, np.float64).mean(axis=1), of_samples=True)
