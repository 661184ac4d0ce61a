"""Logs of many keywords' days, of a simulation or of the user's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import KPIS, BidBins, BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.data import columns as tables
from jaxmech.data.cells import (
    check_at_most,
    check_repeated,
    check_span,
    days_of,
    numbers_of,
    places_of,
)
from jaxmech.data.keyword_rows import check_rowless, numbered
from jaxmech.naming import lookup, nearest

COLUMNS = ("keyword", "day", "bidder", "bid", "reserve", *KPIS, "quality")
"""The columns that a file needs, by the names they have unless others are given."""

RowlessDays = Literal["refuse", "no_bids"]
RepeatedRows = Literal["count", "refuse"]

_NUMBERS = COLUMNS[3:]


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

    @property
    def num_bidders(self) -> int:
        """Of the keyword with most."""
        return self.quality.shape[1]

    def part(self, keywords: slice, days: slice) -> BidLogs:
        """Some keywords, some days."""
        return BidLogs(
            jax.tree.map(lambda array: array[keywords, days], self.days),
            self.quality[keywords],
            self.present[keywords],
            self.bins,
        )


def split_logs(
    logs: BidLogs, *, held_out_keywords: int, held_out_days: int, history_days: int = 7
) -> tuple[BidLogs, BidLogs]:
    """Logs to train on, and later days of other keywords to evaluate on.

    The last keywords are held out: shuffle them before, if their order means anything.

    Args:
      logs: all of them.
      held_out_keywords: how many keywords are for evaluation only.
      held_out_days: how many of the last days are for evaluation only.
      history_days: days before these that the second part keeps, to predict the first of them from.

    Returns:
      training logs; held-out logs, of ``history_days + held_out_days`` days.

    Raises:
      ValueError: nothing would be left to train on, or nothing to evaluate on.
    """
    checks.integer("history_days", history_days)
    for field, held_out, highest in (
        ("held_out_keywords", held_out_keywords, logs.num_keywords - 1),
        ("held_out_days", held_out_days, logs.num_days - history_days),
    ):
        if not 1 <= held_out <= highest:
            raise InvalidValueError(
                field,
                held_out,
                (
                    f"with {logs.num_keywords} keywords of {logs.num_days} days, and "
                    f"{history_days} days of history, allowed are 1 to {highest}"
                ),
                verb="",
            )
    first_keyword = logs.num_keywords - held_out_keywords
    first_day = logs.num_days - held_out_days
    training = logs.part(slice(first_keyword), slice(first_day))
    return training, logs.part(slice(first_keyword, None), slice(first_day - history_days, None))


def load_bid_logs(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    auctions_column: str | None = None,
    quality: float | None = None,
    bins: BidBins | None = None,
    num_bins: int = 50,
    rowless_days: RowlessDays = "refuse",
    repeated_rows: RepeatedRows = "count",
) -> BidLogs:
    """Logs from a table with a row for each bid, in any order.

    A row says that on ``day`` (a whole number or an ISO date) ``bidder`` bid ``bid`` money per
    click on ``keyword``, 0 for no bid, at a reserve of ``reserve``, and got ``impressions`` and
    ``clicks`` for ``cost`` in that auction, or in all the auctions that the row stands for. A
    bidder's day may have many rows: its histogram counts them all, indicators are means per
    auction, and a reserve that changed within the day is its mean. Its quality is its mean
    over all days. On a day without rows a bidder did not bid, and its reserve is the one
    before, or before its first row that of the first row. So bidders may come and go. Bids
    below their reserve count as bids. ``write_bid_logs`` writes such a file.

    Args:
      source: path of a ``.csv`` or ``.parquet`` file; columns that nothing names are left out.
      columns: names in the file of columns that are called otherwise than ``COLUMNS``, by the
        names there.
      auctions_column: holds the number of auctions that a row stands for; 1 unless given.
      quality: every bidder's, from 0 to 1, of a file without a column of it. A bidder of
        quality q is clicked with probability q times the click rate of its slot.
      bins: of the histograms; unless given ``num_bins`` log-spaced ones around the positive
        bids, down to a thousandth of the highest. A planner of an environment needs its:
        ``bins=params.bins``, or logs read first and ``make("reserve_pricing", bins=logs.bins)``.
      num_bins: see ``bins``.
      rowless_days: of a keyword, between the first and the last day of the file: ``"refuse"``
        them, or take it that there were ``"no_bids"``.
      repeated_rows: rows equal in all the columns read ``"count"`` as auctions that went
        alike, or ``"refuse"`` them, where a bidder's day cannot have two.

    Raises:
      ValueError: an unknown file type or option, a column that is missing or there twice, no
        rows, an empty or damaged cell, a number that is negative, NaN or infinite, a number
        of auctions of 0, more impressions than auctions or clicks than impressions in a row, a
        quality above 1 or given twice, no positive bid; days that are numbers here and dates
        there, that look like dates without being any, or that are far more than rows; what the
        options refuse.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    for option, got, allowed in (
        ("rowless_days", rowless_days, get_args(RowlessDays)),
        ("repeated_rows", repeated_rows, get_args(RepeatedRows)),
    ):
        checks.one_of(option, got, allowed)
    if bins is not None and not isinstance(bins, BidBins):
        raise InvalidValueError("bins", bins, "BidBins, such as params.bins")
    path = Path(source)
    names = _names(columns, quality)
    table = tables.read_table(path)
    wanted = [*names.values()] + ([] if auctions_column is None else [auctions_column])
    _check_columns(table, names)
    places = places_of(table, wanted)
    if not table.rows:
        raise ValueError(f"{path}: no bids, only a header")
    numbers = {
        column: numbers_of(
            table,
            places[names[column]],
            positive=False,
            highest=1 if column == "quality" else np.inf,
            meaning="a factor of the click probability; a score out of 10 is one divided by 10",
        )
        for column in _NUMBERS
        if column in names
    }
    if quality is not None:
        numbers["quality"] = np.full(len(table.rows), float(quality))
    auctions = np.ones(len(table.rows))
    if auctions_column is not None:
        auctions = numbers_of(table, places[auctions_column], positive=True)
    of_row = "auctions of the row"
    advice = ""
    if auctions_column is None:
        advice = '; if rows stand for more, auctions_column="..." names the column of them'
    check_at_most(
        table, places[names["impressions"]], numbers["impressions"], auctions, of_row, advice
    )
    check_at_most(
        table, places[names["clicks"]], numbers["clicks"], numbers["impressions"], "impressions"
    )
    if not numbers["bid"].any():
        raise ValueError(f"{path}: all bids are 0; some must be above 0")
    days = days_of(table, places[names["day"]])
    check_span(table, places[names["day"]], days)
    keywords, bidders, present = numbered(table, places[names["keyword"]], places[names["bidder"]])
    if repeated_rows == "refuse":
        read = [keywords, days, bidders, *numbers.values(), auctions]
        check_repeated(table, read, 'allowed with repeated_rows="count"')
    if rowless_days == "refuse":
        check_rowless(table, places[names["keyword"]], places[names["day"]], keywords, days)
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
    qualities = _total(numbers["quality"] * auctions, of_bidder, present.shape)
    of_days = (
        histograms / divisor[..., None],
        _filled(reserves, has_rows),
        kpis / divisor[..., None],
    )
    return BidLogs(
        BidHistory(*(jnp.asarray(array, float) for array in of_days)),
        jnp.asarray(np.where(present, qualities / np.where(present, weights, 1), 1), float),
        jnp.asarray(present),
        bins,
    )


