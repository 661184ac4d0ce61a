"""The environment of sequential price mechanisms by its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxmech.agents import SETTINGS, Setting, named_setting
from jaxmech.environments.registry import check_options
from jaxmech.environments.sequential_price.environment import SequentialPrice
from jaxmech.environments.sequential_price.params import SequentialPriceParams, params_of
from jaxmech.environments.sequential_price.statistic import Statistic
from jaxmech.mechanisms.objectives import Objective, objective_of
from jaxmech.naming import lookup


def make(
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
      objective: a name from ``jaxmech.mechanisms.OBJECTIVES`` or a function of (allocation,
        payments, valuations).
      statistic, subtract_offline_optimum: see ``SequentialPrice``.
      buys_at_zero_utility, price_high: see ``SequentialPriceParams``.

    Raises:
      ValueError: an unknown name or option, or a value out of range.
    """
    functions: list[Callable[..., Any]] = [make]
    if isinstance(setting, str):
        functions.append(lookup("setting", setting, SETTINGS))
    check_options("sequential_price", setting_options, *functions)
    if isinstance(setting, str):
        setting = named_setting(setting, **setting_options)
    env = SequentialPrice(
        demand=setting.distribution.demand,
        num_agents=setting.distribution.num_agents,
        max_units=max(setting.units),
        statistic=statistic,
        objective=objective_of(objective),
        subtract_offline_optimum=subtract_offline_optimum,
    )
    params = params_of(setting, price_high=price_high, buys_at_zero_utility=buys_at_zero_utility)
    return env, params
