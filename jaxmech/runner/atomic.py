"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

UNFINISHED = ".unfinished"
"""How the name of a temporary file ends; it begins with a dot."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file so that ``path`` never holds half of it, whenever the process is killed.

    What stood there is replaced once the new file is on the disk. A symbolic link at ``path``
    is replaced too, and its target left alone. A process that is killed can leave a temporary
    file beside it, which the next one to write ``path`` takes away.

    Args:
      path: the file, in a folder that exists. Text is written as UTF-8.

    Raises:
      OSError: the file cannot be written; what stood there stands there still.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}{UNFINISHED}")
    data = content.encode() if isinstance(content, str) else content
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
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
