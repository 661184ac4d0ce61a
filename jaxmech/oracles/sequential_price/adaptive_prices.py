"""The best sequential price mechanisms whose prices adapt to what happened, by setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from jaxmech import checks
from jaxmech.agents import CorrelatedUniform, FiniteMixture, Samples, Setting
from jaxmech.checks import InvalidValueError
from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price import continuous_values
from jaxmech.oracles.sequential_price.agents_items_program import agents_items_value
from jaxmech.oracles.sequential_price.belief_program import adaptive_optimum, static_order_value
from jaxmech.oracles.sequential_price.centre_bounds import numbers_left_value
from jaxmech.oracles.sequential_price.decision_problems import (
    DecisionProblem,
    ProgramObjective,
    decision_problem,
)
from jaxmech.oracles.sequential_price.finite_economies import finite_economy, is_additive
from jaxmech.oracles.sequential_price.setting_parts import (
    additive_only,
    correlation,
    too_many_worlds,
    unknown,
    useful_units,
)
from jaxmech.oracles.sequential_price.static_program import personalised_static_optimum

_TOLERANCE = 1e-9


def optimal(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    max_states: int = 1_000_000,
) -> float:
    """Expected objective of the best sequential price mechanism, order and prices adaptive.

    Exact: dynamic programming over beliefs for finite supports, a recursion for iid
    uniform values. Revenue is a supremum, as agents buy only below their value.

    Args:
      setting: economy with a ``FiniteMixture``, or a ``CorrelatedUniform`` of delta 0 or 1.
      objective: ``"welfare"``, ``"revenue"`` (one item type or additive values) or
        ``"max_min"`` (finite supports), the expectation of the smallest value of any agent.
      max_states: refuse a dynamic program that may have more states.

    Raises:
      ValueError: ``objective`` is none of these.
      NotKnownError: the optimum is not known, or costs too much; the message says why.
    """
    _check_objective(setting, objective)
    distribution = setting.distribution
    match distribution:
        case FiniteMixture():
            return adaptive_optimum(_problem(setting, objective), max_states=max_states)
        case CorrelatedUniform():
            return _correlated_optimum(setting, distribution, objective)
        case Samples():
            raise too_many_worlds(distribution)
    raise unknown(setting)


def static_order_optimum(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    max_states: int = 1_000_000,
    max_orders: int = 10_000,
) -> float:
    """As ``optimal``, with the best order fixed in advance; prices use the whole history.

    Raises:
      ValueError, NotKnownError: as ``optimal``; ``NotKnownError`` also where agents of different
        distributions have more than ``max_orders`` orders, unless static prices already
        attain the optimal welfare.
    """
    _check_objective(setting, objective)
    match setting.distribution:
        case FiniteMixture():
            problem = _problem(setting, objective)
            try:
                return static_order_value(problem, max_states=max_states, max_orders=max_orders)
            except NotKnownError:
                if objective == "welfare" and _static_prices_suffice(problem, max_states):
                    return adaptive_optimum(problem, max_states=max_states)
                raise
        case CorrelatedUniform():
            # Agents are alike until visited, so no order is better than another.
            return optimal(setting, objective=objective)
        case Samples():
            raise too_many_worlds(setting.distribution)
    raise unknown(setting)


def agents_items_optimum(
    setting: Setting,
    *,
    objective: ProgramObjective = "welfare",
    first_agents: Sequence[int] = (),
    max_states: int = 1_000_000,
    max_decisions: int = 200_000,
) -> float:
    """As ``optimal``, for deterministic policies that see only the agents and units left.

    Exact for finite supports, by a search over policies. Such a policy may choose whom to
    visit so that the agents left tell what happened. For ``CorrelatedUniform`` this is
    excluded: agents come in index order and each type is priced by its own units left, so
    the policy sees numbers only; numerical there, a local optimum, but for delta 0 and 1.

    Args:
      setting: economy with a ``FiniteMixture`` or a ``CorrelatedUniform``.
      objective: as in ``optimal``.
      first_agents: for finite supports, agents to visit before all others, in this order.
      max_states: refuse a search with more situations, or bounds with more states.
      max_decisions: give up after as many decisions tried.

    Raises:
      ValueError: as ``optimal``, or ``first_agents`` are not distinct indices of agents.
      NotKnownError: as ``optimal``, or the search costs too much; the message says why.
    """
    _check_objective(setting, objective)
    distribution = setting.distribution
    num_agents = distribution.num_agents
    if len(set(first_agents)) < len(first_agents) or not set(first_agents) <= {*range(num_agents)}:
        raise InvalidValueError(
            "first_agents", tuple(first_agents), f"distinct indices of the {num_agents} agents"
        )
    match distribution:
        case FiniteMixture():
            return agents_items_value(
                _problem(setting, objective),
                first_agents=first_agents,
                max_states=max_states,
                max_decisions=max_decisions,
            )
        case CorrelatedUniform():
            if objective == "max_min" or correlation(distribution) in (0, 1):
                return optimal(setting, objective=objective)
            return numbers_left_value(setting, objective=objective)
        case Samples():
            raise too_many_worlds(distribution)
    raise unknown(setting)


def _static_prices_suffice(problem: DecisionProblem, max_states: int) -> bool:
    """Whether static order and prices surely attain the optimal welfare."""
    try:
        optimum = adaptive_optimum(problem, max_states=max_states)
        return personalised_static_optimum(problem.economy).value >= optimum - _TOLERANCE
    except NotKnownError:
        return False


def _problem(setting: Setting, objective: ProgramObjective) -> DecisionProblem:
    return decision_problem(finite_economy(setting), objective)


def _check_objective(setting: Setting, objective: ProgramObjective) -> None:
    checks.one_of("objective", objective, get_args(ProgramObjective))
    if objective == "revenue" and not is_additive(setting.distribution.demand):
        raise NotKnownError(
            "objective: got 'revenue'; allowed are 'welfare' and 'max_min' where there are "
            "several item types and values are not additive"
        )
    if objective == "max_min" and isinstance(setting.distribution, CorrelatedUniform):
        raise NotKnownError(
            "objective: got 'max_min'; allowed are 'welfare' and 'revenue' for continuous values"
        )


def _correlated_optimum(
    setting: Setting, distribution: CorrelatedUniform, objective: ProgramObjective
) -> float:
    additive_only(setting)
    delta, num_agents = correlation(distribution), distribution.num_agents
    if delta == 0:
        gain = {
            "welfare": continuous_values.uniform_welfare_gain,
            "revenue": continuous_values.uniform_revenue_gain,
        }[objective]
        # Types and agents are independent, so a joint order costs no type anything.
        values = [continuous_values.iid_optimum(gain, num_agents, n) for n in setting.units]
        return sum(float(value[-1]) for value in values)
    if delta == 1 and objective == "welfare":
        return sum(useful_units(setting)) / 2
    raise NotKnownError(
        f"delta: got {delta:g}; the optimal {objective} is known where values are iid (delta 0)"
        + (" or identical (delta 1)" if objective == "welfare" else "")
    )
