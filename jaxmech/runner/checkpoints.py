"""Checkpoints of a PyTree of arrays by Orbax, checked when they are read back.

Orbax writes each into its own folder and renames it when it is complete, so that a kill
in the middle leaves the earlier ones. Damage done later it notices only in part (a changed
byte passes), hence a checksum of the arrays; and reading damaged arrays makes its threads print
tracebacks, hence one of every file, which is looked at before.
"""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxmech.runner.atomic import write_whole
from jaxmech.runner.errors import StructureMismatchError
from jaxmech.runner.trees import is_key, named_leaves

KEEP = 3
"""Checkpoints kept; older ones are deleted."""

_METADATA = "_CHECKPOINT_METADATA"

FILES = "files.json"
"""In the folder of a checkpoint, the CRC-32 of every other file there. A process that is killed
before it has written this leaves a whole checkpoint without."""


@dataclass(frozen=True)
class Restored:
    """A checkpoint read back.

    Attributes:
      update: the number it was saved under.
      tree: of NumPy arrays and typed keys, built like the tree it was asked for.
      about: what was saved about it.
      skipped: newer checkpoints that could not be read: {update: reason}.
    """

    update: int
    tree: Any
    about: dict[str, Any]
    skipped: dict[int, str]


class Checkpoints:
    """The checkpoints in one folder.

    Raises:
      ValueError: Orbax's account of one of them is damaged, with which it reads none.
    """

    def __init__(self, directory: Path, *, read_only: bool = False):
        self._directory = Path(directory).absolute()
        self._check_metadata()
        with _quiet():
            options = ocp.CheckpointManagerOptions(
                max_to_keep=None if read_only else KEEP,
                # The next chunk overwrites the donated arrays: nothing may still be reading them.
                enable_async_checkpointing=False,
                cleanup_tmp_directories=not read_only,
                create=not read_only,
                read_only=read_only,
            )
            self._manager = ocp.CheckpointManager(self._directory, options=options)

    def _check_metadata(self) -> None:
        for path in sorted(self._directory.glob(f"*/{_METADATA}")):
            try:
                damaged = not isinstance(json.loads(path.read_text()), dict)
            except (OSError, ValueError):
                damaged = False  # passed over by Orbax, as one that is not there
            if damaged:
                raise ValueError(
                    f"{path}: damaged; move the folder {path.parent.name} it is in away, to go on "
                    "from another checkpoint"
                )

    def save(self, update: int, tree: Any, about: dict[str, Any]) -> None:
        """Writes ``tree`` with ``about`` (what JSON can hold) under ``update``, and waits."""
        arrays = _arrays(tree)
        about = {
            **about,
            "update": update,
            "structure": _structure(tree),
            "checksum": _checksum(arrays),
        }
        about["about_checksum"] = _checksum_of_text(about)
        stored = {name: array for name, array in arrays.items() if array.size}
        with _quiet():
            self._manager.save(
                update,
                args=ocp.args.Composite(
                    about=ocp.args.JsonSave(about), arrays=ocp.args.StandardSave(stored)
                ),
            )
            self._manager.wait_until_finished()
        checkpoint = self._directory / str(update)
        write_whole(checkpoint / FILES, json.dumps(_checksums_of_files(checkpoint), indent=1))

    def about(self) -> dict[str, Any]:
        """What was saved about the newest checkpoint where that can be read.

        Raises:
          ValueError: there is none.
        """
        _, about, _ = self._newest_readable(self._about)
        return about

    def newest(self, abstract: Any) -> Restored:
        """The newest checkpoint that can be read, as a tree built like ``abstract``.

        Raises:
          ValueError: none can be read.
          StructureMismatchError: the newest holds a tree built differently.
        """
        update, (tree, about), skipped = self._newest_readable(
            lambda update: self._tree(update, abstract)
        )
        return Restored(update, tree, about, skipped)

    def set_aside(self, updates: Iterable[int]) -> Path:
        """Moves checkpoints out of the way; returns the folder they are in now."""
        aside = self._directory.with_name(f"{self._directory.name}_unreadable")
        aside.mkdir(exist_ok=True)
        for update in updates:
            shutil.rmtree(aside / str(update), ignore_errors=True)
            shutil.move(self._directory / str(update), aside / str(update))
        with _quiet():
            self._manager.reload()
        return aside

    def close(self) -> None:
        with _quiet():
            self._manager.close()

    def _newest_readable(self, read: Callable[[int], Any]) -> tuple[int, Any, dict[int, str]]:
        """Number and content of the newest that ``read`` can read, and why not newer ones."""
        skipped: dict[int, str] = {}
        with _quiet():
            updates = sorted(self._manager.all_steps(read=True), reverse=True)
            for update in updates:
                try:
                    return update, read(update), skipped
                except StructureMismatchError:
                    raise
                except Exception as error:  # damage shows as any kind of error
                    first_line = (str(error).splitlines() or [""])[0][:120]
                    skipped[update] = f"{type(error).__name__}: {first_line}"
        if not skipped:
            raise ValueError(
                f"{self._directory}: no checkpoint here, the run ended before its first one; "
                "remove its folder and start it again"
            )
        reasons = "; ".join(f"{update}: {reason}" for update, reason in skipped.items())
        raise ValueError(f"{self._directory}: no checkpoint here can be read ({reasons})")

    def _about(self, update: int) -> dict[str, Any]:
        _check_files(self._directory / str(update))
        args = ocp.args.Composite(about=ocp.args.JsonRestore())
        about = dict(self._manager.restore(update, args=args).about)
        if about.pop("about_checksum") != _checksum_of_text(about):
            raise ValueError("what is said about it does not match its checksum")
        if about["update"] != update:
            raise ValueError(f"it calls itself {about['update']}")
        return about

    def _tree(self, update: int, abstract: Any) -> tuple[Any, dict[str, Any]]:
        about = self._about(update)
        structure = _structure(abstract)
        if about["structure"] != structure:
            raise _mismatch(about["structure"], structure, self._directory / str(update))
        names = [name for name, _, _ in structure]
        arrays = dict(zip(names, map(_empty, jax.tree.leaves(abstract)), strict=True))
        wanted = {name: array for name, array in arrays.items() if array.size}
        args = ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))
        arrays |= self._manager.restore(update, args=args).arrays
        if _checksum(arrays) != about["checksum"]:
            raise ValueError("its arrays do not match their checksum")
        leaves = [
            _typed_key(arrays[name], leaf) if is_key(leaf) else arrays[name]
            for name, leaf in zip(names, jax.tree.leaves(abstract), strict=True)
        ]
        return jax.tree.unflatten(jax.tree.structure(abstract), leaves), about


