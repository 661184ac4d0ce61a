"""What an object was made with, as plain values by name, to be kept and compared later."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmech.runner.trees import data_of, is_key

Plain = str | int | float | bool | None

_DEEPEST = 50


def described(value: Any, name: str) -> dict[str, Plain]:
    """``value`` and its parts, each a plain value, by names such as ``designer.learning_rate``.

    Dataclasses (frozen ones, PyTrees, Flax modules) and other objects are told by the name of
    their class and by their fields; functions by module and name; arrays by dtype, shape and
    a checksum of their numbers; single numbers by their value; lists, tuples and mappings
    by their parts. Nothing depends on how objects print.

    Raises:
      ValueError: it is nested more than fifty deep, or in itself.
    """
    return dict(_parts(value, name, 0))


def name_of(function: Any) -> str:
    """Module and name of a function or class."""
    module = getattr(function, "__module__", None) or ""
    # The same file has its own name when it is imported.
    file = getattr(sys.modules["__main__"], "__file__", None) if module == "__main__" else None
    return f"{Path(file).stem if file else module}:{function.__qualname__}"


def _parts(value: Any, name: str, depth: int) -> Iterator[tuple[str, Plain]]:
    if depth > _DEEPEST:
        raise ValueError(f"{name[:200]}: is nested more than {_DEEPEST} deep, or holds itself")
    within: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, enum.Enum):
        yield name, f"{name_of(type(value))}.{value.name}"
    elif value is None or isinstance(value, bool | int | float | str):
        yield name, value
    elif isinstance(value, Path | np.dtype):
        yield name, str(value)
    elif isinstance(value, jax.Array | np.ndarray | np.generic):
        yield name, _array(value)
    elif isinstance(value, set | frozenset):
        yield name, ", ".join(sorted(map(str, value)))
    elif isinstance(value, Mapping):
        within = value.items()
    elif isinstance(value, tuple | list):
        yield f"{name}.length", len(value)
        within = zip(getattr(value, "_fields", range(len(value))), value, strict=True)
    elif isinstance(value, functools.partial):
        yield from _parts(value.func, name, depth + 1)
        within = [("args", value.args), *value.keywords.items()]
    elif hasattr(value, "__qualname__"):
        yield name, name_of(value)
        if inspect.ismethod(value) and not inspect.isclass(value.__self__):
            within = [("of", value.__self__)]
    else:
        yield name, name_of(type(value))
        within = _fields(value)
    for member, part in within:
        yield from _parts(part, f"{name}.{member}", depth + 1)


def _array(value: Any) -> Plain:
    data = np.asarray(data_of(value))
    if data.ndim == 0 and data.dtype.kind in "biuf":
        number: Plain = data.item()
        return number
    shape = list(value.shape)
    kind = f"keys {shape} {value.dtype}" if is_key(value) else f"{value.dtype} {shape}"
    return f"{kind}, checksum {zlib.crc32(data.tobytes())}"


def _fields(value: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass; of another object, the attributes meant to be seen."""
    if not dataclasses.is_dataclass(value):
        attributes = getattr(value, "__dict__", {}).items()
        return [(name, part) for name, part in attributes if not name.startswith("_")]
    names = [field.name for field in dataclasses.fields(value)]
    # A Flax module's place among others is no part of what it computes.
    return [(n, getattr(value, n)) for n in names if n not in ("parent", "_parent_ref")]
