"""A tree of findings as SVG: what advances leads to the right, everything else leads down."""

from __future__ import annotations

from html import escape

from jaxmech.reports.findings import Node

_ROW, _BOX_HEIGHT, _MARGIN = 62, 36, 10
_LETTER, _NARROWEST = 7, 92
_STEM = 18
"""How far from a box's left end the line to the place below leaves it."""


def tree_svg(root: Node) -> str:
    """The tree as SVG; the width of a line tells how often it is gone along."""
    box_width = max(_NARROWEST, _LETTER * _longest(root, lines=True) + 16)
    edge_width = max(_NARROWEST, _LETTER * (_longest(root, lines=False) + 5) + 8)
    lines: list[str] = []
    boxes: list[str] = []
    rows = columns = 0

    def place(node: Node, column: int, row: int) -> None:
        """Draw a place, and all after it to its right and below."""
        nonlocal rows, columns
        rows, columns = max(rows, row + 1), max(columns, column + 1)
        left = _MARGIN + column * (box_width + edge_width)
        middle = _MARGIN + _BOX_HEIGHT / 2 + row * _ROW
        boxes.append(_box(node, left, middle, box_width))
        advancing_first = sorted(node.branches, key=lambda branch: not branch.advances)
        for number, branch in enumerate(advancing_first):
            next_row = row if branch.advances and number == 0 else rows
            height = (next_row - row) * _ROW
            label = f"{branch.label} {percent(branch.after.share / node.share)}"
            width = 1 + 4 * branch.after.share
            reach = edge_width + (0 if branch.after.branches else _STEM)
            if branch.advances and number == 0:
                path = f"M{left + box_width} {middle} h{reach}"
            elif branch.advances:
                path = f"M{left + box_width - _STEM} {middle} v{height} h{reach + _STEM}"
            else:
                path = f"M{left + _STEM} {middle} v{height}"
            at = (left + box_width + 8, middle + height - 6)
            if not branch.advances:
                at = (left + _STEM + 8, middle + height - _BOX_HEIGHT / 2 - 8)
            kind = "bought" if branch.advances else "passed"
            lines.append(
                f'<path d="{path}" class="{kind}" stroke-width="{width:.2f}"/>'
                f'<text x="{at[0]}" y="{at[1]}" class="edge">{escape(label)}</text>'
            )
            place(branch.after, column + branch.advances, next_row)

    place(root, 0, 0)
    width = 2 * _MARGIN + columns * (box_width + edge_width)
    height = 2 * _MARGIN + rows * _ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Tree" class="tree">'
        + "".join(lines + boxes)
        + "</svg>"
    )


def percent(share: float) -> str:
    """A share in percent, without decimals."""
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _longest(node: Node, *, lines: bool) -> int:
    """Letters of the longest line in a box, or of the longest label of a branch."""
    words = list(node.lines) if lines and node.branches else []
    words += [] if lines else [branch.label for branch in node.branches]
    after = (_longest(branch.after, lines=lines) for branch in node.branches)
    return max([*map(len, words), *after], default=0)


def _box(node: Node, left: float, middle: float, width: float) -> str:
    """A box for a place at which something happens, or a mark where nothing does."""
    if not node.branches:
        words = " ".join([*node.lines, percent(node.share)])
        kind = "over" if node.ends else "not_shown"
        return (
            f'<circle cx="{left + _STEM}" cy="{middle}" r="5" class="{kind}"/>'
            f'<text x="{left + _STEM + 10}" y="{middle + 4}" class="end">{escape(words)}</text>'
        )
    centre, top = left + width / 2, middle - _BOX_HEIGHT / 2
    shown = "".join(
        f'<text x="{centre}" y="{middle - 3 + 15 * number}" '
        f'class="{"agent" if number == 0 else "price"}">{escape(line)}</text>'
        for number, line in enumerate(node.lines)
    )
    return (
        f"<g><title>reached in {percent(node.share)} of cases</title>"
        f'<rect x="{left}" y="{top}" width="{width}" height="{_BOX_HEIGHT}" rx="5"/>{shown}</g>'
    )
