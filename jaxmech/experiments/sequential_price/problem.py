"""What a study runs: environment and learner, and what learned mechanisms are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxmech.agents import CorrelatedUniform, Samples, Setting
from jaxmech.designers import PPO, RandomSerialDictatorship, StaticPrices
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.environments.sequential_price import make
from jaxmech.experiments.sequential_price.economy import Economy
from jaxmech.experiments.sequential_price.study import ObjectiveName, SequentialPriceStudy
from jaxmech.oracles import NotKnownError
from jaxmech.oracles import sequential_price as exact
from jaxmech.oracles.sequential_price import StaticPriceResult
from jaxmech.reports.findings import Oracle

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

VALIDATION, TEST, BASELINES, ECONOMIES, PICTURE, CERTIFICATES = range(6)
"""What keys are for."""

OFFLINE_OPTIMUM, OPTIMUM = "offline_optimum", "optimum"
RANDOM_SERIAL_DICTATORSHIP = "random_serial_dictatorship"

STATIC_PRICES: dict[str, Callable[[Setting], StaticPriceResult]] = {
    "anonymous_static_prices": exact.anonymous_static_prices,
    "personalised_static_prices": exact.personalised_static_prices,
}

BOUNDS: dict[str, Callable[..., float]] = {
    "known_centre_upper_bound": exact.known_centre_upper_bound,
    "purchase_history_lower_bound": exact.purchase_history_lower_bound,
}
"""Of an optimum that is not known."""


@dataclass(frozen=True)
class LearningProblem:
    """What a study learns in, and by what.

    Attributes:
      study: the study, resolved.
      env, params: the environment to learn in.
      test_params: parameters to evaluate in; other ones only where samples are held out.
      designer: the learner.
    """

    study: SequentialPriceStudy
    env: SequentialPrice
    params: SequentialPriceParams
    test_params: SequentialPriceParams
    designer: PPO

    @property
    def held_out(self) -> Samples | None:
        """The samples evaluated on; None where values are drawn."""
        distribution = self.test_params.distribution
        return distribution if isinstance(distribution, Samples) else None

    def key(self, purpose: int, number: int = 0) -> jax.Array:
        """The key of what is drawn for a purpose; no key of training is among these."""
        # Training splits the keys of the seeds; no split of them reaches this far.
        key = jax.random.fold_in(jax.random.key(self.study.first_seed), 2**30 + purpose)
        return jax.random.fold_in(key, number)


def problem_of(study: SequentialPriceStudy) -> LearningProblem:
    """Everything that a resolved study runs.

    Raises:
      ValueError: a field is out of range, the samples cannot be used, or the network does not
        suit the economy.
    """
    learned_in, evaluated_in = study.build(study.first_seed)
    env, params = make(
        learned_in,
        statistic=study.statistic,
        objective=study.objective,
        subtract_offline_optimum=bool(study.subtract_offline_optimum),
        buys_at_zero_utility=study.buys_at_zero_utility,
        price_high=study.price_high,
    )
    designer = designer_of(study, env, params)
    # Refuses here, before anything is computed, a network that does not suit the economy.
    _ = designer.actor_critic
    test_params = replace(params, distribution=evaluated_in.distribution)
    return LearningProblem(study, env, params, test_params, designer)


def designer_of(
    study: SequentialPriceStudy, env: SequentialPrice, params: SequentialPriceParams
) -> PPO:
    """The learner with the study's hyper-parameters."""
    where_open = {
        "anneal_updates": float(study.updates),
        "reward_scale": 1 / float(params.price_high.max()),
        "initial_log_scale": 0.0,
    }
    own = {name: value for name, value in asdict(study.ppo).items() if value is not None}
    return PPO(env, params, **{**where_open, **own})


@dataclass(frozen=True)
class References:
    """What a learned mechanism is compared with.

    Attributes:
      oracles: values of the economy evaluated in, by name.
      baselines: mechanisms that do not learn, by name.
    """

    oracles: dict[str, Oracle]
    baselines: dict[str, RandomSerialDictatorship | StaticPrices]

    @property
    def beside(self) -> dict[str, float]:
        """What to show beside the objective while it is learned."""
        for name in (OPTIMUM, OFFLINE_OPTIMUM):
            value = self.oracles[name].value
            if value is not None:
                return {name.replace("_", " "): value}
        return {}


