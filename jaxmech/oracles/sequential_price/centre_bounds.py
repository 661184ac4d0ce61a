"""Bounds of the optimum where values share an unknown centre, by setting.

All are sums over item types, which never compete for an agent. Where types draw
independent centres, a mechanism gains nothing for one type from what another sold: it
could as well have drawn the other type's values itself. The optimum is then the sum of
the optima of the types, and bounds of these add up. Where types share a centre, what one
sold helps to price another, so that the optimum may exceed that sum; the bounds hold all
the same, one because the centre is told, the other because it forgoes that help.
"""

from __future__ import annotations

from typing import get_args

from jaxmech import checks
from jaxmech.agents import CorrelatedUniform, Setting
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.centre_market import (
    CentreMarket,
    MarketObjective,
    known_centre_program,
)
from jaxmech.oracles.sequential_price.purchase_memory import best_memory_value
from jaxmech.oracles.sequential_price.setting_parts import additive_only, correlation, useful_units

_CENTRES = 4000
_MEMORY, _ROUNDS = 64, 10


def known_centre_upper_bound(setting: Setting, *, objective: MarketObjective = "welfare") -> float:
    """Expected objective of the best mechanism that is told every type's centre.

    The iid recursion averaged over the centre, to the error of a midpoint rule with 4,000
    centres (none for welfare, which is linear in the centre). The optimum at delta 0 and 1.

    Args:
      setting: economy with a ``CorrelatedUniform``.
      objective: ``"welfare"`` or ``"revenue"``.

    Raises:
      ValueError: ``objective`` is neither.
      NotKnownError: another distribution, or item types compete for an agent.
    """
    distribution = _distribution(setting, objective)
    delta, num_agents = correlation(distribution), distribution.num_agents
    if delta == 1:
        # Everybody has the value of the centre, 1/2 on average.
        return sum(useful_units(setting)) / 2
    market = CentreMarket(delta, objective)
    centres, weights = market.centres(_CENTRES)
    total = 0.0
    for units in useful_units(setting):
        values = known_centre_program(market, centres, num_agents=num_agents, units=units)
        total += float(values[-1, -1] @ weights)
    return total


def purchase_history_lower_bound(
    setting: Setting,
    *,
    objective: MarketObjective = "welfare",
    memory: int = _MEMORY,
    rounds: int = _ROUNDS,
) -> float:
    """Expected objective of good prices that depend on the purchase history.

    What a policy found by a numerical search is worth, to the error of a midpoint rule
    with 4,000 centres: the optimum is no less. At delta 0 it is the optimum, but for the
    error of the search.

    Args:
      setting: economy with a ``CorrelatedUniform``.
      objective: ``"welfare"`` or ``"revenue"``.
      memory: most beliefs told apart for each number of agents and units left.
      rounds: passes of the search.

    Raises:
      ValueError: ``objective`` is neither, or ``memory`` or ``rounds`` is below 1.
      NotKnownError: another distribution, item types compete for an agent, or revenue at
        delta 1.
    """
    checks.integer("memory", memory)
    checks.integer("rounds", rounds)
    return _memory_value(setting, objective, memory, rounds)


def numbers_left_value(setting: Setting, *, objective: MarketObjective = "welfare") -> float:
    """As ``purchase_history_lower_bound``, for prices by the numbers of agents and units left."""
    return _memory_value(setting, objective, memory=1, rounds=200)


def _memory_value(setting: Setting, objective: MarketObjective, memory: int, rounds: int) -> float:
    distribution = _distribution(setting, objective)
    delta, num_agents = correlation(distribution), distribution.num_agents
    if delta == 1:
        if objective == "welfare":
            return sum(useful_units(setting)) / 2
        raise NotKnownError(
            "delta: got 1; revenue from the purchase history is built for deltas below"
        )
    market = CentreMarket(delta, objective)
    return sum(
        best_memory_value(market, num_agents=num_agents, units=units, memory=memory, rounds=rounds)
        for units in useful_units(setting)
    )


def _distribution(setting: Setting, objective: MarketObjective) -> CorrelatedUniform:
    checks.one_of("objective", objective, get_args(MarketObjective))
    distribution = setting.distribution
    if not isinstance(distribution, CorrelatedUniform):
        raise NotKnownError(
            f"distribution: got {type(distribution).__name__}; bounds by the common centre are "
            "for CorrelatedUniform"
        )
    additive_only(setting)
    return distribution
