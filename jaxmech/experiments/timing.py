"""What a run began and finished, and how long it took: ``timing.csv`` in its folder."""

from __future__ import annotations

import csv
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TIMING = "timing.csv"
_COLUMNS = ("event", "kind", "name", "seconds", "compile_seconds")

Event = Literal["begun", "finished", "stopped"]
Kind = Literal["kept", "kept_on_host", "train", "cell"]


@dataclass(frozen=True)
class Work:
    """A line of ``timing.csv``; ``seconds`` are without those of compiling."""

    event: str
    kind: str
    name: str
    seconds: float
    compile_seconds: float


def note(
    directory: Path,
    event: Event,
    kind: Kind,
    name: str,
    seconds: float = 0.0,
    compile_seconds: float = 0.0,
) -> None:
    """Adds a line."""
    path = directory / TIMING
    line = f"{event},{kind},{name},{seconds:.6f},{compile_seconds:.6f}\n"
    with open(path, "a+b") as file:
        if file.tell() == 0:
            line = ",".join(_COLUMNS) + "\n" + line
        else:
            # A process that was killed may have left half a line.
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode())


def read(directory: Path) -> list[Work]:
    """The lines that are whole; a damaged one is left out, since nothing but times is in it."""
    path = directory / TIMING
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    work = []
    for row in csv.reader(text.splitlines()):
        with suppress(ValueError):
            event, kind, name, *seconds = row
            spent, compiling = map(float, seconds)
            if math.isfinite(spent) and math.isfinite(compiling):
                work.append(Work(event, kind, name, spent, compiling))
    return work


def has_finished(directory: Path, kind: Kind, name: str) -> bool:
    """Whether the end of this work is noted."""
    return any(
        (one.event, one.kind, one.name) == ("finished", kind, name) for one in read(directory)
    )


def totals(directory: Path) -> tuple[float, float]:
    """Seconds of finished work, and of compiling, also what was stopped or lost."""
    work = read(directory)
    # A stage that was stopped counts all of its seconds once it is finished.
    finished = {(one.kind, one.name): one.seconds for one in work if one.event == "finished"}
    return sum(finished.values()), sum(one.compile_seconds for one in work)
