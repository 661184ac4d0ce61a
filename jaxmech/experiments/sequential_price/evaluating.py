"""What a trained experiment is worth, beside its baselines: ``summary.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import Samples, Valuations
from jaxmech.curves import read_curves
from jaxmech.designers import RandomSerialDictatorship
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Estimate, Policy, evaluate, evaluate_samples, play
from jaxmech.experiments.sequential_price.building import References, Study
from jaxmech.experiments.sequential_price.picture import PolicyPicture, Visits, picture_of
from jaxmech.experiments.software import devices_and_versions
from jaxmech.intervals import students_interval
from jaxmech.oracles.offline import offline_optimum
from jaxmech.runner import RunResult

BEST_SEEDS = 3
"""How many of the seeds Brero et al. (2021) average."""

PICTURED_EPISODES = 8192

_PICTURED_TOGETHER = 256

_VALIDATION, _TEST, _BASELINES, _ECONOMIES, _PICTURE = range(5)


@dataclass(frozen=True)
class _Outcome:
    """What one mechanism is worth.

    Attributes:
      mean: of the objective.
      ci95: half-width of its 95 % interval; none where a single sample gives no interval.
      of_samples: float64 [samples], mean objective of each held-out sample, if there are any.
    """

    mean: float
    ci95: float | None
    of_samples: NDArray[np.float64] | None = None

    def summary(self) -> dict[str, float | None]:
        return {"mean": self.mean, "ci95": self.ci95}


def evaluate_run(
    study: Study, result: RunResult, references: References
) -> tuple[dict[str, Any], PolicyPicture]:
    """What the learned mechanisms and the baselines are worth, and what the best one does.

    Every mechanism is played on ``evaluation_episodes`` fresh episodes of its own, or on
    every held-out sample equally often; the learned ones without randomness of their own.

    Args:
      study: the experiment.
      result: of its training.
      references: what the learned mechanisms are compared with.

    Returns:
      the content of ``summary.json``, and the picture of the best seed's mechanism.
    """
    experiment = study.experiment
    held_out = _held_out(study)
    test = [
        _outcome(study, _policy(study, result.states, place), _key(study, _TEST, place))
        for place in range(experiment.seeds)
    ]
    best = best_seeds(study, result.states)
    learned = {
        **_over_seeds(test).summary(),
        "per_seed": [outcome.summary() for outcome in test],
        # An interval would take the selected seeds for seeds drawn at random.
        "best": {
            "mean": float(np.mean([test[place].mean for place in best])),
            "seeds": [result.seeds[place] for place in best],
        },
    }
    curves = read_curves(result.directory)
    summary = {
        "experiment": experiment.title,
        "objective": experiment.objective,
        "held_out_samples": None if held_out is None else len(held_out),
        "learned": learned,
        "baselines": references.simulated or _simulated(study, references),
        "oracles": references.oracles,
        "oracles_numerical": list(references.numerical),
        "oracles_missing": references.missing,
        "certificates": {},
        "updates": int(np.max(result.updates)),
        "environment_steps": curves.total_steps if curves else 0,
        "seconds": result.seconds,
        "compile_seconds": _recorded_compile_seconds(result) + result.compile_seconds,
        **devices_and_versions(),
    }
    return summary, _picture(study, result.states, best[0])


def _simulated(study: Study, references: References) -> dict[str, dict[str, float | None]]:
    """What the mechanisms that do not learn are worth, and the offline optimum."""
    simulated = {}
    for number, (name, baseline) in enumerate(references.mechanisms.items()):
        key = _key(study, _BASELINES, number)
        random = isinstance(baseline, RandomSerialDictatorship)
        simulated[name] = _outcome(study, baseline, key, random=random).summary()
    if study.experiment.objective == "welfare":
        simulated["offline_optimum"] = _offline_optimum(study).summary()
    return simulated


def best_seeds(study: Study, states: Any) -> list[int]:
    """Places of the best three seeds, best first, chosen on the validation episodes.

    These are of the economy learned in, so that no held-out sample has a part in the choice.
    """
    experiment, places = study.experiment, range(study.experiment.seeds)
    if len(places) == 1:
        return [0]
    means = [
        evaluate(
            study.env,
            study.params,
            _policy(study, states, place),
            _key(study, _VALIDATION, place),
            experiment.validation_episodes,
        ).mean
        for place in places
    ]
    return sorted(places, key=lambda place: -means[place])[:BEST_SEEDS]


def _picture(study: Study, states: Any, place: int) -> PolicyPicture:
    """What the mechanism learned by the seed at ``place`` does."""
    policy = _policy(study, states, place)
    keys = jax.random.split(_key(study, _PICTURE), PICTURED_EPISODES)
    visits = _visits(study.env, study.test_params, policy, keys)
    agents, prices, bundles, live = map(np.asarray, visits)
    return picture_of(Visits(agents, prices, bundles, live, np.asarray(study.params.units)))


def _recorded_compile_seconds(result: RunResult) -> float:
    """What an earlier evaluation of the run recorded, as each call knows its own only."""
    path = result.directory / "summary.json"
    return float(json.loads(path.read_text())["compile_seconds"]) if path.is_file() else 0.0


def _held_out(study: Study) -> jax.Array | None:
    """The samples evaluated on, if that is what the economy consists of."""
    distribution = study.test_params.distribution
    return distribution.values if isinstance(distribution, Samples) else None


def _outcome(study: Study, policy: Policy, key: jax.Array, *, random: bool = False) -> _Outcome:
    """What ``policy`` is worth: on every held-out sample, or else on fresh episodes."""
    episodes, params = study.experiment.evaluation_episodes, study.test_params
    held_out = _held_out(study)
    if held_out is None:
        estimate = evaluate(study.env, params, policy, key, episodes, deterministic=not random)
        return _Outcome(estimate.mean, estimate.ci95)
    plays = max(1, episodes // len(held_out)) if random else 1
    values = evaluate_samples(study.env, params, policy, key, plays, deterministic=not random)
    return _over_samples(values)


def _over_samples(values: NDArray[np.float64]) -> _Outcome:
    """Mean of ``values: float64 [samples]``, with the interval for more such samples."""
    return _Outcome(float(values.mean()), _interval(values), values)


def _over_seeds(outcomes: list[_Outcome]) -> _Outcome:
    """Mean over seeds; with one seed, over its episodes.

    All seeds are played on the same held-out samples, so that the error of the mean has a
    part due to seeds and one due to samples. The two are independent: their intervals are
    added in quadrature. What is due to neither alone counts twice, to be on the safe side.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    means = np.array([outcome.mean for outcome in outcomes])
    due_to_seeds = _interval(means)
    of_samples = [outcome.of_samples for outcome in outcomes if outcome.of_samples is not None]
    if not of_samples:
        return _Outcome(float(means.mean()), due_to_seeds)
    over_samples = _over_samples(np.mean(of_samples, axis=0))
    if over_samples.ci95 is None or due_to_seeds is None:
        return replace(over_samples, ci95=None)
    return replace(over_samples, ci95=float(np.hypot(due_to_seeds, over_samples.ci95)))


