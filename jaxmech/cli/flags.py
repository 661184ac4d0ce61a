"""The flags of a command: parsed, and named in messages as the user typed them."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import dropwhile, takewhile
from typing import Any

import tyro

from jaxmech.experiments.configuration_files import choices_of, with_choice
from jaxmech.experiments.study import Study


def with_choices(study: Study, flags: Sequence[str]) -> tuple[Study, list[str]]:
    """The study with what flags such as ``--setting.name inventory`` choose, at its defaults.

    Returns:
      the study, and the flags that are left.

    Raises:
      ValueError: a flag without a name, or with one that is no choice.
    """
    chosen_by = {_flag(f"{field}.name"): field for field in choices_of(type(study))}
    left: list[str] = []
    waiting = iter(flags)
    for typed in waiting:
        flag, given, name = typed.partition("=")
        field = chosen_by.get(flag.replace("_", "-"))
        if field is None:
            left.append(typed)
            continue
        choice = name if given else next(waiting, None)
        if choice is None:
            raise ValueError(f"{field}.name: got nothing; allowed is the name of a choice")
        study = with_choice(study, field, choice)
    return study, left


def parsed(kind: Any, **options: Any) -> Any:
    """What ``tyro.cli`` makes of a command line, with refusals told in the words of this library.

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
        refusal = _refusal_in(shown.getvalue()) if ended.code == 2 else None
        if refusal is not None:
            raise ValueError(refusal) from None
        sys.stderr.write(shown.getvalue())
        raise


def with_flag(message: str, command: Any, arguments: Sequence[str]) -> str:
    """``message`` with the flag in place of the field that it begins with.

    Where fields of one name have several flags, it is the one among ``arguments``.

    Args:
      message: such as ``num_agents: got 0; ...``; returned as it is where it names no field.
      command: the dataclass whose fields are the flags, with any values; those of its ``study``
        are flags as they are, without a prefix.
      arguments: as typed.
    """
    field, _, rest = message.partition(": ")
    paths = [path.removeprefix("study.") for path in _paths(command)]
    alike = [path for path in paths if path.rpartition(".")[2] == field.rpartition(".")[2]]
    typed = [argument.partition("=")[0].replace("_", "-") for argument in arguments]
    meant = [path for path in alike if _flag(path) in typed]
    if field in alike and ("." in field or len(meant) != 1):
        meant = [field]
    meant = meant or alike
    return f"{_flag(meant[0])}: {rest}" if len(meant) == 1 else message


def _refusal_in(shown: str) -> str | None:
    """The refusal that tyro shows in a box, as it was raised; None where it shows another thing.

    For a dataclass within the command, tyro catches what it raises and shows ``Error parsing
    study.setting: delta: got 3``, broken into lines of the terminal.
    """
    lines = [line.strip(" \N{BOX DRAWINGS LIGHT VERTICAL}|") for line in shown.splitlines()]
    box = dropwhile(lambda line: not line.startswith("Error parsing study"), lines)
    words = takewhile(lambda line: line.strip("-\N{BOX DRAWINGS LIGHT HORIZONTAL}"), box)
    found = re.match(r"Error parsing study\.?(\S*?): (.*)", " ".join(words))
    if found is None:
        return None
    place, message = found.groups()
    return f"{place}.{message}" if place else message


def _paths(configuration: Any) -> Iterator[str]:
    """The names of the fields, and of those within them, joined by dots."""
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        if is_dataclass(value):
            yield from (f"{field.name}.{path}" for path in _paths(value))
        else:
            yield field.name


def _flag(path: str) -> str:
    return "--" + path.replace("_", "-")
