"""Vectorised mechanism design in JAX.

Submodules load on first use, so ``import jaxmech`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

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
        struct,
        wrappers,
    )
    from jaxmech.designers import train
    from jaxmech.environments import make, register

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
    "register",
    "runner",
    "spaces",
    "struct",
    "train",
    "wrappers",
]

__getattr__ = exports(__name__, {"environments": ("make", "register"), "designers": ("train",)})


def __dir__() -> list[str]:
    return __all__
