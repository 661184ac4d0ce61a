"""The files that findings are in: ``summary.json``, ``records.csv``, figures, page and manifest.

``summary.json`` has all findings, and the rest is made from it. ``manifest.json`` is written
last of all and has a hash of every file, so that it tells what was changed afterwards.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cattrs import structure

from jaxmech.reports import figures, page
from jaxmech.reports.findings import Findings
from jaxmech.reports.page import Description
from jaxmech.runner.atomic import write_whole

SUMMARY, RECORDS, PAGE, MANIFEST = "summary.json", "records.csv", "report.html", "manifest.json"
FIGURES = "figures"

_NOT_LISTED = ("lock", MANIFEST)

_RECORD_COLUMNS = ("study", "cell", "seed", "scheme", "metric", "value", "half_width")


@dataclass(frozen=True)
class Read:
    """What is in a finished folder.

    Attributes:
      findings: of the study.
      summary: all of ``summary.json``, with times, devices and versions.
    """

    findings: Findings
    summary: dict[str, Any]


def write(
    directory: Path, findings: Findings, about: Mapping[str, Any], description: Description
) -> None:
    """Writes everything, the manifest last.

    Args:
      directory: the run's folder.
      findings: what was found.
      about: the other fields of ``summary.json``, which come first.
      description: what the page says of the study.
    """
    (directory / MANIFEST).unlink(missing_ok=True)
    summary = {**about, **asdict(findings)}
    text = json.dumps(_finite(summary), indent=1, ensure_ascii=False) + "\n"
    write_whole(directory / SUMMARY, text)
    write_whole(directory / RECORDS, _records(str(about["study"]), findings))
    write_pages(directory, description)
    write_whole(directory / MANIFEST, json.dumps({"files": _hashes(directory)}, indent=1) + "\n")


def write_pages(directory: Path, description: Description) -> Path:
    """Makes figures and page again from ``summary.json``; the path of the page.

    A folder without one gets a page that says so.

    Raises:
      ValueError: ``summary.json`` cannot be read.
    """
    found = read(directory) if (directory / SUMMARY).is_file() else None
    drawings: dict[str, str] = {}
    if found is not None:
        if (directory / FIGURES).is_symlink():
            (directory / FIGURES).unlink()
        (directory / FIGURES).mkdir(exist_ok=True)
        for name, canvas in figures.drawn(found.findings):
            _check_name(name)
            image, drawing = figures.files_of(canvas)
            write_whole(directory / FIGURES / f"{name}.png", image)
            write_whole(directory / FIGURES / f"{name}.svg", drawing)
            drawings[name] = drawing[drawing.index("<svg") :]
    path = directory / PAGE
    content = page.render(
        directory.name,
        description,
        None if found is None else found.findings,
        {} if found is None else found.summary,
        drawings,
    )
    write_whole(path, content)
    made = [directory / FIGURES / f"{name}.{kind}" for name in drawings for kind in ("png", "svg")]
    _update_manifest(directory, [path, *made])
    return path


def read(directory: Path) -> Read:
    """What ``write`` wrote to ``summary.json``.

    Raises:
      ValueError: there is no such file, or it is damaged.
    """
    path = directory / SUMMARY
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; the study is not finished")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        return Read(structure(summary, Findings), summary)
    except Exception as error:  # damage shows as any kind of error
        raise ValueError(
            f"{path}: damaged ({type(error).__name__}); jaxmech resume makes it again"
        ) from error


def is_finished(directory: Path) -> bool:
    """Whether the folder has a manifest, and the summary that it lists."""
    listed = _listed(directory)
    path = directory / SUMMARY
    return bool(listed) and path.is_file() and listed.get(SUMMARY) == _hash(path)


def damage(directory: Path) -> list[str]:
    """A line for every file that is not as it was when the study finished."""
    listed, there = _listed(directory), _hashes(directory)
    lines = [
        f"{directory / name}: is not as it was written when the study finished"
        for name, content in listed.items()
        if name in there and there[name] != content
    ]
    return lines + [
        f"{directory / name}: is missing, and was there when the study finished"
        for name in listed
        if name not in there
    ]


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]+", name) or name.startswith("."):
        raise ValueError(
            f"figure: got the name {name[:80]!r}; allowed are letters, digits and underscores"
        )


def _records(study: str, findings: Findings) -> str:
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(_RECORD_COLUMNS)
    for one in findings.records:
        row = (one.cell, one.seed, one.scheme, one.metric, one.value, one.half_width)
        table.writerow((study, *("" if cell is None else cell for cell in row)))
    return file.getvalue()


def _listed(directory: Path) -> dict[str, str]:
    """What the manifest lists; nothing where it is not there or damaged."""
    try:
        files = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): str(content) for name, content in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _update_manifest(directory: Path, changed: Iterable[Path]) -> None:
    listed = _listed(directory)
    if not listed:
        return
    listed |= {path.relative_to(directory).as_posix(): _hash(path) for path in changed}
    write_whole(directory / MANIFEST, json.dumps({"files": listed}, indent=1) + "\n")


def _hashes(directory: Path) -> dict[str, str]:
    """Of every file; of the parts, which have manifests of their own, of these alone."""
    found = {}
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        in_cell = parts[0] == "cells"
        if in_cell and not (len(parts) == 3 and parts[2] == MANIFEST):
            continue
        if path.is_file() and not path.is_symlink() and (in_cell or parts[-1] not in _NOT_LISTED):
            found["/".join(parts)] = _hash(path)
    return found


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _finite(value: Any) -> Any:
    """JSON has no number for NaN and infinity: they are written as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _finite(of) for name, of in value.items()}
    return [_finite(of) for of in value] if isinstance(value, list | tuple) else value