def references_of(problem: LearningProblem, workspace: Workspace) -> References:
    """Exact values and baselines of a study, which its workspace keeps.

    Static prices are the best in the economy learned in; exact values are of the economy
    evaluated in. Neither depends on how the study learns.
    """
    study = problem.study
    rules = (study.economy, study.first_seed, study.objective, study.buys_at_zero_utility)

    def kept(name: str) -> Any:
        return workspace.kept_on_host(f"exact_{name}", exact_value, name, *rules)

    names = (OFFLINE_OPTIMUM, OPTIMUM, RANDOM_SERIAL_DICTATORSHIP, *STATIC_PRICES)
    found = {name: kept(name) for name in names}
    unknown_centre = isinstance(problem.test_params.distribution, CorrelatedUniform)
    if found[OPTIMUM]["missing"] and unknown_centre and study.objective != "max_min":
        found |= {name: kept(name) for name in BOUNDS}
    # They see who is left and nothing else, so that studies of one economy share their values.
    env = replace(problem.env, statistic="agents_items")
    baselines: dict[str, RandomSerialDictatorship | StaticPrices] = {
        RANDOM_SERIAL_DICTATORSHIP: RandomSerialDictatorship(env, problem.params)
    }
    for name in STATIC_PRICES:
        prices, order = found[name]["prices"], found[name]["order"]
        if prices is not None:
            # Of one shape, so that both baselines compile once.
            of_all = jnp.broadcast_to(jnp.asarray(prices, float), (env.num_agents, env.num_items))
            baselines[name] = StaticPrices(env, problem.params, of_all, jnp.asarray(order))
    oracles = {
        name: Oracle(value["value"], value["exact"], value["missing"])
        for name, value in found.items()
    }
    return References(oracles, baselines)


def exact_value(
    name: str, economy: Economy, seed: int, objective: ObjectiveName, buys_at_zero_utility: bool
) -> dict[str, Any]:
    """What theory or a search gives, in the economy evaluated in.

    Args:
      name: which value.
      economy: where.
      seed: of the choice of the samples held out.
      objective: what is maximised.
      buys_at_zero_utility: whether an agent buys when indifferent.

    Returns:
      ``value``, or None; whether it is ``exact``, not found by a numerical search; why it is
      ``missing``; and of static prices the best ``prices``, float [items] or [agents, items],
      and ``order``, int [agents], of the economy learned in.
    """
    result: dict[str, Any] = {
        "value": None, "exact": True, "missing": "", "prices": None, "order": None,
    }  # fmt: skip
    try:
        _check_known(name, objective, buys_at_zero_utility)
        learned_in, evaluated_in = economy.build(seed)
        if name in STATIC_PRICES:
            found = STATIC_PRICES[name](learned_in)
            result |= {"prices": found.prices, "order": found.order}
            if evaluated_in is not learned_in:
                raise NotKnownError("the prices are those found for the samples trained on")
            value, result["exact"] = found.value, bool(found.exact)
        elif name in BOUNDS:
            value = BOUNDS[name](evaluated_in, objective=objective)
        elif name == OPTIMUM:
            value = exact.optimal(evaluated_in, objective=objective)
        elif name == RANDOM_SERIAL_DICTATORSHIP:
            value = exact.random_serial_dictatorship(
                evaluated_in, buys_at_zero_utility=buys_at_zero_utility
            )
        elif objective == "max_min":
            value, result["exact"] = exact.expected_offline_max_min(evaluated_in)[0], False
        else:
            value = exact.expected_offline_optimum(evaluated_in)
        result["value"] = float(value)
    except NotKnownError as reason:
        result["missing"] = str(reason)
    return result


def _check_known(name: str, objective: ObjectiveName, buys_at_zero_utility: bool) -> None:
    for_welfare = name in (RANDOM_SERIAL_DICTATORSHIP, *STATIC_PRICES)
    if (for_welfare and objective != "welfare") or (
        name == OFFLINE_OPTIMUM and objective == "revenue"
    ):
        raise NotKnownError(f"objective: got {objective!r}; computed for 'welfare' only")
    if buys_at_zero_utility and name not in (OFFLINE_OPTIMUM, RANDOM_SERIAL_DICTATORSHIP):
        raise NotKnownError(
            "buys_at_zero_utility: got True; computed for agents that buy at positive utility only"
        )
