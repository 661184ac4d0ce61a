"""A ``PolicyPicture`` as findings: a tree of purchases, and tables of prices and visits."""

from __future__ import annotations

import string
from collections.abc import Sequence

from jaxmech.experiments.sequential_price.picture import History, Number, PolicyPicture
from jaxmech.reports import findings
from jaxmech.reports.findings import HeatMap, Node, Tree
from jaxmech.reports.tree import percent

_ENDS = {"over": "end,", "not_shown": "goes on,"}


def tree(picture: PolicyPicture, seed: int) -> Tree:
    """What happens after each sequence of purchases, the likeliest ones, from the start."""
    return Tree(
        title="The learned mechanism",
        caption=(
            f"The mechanism of seed {seed}, as {picture.episodes:,} simulated episodes show it: "
            "who is visited when, at what price, after which purchases. Agents are numbered from "
            "1, in the order of the data; prices are in the units of the values. A box is a visit: "
            "the agent and what is posted. If the agent buys, the next visit is to the right, "
            "along the green line; if it passes, the next visit is below, along the grey line. "
            "Each line says how often that happens at that visit, and is the thicker the more "
            "episodes take it. The likeliest histories are shown; at an open circle the mechanism "
            "goes on."
        ),
        root=_node(picture.tree),
    )


def heat_maps(picture: PolicyPicture) -> tuple[HeatMap, ...]:
    """Mean price by visit and units left, of each item; and how often who is visited when."""
    several = len(picture.prices) > 1
    prices = [
        _price_map(by_visit, f" of item {item_name(item)}" if several else "")
        for item, by_visit in enumerate(picture.prices)
    ]
    return (*prices, _order_map(picture))


def item_name(item: int) -> str:
    """A letter for an item, A to Z and then numbers."""
    return string.ascii_uppercase[item] if item < 26 else str(item + 1)


def _node(history: History) -> Node:
    if history.agent is None:
        words = _ENDS[history.end or "over"]
        return Node((words,), history.probability, ends=history.end == "over")
    several = len(history.prices) > 1
    prices = [
        f"{item_name(item)} {_number(price)}" if several else _number(price)
        for item, price in enumerate(history.prices)
        if price is not None
    ]
    return Node(
        lines=(f"agent {history.agent + 1}", f"at {', '.join(prices)}"),
        share=history.probability,
        branches=tuple(
            findings.Branch(_purchase(branch.bundle), any(branch.bundle), _node(branch.after))
            for branch in history.branches
        ),
    )


def _purchase(bundle: Sequence[int]) -> str:
    if len(bundle) == 1:
        return "buys" if bundle[0] else "passes"
    taken = "+".join(item_name(item) for item, units in enumerate(bundle) if units)
    return f"takes {taken}" if taken else "passes"


def _price_map(by_visit: Sequence[Sequence[Number]], item: str) -> HeatMap:
    """Units left by visits: the mean price asked, of one item."""
    counts = range(len(by_visit[0]), 0, -1)
    known = [price for row in by_visit for price in row if price is not None]
    low, high = min(known), max(known)

    def shade(price: Number) -> float:
        return 0.0 if price is None else 0.1 + 0.9 * (price - low) / max(high - low, 1e-9)

    rows = [[row[count - 1] for row in by_visit] for count in counts]
    return HeatMap(
        title=f"Mean price{item} by visit and units left",
        caption="Left blank: what happens in less than one episode in a thousand.",
        row_head="units left",
        rows=tuple(str(count) for count in counts),
        columns=_visits(len(by_visit)),
        cells=tuple(tuple("" if p is None else _number(p) for p in row) for row in rows),
        shades=tuple(tuple(map(shade, row)) for row in rows),
    )


def _order_map(picture: PolicyPicture) -> HeatMap:
    """Agents by visits: how often each visit is made to each agent."""
    by_agent = list(zip(*picture.order, strict=True))
    return HeatMap(
        title="How often each visit is made to each agent",
        caption="",
        row_head="",
        rows=tuple(f"agent {agent + 1}" for agent in range(len(by_agent))),
        columns=_visits(len(picture.order)),
        cells=tuple(tuple(percent(p) if p >= 0.005 else "" for p in row) for row in by_agent),
        shades=tuple(by_agent),
    )


def _visits(count: int) -> tuple[str, ...]:
    return tuple(f"visit {visit + 1}" for visit in range(count))


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
