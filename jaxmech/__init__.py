"""Vectorised mechanism design in JAX.

Submodules load on first use, so ``import jaxmech`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from jaxmech import (
        agents,
        certificates,
        data,
        designers,
        environments,
        evaluation,
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

__all__ = [
    "agents",
    "certificates",
    "data",
    "designers",
    "environments",
    "evaluation",
    "experiments",
    "make",
    "mechanisms",
    "networks",
    "oracles",
    "runner",
    "spaces",
    "train",
    "wrappers",
]

_FUNCTIONS = {"make": "environments", "train": "designers"}


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"jaxmech.{_FUNCTIONS[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"jaxmech.{name}")
    raise AttributeError(f"module 'jaxmech' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
