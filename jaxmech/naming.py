"""Looking things up by name, with an answer that helps when the name is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from jaxmech.checks import InvalidValueError

Entry = TypeVar("Entry")


def lookup(kind: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry called ``name``.

    Raises:
      InvalidValueError: there is none; the message suggests the nearest name and lists all.
    """
    try:
        return entries[name]
    except (KeyError, TypeError):
        # TypeError: what has no hash is no name either.
        pass
    near = nearest(name, entries) if isinstance(name, str) else None
    verb = f"did you mean {near!r}? Allowed are" if near else "allowed are"
    raise InvalidValueError(kind, name, ", ".join(sorted(entries)), verb=verb)


def full_name(name: str, entries: Iterable[str]) -> str:
    """The one of ``entries`` whose part after the last slash is ``name``; else ``name``."""
    called = [entry for entry in entries if _last_part(entry) == name]
    return called[0] if len(called) == 1 else name


def nearest(name: str, entries: Iterable[str]) -> str | None:
    """The name that was probably meant; none where none is near, or several are as near.

    Names are compared after their last slash: what many have in common makes none near.
    """
    shares = {
        entry: difflib.SequenceMatcher(a=_last_part(name), b=_last_part(entry)).ratio()
        for entry in entries
    }
    highest = max(shares.values(), default=0.0)
    near = [entry for entry, share in shares.items() if share == highest]
    return near[0] if highest >= 0.5 and len(near) == 1 else None


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def name_of_class(kind: type) -> str:
    """The class's name in lower case with underscores, such as ``max_min`` of ``MaxMin``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])", "_", kind.__name__)
    return words.lower()
