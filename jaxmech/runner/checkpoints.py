"""Checkpoints of a PyTree of arrays by Orbax, checked before they are read back.

Each is a folder called after its update. It is written under another name, and renamed when it
is complete, so that a kill in the middle leaves the earlier ones. Damage done later Orbax notices
only in part (a changed byte passes), and its threads print tracebacks where they read it: hence
a checksum of every file, which is looked at first.
"""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxmech.runner.files import UNFINISHED, write_whole
from jaxmech.runner.trees import data_of, from_data, named_leaves

KEEP = 3
"""Checkpoints kept; older ones are deleted."""

FILES = "files.json"
"""In the folder of a checkpoint, the CRC-32 of every other file there."""

UNREADABLE = "checkpoints_unreadable"
"""The folder beside that of the checkpoints, of those that cannot be read."""


class StructureMismatchError(ValueError):
    """A checkpoint holds a tree built differently from the one asked for."""


def updates_in(folder: Path) -> list[int]:
    """The updates that a folder, which need not be there, has checkpoints of, in order."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(int(path.name) for path in paths if path.name.isdigit() and path.is_dir())


def save(folder: Path, update: int, tree: Any, about: dict[str, Any]) -> None:
    """Writes ``tree`` with ``about`` (what JSON can hold) under ``update``, and waits."""
    for left in folder.glob(f"*{UNFINISHED}*/"):
        shutil.rmtree(left)
    leaves = _by_name(tree)
    arrays = jax.device_get({name: data_of(leaf) for name, leaf in leaves.items()})
    about = {**about, "update": update, "structure": _structure(leaves)}
    args = ocp.args.Composite(
        about=ocp.args.JsonSave(about), arrays=ocp.args.StandardSave(_not_empty(arrays))
    )
    unfinished = folder.absolute() / f"{update}{UNFINISHED}"
    with _orbax() as checkpointer:
        checkpointer.save(unfinished, args=args)
    write_whole(unfinished / FILES, json.dumps(_checksums(unfinished), indent=1))
    unfinished.rename(folder / str(update))
    for old in updates_in(folder)[:-KEEP]:
        shutil.rmtree(folder / str(old))


def newest(folder: Path, abstract: Any = None) -> tuple[dict[str, Any], Any, dict[int, str]]:
    """The newest checkpoint that can be read, of a folder that has some.

    Args:
      abstract: how its tree is built; without it, the tree is not read.

    Returns:
      What was saved about it, of which ``update`` is the number it was saved under; its tree, of
      NumPy arrays and typed keys, or None; and newer ones that could not be read, {update: reason}.

    Raises:
      ValueError: none can be read.
      StructureMismatchError: the newest holds a tree built differently.
    """
    skipped: dict[int, str] = {}
    for update in reversed(updates_in(folder)):
        try:
            about = _about(folder / str(update))
            tree = None if abstract is None else _tree(folder / str(update), about, abstract)
            return about, tree, skipped
        except StructureMismatchError:
            raise
        except Exception as error:  # damage shows as any kind of error
            first_line = (str(error).splitlines() or [""])[0][:120]
            skipped[update] = f"{type(error).__name__}: {first_line}"
    reasons = "; ".join(f"{update}: {reason}" for update, reason in skipped.items())
    raise ValueError(f"{folder}: no checkpoint here can be read ({reasons})")


def set_aside(folder: Path, update: int) -> Path:
    """Moves a checkpoint out of the way; returns the folder it is in now."""
    aside = folder.with_name(UNREADABLE)
    aside.mkdir(exist_ok=True)
    shutil.rmtree(aside / str(update), ignore_errors=True)
    shutil.move(folder / str(update), aside / str(update))
    return aside


def _about(checkpoint: Path) -> dict[str, Any]:
    if not (checkpoint / FILES).is_file():
        raise ValueError(f"{FILES} is missing")
    listed, found = json.loads((checkpoint / FILES).read_text()), _checksums(checkpoint)
    for name in {**listed, **found}:
        if listed.get(name) != found.get(name):
            raise ValueError(f"{name} is not as it was written")
    about: dict[str, Any] = _restored(checkpoint, "about", ocp.args.JsonRestore())
    if about["update"] != int(checkpoint.name):
        raise ValueError(f"it calls itself {about['update']}")
    return about


def _tree(checkpoint: Path, about: dict[str, Any], abstract: Any) -> Any:
    leaves = _by_name(abstract)
    if about["structure"] != _structure(leaves):
        raise _mismatch(about["structure"], _structure(leaves), checkpoint)
    data = {name: data_of(leaf) for name, leaf in leaves.items()}
    arrays = {name: np.empty(leaf.shape, leaf.dtype) for name, leaf in data.items()}
    arrays |= _restored(checkpoint, "arrays", ocp.args.StandardRestore(_not_empty(arrays)))
    restored = [from_data(arrays[name], leaf) for name, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(abstract), restored)


def _restored(checkpoint: Path, item: str, how: ocp.args.CheckpointArgs) -> Any:
    with _orbax() as checkpointer:
        args = ocp.args.Composite(**{item: how})
        return checkpointer.restore(checkpoint.absolute(), args=args)[item]


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


def _checksums(checkpoint: Path) -> dict[str, int]:
    return {
        path.relative_to(checkpoint).as_posix(): zlib.crc32(path.read_bytes())
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != FILES
    }


def _by_name(tree: Any) -> dict[str, Any]:
    """The leaves of a PyTree; the number in a name keeps names apart."""
    leaves = enumerate(named_leaves(tree))
    return {f"{number:03d}.{name}": leaf for number, (name, leaf) in leaves}


def _structure(leaves: dict[str, Any]) -> list[list[Any]]:
    """Name, dtype and shape of every leaf."""
    return [[name, str(leaf.dtype), list(leaf.shape)] for name, leaf in leaves.items()]


def _not_empty(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if array.size}


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
