"""Figures and the page of a run, made from its folder alone.

Of a folder's files these are read: ``config.yaml``, ``metrics.csv`` and, once the run is
evaluated, ``summary.json`` and ``figures/policy.json``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cattrs import structure

from jaxmech import curve_drawing, page, results
from jaxmech.curves import Curves, read_curves
from jaxmech.experiments import (
    SequentialPriceExperiment,
    config_of,
    experiment_in,
    is_as_described,
    kind_of,
)
from jaxmech.experiments.sequential_price import drawing as policy_drawing
from jaxmech.experiments.sequential_price.picture import PolicyPicture
from jaxmech.reports.console import console


@dataclass(frozen=True)
class Report:
    """What a run's folder holds; ``summary`` and ``picture`` once it is evaluated."""

    directory: Path
    experiment: SequentialPriceExperiment
    curves: Curves | None
    summary: dict[str, Any] | None
    picture: PolicyPicture | None


def show(directory: Path) -> Path:
    """Prints the table of a run, and writes its figures and ``report.html``; the page's path.

    Raises:
      ValueError: as for ``read_run``.
    """
    run = read_run(directory)
    if run.summary is not None:
        console().print(results.rich_table(run.summary))
    return write_report(run)


def read_run(directory: Path) -> Report:
    """Reads a run's folder.

    Raises:
      ValueError: there is no run in it, or one of its files cannot be read.
    """
    experiment = experiment_in(directory)
    if not isinstance(experiment, SequentialPriceExperiment):
        raise ValueError(
            f"directory: got {directory}, a run of kind {kind_of(experiment)!r}; allowed is "
            "'sequential_price'"
        )
    picture = _read_json(directory / "figures" / "policy.json")
    return Report(
        directory=directory,
        experiment=experiment,
        curves=read_curves(directory),
        summary=_read_json(directory / "summary.json"),
        picture=None if picture is None else structure(picture, PolicyPicture),
    )


def write_evaluation(directory: Path, summary: dict[str, Any], picture: PolicyPicture) -> None:
    """Writes ``summary.json`` and ``figures/policy.json``."""
    (directory / "figures").mkdir(exist_ok=True)
    (directory / "figures" / "policy.json").write_text(json.dumps(asdict(picture)))
    # Its being there says that the run is finished, so it appears whole or not at all.
    unfinished = directory / "summary.json.part"
    unfinished.write_text(json.dumps(summary, indent=2) + "\n")
    unfinished.replace(directory / "summary.json")


def write_report(report: Report) -> Path:
    """Writes the figures and ``report.html``; the path of the page."""
    figures = report.directory / "figures"
    figures.mkdir(exist_ok=True)
    curves = ""
    if report.curves is not None:
        references = {} if report.summary is None else results.references(report.summary)
        objective, path = report.experiment.objective, figures / "learning_curves"
        curve_drawing.draw_seeds(report.curves, objective, references, path)
        curves = page.svg_of(path.with_suffix(".svg"))
    path = report.directory / "report.html"
    path.write_text(_page(report, curves), encoding="utf-8")
    return path


def _page(report: Report, curves: str) -> str:
    summary, picture = report.summary, report.picture
    context: dict[str, Any] = {
        "title": report.experiment.title,
        "experiment": report.experiment,
        "as_described": is_as_described(report.experiment),
        "curves": curves,
        "facts": _facts(report),
        "configuration": page.flat(config_of(report.experiment)),
    }
    if summary is not None:
        context |= {
            "headline": results.headline(summary),
            "columns": results.columns(summary),
            "rows": results.rows(summary),
            "notes": results.notes(summary),
            "best_seed": summary["learned"]["best"]["seeds"][0],
        }
    if summary is not None and picture is not None:
        several = len(picture.prices) > 1
        context |= {
            "picture": picture,
            "tree": policy_drawing.tree_svg(picture.tree),
            "price_tables": [
                (
                    policy_drawing.item_name(item) if several else "",
                    policy_drawing.price_table(prices),
                )
                for item, prices in enumerate(picture.prices)
            ],
            "order": policy_drawing.order_table(picture),
        }
    return page.render("report.html.jinja", context)


def _facts(report: Report) -> list[tuple[str, str]]:
    summary = report.summary
    if summary is None:
        return [("folder", report.directory.name)]
    return [
        ("folder", report.directory.name),
        ("updates", f"{summary['updates']:,}"),
        ("environment steps, all seeds", f"{summary['environment_steps']:,}"),
        ("seconds of training, all seeds", f"{summary['seconds']:.1f}"),
        ("seconds of compiling", f"{summary['compile_seconds']:.1f}"),
        *page.software(summary),
    ]


def _read_json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
