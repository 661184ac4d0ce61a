"""Values that a study keeps on disk, each in one file that is there whole or not at all.

A file is an ``.npz``: the bytes of every array, and as JSON what they are, what was asked, and
a checksum. Nothing is pickled.
"""

from __future__ import annotations

import io
import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.runner.files import write_whole
from jaxmech.runner.programs import check_function
from jaxmech.runner.trees import data_of, from_data, is_key

_ABOUT, _CHECKSUM = "about", "checksum"


class DamagedFileError(ValueError):
    """A file of a run does not hold what was written to it."""


def question(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    """What a kept value answers.

    Returns:
      ``function``, its module and name; and ``arguments``, as ``plain`` gives them.
    """
    return {"function": plain(function), "arguments": [plain(argument) for argument in arguments]}


def plain(value: Any) -> Any:
    """``value`` in a form that JSON can hold, and that tells it from any other value.

    Dataclasses by their class and fields, functions by module and name, arrays by shape,
    dtype and checksum.
    """
    match value:
        case float() if math.isnan(value):  # which is not what it is compared with
            return {"float": "nan"}
        case None | bool() | int() | float() | str():
            return value
        case jax.Array() | np.ndarray() | np.generic():
            array = _host(value)
            return {"array": [str(value.dtype), list(array.shape), zlib.crc32(array.tobytes())]}
        case Mapping():
            return {str(name): plain(entry) for name, entry in value.items()}
        case list() | tuple() | range():
            return [plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        of = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"class": plain(type(value)), **of}
    if isinstance(value, type):
        return f"{value.__module__}:{value.__qualname__}"
    if callable(value) and hasattr(value, "__qualname__"):
        check_function(value)
        return f"{value.__module__}:{value.__qualname__}"
    raise ValueError(
        f"argument: got a {type(value).__name__}; allowed are arrays, plain values, functions of "
        "a module, and dataclasses, mappings and sequences of them"
    )


def write_tree(path: Path, tree: Any, about: Mapping[str, Any]) -> Any:
    """Writes a PyTree of arrays with what JSON says about it; returns the tree as read back."""
    leaves = jax.tree.leaves(tree)
    arrays = [_host(leaf) for leaf in leaves]
    described = [
        [str(leaf.dtype), list(array.shape), str(array.dtype)]
        for leaf, array in zip(leaves, arrays, strict=True)
    ]
    _write(path, arrays, {**about, "leaves": described})
    return _device_tree(arrays, tree)


def read_tree(path: Path, like: Any) -> Any:
    """The PyTree in a file, built like ``like``, which has the shapes and dtypes.

    Raises:
      DamagedFileError: the file is damaged, or holds another tree.
    """
    about, raw = _read(path)
    leaves = jax.tree.leaves(like)
    if [(dtype, tuple(shape)) for dtype, shape, _ in about["leaves"]] != [
        (str(leaf.dtype), data_of(leaf).shape) for leaf in leaves
    ]:
        raise DamagedFileError(f"{path}: holds values of other shapes than are computed")
    arrays = [
        np.frombuffer(of, jnp.dtype(host_dtype)).reshape(shape)
        for of, (_, shape, host_dtype) in zip(raw, about["leaves"], strict=True)
    ]
    return _device_tree(arrays, like)


def write_plain(path: Path, value: Any, about: Mapping[str, Any]) -> Any:
    """Writes plain values and NumPy arrays; returns them as read back."""
    arrays: list[np.ndarray] = []
    _write(path, arrays, {**about, "value": _encoded(value, arrays)})
    return read_plain(path)


def read_plain(path: Path) -> Any:
    """The plain values in a file.

    Raises:
      DamagedFileError: the file is damaged.
    """
    about, raw = _read(path)
    try:
        return _decoded(about["value"], raw)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{path}: damaged: {str(error)[:100]}") from error


def read_about(path: Path) -> dict[str, Any]:
    """What was written about the values in a file.

    Raises:
      DamagedFileError: the file is damaged.
    """
    return _read(path)[0]


def _write(path: Path, arrays: list[np.ndarray], about: Mapping[str, Any]) -> None:
    raw = [array.tobytes() for array in arrays]
    text = json.dumps(dict(about)).encode()
    content = {f"{number:05d}": of for number, of in enumerate(raw)} | {_ABOUT: text}
    entries = {name: np.frombuffer(of, np.uint8) for name, of in content.items()}
    entries[_CHECKSUM] = np.array([_checksum(text, raw)], np.uint32)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **entries)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, file.getvalue())


def _read(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            text = file[_ABOUT].tobytes()
            raw = [file[name].tobytes() for name in sorted(set(file.files) - {_ABOUT, _CHECKSUM})]
            stored = int(file[_CHECKSUM][0])
        about: dict[str, Any] = json.loads(text)
    except Exception as error:  # damage shows as any kind of error
        raise DamagedFileError(f"{path}: damaged: {str(error)[:100]}") from error
    if _checksum(text, raw) != stored:
        raise DamagedFileError(f"{path}: damaged: its checksum is another")
    return about, raw


def _checksum(text: bytes, raw: list[bytes]) -> int:
    return reduce(lambda before, of: zlib.crc32(of, before), raw, zlib.crc32(text))


def _host(leaf: Any) -> np.ndarray:
    return np.asarray(jax.device_get(data_of(leaf)))


def _device_tree(arrays: list[np.ndarray], like: Any) -> Any:
    """The tree of ``like`` with these arrays: made alike when computed and when read back."""
    leaves = [
        from_data(array, leaf) if is_key(leaf) else jnp.asarray(array)
        for array, leaf in zip(arrays, jax.tree.leaves(like), strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _encoded(value: Any, arrays: list[np.ndarray]) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return {"float": value.hex()}
        case dict():
            return {"dict": [[key, _encoded(of, arrays)] for key, of in value.items()]}
        case list():
            return [_encoded(of, arrays) for of in value]
        case tuple():
            return {"tuple": [_encoded(of, arrays) for of in value]}
        case np.ndarray() if value.dtype != object:
            arrays.append(value)
            return {"array": [len(arrays) - 1, str(value.dtype), list(value.shape)]}
    raise ValueError(
        f"kept_on_host: got a {type(value).__name__}; allowed are dictionaries, lists, tuples, "
        "strings, numbers, booleans, None and NumPy arrays"
    )


def _decoded(value: Any, raw: list[bytes]) -> Any:
    match value:
        case {"float": str(text)}:
            return float.fromhex(text)
        case {"dict": list(entries)}:
            return {key: _decoded(of, raw) for key, of in entries}
        case {"tuple": list(entries)}:
            return tuple(_decoded(of, raw) for of in entries)
        case {"array": [int(number), str(dtype), list(shape)]}:
            return np.frombuffer(raw[number], jnp.dtype(dtype)).reshape(shape).copy()
        case list():
            return [_decoded(of, raw) for of in value]
    return value
