"""What a sequential price mechanism does, as a picture: whom it visits when, at what price.

Made from played episodes, so it shows what happens rather than what might. All of it is
plain numbers that JSON can hold.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MAX_HISTORIES = 32
"""Histories of purchases shown in the tree, the likeliest."""

MAX_ROWS = 40
"""Agents and visits shown in a table."""

Number = float | None


@dataclass(frozen=True)
class Visits:
    """Episodes as sequences of visits.

    Attributes:
      agents: int [episodes, visits], whom.
      prices: float [episodes, visits, items], what was asked.
      bundles: int [episodes, visits, items], what was taken.
      live: bool [episodes, visits]; false once the episode is over.
      units: int [items], for sale at the start.
    """

    agents: NDArray[np.integer[Any]]
    prices: NDArray[np.floating[Any]]
    bundles: NDArray[np.integer[Any]]
    live: NDArray[np.bool_]
    units: NDArray[np.integer[Any]]

    @property
    def units_left(self) -> NDArray[np.integer[Any]]:
        """Before each visit, int [episodes, visits, items]."""
        taken = np.cumsum(self.bundles, axis=1) - self.bundles
        return np.asarray(self.units - taken)


@dataclass(frozen=True)
class History:
    """What the mechanism does after one sequence of purchases.

    Attributes:
      probability: of getting here, 0 to 1.
      end: why there is no visit: the episode is over, or later histories are not shown.
      agent: whom it visits, numbered from 0.
      prices: of each item; none where no unit is left.
      branches: what the agent may take, with the history after it.
    """

    probability: float
    end: Literal["over", "not_shown"] | None = None
    agent: int | None = None
    prices: tuple[Number, ...] = ()
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Branch:
    """A purchase: ``bundle``, units of each item, and the history after it."""

    bundle: tuple[int, ...]
    after: History


@dataclass(frozen=True)
class PolicyPicture:
    """A policy, pictured.

    Attributes:
      episodes: number of episodes it was made from.
      tree: histories of purchases from the start.
      order: ``order[visit][agent]``, probability that this visit is made to that agent.
      prices: ``prices[item][visit][units - 1]``, mean price asked when that many units are
        left; none where that happens in less than one episode in a thousand.
    """

    episodes: int
    tree: History
    order: list[list[float]]
    prices: list[list[list[Number]]]


def picture_of(visits: Visits) -> PolicyPicture:
    """The picture of a policy that has no randomness of its own, from its visits."""
    return PolicyPicture(
        episodes=len(visits.agents),
        tree=_tree(visits),
        order=_order(visits),
        prices=_prices(visits),
    )


def _tree(visits: Visits) -> History:
    """The likeliest histories, found by always opening the likeliest one not yet open."""
    episodes, length = visits.agents.shape
    left = visits.units_left
    tie = itertools.count()
    start = _Opening(np.arange(episodes), 0)
    queue = [(-episodes, next(tie), start)]
    for _ in range(MAX_HISTORIES):
        if not queue:
            break
        opening = heapq.heappop(queue)[2]
        opening.opened = True
        if opening.visit == length or not visits.live[opening.members[0], opening.visit]:
            opening.over = True
            continue
        bundles = visits.bundles[opening.members, opening.visit]
        for bundle in np.unique(bundles, axis=0)[::-1]:
            members = opening.members[np.all(bundles == bundle, axis=1)]
            after = _Opening(members, opening.visit + 1)
            opening.branches.append((tuple(int(units) for units in bundle), after))
            heapq.heappush(queue, (-len(members), next(tie), after))

    def close(opening: _Opening) -> History:
        probability = len(opening.members) / episodes
        if opening.over:
            return History(probability, "over")
        if not opening.opened:
            return History(probability, "not_shown")
        first = opening.members[0], opening.visit
        prices = tuple(
            float(price) if units > 0 else None
            for price, units in zip(visits.prices[first], left[first], strict=True)
        )
        branches = tuple(Branch(bundle, close(after)) for bundle, after in opening.branches)
        return History(probability, None, int(visits.agents[first]), prices, branches)

    return close(start)


@dataclass
class _Opening:
    """A history while the tree grows: the episodes that share it, and its length."""

    members: NDArray[np.integer[Any]]
    visit: int
    opened: bool = False
    over: bool = False
    branches: list[tuple[tuple[int, ...], _Opening]] = field(default_factory=list)


def _order(visits: Visits) -> list[list[float]]:
    num_agents = int(visits.agents.max()) + 1
    shown = min(visits.agents.shape[1], MAX_ROWS), min(num_agents, MAX_ROWS)
    chosen = visits.agents[:, : shown[0], None] == np.arange(shown[1])
    probability = np.mean(chosen & visits.live[:, : shown[0], None], axis=0)
    return [[float(entry) for entry in row] for row in probability]


def _prices(visits: Visits) -> list[list[list[Number]]]:
    left = visits.units_left
    length = min(visits.agents.shape[1], MAX_ROWS)
    threshold = max(1, len(visits.agents) // 1000)

    def mean(item: int, visit: int, units: int) -> Number:
        here = visits.live[:, visit] & (left[:, visit, item] == units)
        if here.sum() < threshold:
            return None
        return float(visits.prices[here, visit, item].mean())

    return [
        [[mean(item, visit, units) for units in range(1, count + 1)] for visit in range(length)]
        for item, count in enumerate(visits.units.tolist())
    ]
