"""Findings in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.reports.console import console, say
from jaxmech.reports.findings import Certificate, Findings, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def show(findings: Findings) -> None:
    """Prints the tables, the certificates and the headline."""
    for table in findings.tables:
        console().print(rich_table(table), "")
    for name, certificate in findings.certificates.items():
        say(f"{name.replace('_', ' ')} {_verdict(certificate)}: {certificate.statement}")
    say(findings.headline)


def rich_table(table: Table) -> RichTable:
    """The table for a terminal, with its notes beneath."""
    from rich.markup import escape
    from rich.table import Table as RichTable

    made = RichTable(title=escape(table.title), caption=escape("\n".join(table.notes)))
    for number, head in enumerate(table.columns):
        made.add_column(escape(head), justify="left" if number == 0 else "right")
    for number, row in enumerate(table.rows):
        style = "bold" if number in table.emphasised else None
        made.add_row(*map(escape, row), style=style)
    return made


def _verdict(certificate: Certificate) -> str:
    if certificate.holds is None:
        return "is not decided"
    return "holds" if certificate.holds else "does not hold"
