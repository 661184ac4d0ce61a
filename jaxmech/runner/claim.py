"""Folders that one process at a time works in."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"
"""Name of the file that is locked while a process works in its folder; it stays there, empty."""


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Within its context no other process, and no other claim of this one, has ``directory``.

    The folder is made where there is none. The kernel takes the lock back when the process
    ends, however it ends.

    Raises:
      ValueError: another process is at work there.
      OSError: the folder cannot be made or written to.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise ValueError(
                f"directory: got {directory}, where another process is at work; "
                "wait until it has ended, or choose another directory"
            ) from error
        yield
    finally:
        os.close(descriptor)


def free_directory(parent: Path, stem: str) -> Path:
    """Makes the first folder of ``stem-1``, ``stem-2``, ... that is not there yet.

    Two processes that ask at the same time get different folders.

    Returns:
      The folder, in ``parent``, which is made too.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        directory = parent / f"{stem}-{number}"
        try:
            directory.mkdir()
            return directory
        except FileExistsError:
            number += 1
