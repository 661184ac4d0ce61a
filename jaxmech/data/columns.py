"""Tables of valuations in files, one cell at a time, so that a mistake is named by its place.

A file is a table with named columns, in one of two layouts:

- **long**: columns ``sample`` and ``agent``, then one column per item type (or per bundle,
  for ``BundleDemand``); one row for each agent of each sample, in any order. Labels may be
  any text or number; samples and agents are numbered as they first appear.
- **wide**, for one item: one row per sample, one column per agent. A column ``sample``
  holds labels and is left out.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns; ``row_names`` are for messages."""

    name: str
    columns: list[str]
    rows: list[Sequence[Any]]
    row_names: list[str]


def read_csv(path: Path) -> Table:
    """All rows as text; ValueError where one is longer or shorter than the header."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        columns = [name.strip() for name in next(reader, [])]
        if not columns:
            raise ValueError(f"{path}: the first line is empty; it must name the columns")
        rows: list[Sequence[str]] = []
        row_names = []
        for row in reader:
            if not row:
                continue
            row_name = f"row {len(rows) + 1} (line {reader.line_num})"
            if len(row) < len(columns):
                raise InvalidValueError(
                    f"{path}, {row_name}",
                    len(row),
                    f"column {columns[len(row)]!r} is the first without one",
                    got=f"{len(row)} cells for {len(columns)} columns",
                    verb="",
                )
            if len(row) > len(columns):
                raise InvalidValueError(
                    f"{path}, {row_name}",
                    len(row),
                    f"there is one after the last column, {columns[-1]!r}",
                    got=f"{len(row)} cells for {len(columns)} columns",
                    verb="",
                )
            rows.append([cell.strip() for cell in row])
            row_names.append(row_name)
    return Table(str(path), columns, rows, row_names)


def read_parquet(path: Path) -> Table:
    """All rows; ModuleNotFoundError without pyarrow."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"reading {path} needs pyarrow: pip install 'jaxmech[data]'", name="pyarrow"
        ) from error
    table = pyarrow.parquet.read_table(path)
    # An index that pandas kept is no column of values.
    table = table.select([name for name in table.column_names if not name.startswith("__index_")])
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return Table(
        str(path), table.column_names, list(rows), [f"row {i + 1}" for i in range(len(rows))]
    )


@contextmanager
def arrays_of(path: Path) -> Iterator[NpzFile]:
    """The arrays of an .npz file, each read when it is asked for; ValueError for a damaged file."""
    try:
        arrays = np.load(path)
        if not isinstance(arrays, NpzFile):
            raise BadZipFile("it holds a single array, as an .npy file does")
        with arrays:
            yield arrays
    except InvalidValueError:
        raise
    except (BadZipFile, zlib.error, ValueError, EOFError) as error:
        raise ValueError(f"source: got {path}, which cannot be read as .npz: {error}") from error


def read_npz(path: Path) -> Table:
    """All rows of a file with an array [rows] for each column.

    Raises:
      ValueError: an array of another shape, or a damaged file.
    """
    with arrays_of(path) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    for name, array in columns.items():
        length = len(next(iter(columns.values()))) if array.ndim == 1 else 0
        if array.shape != (length,):
            raise InvalidValueError(
                f"{path}, array {name!r}",
                array,
                "[rows], as many in each array",
                got=f"shape {array.shape}",
            )
    rows = list(zip(*map(_listed, columns.values()), strict=True))
    return Table(str(path), list(columns), list(rows), [f"row {i + 1}" for i in range(len(rows))])


def _listed(array: NDArray[Any]) -> list[Any]:
    """The array's entries as Python has them."""
    # Nanoseconds, in which pandas keeps dates, would be numbers.
    return (array.astype("datetime64[us]") if array.dtype.kind == "M" else array).tolist()


