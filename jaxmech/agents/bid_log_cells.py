"""The columns of a bid log, cell by cell, so that a mistake is named by its place."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import tables
from jaxmech.naming import lookup


def places_of(table: tables.Table, wanted: list[str]) -> dict[str, int]:
    """Where each column is."""
    places = {name: place for place, name in enumerate(table.columns)}
    for name in wanted:
        lookup(f"column of {table.name}", name, places)
        if wanted.count(name) > 1:
            raise ValueError(f"columns: got {name!r} for two; each needs one of its own")
        if table.columns.count(name) > 1:
            raise ValueError(f"{table.name}: column {name!r} appears twice")
    return places


def numbers_of(
    table: tables.Table, place: int, *, positive: bool, highest: float = np.inf
) -> NDArray[np.float64]:
    """A column; at least 0, or above it, and at most ``highest``."""
    numbers = np.empty(len(table.rows))
    for row, cells in enumerate(table.rows):
        cell: Any = cells[place]
        if cell is None or cell == "":
            _label(table, row, place)
        try:
            numbers[row] = float(cell)
        except (TypeError, ValueError):
            problem = "a number is needed"
        else:
            problem = tables.problem_with(numbers[row]) or ""
            if positive and numbers[row] == 0:
                problem = "allowed are numbers above 0"
            if not problem and numbers[row] > highest:
                problem = f"allowed are numbers up to {highest:g}"
        if problem:
            raise ValueError(f"{_place(table, row, place)}: got {cell!r}; {problem}")
    return numbers


def days_of(table: tables.Table, place: int) -> NDArray[np.intp]:
    """Days since the first."""
    days = []
    for row, cells in enumerate(table.rows):
        day = _day(_label(table, row, place))
        if day is None:
            raise ValueError(
                f"{_place(table, row, place)}: got {cells[place]!r}; allowed are whole numbers "
                "and dates such as 2024-05-31"
            )
        days.append(day)
    return np.array(days) - min(days)


def numbered(
    table: tables.Table, keyword_place: int, bidder_place: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Keyword and bidder of each row, bidders numbered within keywords, and who is present."""
    bidders_of: dict[Hashable, dict[Hashable, int]] = {}
    rows: list[tuple[int, int]] = []
    numbers: dict[Hashable, int] = {}
    for row in range(len(table.rows)):
        keyword = _label(table, row, keyword_place)
        bidders = bidders_of.setdefault(keyword, {})
        bidder = bidders.setdefault(_label(table, row, bidder_place), len(bidders))
        rows.append((numbers.setdefault(keyword, len(numbers)), bidder))
    counts = np.array([len(bidders) for bidders in bidders_of.values()])
    keywords, bidder_numbers = np.array(rows).T
    return keywords, bidder_numbers, np.arange(counts.max()) < counts[:, None]


def check_rowless(
    table: tables.Table,
    keyword_place: int,
    day_place: int,
    keywords: NDArray[np.intp],
    days: NDArray[np.intp],
) -> None:
    last = int(days.max())
    pairs = np.unique(np.stack([keywords, days], axis=-1), axis=0)
    logged = np.bincount(pairs[:, 0])
    if (logged == last + 1).all():
        return
    keyword = int(np.argmax(logged != last + 1))
    of_keyword = pairs[pairs[:, 0] == keyword, 1]
    in_order = of_keyword == np.arange(len(of_keyword))
    day = int(len(of_keyword) if in_order.all() else np.argmin(in_order))
    first_label = table.rows[int(np.argmin(days))][day_place]
    first = _day(first_label)
    assert first is not None
    is_date = isinstance(first_label, date) or "-" in str(first_label).lstrip("-")
    missing = date.fromordinal(first + day).isoformat() if is_date else first + day
    label = table.rows[int(np.argmax(keywords == keyword))][keyword_place]
    raise ValueError(
        f"{table.name}: keyword {label!r} has no row on day {missing}, one of the "
        f"{last + 1} from the first to the last in the file; each needs one, with bid 0 if nobody "
        'bid, or rowless_days="no_bids"'
    )


def check_repeated(table: tables.Table, places: list[int]) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for row, cells in enumerate(table.rows):
        first = seen.setdefault(tuple(cells[place] for place in places), row)
        if first != row:
            raise ValueError(
                f"{table.name}, {table.row_names[row]}: the same as {table.row_names[first]}; "
                'allowed with repeated_rows="count"'
            )


def _label(table: tables.Table, row: int, place: int) -> Hashable:
    label: Hashable = table.rows[row][place]
    # What a Parquet file holds for a missing label may be NaN, which no label equals.
    if label is None or label == "" or label != label:
        raise ValueError(f"{_place(table, row, place)}: the cell is empty")
    return label


def _day(label: Any) -> int | None:
    if isinstance(label, date):
        return label.toordinal()
    try:
        number = float(label)
        return int(number) if number == int(number) and abs(number) < 2**53 else None
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return date.fromisoformat(str(label)).toordinal()
    except ValueError:
        return None


def _place(table: tables.Table, row: int, place: int) -> str:
    return f"{table.name}, {table.row_names[row]}, column {table.columns[place]!r}"
