"""The files that findings are in: ``summary.json``, ``records.csv``, figures, page and manifest.

``summary.json`` has all findings, and the rest is made from it. ``manifest.json`` is written
last of all and has a hash of every file, and one of its own list, so that it tells what was
changed afterwards. Parts in ``cells/`` have manifests of their own; that of the whole lists
their summaries.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cattrs import structure

from jaxmech.reports import figures
from jaxmech.reports.findings import Findings
from jaxmech.reports.tree import tree_svg
from jaxmech.runner.files import UNFINISHED, write_whole

SUMMARY, RECORDS, PAGE, MANIFEST = "summary.json", "records.csv", "report.html", "manifest.json"
FIGURES, CELLS = "figures", "cells"

_NOT_LISTED = ("lock", MANIFEST)

_CHANGED = "is not as it was written when the study finished"

_RECORD_COLUMNS = ("study", "cell", "seed", "scheme", "metric", "value", "half_width")


@dataclass(frozen=True)
class Description:
    """What a page says of its study.

    Attributes:
      title: of the page.
      summary: what was computed, in a line; empty where the study is not as that describes.
      reproduces: which result it reproduces; empty where none, or not in this form.
      configuration: every field, by its name with dots.
    """

    title: str
    summary: str = ""
    reproduces: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """What is in a finished folder.

    Attributes:
      findings: of the study.
      summary: all of ``summary.json``, with times, devices and versions.
    """

    findings: Findings
    summary: dict[str, Any]


@dataclass(frozen=True)
class _About:
    """What ``summary.json`` has beside the findings, to see that it is there."""

    study: str
    made_with: dict[str, Any]
    devices: list[str]
    versions: dict[str, str]
    seconds: float
    compile_seconds: float


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
    summary = as_json({**about, **asdict(findings)})
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    write_whole(directory / SUMMARY, text)
    write_pages(directory, description)
    _write_manifest(directory, _hashes(directory))


def as_json(value: Any) -> Any:
    """As ``summary.json`` gives it back: NaN and infinity, for which JSON has no numbers, as text;
    tuples as lists; names as text."""
    return json.loads(json.dumps(value), parse_constant=lambda name: str(float(name)))


def write_pages(directory: Path, description: Description) -> Path:
    """Makes records, figures and page again from ``summary.json``; the path of the page.

    A folder without one gets a page that says so.

    Raises:
      ValueError: ``summary.json`` cannot be read.
    """
    found = read(directory) if (directory / SUMMARY).is_file() else None
    files: dict[str, str | bytes] = {}
    drawings = []
    if found is not None:
        files[RECORDS] = _records(str(found.summary["study"]), found.findings)
        for name, caption, canvas in figures.drawn(found.findings):
            if not re.fullmatch(r"[A-Za-z0-9_.\-]+", name) or name.startswith("."):
                raise ValueError(
                    f"figure: got the name {name[:80]!r}; allowed are letters, digits and "
                    "underscores"
                )
            image, drawing = figures.files_of(canvas)
            files |= {f"{FIGURES}/{name}.png": image, f"{FIGURES}/{name}.svg": drawing}
            drawings.append((drawing[drawing.index("<svg") :], caption))
        if (directory / FIGURES).is_symlink():
            (directory / FIGURES).unlink()
        (directory / FIGURES).mkdir(exist_ok=True)
    findings, summary = (None, {}) if found is None else (found.findings, found.summary)
    files[PAGE] = render(directory.name, description, findings, summary, drawings)
    for name, content in files.items():
        write_whole(directory / name, content)
    listed = _listed(directory)
    if listed:
        _write_manifest(directory, listed | {name: _hash(directory / name) for name in files})
    return directory / PAGE


def render(
    folder: str,
    description: Description,
    findings: Findings | None,
    summary: Mapping[str, Any],
    drawings: Sequence[tuple[str, str]],
) -> str:
    """The page, as HTML; text is escaped.

    Args:
      folder: the name of the run's folder.
      description: of the study.
      findings: of the study; None where it is not finished.
      summary: times, devices and versions.
      drawings: the SVG and the caption of each figure.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("jaxmech.reports"), autoescape=True, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(
        folder=folder,
        study=description,
        findings=findings,
        summary=summary,
        drawings=drawings,
        trees=[] if findings is None else [(one, tree_svg(one.root)) for one in findings.trees],
    )


def read(directory: Path) -> Read:
    """What ``write`` wrote to ``summary.json``.

    Raises:
      ValueError: there is no such file, it is damaged, or the manifest lists another.
    """
    path = directory / SUMMARY
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; the study is not finished")
    if _listed(directory).get(SUMMARY, _hash(path)) != _hash(path):
        raise ValueError(f"{path}: {_CHANGED}; jaxmech resume makes it again")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        structure(summary, _About)
        return Read(structure(summary, Findings), summary)
    except Exception as error:  # damage shows as any kind of error
        raise ValueError(
            f"{path}: damaged ({type(error).__name__}); jaxmech resume makes it again"
        ) from error


def is_finished(directory: Path) -> bool:
    """Whether the folder has a manifest and the summary that it lists, and so have its parts.

    A part whose summary the manifest does not list, as one that diverged, had none to give.
    """
    path, listed = directory / SUMMARY, _listed(directory)
    return (
        path.is_file()
        and listed.get(SUMMARY) == _hash(path)
        and all(
            is_finished(part)
            for part in parts(directory)
            if f"{CELLS}/{part.name}/{SUMMARY}" in listed
        )
    )


def damage(directory: Path) -> list[str]:
    """A line for every file that is not as it was when the study finished, parts included.

    None where the study is not finished.
    """
    path, lines = directory / MANIFEST, []
    listed, there = _listed(directory), _hashes(directory)
    if not listed and (path.exists() or (directory / SUMMARY).exists()):
        state = "damaged" if path.exists() else "missing"
        lines.append(f"{path}: is {state}, so that changes of the other files cannot be told")
    for name, content in listed.items():
        if name not in there:
            lines.append(f"{directory / name}: is missing, and was there when the study finished")
        elif there[name] != content:
            lines.append(f"{directory / name}: {_CHANGED}")
    for part in parts(directory):
        lines += [line for line in damage(part) if line not in lines]
    return lines


def parts(directory: Path) -> list[Path]:
    """The folders of the parts."""
    return sorted(path for path in (directory / CELLS).glob("*") if path.is_dir())


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
        text = (directory / MANIFEST).read_text(encoding="utf-8")
        files = {str(name): str(of) for name, of in json.loads(text)["files"].items()}
        # Byte by byte, so that also a change that JSON does not see is one.
        return files if text == _manifest_of(files) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_manifest(directory: Path, files: Mapping[str, str]) -> None:
    write_whole(directory / MANIFEST, _manifest_of(files))


def _manifest_of(files: Mapping[str, str]) -> str:
    listed = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return json.dumps({"files": files, "hash": listed}, indent=1) + "\n"


def _hashes(directory: Path) -> dict[str, str]:
    """Of every file; of the parts, which have manifests of their own, of their summaries."""
    found = {}
    for path in sorted(directory.rglob("*")):
        names = path.relative_to(directory).parts
        counts = names[0] != CELLS or (len(names) == 3 and names[2] == SUMMARY)
        counts &= names[-1] not in _NOT_LISTED and not names[-1].endswith(UNFINISHED)
        if counts and path.is_file() and not path.is_symlink():
            found["/".join(names)] = _hash(path)
    return found


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
