"""The flags of a command, for messages that name what a user typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any


def with_flag(message: str, command: Any, arguments: Sequence[str]) -> str:
    """``message`` with the flag in place of the field that it begins with.

    Where fields of one name have several flags, it is the one among ``arguments``.

    Args:
      message: such as ``num_agents: got 0; ...``; returned as it is where it names no field.
      command: the dataclass whose fields are the flags, with any values.
      arguments: as typed.
    """
    field, _, rest = message.partition(": ")
    paths = list(_paths(command))
    alike = [path for path in paths if _name(path) == _name(field)]
    typed = [argument.partition("=")[0].replace("_", "-") for argument in arguments]
    given = [path for path in alike if _flag(path) in typed]
    if field in alike and ("." in field or len(given) != 1):
        return f"{_flag(field)}: {rest}"
    if len(given or alike) == 1:
        return f"{_flag(*(given or alike))}: {rest}"
    return message


def _paths(command: Any) -> Iterator[str]:
    """The dotted names of the fields; those of a dataclass in the command itself are its own."""
    for field in fields(command):
        value = getattr(command, field.name)
        if is_dataclass(value):
            yield from _nested_paths(value)
        else:
            yield field.name


def _nested_paths(configuration: Any) -> Iterator[str]:
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        if is_dataclass(value):
            yield from (f"{field.name}.{path}" for path in _nested_paths(value))
        else:
            yield field.name


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _flag(path: str) -> str:
    return "--" + path.replace("_", "-")