def _checksums_of_files(checkpoint: Path) -> dict[str, int]:
    return {
        path.relative_to(checkpoint).as_posix(): zlib.crc32(path.read_bytes())
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != FILES
    }


def _check_files(checkpoint: Path) -> None:
    """
    Raises:
      ValueError: a file is not as it was written.
    """
    if not (checkpoint / FILES).is_file():
        return
    listed = json.loads((checkpoint / FILES).read_text())
    found = _checksums_of_files(checkpoint)
    differing = [name for name in {**listed, **found} if listed.get(name) != found.get(name)]
    if differing:
        raise ValueError(f"{differing[0]} is not as it was written")


def _typed_key(data: np.ndarray, abstract: Any) -> jax.Array:
    # The generator of a key is told for arrays and tracers, not for their shape and dtype.
    kinds: list[Any] = []
    jax.eval_shape(lambda key: kinds.append(jax.random.key_impl(key)), abstract)
    return jax.random.wrap_key_data(jax.device_put(data), impl=kinds[0])


def _structure(tree: Any) -> list[list[Any]]:
    """Name, dtype and shape of every leaf; the number in the name keeps names apart."""
    return [
        [f"{number:03d}.{name}", str(leaf.dtype), list(leaf.shape)]
        for number, (name, leaf) in enumerate(named_leaves(tree))
    ]


def _arrays(tree: Any) -> dict[str, np.ndarray]:
    leaves = [jax.random.key_data(x) if is_key(x) else x for x in jax.tree.leaves(tree)]
    names = [name for name, _, _ in _structure(tree)]
    return dict(zip(names, jax.device_get(leaves), strict=True))


def _empty(leaf: Any) -> np.ndarray:
    if is_key(leaf):
        leaf = jax.eval_shape(jax.random.key_data, leaf)
    return np.empty(leaf.shape, leaf.dtype)


def _checksum(arrays: dict[str, np.ndarray]) -> int:
    checksum = 0
    for name in sorted(arrays):
        checksum = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), checksum)
    return checksum


def _checksum_of_text(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about, sort_keys=True).encode())


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


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Orbax's account of every save in the log."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
