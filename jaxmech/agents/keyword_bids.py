"""Bids on keywords, one for each bidder, of the user's file or array, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.agents import tables
from jaxmech.agents.bid_log_cells import check_repeated, numbered, numbers_of, places_of

Floats: TypeAlias = NDArray[np.float64]


def read_bids(
    path: Path, keyword_column: str, bidder_column: str, bid_column: str, quality_column: str | None
) -> tuple[Floats, Floats | None]:
    """Bids and qualities of a file, each float64 [keywords, bidders].

    Qualities are None without a column of them.

    Raises:
      ValueError, ModuleNotFoundError: see ``jaxmech.agents.load_keywords``.
    """
    table = tables.read_table(path)
    labels = [keyword_column, bidder_column]
    wanted = [*labels, bid_column] + ([] if quality_column is None else [quality_column])
    places = places_of(table, wanted)
    if not table.rows:
        raise ValueError(f"{path}: no bids, only a header")
    keyword_place, bidder_place = (places[name] for name in labels)
    keywords, bidders, present = numbered(table, keyword_place, bidder_place)
    check_repeated(table, [keyword_place, bidder_place], "a bidder of a keyword has one row")
    counts = present.sum(axis=1)
    if not present.all():
        first, fewer = (
            table.rows[int(np.argmax(keywords == keyword))][keyword_place]
            for keyword in (int(np.argmax(counts)), int(np.argmin(counts)))
        )
        raise ValueError(
            f"{path}: got {counts.max()} bidders on keyword {first!r} and {counts.min()} on "
            f"keyword {fewer!r}; allowed are as many on each, with bid 0 of those who do not bid"
        )

    def column(name: str, highest: float = np.inf) -> Floats:
        numbers = np.empty(present.shape)
        of_rows = numbers_of(table, places[name], positive=False, highest=highest)
        numbers[keywords, bidders] = of_rows
        return numbers

    return column(bid_column), None if quality_column is None else column(quality_column, 1)


def bids_of_array(source: ArrayLike) -> tuple[Floats, Floats | None]:
    """The same of an array [keywords, bidders] or [keywords, bidders, 2]."""
    try:
        array = np.asarray(source, np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            "source: got what is no array of numbers; needed is as many bidders on each keyword"
        ) from None
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or not array.size or array.shape[2] > 2:
        raise ValueError(
            f"source: got shape {np.shape(source)}; allowed are [keywords, bidders] of bids and "
            "[keywords, bidders, 2] of bids and qualities, with at least one of each"
        )
    # Written so that NaN counts as bad too.
    bad = np.argwhere(~((array >= 0) & (array < [np.inf, 1 + 1e-12][: array.shape[2]])))
    if len(bad):
        keyword, bidder, which = bad[0]
        what = ("bid", "quality")[which]
        allowed = ("finite numbers from 0", "numbers from 0 to 1")[which]
        raise ValueError(
            f"source: keyword {keyword}, bidder {bidder}, {what}: got "
            f"{array[keyword, bidder, which]}; allowed are {allowed}"
        )
    return array[..., 0], array[..., 1] if array.shape[2] == 2 else None
