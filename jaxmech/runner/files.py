"""Files written whole, folders that one process at a time works in, disks that are full."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished"
"""How the name of a temporary file ends; it begins with a dot."""

LOCK = "lock"
"""Name of the file that is locked while a process works in its folder; it stays there, empty."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file so that ``path`` never holds half of it, whenever the process is killed.

    What stood there is replaced once the new file is on the disk. A symbolic link at ``path``
    is replaced too, and its target left alone. A process that is killed can leave a temporary
    file beside it, which the next one to claim the folder takes away.

    Args:
      path: the file, in a folder that exists. Text is written as UTF-8.

    Raises:
      OSError: the file cannot be written; what stood there stands there still.
    """
    # Of this process alone: a report may be made again while the run goes on.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Returns when the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Within its context no other process, and no other claim of this one, has ``directory``.

    The folder is made where there is none. The kernel takes the lock back when the process
    ends, however it ends.

    Raises:
      ValueError: another process is at work there.
      OSError: the folder cannot be made or written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise ValueError(
                f"directory: got {directory}, where another process is at work; "
                "wait until it has ended, or choose another directory"
            ) from error
        for left in directory.rglob(f".*{UNFINISHED}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def check_free(directory: Path) -> None:
    """
    Raises:
      FileExistsError: ``directory`` is a file, or holds something.
    """
    # A process killed before it wrote anything leaves its claim and half a configuration.
    if directory.is_dir() and all(
        path.name == LOCK or path.name.endswith(UNFINISHED) for path in directory.iterdir()
    ):
        return
    if directory.exists():
        raise FileExistsError(
            f"directory: {directory} exists already and is never overwritten; "
            "resume that run, or choose another name"
        )


def free_directory(parent: Path, stem: str) -> Path:
    """Makes the first folder of ``stem-1``, ``stem-2``, ... that is not there yet.

    Two processes that ask at the same time get different folders.

    Returns:
      The folder, in ``parent``, which is made too.
    """
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        directory = parent / f"{stem}-{number}"
        try:
            directory.mkdir()
            return directory
        except FileExistsError:
            number += 1


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
    except Exception as error:  # libraries have their own for a full disk
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
