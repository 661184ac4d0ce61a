"""Bid logs as a file, in the layout that ``load_bid_logs`` reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from jaxmech.data.bid_logs import COLUMNS, BidLogs
from jaxmech.naming import lookup

AUCTIONS_COLUMN = "auctions"
"""The column of the share of a day's auctions that a row stands for."""


def write_bid_logs(logs: BidLogs, path: str | Path) -> None:
    """One row for each bin that a bidder's bids of a day fell into.

    Keywords, days and bidders are called by their numbers, and a bid is the centre of its bin,
    so that ``load_bid_logs(path, auctions_column="auctions", bins=logs.bins)`` reads the same
    logs.

    Args:
      logs: of any number of keywords.
      path: of the ``.csv`` or ``.parquet`` file to write, or to write over.

    Raises:
      ValueError: another type of file.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    path = Path(path)
    write = lookup("path: type of file", path.suffix.lower(), _WRITERS)
    histograms = np.where(
        np.asarray(logs.present)[:, None, :, None], np.asarray(logs.days.histograms), 0
    )
    cells = np.nonzero(histograms)
    keywords, days, bidders, bins = cells
    of_day = (keywords, days, bidders)
    # A row's impressions, clicks and cost are totals: its share of the means per auction.
    shares = histograms[cells].astype(np.float64)
    kpis = np.asarray(logs.days.kpis, np.float64)[of_day] * shares[:, None]
    columns = [
        keywords,
        days,
        bidders,
        np.asarray(logs.bins.centres)[bins],
        np.asarray(logs.days.reserves)[of_day],
        *kpis.T,
        np.asarray(logs.quality)[keywords, bidders],
        shares,
    ]
    write(path, dict(zip((*COLUMNS, AUCTIONS_COLUMN), columns, strict=True)))


def _write_csv(path: Path, columns: dict[str, np.ndarray]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _write_parquet(path: Path, columns: dict[str, np.ndarray]) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"writing {path} needs pyarrow: pip install 'jaxmech[data]'", name="pyarrow"
        ) from error
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}
