"""What an object was made with, as plain values by name, to be kept and compared later."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmech.runner.trees import is_key

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
    if module == "__main__":
        # The same file has its own name when it is imported.
        file = getattr(sys.modules["__main__"], "__file__", None)
        module = Path(file).stem if file else module
    return f"{module}:{function.__qualname__}"


def _parts(value: Any, name: str, depth: int) -> Iterator[tuple[str, Plain]]:
    if depth > _DEEPEST:
        raise ValueError(f"{name[:200]}: is nested more than {_DEEPEST} deep, or holds itself")
    if isinstance(value, enum.Enum):
        yield name, f"{name_of(type(value))}.{value.name}"
    elif value is None or isinstance(value, bool | int | float | str):
        yield name, value
    elif isinstance(value, Path | np.dtype):
        yield name, str(value)
    elif isinstance(value, jax.Array | np.ndarray | np.generic):
        yield name, _array(value)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _parts(part, f"{name}.{key}", depth + 1)
    elif isinstance(value, tuple | list):
        yield from _members(value, name, depth)
    elif isinstance(value, set | frozenset):
        yield name, ", ".join(sorted(map(str, value)))
    elif isinstance(value, functools.partial):
        yield from _parts(value.func, name, depth + 1)
        yield from _parts(value.args, f"{name}.args", depth + 1)
        yield from _parts(value.keywords, name, depth + 1)
    elif hasattr(value, "__qualname__"):
        yield name, name_of(value)
        if inspect.ismethod(value) and not inspect.isclass(value.__self__):
            yield from _parts(value.__self__, f"{name}.of", depth + 1)
    else:
        yield name, name_of(type(value))
        for field, part in _fields(value):
            yield from _parts(part, f"{name}.{field}", depth + 1)


def _members(value: Any, name: str, depth: int) -> Iterator[tuple[str, Plain]]:
    names = getattr(value, "_fields", range(len(value)))
    yield f"{name}.length", len(value)
    for member, part in zip(names, value, strict=True):
        yield from _parts(part, f"{name}.{member}", depth + 1)


def _array(value: Any) -> Plain:
    if is_key(value):
        data = np.asarray(jax.random.key_data(value))
        return f"keys {list(value.shape)} {value.dtype}, checksum {_checksum(data)}"
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "biuf":
        number: Plain = array.item()
        return number
    return f"{array.dtype} {list(array.shape)}, checksum {_checksum(array)}"


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass; of another object, the attributes meant to be seen."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            # A Flax module's place among others is no part of what it computes.
            if field.name not in ("parent", "_parent_ref"):
                yield field.name, getattr(value, field.name)
        return
    for name, part in getattr(value, "__dict__", {}).items():
        if not name.startswith("_"):
            yield name, part
