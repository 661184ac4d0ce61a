"""What a sequential price mechanism does, as findings: whom it visits when, at what price.

Made from played episodes, so it shows what happens rather than what might.
"""

from __future__ import annotations

import heapq
import itertools
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech.reports.findings import Branch, HeatMap, Node, Tree
from jaxmech.reports.tree import percent

MAX_HISTORIES = 32
"""Histories of purchases shown in the tree, the likeliest."""

MAX_ROWS = 40
"""Agents and visits shown in a table."""

Integers = NDArray[np.integer[Any]]

Bundle = tuple[int, ...]
"""Units of each item that a visit sells."""


@dataclass(frozen=True)
class Visits:
    """Episodes as sequences of visits, by a policy that has no randomness of its own.

    Attributes:
      agents: int [episodes, visits], whom.
      prices: float [episodes, visits, items], what was asked.
      bundles: int [episodes, visits, items], what was taken.
      live: bool [episodes, visits]; false once the episode is over.
      units: int [items], for sale at the start.
    """

    agents: Integers
    prices: NDArray[np.floating[Any]]
    bundles: Integers
    live: NDArray[np.bool_]
    units: Integers

    @property
    def units_left(self) -> Integers:
        """Before each visit, int [episodes, visits, items]."""
        taken = np.cumsum(self.bundles, axis=1) - self.bundles
        return np.asarray(self.units - taken)

    def purchases(self, episodes: Integers, visit: int) -> list[tuple[Bundle, Integers]]:
        """What is taken at a visit, the most first, and in which of ``episodes``, int [episodes].

        Args:
          episodes: that have all purchases before the visit in common.
          visit: from 0; nothing is taken where the episodes are over by then.
        """
        if visit == self.agents.shape[1] or not self.live[episodes[0], visit]:
            return []
        bundles = self.bundles[episodes, visit]
        return [
            (tuple(bundle.tolist()), episodes[np.all(bundles == bundle, axis=1)])
            for bundle in np.unique(bundles, axis=0)[::-1]
        ]


def tree(visits: Visits, seed: int) -> Tree:
    """What happens after each sequence of purchases, the likeliest ones, from the start."""
    count = len(visits.agents)
    start, units_left = np.arange(count), visits.units_left
    # The likeliest history that is not yet open is opened, again and again.
    opened: dict[tuple[Bundle, ...], list[tuple[Bundle, Integers]]] = {}
    order = itertools.count()
    queue: list[tuple[int, int, tuple[Bundle, ...], Integers]] = [(-count, next(order), (), start)]
    while queue and len(opened) < MAX_HISTORIES:
        _, _, history, episodes = heapq.heappop(queue)
        opened[history] = visits.purchases(episodes, len(history))
        for bundle, after in opened[history]:
            heapq.heappush(queue, (-len(after), next(order), (*history, bundle), after))

    def node(history: tuple[Bundle, ...], episodes: Integers) -> Node:
        share = len(episodes) / count
        if not opened.get(history):
            ends = history in opened
            return Node(("end," if ends else "goes on,",), share, ends=ends)
        first = episodes[0], len(history)
        left = units_left[first]
        prices = [
            (f"{item_name(item)} " if len(left) > 1 else "") + _number(float(price))
            for item, price in enumerate(visits.prices[first])
            if left[item] > 0
        ]
        return Node(
            lines=(f"agent {visits.agents[first] + 1}", f"at {', '.join(prices)}"),
            share=share,
            branches=tuple(
                Branch(_purchase(bundle), any(bundle), node((*history, bundle), after))
                for bundle, after in opened[history]
            ),
        )

    return Tree(
        title="The learned mechanism",
        caption=(
            f"The mechanism of seed {seed}, as {count:,} simulated episodes show it: "
            "who is visited when, at what price, after which purchases. Agents are numbered from "
            "1, in the order of the data; prices are in the units of the values. A box is a visit: "
            "the agent and what is posted. If the agent buys, the next visit is to the right, "
            "along the green line; if it passes, the next visit is below, along the grey line. "
            "Each line says how often that happens at that visit, and is the thicker the more "
            "episodes take it. The likeliest histories are shown; at an open circle the mechanism "
            "goes on."
        ),
        root=node((), start),
    )


def heat_maps(visits: Visits) -> tuple[HeatMap, ...]:
    """Mean price by visit and units left, of each item; and how often who is visited when."""
    length = min(visits.agents.shape[1], MAX_ROWS)
    columns = tuple(f"visit {visit + 1}" for visit in range(length))
    agents = range(min(int(visits.agents.max()) + 1, MAX_ROWS))
    chosen = visits.agents[:, :length, None] == np.array(agents)
    shares = np.mean(chosen & visits.live[:, :length, None], axis=0).T.tolist()
    order = HeatMap(
        title="How often each visit is made to each agent",
        caption="",
        row_head="",
        rows=tuple(f"agent {agent + 1}" for agent in agents),
        columns=columns,
        cells=tuple(tuple(percent(p) if p >= 0.005 else "" for p in row) for row in shares),
        shades=tuple(map(tuple, shares)),
    )
    items = range(len(visits.units))
    return (*(_price_map(visits, item, columns) for item in items), order)


def _price_map(visits: Visits, item: int, columns: tuple[str, ...]) -> HeatMap:
    """Units left by visits: the mean price asked, of one item."""
    left = visits.units_left[..., item]
    threshold = max(1, len(visits.agents) // 1000)

    def mean(visit: int, units: int) -> float | None:
        here = visits.live[:, visit] & (left[:, visit] == units)
        return float(visits.prices[here, visit, item].mean()) if here.sum() >= threshold else None

    counts = range(int(visits.units[item]), 0, -1)
    rows = [[mean(visit, units) for visit in range(len(columns))] for units in counts]
    known = [price for row in rows for price in row if price is not None]
    low, high = min(known), max(known)

    def shade(price: float | None) -> float:
        return 0.0 if price is None else 0.1 + 0.9 * (price - low) / max(high - low, 1e-9)

    of_item = f" of item {item_name(item)}" if len(visits.units) > 1 else ""
    return HeatMap(
        title=f"Mean price{of_item} by visit and units left",
        caption="Left blank: what happens in less than one episode in a thousand.",
        row_head="units left",
        rows=tuple(str(count) for count in counts),
        columns=columns,
        cells=tuple(tuple("" if p is None else _number(p) for p in row) for row in rows),
        shades=tuple(tuple(map(shade, row)) for row in rows),
    )


def item_name(item: int) -> str:
    """A letter for an item, A to Z and then numbers."""
    return string.ascii_uppercase[item] if item < 26 else str(item + 1)


def _purchase(bundle: Sequence[int]) -> str:
    if len(bundle) == 1:
        return "buys" if bundle[0] else "passes"
    taken = "+".join(item_name(item) for item, units in enumerate(bundle) if units)
    return f"takes {taken}" if taken else "passes"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
