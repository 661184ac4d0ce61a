"""What mechanisms are worth: means of the objective with their intervals, over what is random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from jaxmech.designers import RandomSerialDictatorship
from jaxmech.experiments.sequential_price import episodes
from jaxmech.experiments.sequential_price.problem import LearningProblem
from jaxmech.experiments.sequential_price.references import OFFLINE_OPTIMUM, References
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy
from jaxmech.intervals import Mean, mean_of, normal_interval
from jaxmech.reports.findings import Estimate

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

BEST_SEEDS = 3
"""How many of the seeds Brero et al. (2021) average."""

VALIDATION, TEST, BASELINES, ECONOMIES, PICTURE, CERTIFICATES = range(6)
"""What keys are for."""


@dataclass(frozen=True)
class Worth:
    """What one mechanism is worth.

    Attributes:
      mean: of the objective, with its interval.
      of_samples: float64 [samples], mean objective of each held-out sample, if there are any.
    """

    mean: Mean
    of_samples: NDArray[np.float64] | None = None

    @property
    def estimate(self) -> Estimate:
        over = "episodes" if self.of_samples is None else "held-out samples"
        return Estimate(self.mean.mean, self.mean.half_width, over=over)


def key_of(study: SequentialPriceStudy, purpose: int, number: int = 0) -> jax.Array:
    """The key of what is drawn for a purpose; no key of training is among these."""
    # Training splits the keys of the seeds; no split of them reaches this far.
    key = jax.random.fold_in(jax.random.key(study.first_seed), 2**30 + purpose)
    return jax.random.fold_in(key, number)


def worth_of_seeds(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    policies: Sequence[Any],
    workspace: Workspace,
) -> list[Worth]:
    """Of what each seed learned, played without randomness of its own."""
    return [
        _worth(
            study, problem, f"learned_by_seed_{seed}", policy, key_of(study, TEST, place), workspace
        )
        for place, (seed, policy) in enumerate(zip(study.all_seeds, policies, strict=True))
    ]


def best_seeds(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    policies: Sequence[Any],
    workspace: Workspace,
) -> list[int]:
    """Places of the best three seeds, best first, chosen on the validation episodes.

    These are of the economy learned in, so that no held-out sample has a part in the choice.
    """
    if len(policies) == 1:
        return [0]
    means = [
        _mean_over_episodes(
            workspace.kept(
                f"validation_of_seed_{seed}",
                episodes.objectives,
                problem.env,
                problem.params,
                policy,
                key_of(study, VALIDATION, place),
                study.validation_episodes,
            )
        ).mean
        for place, (seed, policy) in enumerate(zip(study.all_seeds, policies, strict=True))
    ]
    return sorted(range(len(means)), key=lambda place: -means[place])[:BEST_SEEDS]


def worth_of_baselines(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    references: References,
    workspace: Workspace,
) -> dict[str, Estimate]:
    """Of mechanisms that do not learn, and of the offline optimum where welfare counts."""
    found = {}
    # They see who is left and nothing else, so that studies of one economy share their values.
    blind = replace(problem, env=replace(problem.env, statistic="agents_items"))
    for number, (name, baseline) in enumerate(references.baselines.items()):
        policy = replace(baseline, env=blind.env)
        key = key_of(study, BASELINES, number)
        random = isinstance(baseline, RandomSerialDictatorship)
        worth = _worth(study, blind, name, policy, key, workspace, random=random)
        found[name] = worth.estimate
    if study.objective == "welfare":
        found[OFFLINE_OPTIMUM] = _offline_optimum(study, problem, workspace).estimate
    return found


def over_seeds(several: Sequence[Worth]) -> Estimate:
    """Mean over seeds; with one seed, over its episodes.

    All seeds are played on the same held-out samples, so that the error of the mean has a
    part due to seeds and one due to samples. The two are independent: their intervals are
    added in quadrature. What is due to neither alone counts twice, to be on the safe side.
    """
    per_seed = tuple(worth.mean.mean for worth in several)
    half_widths = tuple(worth.mean.half_width for worth in several)
    if len(several) == 1:
        return replace(several[0].estimate, per_seed=per_seed, per_seed_half_width=half_widths)
    means = mean_of(np.array(per_seed))
    over, half_width = "seeds", means.half_width
    of_samples = [worth.of_samples for worth in several if worth.of_samples is not None]
    mean = means.mean
    if of_samples:
        over_samples = mean_of(np.mean(of_samples, axis=0))
        mean, over = over_samples.mean, "seeds and held-out samples"
        if over_samples.half_width is None or half_width is None:
            half_width = None
        else:
            half_width = float(np.hypot(half_width, over_samples.half_width))
    return Estimate(mean, half_width, per_seed, half_widths, over)


def _worth(
    study: SequentialPriceStudy,
    problem: LearningProblem,
    name: str,
    policy: Any,
    key: jax.Array,
    workspace: Workspace,
    *,
    random: bool = False,
) -> Worth:
    """What ``policy`` is worth: on every held-out sample, or else on fresh episodes."""
    played = (problem.env, problem.test_params, policy, key)
    count = study.evaluation_episodes
    if problem.held_out is None:
        values = workspace.kept(name, episodes.objectives, *played, count)
        return Worth(_mean_over_episodes(values))
    plays = max(1, count // len(problem.held_out)) if random else 1
    values = workspace.kept(name, episodes.sample_objectives, *played, plays)
    return _over_samples(np.asarray(values, np.float64).mean(axis=1))


def _offline_optimum(
    study: SequentialPriceStudy, problem: LearningProblem, workspace: Workspace
) -> Worth:
    """The greatest welfare possible, on held-out samples or in fresh economies."""
    params, max_units = problem.test_params, problem.env.max_units
    if problem.held_out is not None:
        optima = workspace.kept(OFFLINE_OPTIMUM, episodes.sample_offline_optima, params, max_units)
        return _over_samples(np.asarray(optima, np.float64))
    key = key_of(study, ECONOMIES)
    count = study.evaluation_episodes
    optima = workspace.kept(OFFLINE_OPTIMUM, episodes.offline_optima, params, max_units, key, count)
    return Worth(_mean_over_episodes(optima))


def _over_samples(values: NDArray[np.float64]) -> Worth:
    """Mean of ``values: float64 [samples]``, with the interval for more such samples."""
    return Worth(mean_of(values), values)


def _mean_over_episodes(values: jax.Array) -> Mean:
    return mean_of(np.asarray(values, np.float64), normal_interval)