def read_table(path: Path, *, npz: bool = False) -> Table:
    """All rows of a ``.csv`` or ``.parquet`` file; ValueError for another type of file.

    Args:
      path: of the file.
      npz: whether an ``.npz`` file of columns is read too.
    """
    readers = _READERS | ({".npz": read_npz} if npz else {})
    return lookup("source: type of file", path.suffix.lower(), readers)(path)


_READERS = {".csv": read_csv, ".parquet": read_parquet}


def values_of(
    table: Table, sample_column: str, agent_column: str, value_columns: Sequence[str] | None
) -> NDArray[np.float64]:
    """The values in a table of either layout, float64 [samples, agents, items].

    Raises:
      ValueError: see ``jaxmech.data.load_samples``.
    """
    _check_columns(table)
    if agent_column in table.columns and sample_column not in table.columns:
        raise ValueError(
            f"{table.name}: there is a column {agent_column!r} but no column {sample_column!r}; "
            f"columns are {table.columns}"
        )
    labels = {sample_column, agent_column}
    if value_columns is None:
        value_columns = [name for name in table.columns if name not in labels]
    unknown = [name for name in value_columns if name not in table.columns]
    if unknown:
        raise InvalidValueError(
            "value_columns", unknown[0], f"columns of {table.name} are {table.columns}", verb=""
        )
    if not value_columns:
        raise ValueError(f"{table.name}: no column holds values; columns are {table.columns}")
    if not table.rows:
        raise ValueError(f"{table.name}: no samples, only a header")
    places = [(name, table.columns.index(name)) for name in value_columns]
    numbers = np.array(
        [
            [_number(row[place], f"{table.name}, {row_name}, column {name!r}")
             for name, place in places]
            for row, row_name in zip(table.rows, table.row_names, strict=True)
        ]
    )  # fmt: skip
    if agent_column not in table.columns:
        return numbers[:, :, None]
    return _group_by_sample(
        table, table.columns.index(sample_column), table.columns.index(agent_column), numbers
    )


def _check_columns(table: Table) -> None:
    for place, name in enumerate(table.columns):
        if not name:
            raise ValueError(
                f"{table.name}: column {place + 1} has no name; name it, or remove it if it "
                "only numbers the rows"
            )
        if name in table.columns[:place]:
            raise ValueError(f"{table.name}: column {name!r} appears twice")


def _group_by_sample(
    table: Table, sample_place: int, agent_place: int, numbers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The rows of a long table, float64 [rows, items], as [samples, agents, items]."""
    samples: dict[Hashable, int] = {}
    agents: dict[Hashable, int] = {}
    first_row: dict[tuple[int, int], int] = {}
    for index, row in enumerate(table.rows):
        for place in (sample_place, agent_place):
            if row[place] is None or row[place] == "":
                raise ValueError(
                    f"{table.name}, {table.row_names[index]}, column "
                    f"{table.columns[place]!r}: the cell is empty"
                )
        cell = (
            samples.setdefault(row[sample_place], len(samples)),
            agents.setdefault(row[agent_place], len(agents)),
        )
        if cell in first_row:
            raise ValueError(
                f"{table.name}, {table.row_names[index]}: sample {row[sample_place]!r}, agent "
                f"{row[agent_place]!r} is already in {table.row_names[first_row[cell]]}"
            )
        first_row[cell] = index
    for sample, sample_index in samples.items():
        for agent, agent_index in agents.items():
            if (sample_index, agent_index) not in first_row:
                raise ValueError(f"{table.name}: sample {sample!r} has no row for agent {agent!r}")
    values = np.empty((len(samples), len(agents), numbers.shape[1]))
    for cell, index in first_row.items():
        values[cell] = numbers[index]
    return values


def _number(cell: Any, place: str) -> float:
    if cell is None or cell == "":
        raise ValueError(f"{place}: the cell is empty")
    try:
        number = float(cell)
    except (TypeError, ValueError):
        raise InvalidValueError(place, cell, "a number is needed", verb="") from None
    return checks.worth(place, number, cell)
