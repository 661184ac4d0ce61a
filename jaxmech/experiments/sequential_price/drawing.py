"""Drawings of a ``PolicyPicture`` for the page of a run: a tree as SVG, tables as HTML."""

from __future__ import annotations

import string
from collections.abc import Sequence
from html import escape

from jaxmech.experiments.sequential_price.picture import History, Number, PolicyPicture

_ROW, _BOX_HEIGHT, _BOX_WIDTH, _EDGE_WIDTH, _MARGIN = 62, 36, 92, 92, 10
_STEM = 18
"""How far from a box's left end the line to the visit below leaves it."""


def tree_svg(tree: History) -> str:
    """The tree of histories: a purchase leads to the right, a pass leads down."""
    num_items = max(len(tree.prices), 1)
    box_width = _BOX_WIDTH if num_items == 1 else max(_BOX_WIDTH, 16 + 50 * num_items)
    edge_width = _EDGE_WIDTH if num_items == 1 else _EDGE_WIDTH + 20
    lines: list[str] = []
    boxes: list[str] = []
    rows = columns = 0

    def place(history: History, column: int, row: int) -> None:
        """Draw a history in a place, and all after it to its right and below."""
        nonlocal rows, columns
        rows, columns = max(rows, row + 1), max(columns, column + 1)
        left = _MARGIN + column * (box_width + edge_width)
        middle = _MARGIN + _BOX_HEIGHT / 2 + row * _ROW
        boxes.append(_visit(history, left, middle, box_width))
        passes_last = sorted(history.branches, key=lambda branch: not any(branch.bundle))
        for number, branch in enumerate(passes_last):
            bought = any(branch.bundle)
            next_row = row if bought and number == 0 else rows
            height = (next_row - row) * _ROW
            share = branch.after.probability / history.probability
            label = f"{_purchase(branch.bundle)} {_percent(share)}"
            width = 1 + 4 * branch.after.probability
            reach = edge_width + (_STEM if branch.after.agent is None else 0)
            if bought and number == 0:
                path = f"M{left + box_width} {middle} h{reach}"
            elif bought:
                path = f"M{left + box_width - _STEM} {middle} v{height} h{reach + _STEM}"
            else:
                path = f"M{left + _STEM} {middle} v{height}"
            at = (left + box_width + 8, middle + height - 6)
            if not bought:
                at = (left + _STEM + 8, middle + height - _BOX_HEIGHT / 2 - 8)
            kind = "bought" if bought else "passed"
            lines.append(
                f'<path d="{path}" class="{kind}" stroke-width="{width:.2f}"/>'
                f'<text x="{at[0]}" y="{at[1]}" class="edge">{escape(label)}</text>'
            )
            place(branch.after, column + bought, next_row)

    place(tree, 0, 0)
    width = 2 * _MARGIN + columns * (box_width + edge_width)
    height = 2 * _MARGIN + rows * _ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Tree of purchases" class="tree">'
        + "".join(lines + boxes)
        + "</svg>"
    )


def order_table(picture: PolicyPicture) -> str:
    """Agents by visits: how often each visit is made to each agent."""
    visits = [f"visit {visit + 1}" for visit in range(len(picture.order))]
    agents = [f"agent {agent + 1}" for agent in range(len(picture.order[0]))]
    by_agent = [list(row) for row in zip(*picture.order, strict=True)]
    cells = [[(_percent(p) if p >= 0.005 else "", p) for p in row] for row in by_agent]
    return _table("", visits, agents, cells)


def price_table(by_visit: Sequence[Sequence[Number]]) -> str:
    """Units left by visits: the mean price asked, of one item."""
    visits = [f"visit {visit + 1}" for visit in range(len(by_visit))]
    counts = range(len(by_visit[0]), 0, -1)
    known = [price for row in by_visit for price in row if price is not None]
    low, high = min(known), max(known)

    def cell(price: Number) -> _Cell:
        if price is None:
            return "", 0
        return _number(price), 0.1 + 0.9 * (price - low) / max(high - low, 1e-9)

    cells = [[cell(row[count - 1]) for row in by_visit] for count in counts]
    return _table("units left", visits, [str(count) for count in counts], cells)


def item_name(item: int) -> str:
    """A letter for an item, A to Z and then numbers."""
    return string.ascii_uppercase[item] if item < 26 else str(item + 1)


_Cell = tuple[str, float]
"""Text, and how dark its background is, 0 to 1."""


def _table(
    corner: str,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Sequence[Sequence[_Cell]],
) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f'<td style="background:rgba(31,119,180,{0.55 * shade:.3f})">{text}</td>'
                  for text, shade in row)
        + "</tr>"
        for name, row in zip(rows, cells, strict=True)
    )  # fmt: skip
    return f'<table class="shaded"><tr><th>{escape(corner)}</th>{head}</tr>{body}</table>'


def _visit(history: History, left: float, middle: float, width: float) -> str:
    """A box for a visit, or a mark where there is none."""
    if history.agent is None:
        words = "end" if history.end == "over" else "goes on"
        return (
            f'<circle cx="{left + _STEM}" cy="{middle}" r="5" class="{history.end}"/>'
            f'<text x="{left + _STEM + 10}" y="{middle + 4}" class="end">{words}, '
            f"{_percent(history.probability)}</text>"
        )
    several = len(history.prices) > 1
    prices = [
        f"{item_name(item)} {_number(price)}" if several else _number(price)
        for item, price in enumerate(history.prices)
        if price is not None
    ]
    centre, top = left + width / 2, middle - _BOX_HEIGHT / 2
    return (
        f"<g><title>reached in {_percent(history.probability)} of episodes</title>"
        f'<rect x="{left}" y="{top}" width="{width}" height="{_BOX_HEIGHT}" rx="5"/>'
        f'<text x="{centre}" y="{middle - 3}" class="agent">agent {history.agent + 1}</text>'
        f'<text x="{centre}" y="{middle + 12}" class="price">at {", ".join(prices)}</text></g>'
    )


def _purchase(bundle: Sequence[int]) -> str:
    if len(bundle) == 1:
        return "buys" if bundle[0] else "passes"
    taken = "+".join(item_name(item) for item, units in enumerate(bundle) if units)
    return f"takes {taken}" if taken else "passes"


def _percent(probability: float) -> str:
    if 0 < probability < 0.01:
        return "<1 %"
    return f"{100 * probability:.0f} %"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
