"""What a computed study found: tables and figures as plain data, and the files they are in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from cattrs import structure

SUMMARY = "summary.json"
FIGURES = "figures"


@dataclass(frozen=True)
class Table:
    """A table as it is shown.

    Attributes:
      title: what it is about.
      columns: the heads.
      rows: the cells of each row, as text.
      notes: what its reader must know; what intervals are over, for one.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """Points of a figure.

    Attributes:
      label: what the legend calls them; nothing where empty.
      x, y: of each point.
      half_width: of the 95 % interval of each y, if there are any.
      drawn: as a line, as points alone, or as what others are to be compared with.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half_width: tuple[float, ...] | None = None
    drawn: Literal["line", "points", "reference"] = "line"


@dataclass(frozen=True)
class Figure:
    """Curves on common axes.

    Attributes:
      name: of its files.
      caption: what there is to see.
      x_label, y_label: what is along the axes, with units.
      curves: in the order of the legend.
    """

    name: str
    caption: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes:
      headline: the result in a sentence or two.
      results: the numbers behind the tables, as plain values that JSON can hold.
      tables, figures: to show.
      seconds: of computing, without compiling.
      compile_seconds: of compiling.
    """

    headline: str
    results: dict[str, Any]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = field(default=())
    seconds: float = 0.0
    compile_seconds: float = 0.0


def write(directory: Path, findings: Findings, about: Mapping[str, Any]) -> None:
    """Writes ``summary.json``, with ``about`` first, and ``figures/NAME.json`` of each figure."""
    figures = directory / FIGURES
    figures.mkdir(exist_ok=True)
    for figure in findings.figures:
        (figures / f"{figure.name}.json").write_text(json.dumps(asdict(figure)))
    content = {**about, **asdict(findings)}
    content["figures"] = [figure.name for figure in findings.figures]
    # Its being there says that the study is finished, so it appears whole or not at all.
    unfinished = directory / f"{SUMMARY}.part"
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(directory / SUMMARY)


def read(directory: Path) -> tuple[Findings, dict[str, Any]] | None:
    """What ``write`` wrote: findings, and the whole ``summary.json``; none where unfinished.

    Raises:
      ValueError: a file cannot be read.
    """
    path = directory / SUMMARY
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text())
        figures = [
            json.loads((directory / FIGURES / f"{name}.json").read_text())
            for name in summary["figures"]
        ]
        return structure({**summary, "figures": figures}, Findings), summary
    except Exception as error:  # damage shows as any kind of error
        raise ValueError(f"{path}: not the summary of a study: {error!r}") from error
