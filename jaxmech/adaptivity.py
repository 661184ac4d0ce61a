"""How far adaptive order, adaptive prices and personalised prices matter, as one table.

For every setting, the welfare of each family of sequential price mechanisms: order fixed in
advance or adaptive, prices anonymous, personalised or adaptive. Exact, but for what only a
numerical search finds, which is marked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmech.agents import Setting
from jaxmech.data import load_setting
from jaxmech.experiments.sequential_price.building import setting_of
from jaxmech.experiments.sequential_price.configuration import AdditiveTypes, Correlated
from jaxmech.experiments.sequential_price.panels import ECONOMIES
from jaxmech.naming import full_name, lookup
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.reports.console import console, say, working
from jaxmech.results import NUMERICAL

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Family:
    """A column of the table.

    Attributes:
      head: of the column.
      label: what the family is called in a sentence.
      oracle: its value in a setting, or a result that has a ``value`` and whether it is
        ``exact``.
    """

    head: str
    label: str
    oracle: Callable[[Setting], Any]


FAMILIES = {
    "random_serial_dictatorship": Family(
        "Random\norder,\nprice 0",
        "random serial dictatorship",
        sequential_price.random_serial_dictatorship,
    ),
    "anonymous_static_prices": Family(
        "Static\norder,\nanony-\nmous\nprices",
        "static order, anonymous prices",
        sequential_price.anonymous_static_prices,
    ),
    "personalised_static_prices": Family(
        "Static\norder,\nperson-\nalised\nprices",
        "static order, personalised prices",
        sequential_price.personalised_static_prices,
    ),
    "static_order_optimum": Family(
        "Static\norder,\nadap-\ntive\nprices",
        "static order, adaptive prices",
        sequential_price.static_order_optimum,
    ),
    "adaptive_order_anonymous_prices": Family(
        "Adap-\ntive\norder,\nanony-\nmous\nprices",
        "adaptive order, anonymous prices",
        sequential_price.adaptive_order_anonymous_prices,
    ),
    "adaptive_order_personalised_prices": Family(
        "Adap-\ntive\norder,\nperson-\nalised\nprices",
        "adaptive order, personalised prices",
        sequential_price.adaptive_order_personalised_prices,
    ),
    "optimum": Family(
        "All\nadap-\ntive",
        "adaptive order and prices",
        sequential_price.optimal,
    ),
    "offline_optimum": Family(
        "Offline\noptimum",
        "offline optimum",
        sequential_price.expected_offline_optimum,
    ),
}
"""By the names they have in ``adaptivity.json``."""

_FILES = (".yaml", ".yml")


def run(names: Sequence[str], directory: Path | None, *, deltas: Sequence[float] = ()) -> int:
    """Prints the table for settings, called by name or by the path of a YAML file.

    Args:
      names: of the rows, see ``settings_called``.
      directory: where to write ``adaptivity.json``; nothing is written where None.
      deltas: see ``settings_called``.

    Raises:
      ValueError: see ``settings_called``.
      FileExistsError: ``directory`` holds an ``adaptivity.json`` already.
    """
    path = directory / "adaptivity.json" if directory is not None else None
    if path is not None and path.exists():
        raise FileExistsError(f"{path} exists already; give another --directory")
    if directory is not None and directory.exists() and not directory.is_dir():
        raise ValueError(f"directory: got {directory}, which is a file; a folder is needed")
    settings = settings_called(names, deltas)
    found: dict[str, dict[str, Any]] = {}
    for number, (name, setting) in enumerate(settings.items(), 1):
        place, start = f"setting {number} of {len(settings)}, {name}", time.monotonic()
        with working(place):
            found[name] = values_of(setting)
        say(f"{place}: {time.monotonic() - start:.1f} s")
    shown = console()
    shown.print(rich_table(found, width=shown.width))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"settings": found}, indent=2) + "\n")
        say(f"values: {path}")
    return 0


def settings_called(names: Sequence[str], deltas: Sequence[float] = ()) -> dict[str, Setting]:
    """The settings of these names, or of the YAML files with these paths, by name.

    Args:
      names: those of ``ECONOMIES``, in full or without what is before the slash, or paths.
      deltas: where given, settings with a ``delta`` are there once for each, called
        ``NAME_DELTA``.

    Raises:
      ValueError: an unknown name, a file that is not there or describes no setting, a delta
        out of range, or deltas for settings of which none has one.
    """
    settings: dict[str, Setting] = {}
    delta_is_used = False
    for name in names:
        if Path(name).suffix in _FILES:
            settings[name] = load_setting(name)
            continue
        economy = lookup("setting", full_name(name, ECONOMIES), ECONOMIES)
        if deltas and isinstance(economy, Correlated | AdditiveTypes):
            delta_is_used = True
            for delta in deltas:
                settings[f"{name}_{delta:g}"] = setting_of(replace(economy, delta=delta))
        else:
            settings[name] = setting_of(economy)
    if deltas and not delta_is_used:
        raise ValueError(f"delta: got {list(deltas)}; none of the settings has one")
    return settings


def values_of(setting: Setting) -> dict[str, Any]:
    """What each of ``FAMILIES`` is worth, under the names that ``summary.json`` uses.

    Returns:
      ``oracles``, values by family; ``oracles_numerical``, families whose value a numerical
      search found; ``oracles_missing``, by family why there is no value.
    """
    values: dict[str, float] = {}
    numerical: list[str] = []
    missing: dict[str, str] = {}
    for name, family in FAMILIES.items():
        try:
            result = family.oracle(setting)
        except NotKnownError as reason:
            missing[name] = str(reason)
            continue
        values[name] = float(getattr(result, "value", result))
        if not getattr(result, "exact", True):
            numerical.append(name)
    return {"oracles": values, "oracles_numerical": numerical, "oracles_missing": missing}


def rich_table(found: Mapping[str, Mapping[str, Any]], *, width: int) -> Table:
    """The table for a terminal of so many columns, a row for each setting."""
    from rich.console import Console

    wide = _table(found, hyphenated=False)
    if Console(width=10 * width).measure(wide).maximum <= width:
        return wide
    return _table(found, hyphenated=True)


def _table(found: Mapping[str, Mapping[str, Any]], *, hyphenated: bool) -> Table:
    """With long words in the heads hyphenated it is as narrow as can be, to fit in 80 columns."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    labels = _labels(list(found))
    made = Table(
        title="Expected welfare and, beneath, % of the optimum (all adaptive)",
        caption=escape("\n".join(_notes(found, labels))),
        box=box.SIMPLE_HEAD,
        padding=(0, 0 if hyphenated else 2, 1, 0),
        show_edge=False,
    )
    made.add_column("Setting")
    for family in FAMILIES.values():
        head = family.head if hyphenated else family.head.replace("-\n", "")
        made.add_column(head, justify="right")
    for name, row in found.items():
        made.add_row(escape(labels[name]), *(_cell(row, family) for family in FAMILIES))
    return made


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


def _cell(row: Mapping[str, Any], family: str) -> str:
    values, mark = row["oracles"], NUMERICAL if family in row["oracles_numerical"] else ""
    if family not in values:
        return "-"
    value = f"{values[family]:.4f}"
    if not values.get("optimum"):
        return value + mark
    return f"{value}\n{100 * values[family] / values['optimum']:.2f}{mark}"


def _notes(found: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> list[str]:
    """What the reader of the table must know."""
    lines = []
    if any(row["oracles_numerical"] for row in found.values()):
        lines.append(f"{NUMERICAL} Best prices found by a numerical search, not exact.")
    for name, row in found.items():
        by_reason: dict[str, list[str]] = {}
        for family, reason in row["oracles_missing"].items():
            by_reason.setdefault(reason, []).append(FAMILIES[family].label)
        lines += [
            f"{labels[name]}: no value of {'; '.join(families)} ({reason})."
            for reason, families in by_reason.items()
        ]
    return lines
