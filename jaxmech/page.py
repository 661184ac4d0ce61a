"""What the pages of all runs share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page from a template of this package and what it shows, which is escaped."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("jaxmech"), autoescape=True, trim_blocks=True)
    return environment.get_template(template).render(context)


def svg_of(path: Path) -> str:
    """The drawing in a file, to stand in a page."""
    text = path.read_text()
    return text[text.index("<svg") :]


def software(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a run was computed with, as facts of the page."""
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    return [("devices", ", ".join(summary["devices"])), ("versions", versions)]


def flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested fields as names with dots."""
    entries = []
    for name, value in content.items():
        if isinstance(value, dict):
            entries += flat(value, f"{prefix}{name}.")
        elif name not in ("summary", "reproduces"):
            entries.append((prefix + name, "not given" if value is None else str(value)))
    return entries
