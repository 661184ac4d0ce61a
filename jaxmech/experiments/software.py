"""What a run was computed with, for its ``summary.json``."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import jax

_PACKAGES = ("jaxmech", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")


def devices_and_versions() -> dict[str, Any]:
    """The fields ``devices`` and ``versions``."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}
    return {"devices": [str(device) for device in jax.devices()], "versions": versions}
