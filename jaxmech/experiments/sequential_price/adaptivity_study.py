"""The study of how far adaptive order, adaptive prices and personalised prices matter.

Nothing here imports jax before the study is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from jaxmech import checks
from jaxmech.agents.settings.named import AdditiveTypes, Correlated
from jaxmech.checks import InvalidValueError
from jaxmech.experiments.registry import STUDIES, study_called
from jaxmech.experiments.sequential_price.panel_study import Panel
from jaxmech.experiments.sequential_price.settings import (
    FiniteSettingFile,
    NamedSetting,
    TimberAuctions,
)
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy, absolute
from jaxmech.experiments.study import NamedStudy
from jaxmech.naming import full_name, lookup

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace
    from jaxmech.reports.findings import Findings

_FILES = (".yaml", ".yml")


@dataclass(frozen=True)
class Adaptivity(NamedStudy):
    """How far adaptive order, adaptive prices and personalised prices matter.

    Values are exact, but for those marked with a dagger, which a numerical search found.
    """

    settings: tuple[str, ...] = (
        "kitchen_sink",
        "id",
        "two_worlds",
        "inventory",
        "colors",
        "correlated",
        "proposition_1",
        "proposition_2",
        "proposition_3",
        "proposition_4",
    )
    """Settings by the name of their study or panel, or YAML files of your own ones."""
    delta: tuple[float, ...] = ()
    """Strengths of the correlation, in place of that of every setting that has one; a row each."""

    def __post_init__(self) -> None:
        checks.some("settings", self.settings)
        checks.numbers("delta", self.delta, low=0, high=1)

    @property
    def files(self) -> tuple[str, ...]:
        """The files among the settings."""
        return tuple(name for name in self.settings if _is_file(name))

    @property
    def title(self) -> str:
        """The name."""
        return self.name

    def economies(self) -> dict[str, NamedSetting]:
        """The settings by their names in the table; those with a delta once for each.

        Raises:
          ValueError: an unknown name, or deltas for settings of which none has one.
        """
        found: dict[str, NamedSetting] = {}
        delta_is_used = False
        for name in self.settings:
            setting = FiniteSettingFile(name) if _is_file(name) else _setting_called(name)
            if self.delta and isinstance(setting, Correlated | AdditiveTypes):
                delta_is_used = True
                for delta in self.delta:
                    found[f"{name}_{delta:g}"] = replace(setting, delta=delta)
            else:
                found[name] = setting
        if self.delta and not delta_is_used:
            raise InvalidValueError(
                "delta", list(self.delta), "none of the settings has one", verb=""
            )
        return found

    def resolved(self) -> Self:
        """The same study, with paths that are found from any folder.

        Raises:
          ValueError: there is no such setting or file, or none of the settings has a delta.
        """
        found = replace(
            self,
            settings=tuple(
                absolute("settings", name) if _is_file(name) else name for name in self.settings
            ),
        )
        found.economies()
        return found

    def compute(self, workspace: Workspace) -> Findings:
        """The welfare of each family of mechanisms in every setting."""
        from jaxmech.experiments.sequential_price.adaptivity import welfare_by_family

        return welfare_by_family(self, workspace)


def _is_file(name: str) -> bool:
    return Path(name).suffix in _FILES


def _setting_called(name: str) -> NamedSetting:
    known = _settings()
    return lookup("settings", full_name(name, known), known)


def _settings() -> Mapping[str, NamedSetting]:
    """The settings in which mechanisms are learned, by the names of studies and panels."""
    known: dict[str, NamedSetting] = {}
    for name in STUDIES:
        if not STUDIES[name].startswith("jaxmech.experiments.sequential_price."):
            continue
        study = study_called(name)
        setting = study.setting if isinstance(study, SequentialPriceStudy | Panel) else None
        if isinstance(study, Panel):
            setting = study.study.setting
        if setting is not None and not isinstance(setting, FiniteSettingFile | TimberAuctions):
            known[name] = setting
    return known
