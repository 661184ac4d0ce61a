"""Logs of many keywords' days, of a simulation or of the user's file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from numpy.typing import NDArray

from jaxmech.agents import tables
from jaxmech.agents.bid_history import KPIS, BidBins, BidHistory
from jaxmech.naming import lookup

COLUMNS = ("keyword", "day", "bidder", "bid", "reserve", *KPIS, "quality")
"""The columns that a file needs, by the names they have unless others are given."""

_NUMBERS = COLUMNS[3:]
_READERS = {".csv": tables.read_csv, ".parquet": tables.read_parquet}


@struct.dataclass
class BidLogs:
    """The same number of days of each keyword.

    Attributes:
      days: arrays float [keywords, days, bidders, ...].
      quality: float [keywords, bidders], factor of the click probability.
      present: bool [keywords, bidders], False for those that fill up a keyword with fewer
        bidders than others; they never bid, and have reserve 0 and quality 1.
      bins: those of the histograms.
    """

    days: BidHistory
    quality: jax.Array
    present: jax.Array
    bins: BidBins

    @property
    def num_keywords(self) -> int:
        return self.quality.shape[0]

    @property
    def num_days(self) -> int:
        return self.days.reserves.shape[1]

    def part(self, keywords: slice, days: slice) -> BidLogs:
        """Some keywords, some days."""
        return BidLogs(
            jax.tree.map(lambda array: array[keywords, days], self.days),
            self.quality[keywords],
            self.present[keywords],
            self.bins,
        )


def split_logs(
    logs: BidLogs, *, held_out_keywords: int, held_out_days: int, memory: int = 7
) -> tuple[BidLogs, BidLogs]:
    """Logs to train on, and later days of other keywords to evaluate on.

    The last keywords are held out: shuffle them before, if their order means anything.

    Args:
      logs: all of them.
      held_out_keywords: how many keywords are for evaluation only.
      held_out_days: how many of the last days are for evaluation only.
      memory: days before these that the second part keeps, to predict the first of them from.

    Returns:
      training logs; held-out logs, of ``memory + held_out_days`` days.

    Raises:
      ValueError: nothing would be left to train on, or nothing to evaluate on.
    """
    if memory < 1:
        raise ValueError(f"memory: got {memory}; allowed are integers of at least 1")
    for field, held_out, highest in (
        ("held_out_keywords", held_out_keywords, logs.num_keywords - 1),
        ("held_out_days", held_out_days, logs.num_days - memory),
    ):
        if not 1 <= held_out <= highest:
            raise ValueError(
                f"{field}: got {held_out}; with {logs.num_keywords} keywords of {logs.num_days} "
                f"days, and {memory} days of memory, allowed are 1 to {highest}"
            )
    first_keyword = logs.num_keywords - held_out_keywords
    first_day = logs.num_days - held_out_days
    training = logs.part(slice(first_keyword), slice(first_day))
    return training, logs.part(slice(first_keyword, None), slice(first_day - memory, None))


def load_bid_logs(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    auctions_column: str | None = None,
    bins: BidBins | None = None,
    num_bins: int = 50,
) -> BidLogs:
    """Logs from a table with a row for each bid, in any order.

    A row says that on ``day`` (a whole number or an ISO date) ``bidder`` bid ``bid`` money per
    click on ``keyword``, 0 for no bid, at a reserve of ``reserve``, and got ``impressions`` and
    ``clicks`` for ``cost`` in that auction, or in all the auctions that the row stands for. A
    bidder's day may have many rows: its histogram counts them all, indicators are means per
    auction, and a reserve that changed within the day is its mean. Its quality is its mean
    over all days. On a day without rows a bidder did not bid, and its reserve is the one
    before, or before its first row that of the first row.

    Args:
      source: path of a ``.csv`` or ``.parquet`` file.
      columns: names in the file of columns that are called otherwise than ``COLUMNS``.
      auctions_column: holds the number of auctions that a row stands for; 1 unless given.
      bins: of the histograms; unless given ``num_bins`` log-spaced ones around the positive
        bids, down to a thousandth of the highest.
      num_bins: see ``bins``.

    Raises:
      ValueError: an unknown file type or column, no rows, an empty or damaged cell, a number
        that is negative, NaN or infinite, a quality or number of auctions of 0, no positive
        bid, or a keyword without rows on a day between the first and the last of the file.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    path = Path(source)
    table = lookup("source: type of file", path.suffix.lower(), _READERS)(path)
    names = dict(zip(COLUMNS, COLUMNS, strict=True))
    for column, name in (columns or {}).items():
        lookup("columns", column, names)
        names[column] = name
    wanted = [*names.values()] + ([] if auctions_column is None else [auctions_column])
    places = {name: place for place, name in enumerate(table.columns)}
    for name in wanted:
        lookup(f"column of {path}", name, places)
    if not table.rows:
        raise ValueError(f"{path}: no bids, only a header")
    numbers = {
        column: _numbers(table, places[names[column]], positive=column == "quality")
        for column in _NUMBERS
    }
    auctions = np.ones(len(table.rows))
    if auctions_column is not None:
        auctions = _numbers(table, places[auctions_column], positive=True)
    if not numbers["bid"].any():
        raise ValueError(f"{path}: all bids are 0; some must be above 0")
    days = _days(table, places[names["day"]])
    keywords, bidders, present = _numbered(table, places[names["keyword"]], places[names["bidder"]])
    _check_gaps(table, places[names["keyword"]], keywords, days)
    if bins is None:
        highest = numbers["bid"].max()
        lowest = max(numbers["bid"][numbers["bid"] > 0].min(), highest / 1000)
        bins = BidBins.log_spaced(lowest / 1.25, highest * 1.25, num_bins)

    shape = (len(present), days.max() + 1, present.shape[1])
    cell = (keywords, days, bidders)
    count = _total(auctions, cell, shape)
    has_rows = count > 0
    divisor = np.where(has_rows, count, 1)
    histograms = np.zeros((*shape, bins.num_bins))
    np.add.at(histograms, (*cell, np.asarray(bins.index(jnp.asarray(numbers["bid"])))), auctions)
    histograms[..., 0] += ~has_rows
    reserves = _total(numbers["reserve"] * auctions, cell, shape) / divisor
    kpis = np.stack([_total(numbers[kpi], cell, shape) for kpi in KPIS], axis=-1)
    of_bidder = (keywords, bidders)
    weights = _total(auctions, of_bidder, present.shape)
    quality = _total(numbers["quality"] * auctions, of_bidder, present.shape)
    days_of = (
        histograms / divisor[..., None],
        _filled(reserves, has_rows),
        kpis / divisor[..., None],
    )
    return BidLogs(
        BidHistory(*(jnp.asarray(array, float) for array in days_of)),
        jnp.asarray(np.where(present, quality / np.where(present, weights, 1), 1), float),
        jnp.asarray(present),
        bins,
    )


