"""The user's own valuations, read from an array or a file and checked.

A file is a table with named columns, in one of two layouts:

- **long**: columns ``sample`` and ``agent``, then one column per item type (or per bundle,
  for ``BundleDemand``); one row for each agent of each sample, in any order. Labels may be
  any text or number; samples and agents are numbered as they first appear.
- **wide**, for one item: one row per sample, one column per agent. A column ``sample``
  holds labels and is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech.agents.demand import BundleDemand, Demand
from jaxmech.agents.distributions import Samples
from jaxmech.agents.settings import Setting


def load_samples(
    source: ArrayLike | str | Path,
    *,
    key: str | None = None,
    sample_column: str = "sample",
    agent_column: str = "agent",
    value_columns: Sequence[str] | None = None,
) -> NDArray[np.float64]:
    """Samples of all agents' values, float64 [samples, agents, items].

    For ``BundleDemand`` the last axis is bundles; see there for their order.

    Args:
      source: an array [samples, agents, items], or the path of an ``.npz``, ``.csv`` or
        ``.parquet`` file; the module's docstring has the layouts of tables.
      key: name of the array in an ``.npz`` file; needed where it holds several.
      sample_column, agent_column: names of these columns in a table.
      value_columns: the columns that hold values, in the order wanted: items in a long
        table, agents in a wide one. All others by default, in the order of the file.

    Raises:
      ValueError: a wrong shape, an unknown file type or column, no samples; or a ragged row,
        a missing or repeated agent, a value that is missing, not a number, infinite or
        negative, each named by row and column.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    if not isinstance(source, str | Path):
        return _checked(_as_array(source), "values")
    path = Path(source)
    match path.suffix.lower():
        case ".npz":
            return _checked(_read_npz(path, key), str(path))
        case ".csv":
            table = _read_csv(path)
        case ".parquet":
            table = _read_parquet(path)
        case suffix:
            raise ValueError(
                f"source: got a file of type {suffix!r} ({path}); "
                "allowed are .npz, .csv and .parquet"
            )
    return _table_values(table, sample_column, agent_column, value_columns)


def settings_from_samples(
    values: ArrayLike,
    *,
    units: Sequence[int],
    demand: Demand,
    held_out: float = 0.2,
    seed: int = 0,
) -> tuple[Setting, Setting]:
    """A setting to train in and one to evaluate in, of disjoint samples.

    The highest value, and with it the default range of prices, may differ between the two:
    evaluate a mechanism in the environment it was trained in, with the held-out
    distribution, ``params.replace(distribution=evaluation.distribution)``.

    Args:
      values: float [samples, agents, *demand.values_shape].
      units: units of each item type.
      demand: what the values say about bundles.
      held_out: share of the samples kept for evaluation, above 0 and below 1; at least one
        sample goes to each side.
      seed: of the random split; the same seed gives the same split.

    Returns:
      training setting, held-out setting.

    Raises:
      ValueError: values of a wrong shape or out of range, fewer than two samples, an empty
        bundle that is worth something, ``held_out`` or ``units`` out of range.
    """
    array = _checked(_as_array(values), "values")
    if array.shape[2:] != demand.values_shape:
        raise ValueError(
            f"values: got {array.shape[2]} numbers per agent; {demand} needs "
            f"{demand.values_shape[0]}"
        )
    if isinstance(demand, BundleDemand) and np.any(array[..., 0] != 0):
        sample, agent = np.argwhere(array[..., 0] != 0)[0]
        raise ValueError(
            f"values: sample {sample}, agent {agent}: got {array[sample, agent, 0]} for the "
            "empty bundle (the first); allowed is 0"
        )
    if not 0 < held_out < 1:
        raise ValueError(f"held_out: got {held_out}; allowed are numbers above 0 and below 1")
    num_samples = len(array)
    if num_samples < 2:
        raise ValueError("values: got 1 sample; a split needs at least two")
    order = np.random.default_rng(seed).permutation(num_samples)
    num_held_out = min(max(round(held_out * num_samples), 1), num_samples - 1)

    def part(indices: NDArray[np.intp]) -> Setting:
        return Setting(Samples(jnp.asarray(array[np.sort(indices)], float), demand), tuple(units))

    return part(order[num_held_out:]), part(order[:num_held_out])


