"""Looking things up by name, with an answer that helps when the name is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def lookup(kind: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry called ``name``.

    Raises:
      ValueError: there is none; the message suggests the nearest name and lists all.
    """
    if name in entries:
        return entries[name]
    nearest = difflib.get_close_matches(name, entries, n=1, cutoff=0.5)
    suggestion = f"; did you mean {nearest[0]!r}?" if nearest else ""
    allowed = ", ".join(sorted(entries))
    raise ValueError(f"{kind}: got {name!r}{suggestion} (allowed: {allowed})")
