"""What each family of sequential price mechanisms is worth in a setting, as one table.

Order fixed in advance or adaptive, prices anonymous, personalised or adaptive. Exact, but for
what only a numerical search finds, which is marked. Nothing here imports jax before the study is
computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from jaxmech import checks
from jaxmech.agents.settings.named import AdditiveTypes, BuiltInSetting, Correlated
from jaxmech.checks import InvalidValueError
from jaxmech.experiments.sequential_price.economy import FiniteSettingFile, NamedSetting
from jaxmech.experiments.sequential_price.results import NUMERICAL, by_reason
from jaxmech.experiments.sequential_price.study import absolute
from jaxmech.experiments.study import NamedStudy
from jaxmech.naming import full_name, lookup
from jaxmech.reports.findings import Findings, Oracle, Record, Table

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

_FILES = (".yaml", ".yml")

FAMILIES = {
    "random_serial_dictatorship": "random order, price\N{NO-BREAK SPACE}0",
    "anonymous_static_prices": "static order, anony\N{SOFT HYPHEN}mous prices",
    "personalised_static_prices": "static order, person\N{SOFT HYPHEN}alised prices",
    "static_order_optimum": "static order, adap\N{SOFT HYPHEN}tive prices",
    "adaptive_order_anonymous_prices": (
        "adap\N{SOFT HYPHEN}tive order, anony\N{SOFT HYPHEN}mous prices"
    ),
    "adaptive_order_personalised_prices": (
        "adap\N{SOFT HYPHEN}tive order, person\N{SOFT HYPHEN}alised prices"
    ),
    "optimum": "all adap\N{SOFT HYPHEN}tive",
    "offline_optimum": "offline optimum",
}
"""What the columns of the table are called, by the names that families have in ``summary.json``;
soft hyphens say where a narrow table may break a word."""


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
        return tuple(name for name in self.settings if Path(name).suffix in _FILES)

    @property
    def title(self) -> str:
        """The name."""
        return self.name

    def economies(self) -> dict[str, NamedSetting]:
        """The settings by their names in the table; those with a delta once for each.

        Raises:
          ValueError: an unknown name, or deltas for settings of which none has one.
        """
        known = _settings()
        found: dict[str, NamedSetting] = {}
        for name in self.settings:
            if name in self.files:
                found[name] = FiniteSettingFile(name)
                continue
            setting = lookup("settings", full_name(name, known), known)
            if self.delta and isinstance(setting, Correlated | AdditiveTypes):
                found |= {
                    f"{name}_{delta:g}": replace(setting, delta=delta) for delta in self.delta
                }
            else:
                found[name] = setting
        if self.delta and not any(hasattr(setting, "delta") for setting in found.values()):
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
                absolute("settings", name) if name in self.files else name for name in self.settings
            ),
        )
        found.economies()
        return found

    def compute(self, workspace: Workspace) -> Findings:
        """The expected welfare of each of ``FAMILIES`` in every setting."""
        economies = self.economies()
        labels = _labels(list(economies))
        found: dict[str, dict[str, Oracle]] = {}
        for number, (name, setting) in enumerate(economies.items(), 1):
            workspace.say(f"setting {number} of {len(economies)}, {name}")
            values = workspace.kept_on_host(f"setting_{number}", values_of, setting)
            found[labels[name]] = {family: Oracle(*value) for family, value in values.items()}
        return Findings(
            headline=_headline(found),
            oracles={
                f"{label}/{family}" if len(found) > 1 else family: oracle
                for label, row in found.items()
                for family, oracle in row.items()
            },
            tables=(_table(found),),
            records=tuple(
                Record(family, "welfare", oracle.value, cell=label)
                for label, row in found.items()
                for family, oracle in row.items()
            ),
        )


def values_of(named: NamedSetting) -> dict[str, tuple[float | None, bool, str]]:
    """What each of ``FAMILIES`` is worth in a setting.

    Returns:
      by family the value, or None; whether it is exact; and why there is none.
    """
    from jaxmech.oracles import NotKnownError, sequential_price

    setting = named.build()
    values: dict[str, tuple[float | None, bool, str]] = {}
    called = {"optimum": "optimal", "offline_optimum": "expected_offline_optimum"}
    for family in FAMILIES:
        try:
            result = getattr(sequential_price, called.get(family, family))(setting)
        except NotKnownError as reason:
            values[family] = (None, True, str(reason))
        else:
            value, exact = getattr(result, "value", result), getattr(result, "exact", True)
            values[family] = (float(value), bool(exact), "")
    return values


def _settings() -> dict[str, BuiltInSetting]:
    """The settings in which mechanisms are learned, by the names of studies and panels."""
    from jaxmech.experiments.sequential_price.named import LEARNED, PANELS

    studies = LEARNED | {panel.name: panel.study for panel in PANELS}
    return {
        name: study.setting
        for name, study in studies.items()
        if isinstance(study.setting, BuiltInSetting)
    }


def _table(found: Mapping[str, Mapping[str, Oracle]]) -> Table:
    return Table(
        title="Expected welfare and, beneath, % of the optimum (all adaptive)",
        columns=("Setting", *(label[0].upper() + label[1:] for label in FAMILIES.values())),
        rows=tuple(
            (label, *(_cell(row[family], row["optimum"].value) for family in FAMILIES))
            for label, row in found.items()
        ),
        notes=tuple(_notes(found)),
    )


def _cell(oracle: Oracle, optimum: float | None) -> str:
    if oracle.value is None:
        return "-"
    share = f"\n{100 * oracle.value / optimum:.2f}" if optimum else ""
    return f"{oracle.value:.4f}{share}{'' if oracle.exact else NUMERICAL}"


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Each name after its last slash, or as much more of it as tells it from the others."""
    labels: dict[str, str] = {}
    for name in names:
        parts = Path(name).parts
        tails = ["/".join(parts[-length:]) for length in range(1, len(parts))]
        others = [Path(other) for other in names if other != name]
        labels[name] = next(
            (tail for tail in tails if not any(other.match(tail) for other in others)), name
        )
    return labels


def _notes(found: Mapping[str, Mapping[str, Oracle]]) -> list[str]:
    """What the reader of the table must know."""
    plain = str.maketrans({"\N{SOFT HYPHEN}": "", "\N{NO-BREAK SPACE}": " "})
    lines = [
        f"{label}: no value of {'; '.join(FAMILIES[name].translate(plain) for name in names)} "
        f"({reason})."
        for label, row in found.items()
        for reason, names in by_reason(row).items()
    ]
    if all(oracle.exact for row in found.values() for oracle in row.values()):
        return lines
    return [f"{NUMERICAL} Best prices found by a numerical search, not exact.", *lines]


def _headline(found: Mapping[str, Mapping[str, Oracle]]) -> str:
    """Where static prices lose most."""
    values = {
        label: (row["personalised_static_prices"].value, row["optimum"].value)
        for label, row in found.items()
    }
    shares = {
        label: 100 * static / optimum
        for label, (static, optimum) in values.items()
        if static is not None and optimum
    }
    if not shares:
        return "No setting has both an optimum and best static prices that are known."
    worst = min(shares, key=lambda label: shares[label])
    end = ", the least of all settings." if len(shares) > 1 else "."
    return f"Personalised static prices reach {shares[worst]:.2f} % of the optimum in {worst}{end}"
