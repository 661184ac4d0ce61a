"""From an experiment's configuration to what it runs: environment, designer, baselines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import AdditiveDemand, BundleDemand, Demand, Setting, UnitDemand
from jaxmech.agents import setting as named_setting
from jaxmech.agents.real_data import load_timber_bids
from jaxmech.agents.samples import load_samples, settings_from_samples
from jaxmech.designers import PPO, RandomSerialDictatorship, StaticPrices
from jaxmech.environments import (
    SequentialPrice,
    SequentialPriceParams,
    sequential_price,
)
from jaxmech.experiments.configuration import (
    SETTING_NAMES,
    SequentialPriceExperiment,
    TimberAuctions,
)
from jaxmech.oracles import sequential_price as exact


@dataclass(frozen=True)
class Study:
    """An experiment, built.

    Attributes:
      experiment: the configuration it was built from.
      setting: the economy to learn in.
      test_setting: the economy to evaluate in; another only where samples are held out.
      env, params: the environment to learn in.
      test_params: parameters to evaluate in.
      designer: the learner.
    """

    experiment: SequentialPriceExperiment
    setting: Setting
    test_setting: Setting
    env: SequentialPrice
    params: SequentialPriceParams
    test_params: SequentialPriceParams
    designer: PPO

    @property
    def seeds(self) -> range:
        """The seeds to learn with."""
        first = self.experiment.first_seed
        return range(first, first + self.experiment.seeds)


def build(experiment: SequentialPriceExperiment) -> Study:
    """Everything an experiment runs.

    Raises:
      ValueError: a field is out of range, or the samples cannot be used.
    """
    setting, test_setting = _settings(experiment)
    env, params = sequential_price(
        setting,
        statistic=experiment.statistic,
        objective=experiment.objective,
        subtract_offline_optimum=experiment.subtract_offline_optimum,
        buys_at_zero_utility=experiment.buys_at_zero_utility,
        price_high=experiment.price_high,
    )
    return Study(
        experiment=experiment,
        setting=setting,
        test_setting=test_setting,
        env=env,
        params=params,
        test_params=replace(params, distribution=test_setting.distribution),
        designer=designer_of(experiment, env, params),
    )


def designer_of(
    experiment: SequentialPriceExperiment, env: SequentialPrice, params: SequentialPriceParams
) -> PPO:
    """The learner with the experiment's hyper-parameters."""
    hyper_parameters = asdict(experiment.ppo)
    if hyper_parameters["anneal_updates"] is None:
        hyper_parameters["anneal_updates"] = float(experiment.updates)
    if hyper_parameters["reward_scale"] is None:
        hyper_parameters["reward_scale"] = 1 / float(params.price_high)
    return PPO(env, params, **hyper_parameters)


def _settings(experiment: SequentialPriceExperiment) -> tuple[Setting, Setting]:
    """The economies to learn and to evaluate in."""
    if experiment.samples is not None:
        return _sampled(experiment, load_samples(experiment.samples))
    match experiment.setting:
        case None:
            raise ValueError(
                f"samples: got None; {experiment.name} needs a file of valuations, "
                "as in --samples values.csv"
            )
        case TimberAuctions():
            return _sampled(experiment, load_timber_bids(**asdict(experiment.setting)))
        case named:
            setting = named_setting(SETTING_NAMES[type(named)], **asdict(named))
            return setting, setting


def _sampled(
    experiment: SequentialPriceExperiment, values: NDArray[np.float64]
) -> tuple[Setting, Setting]:
    width = values.shape[2]
    demand: Demand
    match experiment.demand:
        case "unit":
            demand = UnitDemand(width)
        case "additive":
            demand = AdditiveDemand(width)
        case "bundle":
            demand = BundleDemand(width.bit_length() - 1)
    return settings_from_samples(
        values,
        units=experiment.units or (1,) * demand.num_items,
        demand=demand,
        held_out=experiment.held_out,
        seed=experiment.first_seed,
    )


def baselines_and_oracles(study: Study) -> tuple[dict[str, Any], dict[str, float]]:
    """Mechanisms that do not learn, and what theory says mechanisms are worth.

    What cannot be computed is left out. Static prices are the best in the economy learned
    in; exact values are of the economy evaluated in.

    Returns:
      by name: mechanisms with ``act(state, observation, key)``, and exact values.
    """
    mechanisms: dict[str, Any] = {
        "random_serial_dictatorship": RandomSerialDictatorship(study.env, study.params)
    }
    oracles: dict[str, float] = {}
    test, experiment = study.test_setting, study.experiment
    values: dict[str, Callable[[], float]] = {}
    if experiment.objective == "welfare":
        values["offline_optimum"] = lambda: exact.expected_offline_optimum(test)
        values["random_serial_dictatorship"] = lambda: exact.random_serial_dictatorship(
            test, buys_at_zero_utility=experiment.buys_at_zero_utility
        )
    objective = experiment.objective
    if objective != "max_min" and not experiment.buys_at_zero_utility:
        values["optimum"] = lambda: exact.optimal(test, objective=objective)
    for name, value in values.items():
        with suppress(ValueError):
            oracles[name] = float(value())
    if objective != "welfare" or experiment.buys_at_zero_utility:
        return mechanisms, oracles
    for name, best in (
        ("anonymous_static_prices", exact.anonymous_static_prices),
        ("personalised_static_prices", exact.personalised_static_prices),
    ):
        with suppress(ValueError):
            result = best(study.setting)
            # Of one shape, so that both baselines compile once.
            shape = (study.env.num_agents, study.env.num_items)
            prices = jnp.broadcast_to(jnp.asarray(result.prices, float), shape)
            order = jnp.asarray(result.order)
            mechanisms[name] = StaticPrices(study.env, study.params, prices, order)
            if test is study.setting:
                oracles[name] = float(result.value)
    return mechanisms, oracles