def _names(columns: Mapping[str, str] | None, quality: float | None) -> dict[str, str]:
    """What each of ``COLUMNS`` that is needed is called in the file."""
    names = dict(zip(COLUMNS, COLUMNS, strict=True))
    columns = {} if columns is None else columns
    if not isinstance(columns, Mapping):
        raise InvalidValueError("columns", columns, 'names by ours, {"keyword": "campaign_id"}')
    for column, name in columns.items():
        if column not in names and name in names:
            raise InvalidValueError(
                "columns",
                column,
                f"ours is the key, the one in the file the value: {{{name!r}: {column!r}}}",
                got=f"{column!r} for {name!r}",
                verb="",
            )
        lookup("columns", column, names)
        names[column] = name
    if quality is None:
        return names
    if "quality" in columns:
        raise InvalidValueError(
            "quality",
            quality,
            "one of the two",
            got=f"{quality!r} and a column of it",
            verb="allowed is",
        )
    checks.number("quality", quality, low=0, high=1)
    del names["quality"]
    return names


def _check_columns(table: tables.Table, names: Mapping[str, str]) -> None:
    """ValueError where columns are missing that no option named, with the one that would."""
    missing = [name for name in names if names[name] == name and name not in table.columns]
    if not missing or len(table.columns) == 1:
        return
    near = nearest(missing[0], set(table.columns) - set(names.values()))
    example = f"{{{missing[0]!r}: {near or '...'!r}}}"
    constant = "; without qualities, quality=1" if "quality" in missing else ""
    raise ValueError(
        f"{table.name}: no column {' nor '.join(map(repr, missing))}; there are "
        f"{', '.join(map(repr, table.columns))}; columns={example} says what one is called "
        f"there{constant}"
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
