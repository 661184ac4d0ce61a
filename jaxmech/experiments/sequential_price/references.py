"""What a learned mechanism is compared with: exact values, and mechanisms that do not learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jaxmech.agents import CorrelatedUniform, Setting
from jaxmech.designers import RandomSerialDictatorship, StaticPrices
from jaxmech.experiments.sequential_price.economy import Economy
from jaxmech.experiments.sequential_price.problem import LearningProblem
from jaxmech.experiments.sequential_price.study import ObjectiveName, SequentialPriceStudy
from jaxmech.oracles import NotKnownError
from jaxmech.oracles import sequential_price as exact
from jaxmech.oracles.sequential_price import StaticPriceResult
from jaxmech.reports.findings import Oracle

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

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
            oracle = self.oracles.get(name)
            if oracle is not None and oracle.value is not None:
                return {name.replace("_", " "): oracle.value}
        return {}


def references_of(
    study: SequentialPriceStudy, problem: LearningProblem, workspace: Workspace
) -> References:
    """Exact values and baselines of a study, which its workspace keeps.

    Static prices are the best in the economy learned in; exact values are of the economy
    evaluated in. Neither depends on how the study learns.
    """
    found = dict(_values(study, problem, workspace))
    baselines: dict[str, RandomSerialDictatorship | StaticPrices] = {
        RANDOM_SERIAL_DICTATORSHIP: RandomSerialDictatorship(problem.env, problem.params)
    }
    # Of one shape, so that both baselines compile once.
    shape = (problem.env.num_agents, problem.env.num_items)
    for name in STATIC_PRICES:
        prices, order = found[name]["prices"], found[name]["order"]
        if prices is not None:
            of_all = jnp.broadcast_to(jnp.asarray(prices, float), shape)
            baselines[name] = StaticPrices(problem.env, problem.params, of_all, jnp.asarray(order))
    oracles = {
        name: Oracle(value["value"], value["exact"], value["missing"])
        for name, value in found.items()
    }
    return References(oracles, baselines)


def _values(
    study: SequentialPriceStudy, problem: LearningProblem, workspace: Workspace
) -> Iterator[tuple[str, dict[str, Any]]]:
    def kept(name: str) -> tuple[str, dict[str, Any]]:
        rules = (study.objective, study.buys_at_zero_utility)
        return name, workspace.kept_on_host(
            f"exact_{name}", exact_value, name, study.economy, *rules
        )

    yield kept(OFFLINE_OPTIMUM)
    optimum = kept(OPTIMUM)
    yield optimum
    yield kept(RANDOM_SERIAL_DICTATORSHIP)
    for name in STATIC_PRICES:
        yield kept(name)
    unknown_centre = isinstance(problem.economies.evaluated_in.distribution, CorrelatedUniform)
    if optimum[1]["missing"] and unknown_centre and study.objective != "max_min":
        for name in BOUNDS:
            yield kept(name)


def exact_value(
    name: str, economy: Economy, objective: ObjectiveName, buys_at_zero_utility: bool
) -> dict[str, Any]:
    """What theory or a search gives, in the economy evaluated in.

    Args:
      name: which value.
      economy: where.
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
        if name != RANDOM_SERIAL_DICTATORSHIP and name != OFFLINE_OPTIMUM:
            if name in STATIC_PRICES:
                _welfare_only(objective)
            _only_strict_buyers(buys_at_zero_utility)
        learned_in, evaluated_in = economy.build()
        if name == OPTIMUM:
            result["value"] = float(exact.optimal(evaluated_in, objective=objective))
        elif name in BOUNDS:
            result["value"] = float(BOUNDS[name](evaluated_in, objective=objective))
        elif name == RANDOM_SERIAL_DICTATORSHIP:
            _welfare_only(objective)
            value = exact.random_serial_dictatorship(
                evaluated_in, buys_at_zero_utility=buys_at_zero_utility
            )
            result["value"] = float(value)
        elif name == OFFLINE_OPTIMUM and objective == "max_min":
            result["value"] = float(exact.expected_offline_max_min(evaluated_in)[0])
            result["exact"] = False
        elif name == OFFLINE_OPTIMUM:
            _welfare_only(objective)
            result["value"] = float(exact.expected_offline_optimum(evaluated_in))
        else:
            found = STATIC_PRICES[name](learned_in)
            result["prices"], result["order"] = found.prices, found.order
            if evaluated_in is not learned_in:
                raise NotKnownError("the prices are those found for the samples trained on")
            result["exact"], result["value"] = bool(found.exact), float(found.value)
    except NotKnownError as reason:
        result["missing"] = str(reason)
    return result


def _welfare_only(objective: ObjectiveName) -> None:
    if objective != "welfare":
        raise NotKnownError(f"objective: got {objective!r}; computed for 'welfare' only")


def _only_strict_buyers(buys_at_zero_utility: bool) -> None:
    if buys_at_zero_utility:
        raise NotKnownError(
            "buys_at_zero_utility: got True; computed for agents that buy at positive utility only"
        )
