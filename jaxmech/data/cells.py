"""Columns of the user's table, read cell by cell, so that a mistake is named by its place."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech.checks import InvalidValueError, problem_with
from jaxmech.data import columns as tables
from jaxmech.naming import nearest


def places_of(table: tables.Table, wanted: list[str]) -> dict[str, int]:
    """Where each of the ``wanted`` columns is, by its name.

    Raises:
      ValueError: one is missing, wanted twice, or there twice.
    """
    places = {name: place for place, name in enumerate(table.columns)}
    separators = [each for each in ";\t|" if len(places) == 1 and each in table.columns[0]]
    if separators:
        raise InvalidValueError(
            table.name,
            table.columns[0],
            f"is the separator {separators[0]!r}? Allowed is ','",
            got=f"one column, {table.columns[0]!r}",
            verb="",
        )
    for name in wanted:
        if name not in places:
            near = nearest(name, places)
            raise InvalidValueError(
                table.name,
                name,
                ", ".join(sorted(places)),
                got=f"no column {name!r}",
                verb=f"did you mean {near!r}? Its columns are" if near else "its columns are",
            )
        if wanted.count(name) > 1:
            raise InvalidValueError(
                "columns", name, "each needs one of its own", got=f"{name!r} for two", verb=""
            )
        if table.columns.count(name) > 1:
            raise ValueError(f"{table.name}: column {name!r} appears twice")
    return places


def numbers_of(
    table: tables.Table, place: int, *, positive: bool, highest: float = np.inf, meaning: str = ""
) -> NDArray[np.float64]:
    """A column's numbers, float64 [rows]: at least 0, or above it, and at most ``highest``.

    Args:
      table: the rows.
      place: where the column is.
      positive: whether 0 is refused.
      highest: number allowed.
      meaning: of the numbers, told to who goes above it.

    Raises:
      ValueError: a cell that is empty, no number or out of range, by its place.
    """
    numbers = np.empty(len(table.rows))
    for row, cells in enumerate(table.rows):
        cell: Any = cells[place]
        if cell is None or cell == "":
            label_at(table, row, place)
        try:
            numbers[row] = float(cell)
        except (TypeError, ValueError):
            problem = "a number is needed"
        else:
            problem = problem_with(numbers[row]) or ""
            if positive and numbers[row] == 0:
                problem = "allowed are numbers above 0"
            if not problem and numbers[row] > highest:
                problem = f"allowed are numbers up to {highest:g}{meaning and f', {meaning}'}"
        if problem:
            raise InvalidValueError(_place(table, row, place), cell, problem, verb="")
    return numbers


def check_at_most(
    table: tables.Table,
    place: int,
    numbers: NDArray[np.float64],
    highest: NDArray[np.float64],
    what: str,
    advice: str = "",
) -> None:
    """ValueError where one of a column's ``numbers`` is above ``highest``, but for rounding.

    Args:
      table: the rows.
      place: where the column is.
      numbers, highest: float64 [rows].
      what: the second is, in words.
      advice: ends the message.
    """
    above = numbers > highest * (1 + 1e-5)
    if above.any():
        row = int(np.argmax(above))
        raise InvalidValueError(
            _place(table, row, place),
            table.rows[row][place],
            f"numbers up to the {what}, {highest[row]:g}{advice}",
        )


def labels_of(table: tables.Table, place: int) -> list[Hashable]:
    """A column's labels, any text or number; ValueError for an empty cell, by its place."""
    return [label_at(table, row, place) for row in range(len(table.rows))]


def days_of(table: tables.Table, place: int) -> NDArray[np.int64]:
    """Days since the first, int64 [rows], of whole numbers or of dates.

    Raises:
      ValueError: a cell that is neither, both kinds in one column, or whole numbers that look like
        dates: from one month to the next, they would count far more days than there are.
    """
    days = []
    first_is_date = None
    for row, cells in enumerate(table.rows):
        label = label_at(table, row, place)
        day, is_date = read_day(label)
        problem = ""
        if day is None:
            problem = "allowed are whole numbers and dates such as 2024-05-31, without a time"
        elif not is_date and (meant := _meant_date(day)):
            problem = f"a whole number that looks like a date; write {meant}"
        elif first_is_date not in (None, is_date):
            problem = "whole numbers and dates are in one column; allowed is one of the two"
        if problem:
            raise InvalidValueError(_place(table, row, place), cells[place], problem, verb="")
        first_is_date = is_date
        days.append(day)
    numbers = np.array(days, np.int64)
    return numbers - numbers.min()


def check_span(table: tables.Table, place: int, days: NDArray[np.int64]) -> None:
    """ValueError where there are far more days from the first to the last than rows.

    For who keeps every day, whether it has rows or not, and would run out of memory.

    Args:
      table: the rows.
      place: where the column of days is.
      days: of each row, int64 [rows], since the first.
    """
    span = int(days.max()) + 1
    highest = max(1000, 10 * len(days))
    if span > highest:
        row = int(np.argmax(days))
        raise InvalidValueError(
            _place(table, row, place),
            table.rows[row][place],
            f"up to {highest} days in a file of {len(days)} rows",
            got=f"{table.rows[row][place]!r}, day {span} from the first",
        )


def check_repeated(table: tables.Table, columns: Sequence[Iterable[Any]], rule: str) -> None:
    """ValueError, which ends with the ``rule``, where two rows say the same.

    Args:
      table: the rows.
      columns: what they say, [rows] each, as it was read: 1 and 01 are one number.
      rule: that forbids it.
    """
    seen: dict[tuple[Any, ...], int] = {}
    for row, entries in enumerate(zip(*columns, strict=True)):
        first = seen.setdefault(entries, row)
        if first != row:
            raise ValueError(
                f"{table.name}, {table.row_names[row]}: the same as {table.row_names[first]}; "
                f"{rule}"
            )


def label_at(table: tables.Table, row: int, place: int) -> Hashable:
    """A cell's label, any text or number; ValueError where it is empty, by its place."""
    label: Hashable = table.rows[row][place]
    # What a Parquet file holds for a missing label may be NaN, which no label equals.
    if label is None or label == "" or label != label:
        raise ValueError(f"{_place(table, row, place)}: the cell is empty")
    return label


def read_day(label: Any) -> tuple[int | None, bool]:
    """The day, None where it is no day, and whether it is a date."""
    if isinstance(label, datetime):
        return _day_of(label), True
    if isinstance(label, date):
        return label.toordinal(), True
    try:
        number = float(label)
        return (int(number) if number == int(number) and abs(number) < 2**53 else None), False
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(str(label))
    except ValueError:
        return None, False
    return _day_of(moment), True


def _day_of(moment: datetime) -> int | None:
    """The day that many programs write as its midnight; None of any other time of it."""
    return moment.toordinal() if moment.time() == time() else None


def _meant_date(number: int) -> str:
    """The date that a whole number such as 20240531 stands for, or nothing."""
    if not 1900_00_00 < number < 2200_00_00:
        return ""
    try:
        return date(number // 10_000, number // 100 % 100, number % 100).isoformat()
    except ValueError:
        return ""


def _place(table: tables.Table, row: int, place: int) -> str:
    return f"{table.name}, {table.row_names[row]}, column {table.columns[place]!r}"
