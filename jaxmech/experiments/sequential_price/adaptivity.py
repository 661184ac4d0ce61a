"""What each family of sequential price mechanisms is worth in a setting, as one table.

Order fixed in advance or adaptive, prices anonymous, personalised or adaptive. Exact, but for
what only a numerical search finds, which is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmech.agents import Setting
from jaxmech.experiments.sequential_price.adaptivity_study import Adaptivity
from jaxmech.experiments.sequential_price.results import NUMERICAL
from jaxmech.experiments.sequential_price.settings import NamedSetting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.reports.findings import Findings, Oracle, Record, Table

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace


@dataclass(frozen=True)
class Family:
    """A column of the table.

    Attributes:
      label: what the family is called; soft hyphens say where a narrow table may break it.
      oracle: its value in a setting, or a result that has a ``value`` and whether it is
        ``exact``.
    """

    label: str
    oracle: Callable[[Setting], Any]


FAMILIES = {
    "random_serial_dictatorship": Family(
        "random order, price\N{NO-BREAK SPACE}0", sequential_price.random_serial_dictatorship
    ),
    "anonymous_static_prices": Family(
        "static order, anony\N{SOFT HYPHEN}mous prices", sequential_price.anonymous_static_prices
    ),
    "personalised_static_prices": Family(
        "static order, person\N{SOFT HYPHEN}alised prices",
        sequential_price.personalised_static_prices,
    ),
    "static_order_optimum": Family(
        "static order, adap\N{SOFT HYPHEN}tive prices", sequential_price.static_order_optimum
    ),
    "adaptive_order_anonymous_prices": Family(
        "adap\N{SOFT HYPHEN}tive order, anony\N{SOFT HYPHEN}mous prices",
        sequential_price.adaptive_order_anonymous_prices,
    ),
    "adaptive_order_personalised_prices": Family(
        "adap\N{SOFT HYPHEN}tive order, person\N{SOFT HYPHEN}alised prices",
        sequential_price.adaptive_order_personalised_prices,
    ),
    "optimum": Family("all adap\N{SOFT HYPHEN}tive", sequential_price.optimal),
    "offline_optimum": Family("offline optimum", sequential_price.expected_offline_optimum),
}
"""By the names they have in ``summary.json``."""


def welfare_by_family(study: Adaptivity, workspace: Workspace) -> Findings:
    """The expected welfare of each of ``FAMILIES`` in every setting of a study."""
    economies = study.economies()
    found: dict[str, dict[str, Oracle]] = {}
    for number, (name, setting) in enumerate(economies.items(), 1):
        workspace.say(f"setting {number} of {len(economies)}, {name}")
        values = workspace.kept_on_host(f"setting_{number}", values_of, setting)
        found[name] = {family: Oracle(*value) for family, value in values.items()}
    labels = _labels(list(found))
    several = len(found) > 1
    return Findings(
        headline=_headline(found, labels),
        oracles={
            f"{labels[name]}/{family}" if several else family: oracle
            for name, row in found.items()
            for family, oracle in row.items()
        },
        tables=(_table(found, labels),),
        records=tuple(
            Record(family, "welfare", oracle.value, cell=labels[name])
            for name, row in found.items()
            for family, oracle in row.items()
        ),
    )


def values_of(named: NamedSetting) -> dict[str, tuple[float | None, bool, str]]:
    """What each of ``FAMILIES`` is worth in a setting.

    Returns:
      by family the value, or None; whether it is exact; and why there is none.
    """
    setting = named.build()
    values: dict[str, tuple[float | None, bool, str]] = {}
    for name, family in FAMILIES.items():
        try:
            result = family.oracle(setting)
        except NotKnownError as reason:
            values[name] = (None, True, str(reason))
            continue
        value, exact = getattr(result, "value", result), getattr(result, "exact", True)
        values[name] = (float(value), bool(exact), "")
    return values


def _table(found: Mapping[str, Mapping[str, Oracle]], labels: Mapping[str, str]) -> Table:
    heads = (family.label for family in FAMILIES.values())
    return Table(
        title="Expected welfare and, beneath, % of the optimum (all adaptive)",
        columns=("Setting", *(head[0].upper() + head[1:] for head in heads)),
        rows=tuple(
            (labels[name], *(_cell(row, family) for family in FAMILIES))
            for name, row in found.items()
        ),
        notes=tuple(_notes(found, labels)),
    )


def _cell(row: Mapping[str, Oracle], family: str) -> str:
    value, optimum = row[family].value, row["optimum"].value
    if value is None:
        return "-"
    mark = "" if row[family].exact else NUMERICAL
    if not optimum:
        return f"{value:.4f}{mark}"
    return f"{value:.4f}\n{100 * value / optimum:.2f}{mark}"


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


def _notes(found: Mapping[str, Mapping[str, Oracle]], labels: Mapping[str, str]) -> list[str]:
    """What the reader of the table must know."""
    lines = []
    if not all(oracle.exact for row in found.values() for oracle in row.values()):
        lines.append(f"{NUMERICAL} Best prices found by a numerical search, not exact.")
    for name, row in found.items():
        by_reason: dict[str, list[str]] = {}
        for family, oracle in row.items():
            if oracle.missing:
                label = FAMILIES[family].label.replace("\N{SOFT HYPHEN}", "")
                label = label.replace("\N{NO-BREAK SPACE}", " ")
                by_reason.setdefault(oracle.missing, []).append(label)
        lines += [
            f"{labels[name]}: no value of {'; '.join(families)} ({reason})."
            for reason, families in by_reason.items()
        ]
    return lines


def _headline(found: Mapping[str, Mapping[str, Oracle]], labels: Mapping[str, str]) -> str:
    """Where static prices lose most."""
    shares = {}
    for name, row in found.items():
        static, optimum = row["personalised_static_prices"].value, row["optimum"].value
        if static is not None and optimum:
            shares[name] = 100 * static / optimum
    if not shares:
        return "No setting has both an optimum and best static prices that are known."
    worst = min(shares, key=lambda name: shares[name])
    return (
        f"Personalised static prices reach {shares[worst]:.2f} % of the optimum in {labels[worst]}"
        + (", the least of all settings." if len(shares) > 1 else ".")
    )
