"""The user's own valuations, read from an array or a file and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks
from jaxmech.agents.settings.demand import BundleDemand, Demand
from jaxmech.agents.settings.profiles import Samples
from jaxmech.agents.settings.setting import Setting
from jaxmech.agents.values.numerical import Empirical
from jaxmech.checks import InvalidValueError
from jaxmech.data import columns as tables


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
        ``.parquet`` file; ``jaxmech.data.columns`` says how a table is laid out.
      key: name of the array in an ``.npz`` file; needed where it holds several.
      sample_column, agent_column: names of these columns in a table.
      value_columns: the columns that hold values, in the order wanted: items in a long
        table, agents in a wide one. All others by default, in the order of the file.

    Raises:
      ValueError: a wrong shape, an unknown file type or column, a damaged file, no samples;
        or a ragged row, a missing or repeated agent, a value that is missing, not a number,
        infinite or negative, each named by row and column.
      ModuleNotFoundError: a ``.parquet`` file without the extra ``data`` installed.
    """
    if not isinstance(source, str | Path):
        return _checked(_as_array(source), "values")
    path = Path(source)
    match path.suffix.lower():
        case ".npz":
            return _checked(_read_npz(path, key), str(path))
        case ".csv":
            table = tables.read_csv(path)
        case ".parquet":
            table = tables.read_parquet(path)
        case suffix:
            raise InvalidValueError(
                "source",
                suffix,
                ".npz, .csv and .parquet",
                got=f"a file of type {suffix!r} ({path})",
            )
    return tables.values_of(table, sample_column, agent_column, value_columns)


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
        bundle that is worth something, nothing but zeros to train on, ``held_out`` or
        ``units`` out of range.
    """
    array = _checked(_as_array(values), "values")
    if array.shape[2:] != demand.values_shape:
        raise InvalidValueError(
            "values",
            array.shape[2],
            f"{demand} needs {demand.values_shape[0]}",
            got=f"{array.shape[2]} numbers per agent",
            verb="",
        )
    if isinstance(demand, BundleDemand) and np.any(array[..., 0] != 0):
        sample, agent = np.argwhere(array[..., 0] != 0)[0]
        raise InvalidValueError(
            f"values: sample {sample}, agent {agent}",
            array[sample, agent, 0],
            "0",
            got=f"{array[sample, agent, 0]} for the empty bundle (the first)",
            verb="allowed is",
        )
    checks.number("held_out", held_out, above=0, below=1)
    num_samples = len(array)
    if num_samples < 2:
        raise InvalidValueError(
            "values", values, "a split needs at least two", got="1 sample", verb=""
        )
    order = np.random.default_rng(seed).permutation(num_samples)
    num_held_out = min(max(round(held_out * num_samples), 1), num_samples - 1)
    if not array[order[num_held_out:]].any():
        raise InvalidValueError(
            "values",
            num_samples - num_held_out,
            "some value must be above 0",
            got=f"0 everywhere in the {num_samples - num_held_out} samples to train on",
            verb="",
        )

    def part(indices: NDArray[np.intp]) -> Setting:
        return Setting(Samples(jnp.asarray(array[np.sort(indices)], float), demand), tuple(units))

    return part(order[num_held_out:]), part(order[:num_held_out])


def empirical(source: ArrayLike | str | Path, **columns: Any) -> Empirical:
    """The distribution of one bidder's value in the user's samples, bidders pooled.

    Args:
      source: values, an array [samples], or what ``load_samples`` reads: an array
        [samples, agents, items] with one item, or the path of a file.
      columns: the other arguments of ``load_samples``.

    Raises:
      ValueError: what ``load_samples`` refuses, or several items.
    """
    if not isinstance(source, str | Path):
        array = np.asarray(source)
        source = array[:, None, None] if array.ndim == 1 else array
    values = load_samples(source, **columns)
    if values.shape[2] != 1:
        raise InvalidValueError(
            "source", values.shape[2], "one", got=f"{values.shape[2]} items", verb="allowed is"
        )
    return Empirical(jnp.asarray(np.sort(values.ravel()), float))


def _read_npz(path: Path, key: str | None) -> NDArray[Any]:
    with tables.arrays_of(path) as arrays:
        if key is None and len(arrays.files) == 1:
            key = arrays.files[0]
        if key not in arrays.files:
            raise InvalidValueError("key", key, f"arrays in {path} are {arrays.files}", verb="")
        return np.asarray(arrays[key])


def _as_array(values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"values: ragged nesting; {_first_ragged(values)}") from None
    if array.dtype.kind not in "buif":
        raise InvalidValueError(
            "values", array.dtype, "numbers are needed", got=f"an array of {array.dtype}", verb=""
        )
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
        place = f"{name}: sample {sample}, agent {agent}, item {item}"
        number = array[sample, agent, item]
        checks.worth(place, number, number)
    return array
