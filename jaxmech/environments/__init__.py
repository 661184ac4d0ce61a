"""Environments by name, each the designer's decision process over a mechanism."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from jaxmech.agents import SETTINGS, Setting
from jaxmech.agents import setting as named_setting
from jaxmech.environments.sequential_price import (
    SequentialPrice,
    SequentialPriceParams,
    SequentialPriceState,
    Statistic,
    params_of,
)
from jaxmech.mechanisms import Objective, max_min, revenue, welfare
from jaxmech.naming import lookup

OBJECTIVES: Mapping[str, Objective] = {
    "max_min": max_min,
    "revenue": revenue,
    "welfare": welfare,
}


def sequential_price(
    setting: str | Setting = "two_worlds",
    *,
    statistic: Statistic = "prices",
    objective: str | Objective = "welfare",
    subtract_offline_optimum: bool = False,
    buys_at_zero_utility: bool = False,
    price_high: float | None = None,
    **setting_options: Any,
) -> tuple[SequentialPrice, SequentialPriceParams]:
    """A sequential price mechanism in a setting, named or the user's own.

    Args:
      setting: a name from ``jaxmech.agents.SETTINGS``, with ``setting_options`` for it,
        or a ``Setting``.
      objective: a name from ``OBJECTIVES`` or a function of (allocation, payments,
        valuations).
      statistic, subtract_offline_optimum: see ``SequentialPrice``.
      buys_at_zero_utility, price_high: see ``SequentialPriceParams``.

    Raises:
      ValueError: an unknown name or option, or a value out of range.
    """
    allowed = _named_parameters(sequential_price)
    if isinstance(setting, str):
        allowed |= _named_parameters(lookup("setting", setting, SETTINGS))
    for option in setting_options:
        lookup("option of environment 'sequential_price'", option, allowed)
    if isinstance(setting, str):
        setting = named_setting(setting, **setting_options)
    env = SequentialPrice(
        demand=setting.distribution.demand,
        num_agents=setting.distribution.num_agents,
        max_units=max(setting.units),
        statistic=statistic,
        objective=lookup("objective", objective, OBJECTIVES)
        if isinstance(objective, str)
        else objective,
        subtract_offline_optimum=subtract_offline_optimum,
    )
    params = params_of(setting, price_high=price_high, buys_at_zero_utility=buys_at_zero_utility)
    return env, params


REGISTRY: Mapping[str, Callable[..., tuple[Any, Any]]] = {
    "sequential_price": sequential_price,
}


def make(name: str, **options: Any) -> tuple[Any, Any]:
    """The environment called ``name`` and its parameters, ``(env, params)``.

    Raises:
      ValueError: an unknown name, or options its function does not take.
    """
    function = lookup("environment", name, REGISTRY)
    if not _takes_any_option(function):
        for option in options:
            lookup(f"option of environment {name!r}", option, _named_parameters(function))
    return function(**options)


def names() -> tuple[str, ...]:
    """All names ``make`` knows."""
    return tuple(sorted(REGISTRY))


def _named_parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    return {
        name: parameter
        for name, parameter in signature(function).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    }


def _takes_any_option(function: Callable[..., Any]) -> bool:
    """Whether the function checks options itself, as it hands some of them on."""
    kinds = [parameter.kind for parameter in signature(function).parameters.values()]
    return Parameter.VAR_KEYWORD in kinds


__all__ = [
    "OBJECTIVES",
    "REGISTRY",
    "SequentialPrice",
    "SequentialPriceParams",
    "SequentialPriceState",
    "make",
    "names",
    "params_of",
    "sequential_price",
]
