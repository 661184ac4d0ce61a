"""Environments by name, each the designer's decision process over a mechanism."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jaxmech.agents import Setting
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
    """
    if isinstance(setting, str):
        setting = named_setting(setting, **setting_options)
    elif setting_options:
        raise ValueError(f"{sorted(setting_options)}: options go with a setting's name")
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
    return lookup("environment", name, REGISTRY)(**options)


def names() -> tuple[str, ...]:
    """All names ``make`` knows."""
    return tuple(sorted(REGISTRY))


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
