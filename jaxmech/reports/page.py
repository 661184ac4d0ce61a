"""The page of a run: everything that was found, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping
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
    drawings: Mapping[str, str],
) -> str:
    """The page, as HTML; text is escaped.

    Args:
      folder: the name of the run's folder.
      description: of the study.
      findings: of the study; None where it is not finished.
      summary: times, devices and versions.
      drawings: the SVG of each figure by its name.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("jaxmech.reports"), autoescape=True, trim_blocks=True
    )
    configuration = {
        name: "not given" if value is None else str(value)
        for name, value in description.configuration.items()
        if name != "name"
    }
    return environment.get_template("page.html.jinja").render(
        study=description,
        configuration=configuration,
        findings=findings,
        facts=_facts(folder, summary),
        drawings=drawings,
        captions={} if findings is None else _captions(findings),
        trees=[] if findings is None else [(one, tree_svg(one.root)) for one in findings.trees],
    )


def _facts(folder: str, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("folder", folder)]
    if summary:
        versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
        facts += [
            ("seconds of computing", f"{summary['seconds']:.1f}"),
            ("seconds of compiling", f"{summary['compile_seconds']:.1f}"),
            ("devices", ", ".join(summary["devices"])),
            ("versions", versions),
        ]
    return facts


def _captions(findings: Findings) -> dict[str, str]:
    captions = {figure.name: figure.caption for figure in findings.figures}
    for curves in findings.learning_curves:
        captions[f"learning_{curves.metric}"] = (
            f"Mean {curves.metric} of what was learned so far, evaluated without exploration, by "
            "steps of the environment taken by a seed."
        )
    return captions