def _total(
    numbers: NDArray[np.float64], cell: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    total = np.zeros(shape)
    np.add.at(total, cell, numbers)
    return total


def _filled(reserves: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Reserves [keywords, days, bidders], unknown ones as the day before, or as first known."""
    day = np.arange(known.shape[1])[:, None]
    latest = np.maximum.accumulate(np.where(known, day, -1), axis=1)
    first = np.argmax(known, axis=1)[:, None]
    return np.take_along_axis(reserves, np.where(latest >= 0, latest, first), axis=1)


def _place(table: tables.Table, row: int, place: int) -> str:
    return f"{table.name}, {table.row_names[row]}, column {table.columns[place]!r}"


def _label(table: tables.Table, row: int, place: int) -> Hashable:
    label: Hashable = table.rows[row][place]
    if label is None or label == "":
        raise ValueError(f"{_place(table, row, place)}: the cell is empty")
    return label


def _numbers(table: tables.Table, place: int, *, positive: bool) -> NDArray[np.float64]:
    """A column; at least 0, or above it."""
    numbers = np.empty(len(table.rows))
    for row in range(len(table.rows)):
        cell: Any = _label(table, row, place)
        try:
            numbers[row] = float(cell)
        except (TypeError, ValueError):
            problem = "a number is needed"
        else:
            problem = tables.problem_with(numbers[row]) or ""
            if positive and numbers[row] == 0:
                problem = "allowed are numbers above 0"
        if problem:
            raise ValueError(f"{_place(table, row, place)}: got {cell!r}; {problem}")
    return numbers


def _days(table: tables.Table, place: int) -> NDArray[np.intp]:
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


def _day(label: Any) -> int | None:
    if isinstance(label, date):
        return label.toordinal()
    try:
        number = float(label)
        return int(number) if number == int(number) else None
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return date.fromisoformat(str(label)).toordinal()
    except ValueError:
        return None


def _numbered(
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


def _check_gaps(
    table: tables.Table, place: int, keywords: NDArray[np.intp], days: NDArray[np.intp]
) -> None:
    logged = np.zeros((keywords.max() + 1, days.max() + 1), bool)
    logged[keywords, days] = True
    if logged.all():
        return
    keyword, day = np.argwhere(~logged)[0]
    label = table.rows[int(np.argmax(keywords == keyword))][place]
    raise ValueError(
        f"{table.name}: keyword {label!r} has no row on day {day} of 0 to {days.max()}, counted "
        "from the first in the file; every keyword needs one on every day, with bid 0 if nobody bid"
    )
