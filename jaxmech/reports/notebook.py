"""Findings in a notebook."""

from __future__ import annotations

from jaxmech.reports import figures
from jaxmech.reports.console import rich_table, terminal
from jaxmech.reports.findings import Findings


def show(findings: Findings, *, title: str | None = None, figure: str | None = None) -> None:
    """Displays tables and figures; everything where nothing is chosen.

    Args:
      findings: of a study.
      title: how the titles of the tables begin that are shown.
      figure: the name of the figure that is shown, without folder and ending.
    """
    from IPython.display import Image, Markdown, display

    everything = title is None and figure is None
    if everything:
        display(Markdown(f"**{findings.headline}**"))
    for table in findings.tables:
        if everything or (title is not None and table.title.startswith(title)):
            terminal().print(rich_table(table, width=terminal().width))
    captions = {one.name: one.caption for one in findings.figures}
    for name, _, canvas in figures.drawn(findings):
        if everything or name == figure:
            display(Image(data=figures.files_of(canvas)[0], width=800))
            if name in captions:
                display(Markdown(captions[name]))
