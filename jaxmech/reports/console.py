"""What the commands say to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """The terminal, as wide as it is now."""
    from rich.console import Console

    return Console(stderr=stderr)


def say(text: str) -> None:
    """Prints a line as it is."""
    console().print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def working(text: str, say: Callable[[str], None] = say) -> Iterator[None]:
    """Says what takes a moment: with a spinner on a terminal, elsewhere by a line."""
    shown = console()
    if not shown.is_terminal:
        say(f"{text} ...")
        yield
        return
    with shown.status(text):
        yield


def fail(text: str) -> None:
    """Prints a line about what went wrong."""
    console(stderr=True).print(text, style="red", highlight=False, markup=False, soft_wrap=True)
