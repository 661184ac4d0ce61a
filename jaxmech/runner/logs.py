"""Logs in CSV: whole lines at the end of a file, each led by the update it belongs to.

Each checkpoint holds the extent of every log at that moment, its length and checksum. A run
that goes on cuts its logs back to that, and notices where they were changed since.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxmech.runner.files import write_whole

_INTEGERS = ("update", "seed")


@dataclass(frozen=True)
class Extent:
    """The first bytes of a file: how many, and their CRC-32."""

    length: int
    checksum: int

    def check(self, path: Path) -> None:
        """
        Raises:
          ValueError: the file is not there, or does not begin with these bytes.
        """
        if path.is_symlink() or not path.is_file():
            raise ValueError(f"{path}: there is no such file any more; put it back as it was")
        with open(path, "rb") as file:
            content = file.read(self.length)
        if len(content) < self.length:
            raise ValueError(
                f"{path}: has {len(content)} bytes, but had {self.length} at the last "
                "checkpoint; put it back as it was"
            )
        if zlib.crc32(content) != self.checksum:
            raise ValueError(
                f"{path}: has changed since it was written (the checksum of its first "
                f"{self.length} bytes is another); put it back as it was"
            )


class Log:
    """A CSV file that grows.

    Args:
      path: the file, made anew unless it is gone on with.
      columns: names of all columns.
      extent: of a log to go on with; the file is cut back to it.

    Raises:
      ValueError: the log to go on with has changed, or has other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str], extent: Extent | None = None):
        self._path = path
        self._columns = columns
        header = (",".join(columns) + "\n").encode()
        if extent is None:
            write_whole(path, header)
            extent = Extent(len(header), zlib.crc32(header))
        extent.check(path)
        with open(path, "rb") as file:
            found = file.readline()
        if found != header:
            raise ValueError(
                f"{path}: its columns are {found.decode(errors='replace').strip()[:200]}, but the "
                f"run writes {header.decode().strip()}"
            )
        os.truncate(path, extent.length)
        self.extent = extent

    def append(self, rows: Iterable[Sequence[Any]]) -> None:
        """Writes rows, numbers in the fewest digits that read back the same."""
        content = "".join(",".join(map(_text, row)) + "\n" for row in rows).encode()
        with open(self._path, "ab") as file:
            file.write(content)
        length, checksum = self.extent.length, self.extent.checksum
        self.extent = Extent(length + len(content), zlib.crc32(content, checksum))

    def append_metrics(
        self,
        first_update: int,
        seeds: Sequence[int],
        made: np.ndarray,
        metrics: Mapping[str, np.ndarray],
    ) -> None:
        """Writes rows (update, seed, *metrics), by update and then by seed.

        Args:
          first_update: of the first column of ``metrics``.
          seeds: numbers of the seeds.
          made: int [seeds], how many updates of each seed count.
          metrics: each [seeds, updates].
        """
        columns = [metrics[name] for name in self._columns if name not in _INTEGERS]
        self.append(
            (first_update + i, seed, *(column[j, i] for column in columns))
            for i in range(int(made.max(initial=0)))
            for j, seed in enumerate(seeds)
            if i < made[j]
        )

    def sync(self) -> None:
        """Returns when all is on the disk."""
        with open(self._path, "ab") as file:
            os.fsync(file.fileno())


def _text(number: Any) -> str:
    return str(int(number)) if isinstance(number, bool | np.bool_) else str(number)


def read_log(path: str | Path, *, length: int | None = None) -> dict[str, np.ndarray]:
    """The columns of a log, a last line left unfinished not counted.

    Args:
      path: a ``metrics.csv``, ``evaluation.csv`` or ``timing.csv``.
      length: read so many bytes only.

    Returns:
      By name, each [rows]; ``update`` and ``seed`` int64, all others float64.

    Raises:
      OSError: the file cannot be read.
      ValueError: a cell is no number, or rows differ in length.
    """
    path = Path(path)
    with open(path, "rb") as file:
        content = file.read() if length is None else file.read(length)
    header, _, body = content[: content.rfind(b"\n") + 1].partition(b"\n")
    try:
        names = header.decode().split(",")
        if names[0] != "update":
            raise ValueError("its first column is not 'update'")
        rows = (
            np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2, encoding="utf-8")
            if body
            else np.zeros((0, len(names)))
        )
        if rows.shape[1] != len(names):
            raise ValueError(f"rows have {rows.shape[1]} cells, its header has {len(names)}")
        return {
            name: rows[:, index].astype(np.int64 if name in _INTEGERS else np.float64)
            for index, name in enumerate(names)
        }
    except ValueError as error:
        raise ValueError(f"{path}: is no log of a run ({str(error)[:200]})") from error


def by_update(
    log: Mapping[str, np.ndarray], seeds: Sequence[int]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The updates of a log, int64 [updates]; and each column, float64 [updates, seeds].

    NaN stands where a seed has no row.
    """
    updates, row = np.unique(log["update"], return_inverse=True)
    order = np.argsort(seeds)
    place = order[np.searchsorted(np.asarray(seeds)[order], log["seed"])]
    names = [name for name in log if name not in _INTEGERS]
    columns = {name: np.full((len(updates), len(seeds)), np.nan) for name in names}
    for name, column in columns.items():
        column[row, place] = log[name]
    return updates, columns
