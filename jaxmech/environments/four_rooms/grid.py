"""The four rooms as a drawing, and what can be read from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxmech.checks import InvalidValueError

FOUR_ROOMS = (
    "#############",
    "#     #  G  #",
    "#     #     #",
    "#           #",
    "#S    #     #",
    "#     #     #",
    "## ####     #",
    "#     ### ###",
    "#   * #     #",
    "#     #     #",
    "#           #",
    "#     #    G#",
    "#############",
)
"""The rooms of Thoma et al. (2024)."""

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Up, right, down and left, in rows and columns."""


@dataclass(frozen=True)
class Grid:
    """Cells that are not walls, numbered row by row.

    Attributes:
      drawing: a row of characters each: ``#`` a wall, ``S`` the start, ``G`` a goal, ``*`` the cell
        that the leader wants visited, anything else an empty cell. Walls are all around.

    Raises:
      ValueError: rows of unlike lengths, an edge that is open, not one start and one ``*``, or no
        goal.
    """

    drawing: tuple[str, ...] = FOUR_ROOMS

    def __post_init__(self) -> None:
        rows = self.drawing
        text = "".join(rows)
        if len({len(row) for row in rows}) != 1:
            raise InvalidValueError("drawing", rows, "rows of one length")
        edges = rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)
        if set(edges) != {"#"}:
            raise InvalidValueError("drawing", rows, "walls all around", verb="needed are")
        if text.count("S") != 1 or text.count("*") != 1 or "G" not in text:
            raise InvalidValueError("drawing", rows, "one S, one * and a G", verb="needed are")

    @property
    def num_cells(self) -> int:
        return len(self.cells)

    @cached_property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each cell."""
        return tuple(
            (row, column)
            for row, line in enumerate(self.drawing)
            for column, drawn in enumerate(line)
            if drawn != "#"
        )

    @property
    def start(self) -> int:
        """The number of the cell that the follower starts from."""
        return self._drawn("S")[0]

    @property
    def wanted(self) -> int:
        """The number of the cell that the leader wants visited."""
        return self._drawn("*")[0]

    @property
    def goals(self) -> tuple[int, ...]:
        """The numbers of the goals."""
        return self._drawn("G")

    @cached_property
    def neighbours(self) -> np.ndarray:
        """Where each move leads, int [cells, moves]; into a wall, nowhere."""
        numbers = {cell: number for number, cell in enumerate(self.cells)}
        return np.array(
            [
                [numbers.get((row + down, column + right), number) for down, right in MOVES]
                for (row, column), number in numbers.items()
            ]
        )

    def number(self, row: int, column: int) -> int:
        """The number of a cell.

        Raises:
          ValueError: a wall, or outside.
        """
        if (row, column) not in self.cells:
            raise InvalidValueError("cell", (row, column), "those that are no walls")
        return self.cells.index((row, column))

    def _drawn(self, sign: str) -> tuple[int, ...]:
        drawn = [self.drawing[row][column] for row, column in self.cells]
        return tuple(number for number, one in enumerate(drawn) if one == sign)
