"""The best prices fixed in advance, for finite supports and an order that adapts.

With prices fixed, whom to visit next is all that is left to decide, and the program over
beliefs decides it: agents of a class who face different prices are classes of their own.
Outside of it stands a search over the prices, which fixes those of one class after another,
by how many of its agents face which vector. While the prices of the other classes are still
free to adapt, the program gives more than any way to fix them can; where that is no more
than prices already found are worth, the search goes no further. The families are those of
Brero et al. (2021), whose Propositions 1 to 4 separate them, but for the order of the visits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.belief_program import adaptive_optimum, check_states
from jaxmech.oracles.sequential_price.decision_problems import DecisionProblem, decision_problem
from jaxmech.oracles.sequential_price.finite_economies import FiniteEconomy, Floats
from jaxmech.oracles.sequential_price.price_levels import effective_prices
from jaxmech.oracles.sequential_price.static_program import (
    anonymous_static_optimum,
    personalised_static_optimum,
)

_TOLERANCE = 1e-9

_Faced = tuple[int, ...]
"""How many agents of a class face each of its price vectors."""


@dataclass(frozen=True)
class AdaptiveOrderResult:
    """Prices fixed in advance, posted in an order that depends on what happened.

    Attributes:
      value: expected welfare.
      prices: float [items] where anonymous, float [agents, items] where personalised.
      exact: whether ``value`` is proven to be the greatest; False for a numerical search.
    """

    value: float
    prices: Floats
    exact: bool


@dataclass(eq=False)
class _Search:
    """What prices to choose from, and how many programs that has taken so far.

    Attributes:
      economy: agents, bundles and units.
      prices: for each class, float [prices, items].
      max_states: of each program.
      max_programs: give up after as many.
      programs: those that were run.
    """

    economy: FiniteEconomy
    prices: list[Floats]
    max_states: int
    max_programs: int
    programs: int = 0


def anonymous_adaptive_order_optimum(
    economy: FiniteEconomy, *, max_programs: int = 2_000, max_states: int = 1_000_000
) -> AdaptiveOrderResult:
    """The best price vector for all agents, in the best adaptive order.

    Raises:
      NotKnownError: more than ``max_programs`` vectors differ in effect, each of which takes a
        program, or one of the programs may have more than ``max_states`` states.
    """
    if _static_order_suffices(economy):
        static = anonymous_static_optimum(economy)
        return AdaptiveOrderResult(static.value, static.prices, exact=True)
    values = np.concatenate([agents.values for agents in economy.classes])
    vectors = effective_prices(values, economy.bundles, additive=economy.additive)
    if len(vectors) > max_programs:
        raise NotKnownError(
            f"max_programs: got {max_programs}; there are {len(vectors)} price vectors that "
            "differ in effect, each with a dynamic program of its own"
        )
    found = []
    for posted in vectors:
        search = _Search(economy, [posted[None]] * len(economy.classes), max_states, 1)
        found.append(AdaptiveOrderResult(_value(search, ()), posted, exact=True))
    return max(found, key=lambda result: result.value)


def personalised_adaptive_order_optimum(
    economy: FiniteEconomy,
    *,
    max_assignments: int = 100_000,
    max_programs: int = 2_000,
    max_states: int = 1_000_000,
) -> AdaptiveOrderResult:
    """The best price vector for each agent, in the best adaptive order.

    Raises:
      NotKnownError: prices can be assigned to agents in more than ``max_assignments`` ways that
        differ in effect, which is known before the search starts; one of the programs may
        have more than ``max_states`` states, of which the first and one of the largest are
        checked before; or the search ran more than ``max_programs`` programs. Not where a
        static order attains the optimum of adaptive prices, as then there is nothing to
        search for.
    """
    prices = [
        effective_prices(agents.values, economy.bundles, additive=economy.additive)
        for agents in economy.classes
    ]
    best = AdaptiveOrderResult(-np.inf, np.zeros((economy.num_agents, 0)), exact=True)
    with suppress(NotKnownError):
        static = personalised_static_optimum(economy)
        best = AdaptiveOrderResult(static.value, static.prices, exact=True)
        if _static_order_suffices(economy):
            return best
    search = _Search(economy, prices, max_states, max_programs)
    if best.value >= _value(search, ()) - _TOLERANCE:
        return best
    assignments = math.prod(
        math.comb(count + len(vectors) - 1, count)
        for count, vectors in zip(economy.counts, prices, strict=True)
    )
    if assignments > max_assignments:
        raise NotKnownError(
            f"max_assignments: got {max_assignments}; prices can be assigned to agents in "
            f"{assignments:.6g} ways that differ in effect, each with a dynamic program of its own"
        )
    finest = [_spread(count, len(each)) for count, each in zip(economy.counts, prices, strict=True)]
    check_states(_problem(search, finest), max_states)
    return _improved(search, (), best)


def _static_order_suffices(economy: FiniteEconomy) -> bool:
    """Whether no adaptive order is better than a static one, whatever the fixed prices.

    A single unit is unsold until the end, so that there is nothing to adapt to. Nor is there
    with a single world and one item type: then whether agents buy is independent of the
    order, and no order can serve better than the agents who would buy, taken in descending
    order of their expected values given that they buy, as many as there are units. Visits in
    this order serve just those.
    """
    independent = len(economy.world_probabilities) == 1 and len(economy.units) == 1
    return independent or int(economy.units.sum()) == 1


def _improved(
    search: _Search, faced: tuple[_Faced, ...], best: AdaptiveOrderResult
) -> AdaptiveOrderResult:
    """The better of ``best`` and all that starts with ``faced``, for the first classes."""
    member = len(faced)
    count = search.economy.counts[member]
    options = [
        (_value(search, extended), extended)
        for extended in ((*faced, each) for each in _ways(count, len(search.prices[member])))
    ]
    options.sort(key=lambda option: -option[0])
    for value, extended in options:
        if value <= best.value + _TOLERANCE:
            break
        if len(extended) == len(search.economy.classes):
            best = AdaptiveOrderResult(value, _posted(search, extended), exact=True)
        else:
            best = _improved(search, extended, best)
    return best


def _value(search: _Search, faced: Sequence[_Faced]) -> float:
    """Value in the best adaptive order; prices of classes beyond ``faced`` adapt as well."""
    search.programs += 1
    if search.programs > search.max_programs:
        raise NotKnownError(
            f"max_programs: got {search.max_programs}; the search for the best prices ran that "
            "many dynamic programs without an end"
        )
    return adaptive_optimum(_problem(search, faced), max_states=search.max_states)


def _problem(search: _Search, faced: Sequence[_Faced]) -> DecisionProblem:
    """The economy in which agents of the first classes face fixed prices, as ``faced`` says."""
    classes, prices = [], []
    for member, agents in enumerate(search.economy.classes):
        if member >= len(faced):
            classes.append(agents)
            prices.append(search.prices[member])
            continue
        stops = itertools.accumulate(faced[member])
        for count, stop, posted in zip(faced[member], stops, search.prices[member], strict=True):
            if count:
                classes.append(replace(agents, agents=agents.agents[stop - count : stop]))
                prices.append(posted[None])
    refined = replace(search.economy, classes=tuple(classes))
    return decision_problem(refined, "welfare", prices=prices)


def _posted(search: _Search, faced: Sequence[_Faced]) -> Floats:
    """The price vector of each agent, float [agents, items]."""
    posted = np.zeros((search.economy.num_agents, search.economy.bundles.shape[1]))
    for agents, prices, counts in zip(search.economy.classes, search.prices, faced, strict=True):
        posted[list(agents.agents)] = np.repeat(prices, counts, axis=0)
    return posted


def _ways(count: int, num_prices: int) -> Iterator[_Faced]:
    """Every way in which ``count`` agents who are alike can face prices."""
    for chosen in itertools.combinations_with_replacement(range(num_prices), count):
        yield tuple(chosen.count(price) for price in range(num_prices))


def _spread(count: int, num_prices: int) -> _Faced:
    """Agents spread over prices as evenly as can be, which takes a program very many states."""
    each, more = divmod(count, num_prices)
    return (each + 1,) * more + (each,) * (num_prices - more)
