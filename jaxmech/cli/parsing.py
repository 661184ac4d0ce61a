"""Flags parsed by tyro, with refusals of values told in the words of this library."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import Any

import tyro


def parsed(kind: Any, **options: Any) -> Any:
    """What ``tyro.cli`` makes of a command line.

    Raises:
      ValueError: a dataclass refuses a value; the message begins with its field by the names
        that lead to it, joined by dots.
      SystemExit: help was asked for, or a flag is mistyped, which has been told.
    """
    shown = io.StringIO()
    try:
        with contextlib.redirect_stderr(shown):
            return tyro.cli(kind, **options)
    except SystemExit as ended:
        refusal = refusal_in(shown.getvalue()) if ended.code == 2 else None
        if refusal is not None:
            raise ValueError(refusal) from None
        sys.stderr.write(shown.getvalue())
        raise


def refusal_in(shown: str) -> str | None:
    """The refusal that tyro shows in a box, as it was raised; None where it shows another thing.

    For a dataclass within the command, tyro catches what it raises and shows ``Error parsing
    study.setting: delta: got 3``, broken into lines of the terminal.
    """
    lines = [line.strip(" \N{BOX DRAWINGS LIGHT VERTICAL}|") for line in shown.splitlines()]
    starts = [at for at, line in enumerate(lines) if line.startswith("Error parsing study")]
    if not starts:
        return None
    words: list[str] = []
    for line in lines[starts[0] :]:
        if not line.strip("-\N{BOX DRAWINGS LIGHT HORIZONTAL}"):
            break
        words.append(line)
    found = re.match(r"Error parsing study\.?(\S*?): (.*)", " ".join(words))
    if found is None:
        return None
    place, message = found.groups()
    return f"{place}.{message}" if place else message
