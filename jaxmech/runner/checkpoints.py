"""Checkpoints of a PyTree of arrays by Orbax, checked when they are read back.

Each is a folder called after its update. Orbax writes it under another name and renames it when
it is complete, so that a kill in the middle leaves the earlier ones. Damage done later it notices
only in part (a changed byte passes), hence a checksum of the arrays; and reading damaged arrays
makes its threads print tracebacks, hence one of every file, which is looked at before.
"""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxmech.runner.errors import StructureMismatchError
from jaxmech.runner.files import write_whole
from jaxmech.runner.trees import data_of, from_data, named_leaves

KEEP = 3
"""Checkpoints kept; older ones are deleted."""

FILES = "files.json"
"""In the folder of a checkpoint, the CRC-32 of every other file there. A process that is killed
before it has written this leaves a whole checkpoint without."""


@dataclass(frozen=True)
class Restored:
    """A checkpoint read back.

    Attributes:
      about: what was saved about it; its ``update`` is the number it was saved under.
      tree: of NumPy arrays and typed keys, built like the tree it was asked for; else None.
      skipped: newer checkpoints that could not be read: {update: reason}.
    """

    about: dict[str, Any]
    tree: Any
    skipped: dict[int, str]


def updates_in(folder: Path) -> list[int]:
    """The updates that a folder, which need not be there, has checkpoints of, in order."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(int(path.name) for path in paths if path.name.isdigit() and path.is_dir())


def save(folder: Path, update: int, tree: Any, about: dict[str, Any]) -> None:
    """Writes ``tree`` with ``about`` (what JSON can hold) under ``update``, and waits."""
    for unfinished in folder.glob("*.orbax-checkpoint-tmp*"):
        shutil.rmtree(unfinished)
    structure = _structure(tree)
    leaves = jax.device_get([data_of(leaf) for leaf in jax.tree.leaves(tree)])
    arrays = {name: leaf for (name, _, _), leaf in zip(structure, leaves, strict=True)}
    about = {**about, "update": update, "structure": structure, "checksum": _checksum(arrays)}
    about["about_checksum"] = _checksum_of_text(about)
    checkpoint = folder.absolute() / str(update)
    stored = {name: array for name, array in arrays.items() if array.size}
    with _orbax() as checkpointer:
        args = ocp.args.Composite(
            about=ocp.args.JsonSave(about), arrays=ocp.args.StandardSave(stored)
        )
        checkpointer.save(checkpoint, args=args)
    write_whole(checkpoint / FILES, json.dumps(_checksums_of_files(checkpoint), indent=1))
    for old in updates_in(folder)[:-KEEP]:
        shutil.rmtree(folder / str(old))


def newest(folder: Path, abstract: Any = None) -> Restored:
    """The newest checkpoint that can be read, with its tree if that is like ``abstract``.

    Raises:
      ValueError: there is none, or none can be read.
      StructureMismatchError: the newest holds a tree built differently.
    """
    skipped: dict[int, str] = {}
    for update in reversed(updates_in(folder)):
        try:
            about = _about(folder / str(update))
            tree = None if abstract is None else _tree(folder / str(update), about, abstract)
            return Restored(about, tree, skipped)
        except StructureMismatchError:
            raise
        except Exception as error:  # damage shows as any kind of error
            first_line = (str(error).splitlines() or [""])[0][:120]
            skipped[update] = f"{type(error).__name__}: {first_line}"
    if not skipped:
        raise ValueError(
            f"{folder}: no checkpoint here, the run ended before its first one; "
            "remove its folder and start it again"
        )
    reasons = "; ".join(f"{update}: {reason}" for update, reason in skipped.items())
    raise ValueError(f"{folder}: no checkpoint here can be read ({reasons})")


def set_aside(folder: Path, update: int) -> Path:
    """Moves a checkpoint out of the way; returns the folder it is in now."""
    aside = folder.with_name(f"{folder.name}_unreadable")
    aside.mkdir(exist_ok=True)
    shutil.rmtree(aside / str(update), ignore_errors=True)
    shutil.move(folder / str(update), aside / str(update))
    return aside


def _about(checkpoint: Path) -> dict[str, Any]:
    if (checkpoint / FILES).is_file():
        listed = json.loads((checkpoint / FILES).read_text())
        found = _checksums_of_files(checkpoint)
        for name in {**listed, **found}:
            if listed.get(name) != found.get(name):
                raise ValueError(f"{name} is not as it was written")
    about = dict(_restored(checkpoint, about=ocp.args.JsonRestore()))
    if about.pop("about_checksum") != _checksum_of_text(about):
        raise ValueError("what is said about it does not match its checksum")
    if about["update"] != int(checkpoint.name):
        raise ValueError(f"it calls itself {about['update']}")
    return about


def _tree(checkpoint: Path, about: dict[str, Any], abstract: Any) -> Any:
    structure = _structure(abstract)
    if about["structure"] != structure:
        raise _mismatch(about["structure"], structure, checkpoint)
    leaves = jax.tree.leaves(abstract)
    data = [np.empty(data_of(leaf).shape, data_of(leaf).dtype) for leaf in leaves]
    arrays = {name: empty for (name, _, _), empty in zip(structure, data, strict=True)}
    wanted = {name: array for name, array in arrays.items() if array.size}
    arrays |= _restored(checkpoint, arrays=ocp.args.StandardRestore(wanted))
    if _checksum(arrays) != about["checksum"]:
        raise ValueError("its arrays do not match their checksum")
    restored = [from_data(*pair) for pair in zip(arrays.values(), leaves, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(abstract), restored)


def _restored(checkpoint: Path, **item: Any) -> Any:
    """One item of a checkpoint, given its name and how it is restored."""
    with _orbax() as checkpointer:
        restored = checkpointer.restore(checkpoint.absolute(), args=ocp.args.Composite(**item))
    (name,) = item
    return restored[name]


@contextmanager
def _orbax() -> Iterator[ocp.Checkpointer]:
    """Orbax for one checkpoint, without its account of every save in the log."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
            yield checkpointer
    finally:
        logger.setLevel(level)


def _checksums_of_files(checkpoint: Path) -> dict[str, int]:
    return {
        path.relative_to(checkpoint).as_posix(): zlib.crc32(path.read_bytes())
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != FILES
    }


def _checksum(arrays: dict[str, np.ndarray]) -> int:
    checksum = 0
    for name in sorted(arrays):
        checksum = zlib.crc32(arrays[name].tobytes(), checksum)
    return checksum


def _checksum_of_text(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about, sort_keys=True).encode())


def _structure(tree: Any) -> list[list[Any]]:
    """Name, dtype and shape of every leaf; the number in the name keeps names apart."""
    return [
        [f"{number:03d}.{name}", str(leaf.dtype), list(leaf.shape)]
        for number, (name, leaf) in enumerate(named_leaves(tree))
    ]


def _mismatch(
    stored: list[list[Any]], wanted: list[list[Any]], checkpoint: Path
) -> StructureMismatchError:
    described = [
        [f"{name.partition('.')[2]} {dtype} {shape}" for name, dtype, shape in structure]
        for structure in (stored, wanted)
    ]
    only_stored = [leaf for leaf in described[0] if leaf not in described[1]]
    only_wanted = [leaf for leaf in described[1] if leaf not in described[0]]
    return StructureMismatchError(
        f"designer: its state is not the one saved in {checkpoint}; "
        f"only in the checkpoint: {', '.join(only_stored[:3]) or 'nothing'}; "
        f"only in the designer: {', '.join(only_wanted[:3]) or 'nothing'}"
    )
