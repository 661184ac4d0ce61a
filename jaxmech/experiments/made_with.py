"""What something on disk was made with: a study, files, devices and software."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from jaxmech.reports.folder import as_json
from jaxmech.runner.plan import equal

_PACKAGES = ("jaxmech", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")


def devices_and_versions() -> dict[str, Any]:
    """The fields ``devices`` and ``versions`` of ``summary.json``."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}
    return {"devices": [str(device) for device in jax.devices()], "versions": versions}


def hashes(files: Sequence[str]) -> dict[str, str]:
    """What is in each file, as a number."""
    return {file: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}


def check_made_with(path: Path, was: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuses what was made with something else than is asked for now.

    Args:
      path: what was made, for the message.
      was: ``configuration``, fields by name, and ``files``, what is in each as a number.
      asked: the same of now.

    Raises:
      ValueError: a field or a file is another one; names the first.
    """
    # In summary.json infinity and NaN are text.
    was, asked = as_json(was), as_json(asked)
    then, now = was.get("configuration", {}), asked.get("configuration", {})
    pairs = {name: (now.get(name, "nothing"), then.get(name, "nothing")) for name in now | then}
    differing = [name for name, pair in pairs.items() if not equal(*pair)]
    if differing:
        name = differing[0]
        got, made = map(_short, pairs[name])
        how = "choose another directory, or give what it was"
        if name == "updates":
            how += "; a run is trained further by: jaxmech resume RUN --updates N"
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise ValueError(f"{name}: got {got}; {path} was made with {made}{more}; {how}")
    of_files, files = was.get("files", {}), asked.get("files", {})
    for file in {**files, **of_files}:
        if files.get(file) != of_files.get(file):
            raise ValueError(
                f"{file}: its content is another than {path} was made with; restore the file, or "
                "choose another directory"
            )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "..."
