"""The files of a run that people and spreadsheets read: ``config.yaml`` and the CSV logs.

A log only ever grows by whole lines, each led by the number of the update it belongs to, so
that it can be cut back to the update of a checkpoint.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

CONFIG = "config.yaml"
METRICS = "metrics.csv"
TIMING = "timing.csv"
EVALUATION = "evaluation.csv"
CHECKPOINTS = "checkpoints"


def check_free(directory: Path) -> None:
    """
    Raises:
      FileExistsError: ``directory`` is a file, or holds something.
    """
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists():
        raise FileExistsError(
            f"directory: {directory} exists already and is never overwritten; "
            "resume that run, or choose another name"
        )


def config_text(config: Mapping[str, Any] | None) -> str:
    """``config`` as YAML, in its own order.

    Raises:
      ValueError: it holds something YAML has no plain form for.
    """
    try:
        return yaml.safe_dump(dict(config or {}), sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        raise ValueError(
            f"config: got {error.args[-1]!r}; allowed are numbers, strings, booleans, "
            "None, lists and mappings of them"
        ) from error


def create(directory: Path, config: str) -> None:
    """Makes the folder with its ``config.yaml``."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / CONFIG, "x") as file:
        file.write(config)
        file.flush()
        os.fsync(file.fileno())


def has_checkpoint(directory: Path) -> bool:
    """Whether the run in ``directory`` came as far as its first checkpoint."""
    folder = directory / CHECKPOINTS
    return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())


class Log:
    """A CSV file that grows; one that is there already is gone on with.

    Raises:
      ValueError: the file has other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        self._path = path
        header = ",".join(columns) + "\n"
        if not path.exists():
            path.write_text(header)
            return
        with open(path) as file:
            found = file.readline()
        if found != header:
            raise ValueError(
                f"{path}: its columns are {found.strip()}, but the run writes {header.strip()}"
            )

    def append(self, rows: Iterable[Sequence[Any]]) -> None:
        """Writes rows, numbers in the fewest digits that read back the same."""
        with open(self._path, "a") as file:
            file.write("".join(",".join(map(str, row)) + "\n" for row in rows))

    def sync(self) -> None:
        """Returns when all is on the disk."""
        with open(self._path, "a") as file:
            os.fsync(file.fileno())


def long_rows(
    first_update: int, seeds: Sequence[int], metrics: Sequence[np.ndarray]
) -> Iterable[tuple[Any, ...]]:
    """Rows (update, seed, *metrics) from ``metrics``, each [updates, seeds]."""
    num_updates = len(metrics[0]) if metrics else 0
    for i in range(num_updates):
        for j, seed in enumerate(seeds):
            yield (first_update + i, seed, *(metric[i, j] for metric in metrics))


def cut_back(path: Path, update: int) -> int:
    """Drops the lines of a log past ``update``, and a last one left unfinished.

    Returns:
      The number of rows that stay, the header not counted.
    """
    if not path.exists():
        return 0
    length, rows = 0, -1
    with open(path, "rb") as file:
        for line in file:
            if rows >= 0 and (not line.endswith(b"\n") or _update(line) > update):
                break
            length += len(line)
            rows += 1
    os.truncate(path, length)
    return rows


def _update(line: bytes) -> float:
    try:
        return int(line.partition(b",")[0])
    except ValueError:
        return float("inf")


def last_metrics(directory: Path, update: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The metrics of ``update``, each float64 [seeds]; none where there are no such rows."""
    with open(directory / METRICS, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["update"] == str(update)]
    if len(rows) != len(seeds):
        return {}
    names = [name for name in rows[0] if name not in ("update", "seed")]
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def seconds_until(directory: Path, update: int) -> float:
    """Seconds spent on the updates up to ``update``, from ``timing.csv``."""
    path = directory / TIMING
    if not path.exists():
        return 0.0
    with open(path, newline="") as file:
        spent = [float(row["seconds"]) for row in csv.DictReader(file) if _reached(row, update)]
    return max(spent, default=0.0)


def _reached(row: Mapping[str, str | None], update: int) -> bool:
    return bool(row["seconds"]) and int(row["update"] or 0) <= update
