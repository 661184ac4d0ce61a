"""The studies known by name, each by the module and object that hold it; free of jax."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

if TYPE_CHECKING:
    from jaxmech.experiments.study import Study

_AUCTIONS = "jaxmech.experiments.auctions.configuration"

STUDIES: dict[str, str] = {
    **dict.fromkeys(
        (
            "brero2021/correlated",
            "brero2021/colors",
            "brero2021/two_worlds",
            "brero2021/inventory",
            "brero2021/kitchen_sink",
            "brero2021/id",
            "brero2021/additive_types",
            "brero2021/revenue",
            "brero2021/max_min",
            "hundreds_of_agents",
            "memory_of_hundreds",
            "brero2021/proposition_1",
            "brero2021/proposition_2",
            "brero2021/proposition_3",
            "brero2021/proposition_4",
            "timber_auctions",
            "own_setting",
            "own_values",
            "brero2021/figure_2a",
            "brero2021/figure_2b",
            "brero2021/figure_2c",
            "brero2021/figure_2d",
            "brero2021/figure_3a",
            "brero2021/figure_3b",
            "brero2021/figure_3c",
            "brero2021/figure_3d",
            "brero2021/figure_3e",
            "brero2021/figure_4a",
            "brero2021/figure_4b",
            "brero2021/figure_4c",
            "brero2021/figures",
            "adaptivity",
        ),
        "jaxmech.experiments.sequential_price.named:STUDIES",
    ),
    "auctions/revenue_equivalence": f"{_AUCTIONS}:REVENUE_EQUIVALENCE",
    "auctions/equilibrium": f"{_AUCTIONS}:EQUILIBRIUM",
    "auctions/squashing": f"{_AUCTIONS}:SQUASHING",
    "auctions/learned_reserve": "jaxmech.experiments.auctions.learned_reserve:LEARNED_RESERVE",
    **dict.fromkeys(
        ("tang2017/impression_allocation", "impression_market", "many_sellers"),
        "jaxmech.experiments.impression_allocation.configuration:STUDIES",
    ),
    **dict.fromkeys(
        ("mguni2018/multilane", "mguni2018/figure_2", "mguni2018/gradients"),
        "jaxmech.experiments.incentives.multilane.configuration:STUDIES",
    ),
    "incentives/escape_room": (
        "jaxmech.experiments.incentives.escape_room.configuration:ESCAPE_ROOM"
    ),
    "incentives/consumer_tax": (
        "jaxmech.experiments.incentives.consumer_tax.configuration:CONSUMER_TAX"
    ),
    "incentives/cournot": "jaxmech.experiments.incentives.cournot.configuration:COURNOT",
    "incentives/stackelberg_pricing": (
        "jaxmech.experiments.incentives.stackelberg_pricing.configuration:STACKELBERG_PRICING"
    ),
    "incentives/four_rooms": "jaxmech.experiments.incentives.four_rooms.configuration:FOUR_ROOMS",
    "incentives/matrix_games": (
        "jaxmech.experiments.incentives.matrix_games.configuration:MATRIX_GAMES"
    ),
    "incentives/income_tax": "jaxmech.experiments.incentives.income_tax.configuration:INCOME_TAX",
    "tang2017/reserve_pricing": "jaxmech.experiments.reserve_pricing.configuration:RESERVE_PRICING",
}
"""``module:object`` of every study, in the order in which ``jaxmech list`` shows them; the object
is the study, or a mapping that has it by its name."""

FOR_FILES: dict[str, str] = {
    ".yaml": "jaxmech run own_setting --setting.path",
    ".yml": "jaxmech run own_setting --setting.path",
    ".csv": "jaxmech run own_values --samples",
    ".parquet": "jaxmech run own_values --samples",
    ".npz": "jaxmech run own_values --samples",
}
"""What to do with a file of the user's, by the end of its name."""


def studies() -> dict[str, str]:
    """``STUDIES``, and those of installed packages: their entry points ``jaxmech.experiments``."""
    return STUDIES | {one.name: one.value for one in _installed()}


@cache
def _installed() -> metadata.EntryPoints:
    """Of packages installed when first asked, read once; later ones are known after a restart."""
    return metadata.entry_points(group="jaxmech.experiments")


def study_called(name: str) -> Study:
    """The study registered as ``name``.

    Raises:
      ValueError: there is none, and the nearest name is suggested; or it is no study.
    """
    from jaxmech.experiments.study import Study

    module, _, attribute = lookup("study", name, studies()).partition(":")
    found = getattr(import_module(module), attribute)
    study: Study = found[name] if isinstance(found, Mapping) else found
    needed = [member for member in vars(Study) if not member.startswith("_")]
    lacking = [member for member in needed if member not in dir(study)]
    if lacking:
        allowed = "what extends jaxmech.experiments.NamedStudy"
        got = f"{name!r} without {', '.join(lacking)}"
        raise InvalidValueError("study", study, allowed, got=got, verb="allowed is")
    return study
