"""Packages whose names are imported when they are first used, so that the packages cost nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Any


def exports(package: str, names: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """``__getattr__`` for the package's ``__init__``; its modules are attributes too.

    Args:
      package: its name.
      names: what it exports, by the module of the package that defines it, such as
        ``"ppo.ppo"``.
    """
    module_of = {name: module for module, exported in names.items() for name in exported}

    def attribute(name: str) -> Any:
        if name in module_of:
            return getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)
        if not name.startswith("_") and find_spec(f"{package}.{name}"):
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return attribute
