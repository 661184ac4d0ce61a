"""Findings in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.reports.console import console, say
from jaxmech.reports.findings import Certificate, Findings, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
"""Where a word of a head may be broken."""


def show(findings: Findings) -> None:
    """Prints the tables, the certificates and the headline."""
    shown = console()
    for table in findings.tables:
        shown.print(rich_table(table, width=shown.width), "")
    for name, certificate in findings.certificates.items():
        say(f"{name.replace('_', ' ')} {_verdict(certificate)}: {certificate.statement}")
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

    title, caption = escape(table.title), escape("\n".join(table.notes))
    if close:
        made = RichTable(
            title=title,
            caption=caption,
            box=box.SIMPLE_HEAD,
            padding=(0, 0, 1, 0),
            show_edge=False,
        )
    else:
        made = RichTable(title=title, caption=caption)
    breakable = any(SOFT_HYPHEN in head for head in table.columns)
    for number, head in enumerate(table.columns):
        shown = head.replace(" ", "\n") if breakable else head
        shown = shown.replace(SOFT_HYPHEN, "-\n" if close else "")
        made.add_column(escape(shown), justify="left" if number == 0 else "right")
    for number, row in enumerate(table.rows):
        style = "bold" if number in table.emphasised else None
        made.add_row(*map(escape, row), style=style)
    return made


def _verdict(certificate: Certificate) -> str:
    if certificate.holds is None:
        return "is not decided"
    return "holds" if certificate.holds else "does not hold"
