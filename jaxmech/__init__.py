"""Vectorised mechanism design in JAX.

Submodules load on first use, so ``import jaxmech`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_SUBMODULES = frozenset(
    {
        "agents",
        "designers",
        "environments",
        "experiments",
        "mechanisms",
        "networks",
        "oracles",
        "runner",
        "spaces",
        "wrappers",
    }
)

if TYPE_CHECKING:
    from jaxmech import (
        agents,
        designers,
        environments,
        experiments,
        mechanisms,
        networks,
        oracles,
        runner,
        spaces,
        wrappers,
    )
    from jaxmech.designers import train
    from jaxmech.environments import make


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"jaxmech.{name}")
    if name == "make":
        from jaxmech.environments import make

        return make
    if name == "train":
        from jaxmech.designers import train

        return train
    raise AttributeError(f"module 'jaxmech' has no attribute {name!r}")
