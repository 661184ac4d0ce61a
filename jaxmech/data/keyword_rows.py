"""Rows of the user's table that are of keywords and their bidders."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from jaxmech.data import columns as tables
from jaxmech.data.cells import label_at, read_day


def numbered(
    table: tables.Table, keyword_place: int, bidder_place: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Keyword and bidder of each row, and who there is.

    Keywords, and the bidders within each, are numbered as they first appear.

    Returns:
      keywords, int [rows]; bidders, int [rows]; bool [keywords, bidders], False beyond the
      number of a keyword's bidders.

    Raises:
      ValueError: an empty cell.
    """
    bidders_of: dict[Hashable, dict[Hashable, int]] = {}
    rows: list[tuple[int, int]] = []
    numbers: dict[Hashable, int] = {}
    for row in range(len(table.rows)):
        keyword = label_at(table, row, keyword_place)
        bidders = bidders_of.setdefault(keyword, {})
        bidder = bidders.setdefault(label_at(table, row, bidder_place), len(bidders))
        rows.append((numbers.setdefault(keyword, len(numbers)), bidder))
    counts = np.array([len(bidders) for bidders in bidders_of.values()])
    keywords, bidder_numbers = np.array(rows).T
    return keywords, bidder_numbers, np.arange(counts.max()) < counts[:, None]


def check_rowless(
    table: tables.Table,
    keyword_place: int,
    day_place: int,
    keywords: NDArray[np.intp],
    days: NDArray[np.int64],
) -> None:
    """ValueError where a keyword has no row on one of the days from the first to the last.

    Args:
      table: the rows.
      keyword_place, day_place: where these columns are.
      keywords: the keyword of each row, int [rows].
      days: the day of each row, int64 [rows], the first day being 0.
    """
    last = int(days.max())
    pairs = np.unique(np.stack([keywords, days], axis=-1), axis=0)
    logged = np.bincount(pairs[:, 0])
    if (logged == last + 1).all():
        return
    keyword = int(np.argmax(logged != last + 1))
    of_keyword = pairs[pairs[:, 0] == keyword, 1]
    in_order = of_keyword == np.arange(len(of_keyword))
    day = int(len(of_keyword) if in_order.all() else np.argmin(in_order))
    first, is_date = read_day(table.rows[int(np.argmin(days))][day_place])
    assert first is not None
    missing = date.fromordinal(first + day).isoformat() if is_date else first + day
    label = table.rows[int(np.argmax(keywords == keyword))][keyword_place]
    raise ValueError(
        f"{table.name}: keyword {label!r} has no row on day {missing}, one of the "
        f"{last + 1} from the first to the last in the file; each needs one, with bid 0 if nobody "
        'bid, or rowless_days="no_bids"'
    )
