"""What ends a training early, apart from signals."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TrainingDivergedError(FloatingPointError):
    """A metric, or a part of a designer's state, is no longer finite.

    Attributes:
      update: the first update after which this is so.
      seed: the first such seed.
      quantities: names of the metrics and parts of the state.
    """

    def __init__(self, message: str, update: int, seed: int, quantities: tuple[str, ...]):
        super().__init__(message)
        self.update = update
        self.seed = seed
        self.quantities = quantities


class StructureMismatchError(ValueError):
    """A checkpoint holds a tree built differently from the one asked for."""


class DiskFullError(OSError):
    """There is no room for what a run writes; its errno is ENOSPC."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = ("no space left on device", "disk quota exceeded", "resource_exhausted")


@contextmanager
def full_disk_explained(directory: Path, safe: str) -> Iterator[None]:
    """Within its context a full disk is told in words.

    Args:
      directory: the run's folder.
      safe: what is on the disk already, e.g. "the checkpoint of update 12 is safe".

    Raises:
      DiskFullError: the disk is full, or the user's share of it.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DiskFullError) or not _is_of_full_disk(error):
            raise
        raise DiskFullError(
            errno.ENOSPC,
            f"the disk is full; {safe}; make room, then resume the run to go on from there",
            str(directory),
        ) from error


def _is_of_full_disk(error: BaseException | None) -> bool:
    """Storage libraries tell it in the text of errors of their own, or in a cause of them."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(words in str(error).lower() for words in _FULL_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
