"""Tables, figures and the page of a computed study, made from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmech import drawing, page, results
from jaxmech.experiments import config_of, experiment_in
from jaxmech.reports import earlier_findings as findings
from jaxmech.reports.console import console, say
from jaxmech.reports.earlier_findings import Figure, Findings

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_MARKERS = "ox+s^d"


def show(directory: Path) -> Path:
    """Prints the tables of a run, and writes its figures and ``report.html``; the page's path.

    Raises:
      ValueError: there is no run in the folder, or one of its files cannot be read.
    """
    found = findings.read(directory)
    if found is None:
        say("the study has not been computed yet: it was stopped early, or is still going on")
    else:
        for table in found[0].tables:
            console().print(rich_table(table), "")
        say(found[0].headline)
    return write_page(directory)


def rich_table(table: findings.Table) -> RichTable:
    """The table for a terminal."""
    rows = [results.Row(cells) for cells in table.rows]
    return results.table(table.title, table.columns, rows, table.notes)


def write_page(directory: Path) -> Path:
    """Writes the figures and ``report.html``; the path of the page.

    Raises:
      ValueError: as for ``show``.
    """
    experiment = experiment_in(directory)
    context: dict[str, Any] = {
        "title": experiment.title,
        "experiment": experiment,
        "configuration": page.flat(config_of(experiment)),
        "facts": [("folder", directory.name)],
    }
    found = findings.read(directory)
    if found is not None:
        content, summary = found
        context |= {
            "findings": content,
            "figures": _figures(content, directory),
            "facts": [
                ("folder", directory.name),
                ("seconds of computing", f"{content.seconds:.2f}"),
                ("seconds of compiling", f"{content.compile_seconds:.2f}"),
                *page.software(summary),
            ],
        }
    path = directory / "report.html"
    path.write_text(page.render("findings.html.jinja", context), encoding="utf-8")
    return path


def draw(figure: Figure, path: Path) -> None:
    """Draws a figure to ``path`` with the endings .png and .svg."""
    canvas, axes = drawing.new_axes(figure.x_label, figure.y_label)
    for number, curve in enumerate(figure.curves):
        look: dict[str, Any] = {"color": f"C{number % 10}", "linewidth": 1.5}
        match curve.drawn:
            case "points":
                marker = _MARKERS[number % len(_MARKERS)]
                look |= {"linestyle": "none", "marker": marker, "fillstyle": "none"}
            case "reference":
                look = {"color": "black", "linestyle": "--", "linewidth": 1.0}
        look["label"] = curve.label or None
        axes.errorbar(curve.x, curve.y, yerr=curve.half_width, capsize=2, **look)
    drawing.write(canvas, axes, path)


def _figures(content: Findings, directory: Path) -> list[tuple[Figure, str]]:
    drawn = []
    for figure in content.figures:
        path = directory / findings.FIGURES / figure.name
        draw(figure, path)
        drawn.append((figure, page.svg_of(path.with_suffix(".svg"))))
    return drawn