def _interval(values: NDArray[np.float64]) -> float | None:
    half_width = students_interval(values)
    return None if half_width is None else float(half_width)


def _policy(study: Study, states: Any, place: int) -> Policy:
    return study.designer.policy(jax.tree.map(lambda leaf: leaf[place], states))


def _offline_optimum(study: Study) -> _Outcome:
    """The greatest welfare possible, on held-out samples or in fresh economies."""
    params, max_units = study.test_params, study.env.max_units
    held_out = _held_out(study)
    if held_out is not None:
        optima = _offline_optima_of(params, max_units, held_out)
        return _over_samples(np.asarray(optima, np.float64))
    keys = jax.random.split(_key(study, _ECONOMIES), study.experiment.evaluation_episodes)
    estimate = Estimate.of(np.asarray(_offline_optima(params, max_units, keys)))
    return _Outcome(estimate.mean, estimate.ci95)


@partial(jax.jit, static_argnums=1)
def _offline_optima(params: SequentialPriceParams, max_units: int, keys: jax.Array) -> jax.Array:
    def of_one_economy(key: jax.Array) -> jax.Array:
        return _offline_optimum_of(params, max_units, params.distribution.sample(key))

    return jax.lax.map(of_one_economy, keys, batch_size=4096)


@partial(jax.jit, static_argnums=1)
def _offline_optima_of(
    params: SequentialPriceParams, max_units: int, values: jax.Array
) -> jax.Array:
    """Of each sample of ``values``, float [samples]."""
    of_one_sample = partial(_offline_optimum_of, params, max_units)
    return jax.lax.map(of_one_sample, values, batch_size=4096)


def _offline_optimum_of(
    params: SequentialPriceParams, max_units: int, values: jax.Array
) -> jax.Array:
    valuations = Valuations(values, params.distribution.demand)
    return offline_optimum(valuations, params.units, max_units)


@partial(jax.jit, static_argnums=0)
def _visits(
    env: SequentialPrice, params: SequentialPriceParams, policy: Policy, keys: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Agents, prices, bundles and whether the episode was still going on, by visit."""

    def of_one_episode(
        key: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        episode = play(env, params, policy, key)
        scores = episode.actions[:, : env.num_agents]
        left = env.agents_left(episode.observations)
        agents = jnp.argmax(jnp.where(left, scores, -jnp.inf), axis=-1)
        prices = jnp.clip(episode.actions[:, env.num_agents :], 0, params.price_high)
        bundles = jnp.where(episode.live[:, None], episode.state.allocation[agents], 0)
        return agents, prices, bundles, episode.live

    # In batches, as observations are long: only what is returned is kept of each.
    return jax.lax.map(of_one_episode, keys, batch_size=_PICTURED_TOGETHER)


def _key(study: Study, purpose: int, number: int = 0) -> jax.Array:
    # Training splits the keys of the seeds; no split of them reaches this far.
    key = jax.random.fold_in(jax.random.key(study.experiment.first_seed), 2**30 + purpose)
    return jax.random.fold_in(key, number)
