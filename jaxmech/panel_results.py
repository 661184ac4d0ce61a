"""The mechanisms of a panel side by side: ``panel.json``, the table and the figure.

All is made from the folders of the panel's runs, which must be evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmech import curve_drawing, results
from jaxmech.curve_drawing import Learned
from jaxmech.curves import read_curves
from jaxmech.experiments.sequential_price.panels import MECHANISMS, Panel
from jaxmech.results import Row

if TYPE_CHECKING:
    from rich.table import Table

_OF_THE_RUN = ("updates", "environment_steps", "seconds", "compile_seconds")

_OF_THE_PANEL = (
    "objective",
    "held_out_samples",
    "baselines",
    "oracles",
    "oracles_numerical",
    "oracles_missing",
    "devices",
    "versions",
)


def folder_of(panel: Panel, directory: Path) -> Path:
    """Where a panel is, in the folder of all panels."""
    return directory / panel.name.replace("/", "-")


def write(panel: Panel, folder: Path, diverged: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Writes ``panel.json``, ``panel.png`` and ``panel.svg``; returns what the first holds.

    Under ``mechanisms`` are what each run's ``summary.json`` calls ``learned``, with the
    expense of the run; under ``diverged``, why others are not there; the other fields are
    those of a ``summary.json``.

    Raises:
      FileNotFoundError: a mechanism is not evaluated yet, and not among ``diverged``.
    """
    diverged = dict(diverged or {})
    summaries = {
        name: json.loads((folder / name / "summary.json").read_text())
        for name in panel.mechanisms
        if name not in diverged
    }
    first = next(iter(summaries.values()))
    comparison: dict[str, Any] = {
        "panel": panel.name,
        "title": f"{panel.figure}. {panel.shows}",
        "experiment": first["experiment"],
        "mechanisms": {
            name: summary["learned"] | {field: summary[field] for field in _OF_THE_RUN}
            for name, summary in summaries.items()
        },
        "diverged": diverged,
        **{field: first[field] for field in _OF_THE_PANEL},
    }
    _draw(comparison, folder)
    (folder / "panel.json").write_text(json.dumps(comparison, indent=2) + "\n")
    return comparison


def read(folder: Path) -> dict[str, Any] | None:
    """What a panel's ``panel.json`` holds; none where there is no such file."""
    path = folder / "panel.json"
    return json.loads(path.read_text()) if path.is_file() else None


def columns(comparison: Mapping[str, Any]) -> tuple[str, ...]:
    """The heads of the columns."""
    name, simulated, exact, share = results.columns(comparison)
    return (name, simulated, _best_of(comparison), exact, share)


def rows(comparison: Mapping[str, Any]) -> list[Row]:
    """The learned mechanisms, then every baseline and exact value, best first.

    The last column is the share of the best seeds.
    """
    learned = [
        Row(
            (
                MECHANISMS[name].label,
                results.interval(value),
                f"{value['best']['mean']:.4f}",
                "",
                results.percentage(comparison, value["best"]["mean"]),
            ),
            learned=True,
        )
        for name, value in comparison["mechanisms"].items()
    ]
    others = [row.cells for row in results.reference_rows(comparison)]
    return learned + [Row((cells[0], cells[1], "", *cells[2:])) for cells in others]


def rich_table(comparison: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    first = next(iter(comparison["mechanisms"].values()))
    notes = results.notes({**comparison, "learned": first})
    notes.insert(1, "Shares of learned mechanisms are those of the best seeds.")
    diverged = comparison.get("diverged", {})
    notes += [f"{MECHANISMS[name].label}: diverged ({why})." for name, why in diverged.items()]
    return results.table(comparison["title"], columns(comparison), rows(comparison), notes)


def _best_of(comparison: Mapping[str, Any]) -> str:
    first = next(iter(comparison["mechanisms"].values()))
    return f"Best {len(first['best']['seeds'])} of {len(first['per_seed'])} seeds"


def _draw(comparison: Mapping[str, Any], folder: Path) -> None:
    mechanisms = []
    for name, value in comparison["mechanisms"].items():
        curves = read_curves(folder / name)
        if curves is not None:
            best = value["best"]
            shown = tuple(best["seeds"])
            mechanisms.append(Learned(MECHANISMS[name].label, curves, shown, best["mean"]))
    curve_drawing.draw_comparison(
        mechanisms,
        comparison["objective"],
        results.references(comparison),
        folder / "panel",
        title=comparison["title"],
    )
