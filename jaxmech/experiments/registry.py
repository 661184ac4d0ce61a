"""The studies known by name, each by the module and object that hold it; free of jax."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from jaxmech.naming import lookup

if TYPE_CHECKING:
    from jaxmech.experiments.study import Study

_AUCTIONS = "jaxmech.experiments.auctions.configuration"

STUDIES: dict[str, str] = {
    "auctions/revenue_equivalence": f"{_AUCTIONS}:REVENUE_EQUIVALENCE",
    "auctions/equilibrium": f"{_AUCTIONS}:EQUILIBRIUM",
    "auctions/squashing": f"{_AUCTIONS}:SQUASHING",
}
"""``module:object`` of every study, in the order in which ``jaxmech list`` shows them."""

FOR_FILES: dict[str, str] = {
    ".yaml": "jaxmech run own_setting --setting.path",
    ".yml": "jaxmech run own_setting --setting.path",
    ".csv": "jaxmech run own_values --samples",
    ".parquet": "jaxmech run own_values --samples",
    ".npz": "jaxmech run own_values --samples",
}
"""What to do with a file of the user's, by the end of its name."""


def study_called(name: str) -> Study:
    """The study registered as ``name``.

    Raises:
      ValueError: there is none; the nearest name is suggested.
    """
    module, _, attribute = lookup("study", name, STUDIES).partition(":")
    study: Study = getattr(import_module(module), attribute)
    return study
