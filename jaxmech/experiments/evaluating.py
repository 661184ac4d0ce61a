"""What a trained experiment is worth, beside its baselines: ``summary.json``."""

from __future__ import annotations

import platform
from functools import partial
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from scipy.special import stdtrit

from jaxmech.agents import Valuations
from jaxmech.curves import read_curves
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Act, Estimate, evaluate, play, policy_of
from jaxmech.experiments.building import Study
from jaxmech.oracles.offline import offline_optimum
from jaxmech.policy_picture import PolicyPicture, Visits, picture_of
from jaxmech.runner import RunResult

BEST_SEEDS = 3
"""How many of the seeds Brero et al. (2021) average."""

PICTURED_EPISODES = 8192

_VALIDATION, _TEST, _BASELINES, _ECONOMIES, _PICTURE = range(5)


def evaluate_run(
    study: Study,
    result: RunResult,
    baselines: dict[str, Any],
    oracles: dict[str, float],
) -> tuple[dict[str, Any], PolicyPicture]:
    """What the learned mechanisms and the baselines are worth, and what the best one does.

    Every mechanism is played on ``evaluation_episodes`` fresh episodes of its own, the
    learned ones without randomness of their own.

    Args:
      study: the experiment.
      result: of its training.
      baselines: mechanisms with ``act(state, observation, key)``, by name.
      oracles: exact values, by name.

    Returns:
      the content of ``summary.json``, and the picture of the best seed's mechanism.
    """
    experiment = study.experiment
    places = range(experiment.seeds)
    test = [_of_seed(study, result.states, place, _TEST) for place in places]
    best = best_seeds(study, result.states)
    simulated = {}
    for number, (name, baseline) in enumerate(baselines.items()):
        act, key = Partial(_act, baseline), _key(study, _BASELINES, number)
        simulated[name] = _mean_and_interval(
            evaluate(study.env, study.test_params, act, key, experiment.evaluation_episodes)
        )
    if experiment.objective == "welfare":
        simulated["offline_optimum"] = _mean_and_interval(_offline_optimum(study))
    learned = {
        **_over_seeds(test),
        "per_seed": [_mean_and_interval(estimate) for estimate in test],
        "best": {
            **_over_seeds([test[place] for place in best]),
            "seeds": [result.seeds[place] for place in best],
        },
    }
    curves = read_curves(result.directory)
    summary = {
        "experiment": experiment.title,
        "objective": experiment.objective,
        "learned": learned,
        "baselines": simulated,
        "oracles": oracles,
        "certificates": {},
        "updates": result.updates,
        "environment_steps": curves.total_steps if curves else 0,
        "seconds": result.seconds,
        "compile_seconds": result.compile_seconds,
        "devices": [str(device) for device in jax.devices()],
        "versions": _versions(),
    }
    return summary, _picture(study, result.states, best[0])


def best_seeds(study: Study, states: Any) -> list[int]:
    """Places of the best three seeds, best first, chosen on the validation episodes."""
    places = range(study.experiment.seeds)
    if len(places) == 1:
        return [0]
    means = [_of_seed(study, states, place, _VALIDATION).mean for place in places]
    return sorted(places, key=lambda place: -means[place])[:BEST_SEEDS]


def _picture(study: Study, states: Any, place: int) -> PolicyPicture:
    """What the mechanism learned by the seed at ``place`` does."""
    policy = _policy(study, states, place)
    keys = jax.random.split(_key(study, _PICTURE), PICTURED_EPISODES)
    visits = _visits(study.env, study.test_params, policy, keys)
    agents, prices, bundles, live = map(np.asarray, visits)
    return picture_of(Visits(agents, prices, bundles, live, np.asarray(study.params.units)))


def _versions() -> dict[str, str]:
    packages = ("jaxmech", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _over_seeds(estimates: list[Estimate]) -> dict[str, float]:
    """Mean over seeds, with Student's interval; with one seed, over its episodes."""
    if len(estimates) == 1:
        return _mean_and_interval(estimates[0])
    means = np.array([estimate.mean for estimate in estimates])
    quantile = stdtrit(len(means) - 1, 0.975)
    interval = quantile * means.std(ddof=1) / np.sqrt(len(means))
    return {"mean": float(means.mean()), "ci95": float(interval)}


def _mean_and_interval(estimate: Estimate) -> dict[str, float]:
    return {"mean": estimate.mean, "ci95": estimate.ci95}


def _of_seed(study: Study, states: Any, place: int, purpose: int) -> Estimate:
    """A learned mechanism on episodes of its own, to test it or to choose among seeds."""
    experiment = study.experiment
    episodes = {
        _TEST: experiment.evaluation_episodes,
        _VALIDATION: experiment.validation_episodes,
    }[purpose]
    policy, key = _policy(study, states, place), _key(study, purpose, place)
    return evaluate(study.env, study.test_params, policy, key, episodes)


def _policy(study: Study, states: Any, place: int) -> Partial:
    return policy_of(study.designer, jax.tree.map(lambda leaf: leaf[place], states))


def _act(baseline: Any, observation: jax.Array, key: jax.Array) -> jax.Array:
    return baseline.act(None, observation, key)


def _offline_optimum(study: Study) -> Estimate:
    """The greatest welfare possible, in as many economies as there are test episodes."""
    keys = jax.random.split(_key(study, _ECONOMIES), study.experiment.evaluation_episodes)
    optima = _offline_optima(study.test_params, study.env.max_units, keys)
    return Estimate.of(np.asarray(optima))


@partial(jax.jit, static_argnums=1)
def _offline_optima(params: SequentialPriceParams, max_units: int, keys: jax.Array) -> jax.Array:
    def of_one_economy(key: jax.Array) -> jax.Array:
        distribution = params.distribution
        valuations = Valuations(distribution.sample(key), distribution.demand)
        return offline_optimum(valuations, params.units, max_units)

    return jax.lax.map(of_one_economy, keys, batch_size=4096)


@partial(jax.jit, static_argnums=0)
def _visits(
    env: SequentialPrice, params: SequentialPriceParams, policy: Act, keys: jax.Array
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

    return jax.vmap(of_one_episode)(keys)


def _key(study: Study, purpose: int, number: int = 0) -> jax.Array:
    # Training splits the keys of the seeds; no split of them reaches this far.
    key = jax.random.fold_in(jax.random.key(study.experiment.first_seed), 2**30 + purpose)
    return jax.random.fold_in(key, number)