@dataclass(frozen=True)
class _Table:
    """Rows of cells under named columns; ``row_names`` are for messages."""

    name: str
    columns: list[str]
    rows: list[Sequence[Any]]
    row_names: list[str]


def _read_npz(path: Path, key: str | None) -> NDArray[Any]:
    with np.load(path) as arrays:
        if key is None and len(arrays.files) == 1:
            key = arrays.files[0]
        if key not in arrays.files:
            raise ValueError(f"key: got {key!r}; arrays in {path} are {arrays.files}")
        return np.asarray(arrays[key])


def _read_csv(path: Path) -> _Table:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        columns = [name.strip() for name in next(reader, [])]
        rows, row_names = [], []
        for row in reader:
            if not row:
                continue
            row_name = f"row {len(rows) + 1} (line {reader.line_num})"
            if len(row) < len(columns):
                raise ValueError(
                    f"{path}, {row_name}: got {len(row)} cells for {len(columns)} columns; "
                    f"column {columns[len(row)]!r} is the first without one"
                )
            if len(row) > len(columns):
                raise ValueError(
                    f"{path}, {row_name}: got {len(row)} cells for {len(columns)} columns; "
                    f"there is one after the last column, {columns[-1]!r}"
                )
            rows.append([cell.strip() for cell in row])
            row_names.append(row_name)
    return _Table(str(path), columns, list(rows), row_names)


def _read_parquet(path: Path) -> _Table:
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
    return _Table(
        str(path), table.column_names, list(rows), [f"row {i + 1}" for i in range(len(rows))]
    )


def _table_values(
    table: _Table, sample_column: str, agent_column: str, value_columns: Sequence[str] | None
) -> NDArray[np.float64]:
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
        raise ValueError(
            f"value_columns: got {unknown[0]!r}; columns of {table.name} are {table.columns}"
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


def _check_columns(table: _Table) -> None:
    for place, name in enumerate(table.columns):
        if not name:
            raise ValueError(
                f"{table.name}: column {place + 1} has no name; name it, or remove it if it "
                "only numbers the rows"
            )
        if name in table.columns[:place]:
            raise ValueError(f"{table.name}: column {name!r} appears twice")


def _group_by_sample(
    table: _Table, sample_place: int, agent_place: int, numbers: NDArray[np.float64]
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
                raise ValueError(
                    f"{table.name}: sample {sample!r} has no row for agent {agent!r}"
                )
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
        raise ValueError(f"{place}: got {cell!r}; a number is needed") from None
    problem = _problem(number)
    if problem:
        raise ValueError(f"{place}: got {cell!r}; {problem}")
    return number


def _problem(number: float) -> str:
    if np.isnan(number):
        return "NaN is not allowed"
    if np.isinf(number):
        return "values must be finite"
    return "values must not be negative" if number < 0 else ""


def _as_array(values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"values: ragged nesting; {_first_ragged(values)}") from None
    if array.dtype.kind not in "buif":
        raise ValueError(f"values: got an array of {array.dtype}; numbers are needed")
    return array


def _first_ragged(values: Any) -> str:
    """Where nested sequences stop having equal lengths."""
    agents = [len(sample) for sample in values if hasattr(sample, "__len__")]
    for sample, count in enumerate(agents):
        if count != agents[0]:
            return f"sample {sample} has {count} agents, sample 0 has {agents[0]}"
    for sample, rows in enumerate(values):
        for agent, row in enumerate(rows):
            if np.shape(row) != np.shape(values[0][0]):
                return (
                    f"sample {sample}, agent {agent} has {np.size(row)} numbers, "
                    f"sample 0, agent 0 has {np.size(values[0][0])}"
                )
    return "all samples need equally many agents, and all agents equally many items"


def _checked(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.ndim != 3:
        raise ValueError(
            f"{name}: got shape {array.shape}; needed is [samples, agents, items]"
            + (" (for one item: values[:, :, None])" if array.ndim == 2 else "")
        )
    if array.size == 0:
        raise ValueError(f"{name}: got shape {array.shape}, which is empty")
    array = array.astype(np.float64)
    # Written so that NaN counts as bad too.
    bad = np.argwhere(~((array >= 0) & (array < np.inf)))
    if len(bad):
        sample, agent, item = bad[0]
        number = array[sample, agent, item]
        raise ValueError(
            f"{name}: sample {sample}, agent {agent}, item {item}: got {number}; "
            f"{_problem(number)}"
        )
    return array
