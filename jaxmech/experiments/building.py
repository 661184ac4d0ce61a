"""From an experiment's configuration to what it runs: environment, designer, baselines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp

from jaxmech.agents import Setting
from jaxmech.agents import setting as named_setting
from jaxmech.agents.samples import load_samples, settings_from_samples
from jaxmech.designers import PPO, RandomSerialDictatorship, StaticPrices
from jaxmech.environments import (
    SequentialPrice,
    SequentialPriceParams,
    params_of,
    sequential_price,
)
from jaxmech.experiments.configuration import SETTING_NAMES, SequentialPriceExperiment
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
    hyper_parameters = asdict(experiment.ppo)
    if hyper_parameters["anneal_updates"] is None:
        hyper_parameters["anneal_updates"] = float(experiment.updates)
    return Study(
        experiment=experiment,
        setting=setting,
        test_setting=test_setting,
        env=env,
        params=params,
        test_params=params.replace(distribution=test_setting.distribution),
        designer=PPO(env, params, **hyper_parameters),
    )


def _settings(experiment: SequentialPriceExperiment) -> tuple[Setting, Setting]:
    """The economies to learn and to evaluate in."""
    if experiment.samples is not None:
        values = load_samples(experiment.samples)
        return settings_from_samples(
            values,
            units=experiment.units,
            demand=experiment.demand,
            held_out=experiment.held_out,
            seed=experiment.first_seed,
        )
    if experiment.setting is None:
        raise ValueError(
            f"samples: got None; {experiment.name} needs a file of valuations, "
            "as in --samples values.csv"
        )
    name = SETTING_NAMES[type(experiment.setting)]
    setting = named_setting(name, **asdict(experiment.setting))
    return setting, setting


def exact_values(study: Study) -> dict[str, float]:
    """What theory says mechanisms are worth where the study is evaluated, by name.

    Those that cannot be computed are left out.
    """


def baselines(study: Study) -> dict[str, Any]:
    """Mechanisms that do not learn, by name; each has ``act(state, observation, key)``."""
