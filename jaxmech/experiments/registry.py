"""The studies known by name, each by the module and object that hold it; free of jax."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from jaxmech.naming import lookup

if TYPE_CHECKING:
    from jaxmech.experiments.study import Study

_AUCTIONS = "jaxmech.experiments.auctions.configuration"
_SEQUENTIAL = "jaxmech.experiments.sequential_price.named"

STUDIES: dict[str, str] = {
    "brero2021/correlated": f"{_SEQUENTIAL}:CORRELATED",
    "brero2021/colors": f"{_SEQUENTIAL}:COLORS",
    "brero2021/two_worlds": f"{_SEQUENTIAL}:TWO_WORLDS",
    "brero2021/inventory": f"{_SEQUENTIAL}:INVENTORY",
    "brero2021/kitchen_sink": f"{_SEQUENTIAL}:KITCHEN_SINK",
    "brero2021/id": f"{_SEQUENTIAL}:ID",
    "brero2021/additive_types": f"{_SEQUENTIAL}:ADDITIVE_TYPES",
    "brero2021/revenue": f"{_SEQUENTIAL}:REVENUE",
    "brero2021/max_min": f"{_SEQUENTIAL}:MAX_MIN",
    "hundreds_of_agents": f"{_SEQUENTIAL}:HUNDREDS_OF_AGENTS",
    "memory_of_hundreds": f"{_SEQUENTIAL}:MEMORY_OF_HUNDREDS",
    "brero2021/proposition_1": f"{_SEQUENTIAL}:PROPOSITION_1",
    "brero2021/proposition_2": f"{_SEQUENTIAL}:PROPOSITION_2",
    "brero2021/proposition_3": f"{_SEQUENTIAL}:PROPOSITION_3",
    "brero2021/proposition_4": f"{_SEQUENTIAL}:PROPOSITION_4",
    "timber_auctions": f"{_SEQUENTIAL}:TIMBER_AUCTIONS",
    "own_setting": f"{_SEQUENTIAL}:OWN_SETTING",
    "own_values": f"{_SEQUENTIAL}:OWN_VALUES",
    "brero2021/figure_2a": f"{_SEQUENTIAL}:FIGURE_2A",
    "brero2021/figure_2b": f"{_SEQUENTIAL}:FIGURE_2B",
    "brero2021/figure_2c": f"{_SEQUENTIAL}:FIGURE_2C",
    "brero2021/figure_2d": f"{_SEQUENTIAL}:FIGURE_2D",
    "brero2021/figure_3a": f"{_SEQUENTIAL}:FIGURE_3A",
    "brero2021/figure_3b": f"{_SEQUENTIAL}:FIGURE_3B",
    "brero2021/figure_3c": f"{_SEQUENTIAL}:FIGURE_3C",
    "brero2021/figure_3d": f"{_SEQUENTIAL}:FIGURE_3D",
    "brero2021/figure_3e": f"{_SEQUENTIAL}:FIGURE_3E",
    "brero2021/figure_4a": f"{_SEQUENTIAL}:FIGURE_4A",
    "brero2021/figure_4b": f"{_SEQUENTIAL}:FIGURE_4B",
    "brero2021/figure_4c": f"{_SEQUENTIAL}:FIGURE_4C",
    "brero2021/figures": f"{_SEQUENTIAL}:FIGURES",
    "adaptivity": f"{_SEQUENTIAL}:ADAPTIVITY",
    "auctions/revenue_equivalence": f"{_AUCTIONS}:REVENUE_EQUIVALENCE",
    "auctions/equilibrium": f"{_AUCTIONS}:EQUILIBRIUM",
    "auctions/squashing": f"{_AUCTIONS}:SQUASHING",
    "auctions/learned_reserve": "jaxmech.experiments.auctions.learned_reserve:LEARNED_RESERVE",
    "tang2017/reserve_pricing": "jaxmech.experiments.reserve_pricing.configuration:RESERVE_PRICING",
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
