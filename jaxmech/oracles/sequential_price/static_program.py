"""The best static order and static prices for finite supports.

Prices that do not depend on what happened are worth, from any point of the order on, a
fixed amount for each world and each number of units left. The program collects these
vectors backwards, for every set of agents still to come, and drops those that another
vector matches everywhere: no beginning could make them the better end. With a single
world and one item type, visiting in descending order of expected value when buying
dominates every other order, so that few vectors stay.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from jaxmech.oracles.refusals import NotKnownError
from jaxmech.oracles.sequential_price.finite_economies import (
    Bools,
    FiniteEconomy,
    Floats,
    Ints,
    purchases,
)
from jaxmech.oracles.sequential_price.finite_expectations import stocks_after_bundles, without
from jaxmech.oracles.sequential_price.price_levels import effective_prices

_TOLERANCE = 1e-12


@dataclass(frozen=True)
class StaticPriceResult:
    """Prices posted in an order fixed in advance.

    Attributes:
      value: expected welfare.
      prices: float [items] where anonymous, float [agents, items] where personalised.
      order: int [agents], the agents in the order of their visits.
      exact: whether ``value`` is proven to be the greatest over prices and orders; False
        for a numerical search, or where agents were visited in index order only.
    """

    value: float
    prices: Floats
    order: Ints
    exact: bool


@dataclass(frozen=True, eq=False)
class _Offer:
    """One agent of a class faces one price vector, whatever is left.

    Attributes:
      member: index of the class.
      prices: float [items].
      reward: float [worlds, stocks], expected value of what is bought.
      probabilities: float [worlds, stocks, bundles].
    """

    member: int
    prices: Floats
    reward: Floats
    probabilities: Floats


@dataclass(frozen=True, eq=False)
class _Ends:
    """Undominated ways to treat a set of agents, and how each begins.

    Attributes:
      values: float [ends, worlds, stocks], expected welfare.
      offers: int [ends], first offer.
      rest: int [ends], position among the ends of the set without that agent.
    """

    values: Floats
    offers: Ints
    rest: Ints


def personalised_static_optimum(
    economy: FiniteEconomy, *, max_vectors: int = 20_000
) -> StaticPriceResult:
    """The best static order with a price vector for each agent.

    Raises:
      NotKnownError: more than ``max_vectors`` undominated vectors for some set of agents.
    """
    prices = [
        effective_prices(agents.values, economy.bundles, additive=economy.additive)
        for agents in economy.classes
    ]
    value, offers = _best_sequence(economy, prices, max_vectors)
    order = _agents_in_order(economy, offers)
    posted = np.zeros((economy.num_agents, economy.bundles.shape[1]))
    posted[order] = [offer.prices for offer in offers]
    return StaticPriceResult(value, posted, order, exact=True)


def anonymous_static_optimum(
    economy: FiniteEconomy, *, max_vectors: int = 20_000
) -> StaticPriceResult:
    """The best static order with one price vector for all agents.

    Raises:
      NotKnownError: as ``personalised_static_optimum``.
    """
    values = np.concatenate([agents.values for agents in economy.classes])
    best: StaticPriceResult | None = None
    for posted in effective_prices(values, economy.bundles, additive=economy.additive):
        same_for_all = [posted[None]] * len(economy.classes)
        value, offers = _best_sequence(economy, same_for_all, max_vectors)
        if best is None or value > best.value + _TOLERANCE:
            order = _agents_in_order(economy, offers)
            best = StaticPriceResult(value, posted, order, exact=True)
    assert best is not None
    return best


def _best_sequence(
    economy: FiniteEconomy, prices: list[Floats], max_vectors: int
) -> tuple[float, list[_Offer]]:
    """Expected welfare and offers of the best sequence of visits, first visit first.

    ``prices[c]: float [prices, items]`` may be posted to class ``c``.
    """
    stocks, successors = stocks_after_bundles(economy.units, economy.bundles)
    offers = _offers(economy, prices, stocks)
    worlds = np.arange(len(economy.world_probabilities))[:, None, None]
    nothing_left = (0,) * len(economy.classes)
    start = _Ends(np.zeros((1, len(worlds), len(stocks))), np.zeros(1, int), np.zeros(1, int))
    ends = {nothing_left: start}
    sets = itertools.product(*(range(count + 1) for count in economy.counts))
    for agents_left in sorted(sets, key=sum)[1:]:
        # Each agent visited before took at most one unit of a type.
        visited = economy.num_agents - sum(agents_left)
        reachable = np.all(stocks >= economy.units - visited, axis=1)
        found = []
        for number, offer in enumerate(offers):
            if agents_left[offer.member]:
                later = ends[without(agents_left, offer.member)]
                onward = later.values[:, worlds, successors]
                values = offer.reward + np.sum(offer.probabilities * onward, axis=-1)
                first = np.full(len(values), number)
                found.append(_Ends(values, first, np.arange(len(values))))
        ends[agents_left] = _undominated(found, reachable, max_vectors)
    whole = ends[economy.counts]
    totals = whole.values[:, :, -1] @ economy.world_probabilities
    position = int(np.argmax(totals))
    value, sequence, agents_left = float(totals[position]), [], economy.counts
    while sum(agents_left):
        offer = offers[ends[agents_left].offers[position]]
        position = int(ends[agents_left].rest[position])
        agents_left = without(agents_left, offer.member)
        sequence.append(offer)
    return value, sequence


def _offers(economy: FiniteEconomy, prices: list[Floats], stocks: Ints) -> list[_Offer]:
    distinct: dict[tuple[int, bytes], _Offer] = {}
    for member, agents in enumerate(economy.classes):
        for posted in prices[member]:
            taken = np.stack(
                [
                    purchases(
                        agents.values,
                        economy.bundles,
                        posted,
                        stock > 0,
                        additive=economy.additive,
                    )
                    for stock in stocks
                ]
            )
            chosen = np.eye(len(economy.bundles))[taken]
            gain = np.sum(chosen * agents.values, axis=-1)
            offer = _Offer(
                member=member,
                prices=posted,
                reward=agents.probabilities @ gain.T,
                probabilities=np.einsum("wa,sab->wsb", agents.probabilities, chosen),
            )
            distinct.setdefault((member, taken.tobytes()), offer)
    return list(distinct.values())


def _undominated(found: list[_Ends], reachable: Bools, max_vectors: int) -> _Ends:
    """The ends that no other end matches in every world and reachable stock."""
    values = np.concatenate([ends.values for ends in found])
    compared = values[:, :, reachable].reshape(len(values), -1)
    kept = np.empty((0, compared.shape[1]))
    positions: list[int] = []
    for position in np.argsort(-compared.sum(axis=1), kind="stable"):
        candidate = compared[position] - _TOLERANCE
        if not np.any(np.all(kept[: len(positions)] >= candidate, axis=1)):
            if len(positions) == max_vectors:
                raise NotKnownError(
                    f"max_vectors: got {max_vectors}; the best static prices need more, so "
                    "there are too many orders and prices to compare"
                )
            if len(positions) == len(kept):
                kept = np.concatenate([kept, np.empty((len(kept) + 16, kept.shape[1]))])
            kept[len(positions)] = compared[position]
            positions.append(int(position))
    return _Ends(
        values=values[positions],
        offers=np.concatenate([ends.offers for ends in found])[positions],
        rest=np.concatenate([ends.rest for ends in found])[positions],
    )


def _agents_in_order(economy: FiniteEconomy, offers: list[_Offer]) -> Ints:
    """Which agent each offer goes to; within a class, in index order."""
    waiting = [iter(members.agents) for members in economy.classes]
    return np.array([next(waiting[offer.member]) for offer in offers])
