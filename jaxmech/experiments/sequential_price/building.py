"""From an experiment's configuration to what it runs: environment, designer, baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    CorrelatedUniform,
    Demand,
    Setting,
    UnitDemand,
    named_setting,
)
from jaxmech.data import load_setting
from jaxmech.data.samples import load_samples, settings_from_samples
from jaxmech.data.timber import load_timber_bids
from jaxmech.designers import PPO, RandomSerialDictatorship, StaticPrices
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.environments.sequential_price import make
from jaxmech.experiments.sequential_price.configuration import (
    SETTING_NAMES,
    FiniteSettingFile,
    NamedSetting,
    SequentialPriceExperiment,
    TimberAuctions,
)
from jaxmech.oracles import NotKnownError
from jaxmech.oracles import sequential_price as exact
from jaxmech.oracles.sequential_price import StaticPriceResult


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
    experiment = experiment.resolved()
    setting, test_setting = _settings(experiment)
    env, params = make(
        setting,
        statistic=experiment.statistic,
        objective=experiment.objective,
        subtract_offline_optimum=bool(experiment.subtract_offline_optimum),
        buys_at_zero_utility=experiment.buys_at_zero_utility,
        price_high=experiment.price_high,
    )
    designer = designer_of(experiment, env, params)
    # Refuses here, before anything is computed, a network that does not suit the economy.
    _ = designer.network
    return Study(
        experiment=experiment,
        setting=setting,
        test_setting=test_setting,
        env=env,
        params=params,
        test_params=replace(params, distribution=test_setting.distribution),
        designer=designer,
    )


def designer_of(
    experiment: SequentialPriceExperiment, env: SequentialPrice, params: SequentialPriceParams
) -> PPO:
    """The learner with the experiment's hyper-parameters."""
    hyper_parameters = asdict(experiment.ppo)
    if hyper_parameters["anneal_updates"] is None:
        hyper_parameters["anneal_updates"] = float(experiment.updates)
    if hyper_parameters["reward_scale"] is None:
        hyper_parameters["reward_scale"] = 1 / float(params.price_high.max())
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
        case FiniteSettingFile(None):
            raise ValueError(
                f"setting.path: got None; {experiment.name} needs a file that describes the "
                "setting, as in --setting.path setting.yaml"
            )
        case FiniteSettingFile(str(path)):
            setting = load_setting(path)
            return setting, setting
        case named:
            setting = setting_of(named)
            return setting, setting


def setting_of(named: NamedSetting) -> Setting:
    """The setting that a configuration names, one of ``jaxmech.agents.SETTINGS``.

    Raises:
      ValueError: a field is out of range.
    """
    return named_setting(SETTING_NAMES[type(named)], **asdict(named))


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


@dataclass(frozen=True)
class References:
    """What a learned mechanism is compared with.

    Attributes:
      mechanisms: those that do not learn, with ``act(state, observation, key)``, by name.
      oracles: values that theory or a search gives, of the economy evaluated in, by name.
      numerical: names of the oracles found by a numerical search.
      missing: why an oracle is not there, by name.
      simulated: what the mechanisms are worth on simulated episodes, mean and ci95 by name,
        where that is known already.
    """

    mechanisms: dict[str, Any] = field(default_factory=dict)
    oracles: dict[str, float] = field(default_factory=dict)
    numerical: tuple[str, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    simulated: dict[str, dict[str, float | None]] | None = None


def references_of(study: Study) -> References:
    """Mechanisms that do not learn, and what theory says mechanisms are worth.

    Static prices are the best in the economy learned in; exact values are of the economy
    evaluated in.
    """
    experiment, setting, test = study.experiment, study.setting, study.test_setting
    mechanisms: dict[str, Any] = {
        "random_serial_dictatorship": RandomSerialDictatorship(study.env, study.params)
    }
    oracles: dict[str, float] = {}
    numerical: list[str] = []
    missing: dict[str, str] = {}

    def value_of_optimum() -> float:
        _only_strict_buyers(experiment)
        return exact.optimal(test, objective=experiment.objective)

    def value_of_bound(bound: Callable[..., float]) -> float:
        _only_strict_buyers(experiment)
        return bound(test, objective=experiment.objective)

    def value_of_static_prices(name: str, best: Callable[[Setting], StaticPriceResult]) -> float:
        _welfare_only(experiment)
        _only_strict_buyers(experiment)
        result = best(setting)
        # Of one shape, so that both baselines compile once.
        shape = (study.env.num_agents, study.env.num_items)
        prices = jnp.broadcast_to(jnp.asarray(result.prices, float), shape)
        order = jnp.asarray(result.order)
        mechanisms[name] = StaticPrices(study.env, study.params, prices, order)
        if test is not setting:
            raise NotKnownError("the prices are those found for the samples trained on")
        if not result.exact:
            numerical.append(name)
        return result.value

    def value_of_offline_optimum() -> float:
        if experiment.objective == "max_min":
            numerical.append("offline_optimum")
            return exact.expected_offline_max_min(test)[0]
        _welfare_only(experiment)
        return exact.expected_offline_optimum(test)

    def value_of_serial_dictatorship() -> float:
        _welfare_only(experiment)
        return exact.random_serial_dictatorship(
            test, buys_at_zero_utility=experiment.buys_at_zero_utility
        )

    anonymous, personalised = exact.anonymous_static_prices, exact.personalised_static_prices
    values: dict[str, Callable[[], float]] = {
        "offline_optimum": value_of_offline_optimum,
        "optimum": value_of_optimum,
        "random_serial_dictatorship": value_of_serial_dictatorship,
        "anonymous_static_prices": partial(
            value_of_static_prices, "anonymous_static_prices", anonymous
        ),
        "personalised_static_prices": partial(
            value_of_static_prices, "personalised_static_prices", personalised
        ),
    }
    bounds = {
        "known_centre_upper_bound": exact.known_centre_upper_bound,
        "purchase_history_lower_bound": exact.purchase_history_lower_bound,
    }

    def find(name: str, value: Callable[[], float]) -> None:
        try:
            oracles[name] = float(value())
        except NotKnownError as reason:
            missing[name] = str(reason)

    for name, value in values.items():
        find(name, value)
    unknown_centre = isinstance(test.distribution, CorrelatedUniform)
    if "optimum" in missing and unknown_centre and experiment.objective != "max_min":
        for name, bound in bounds.items():
            find(name, partial(value_of_bound, bound))
    return References(mechanisms, oracles, tuple(numerical), missing)


def references_in(summary: Mapping[str, Any]) -> References:
    """What a run's ``summary.json`` says of references, for a run that differs in how it learns."""
    return References(
        oracles=summary["oracles"],
        numerical=tuple(summary["oracles_numerical"]),
        missing=summary["oracles_missing"],
        simulated=summary["baselines"],
    )


def _welfare_only(experiment: SequentialPriceExperiment) -> None:
    if experiment.objective != "welfare":
        raise NotKnownError(f"objective: got {experiment.objective!r}; computed for 'welfare' only")


def _only_strict_buyers(experiment: SequentialPriceExperiment) -> None:
    if experiment.buys_at_zero_utility:
        raise NotKnownError(
            "buys_at_zero_utility: got True; computed for agents that buy at positive utility only"
        )
