"""What the commands say to a person: lines, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from jaxmech.reports.findings import Findings, Table

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
"""Where a word of a head may be broken."""

_VERDICTS = {True: "holds", False: "does not hold", None: "is not decided"}


def terminal(*, stderr: bool = False) -> Console:
    """The terminal, as wide as it is now."""
    from rich.console import Console

    return Console(stderr=stderr)


def say(text: str) -> None:
    """Prints a line as it is."""
    terminal().print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def working(text: str, told: Callable[[str], None] = say) -> Iterator[None]:
    """Says what takes a moment: with a spinner on a terminal, elsewhere by a line.

    Args:
      text: what it is.
      told: shows a line to a person, in place of the terminal and without a spinner.
    """
    shown = terminal()
    if told is say and shown.is_terminal:
        with shown.status(text):
            yield
    else:
        told(f"{text} ...")
        yield


def fail(text: str) -> None:
    """Prints a line about what went wrong."""
    terminal(stderr=True).print(text, style="red", highlight=False, markup=False, soft_wrap=True)


def show(findings: Findings) -> None:
    """Prints the tables, the certificates and the headline."""
    shown = terminal()
    for table in findings.tables:
        shown.print(rich_table(table, width=shown.width), "")
    for name, certificate in findings.certificates.items():
        verdict = _VERDICTS[certificate.holds]
        say(f"{name.replace('_', ' ')} {verdict}: {certificate.statement}")
    say(findings.headline)


def rich_table(table: Table, *, width: int) -> RichTable:
    """The table for a terminal of so many columns, with its notes beneath.

    Where heads have soft hyphens, each word of a head has a line; where that does not fit, words
    are broken at their soft hyphens and the table is set close.
    """
    from rich.console import Console

    wide = _rich_table(table, close=False)
    breakable = any(SOFT_HYPHEN in head for head in table.columns)
    if not breakable or Console(width=10 * width).measure(wide).maximum <= width:
        return wide
    return _rich_table(table, close=True)


def _rich_table(table: Table, *, close: bool) -> RichTable:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    set_close: dict[str, Any] = {
        "box": box.SIMPLE_HEAD,
        "padding": (0, 0, 1, 0),
        "show_edge": False,
    }
    made = RichTable(
        title=escape(table.title),
        caption=escape("\n".join(table.notes)),
        **(set_close if close else {}),
    )
    breakable = any(SOFT_HYPHEN in head for head in table.columns)
    for number, head in enumerate(table.columns):
        shown = head.replace(" ", "\n") if breakable else head
        shown = shown.replace(SOFT_HYPHEN, "-\n" if close else "")
        made.add_column(escape(shown), justify="left" if number == 0 else "right")
    for number, row in enumerate(table.rows):
        style = "bold" if number in table.emphasised else None
        made.add_row(*map(escape, row), style=style)
    return made
