"""The page of a run: everything that was found, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxmech.reports.findings import Findings
from jaxmech.reports.tree import tree_svg


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
