"""Settings of finite support as YAML files.

An example: one red and two yellow items; ten agents who want red, one who is as likely to
want either, and one who values yellow at 2 or 5 in half of the cases and at 0 in the other::

    items: {red: 1, yellow: 2}
    worlds:
      - probability: 1/2
        agents:
          - {count: 10, value: {red: 1}}
          - one_of: [{red: 2}, {yellow: 2}]
          - alternatives:
              - {value: {yellow: 2}, probability: 0.8}
              - {value: {yellow: 5}, probability: 0.2}
      - probability: 1/2
        agents:
          - {count: 10, value: {red: 1}}
          - one_of: [{red: 2}, {yellow: 2}]
          - 0

``items``
    Units for sale, by the name of the item type.
``demand``
    How an agent values several items: ``unit`` (the best of them counts; this is so where
    it is left out), ``additive`` or ``bundle`` (every bundle has a value of its own).
``worlds``
    Each has a ``probability``, which a single world may leave out, and ``agents``: the same
    number, in the same order, in every world. Given the world they draw independently.
An agent
    has one of ``value``, ``one_of`` (values, each as likely) and ``alternatives`` (each with
    a ``value`` and a ``probability``), and perhaps ``count``, for several agents like it,
    independent of each other. A plain number is short for an agent with that ``value``.
A value
    is a mapping from item types to numbers, 0 for those left out; or one number, which
    counts for every item type. With ``demand: bundle`` it is a mapping from bundles, such
    as ``red + yellow``, 0 for those left out.

Numbers may be fractions such as ``1/3``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from jaxmech import checks
from jaxmech.agents.settings.demand import AdditiveDemand, BundleDemand, Demand, UnitDemand
from jaxmech.agents.settings.finite import Alternatives, Value, finite_setting, one_of, surely
from jaxmech.agents.settings.setting import Setting
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

_DEMANDS: dict[str, type[UnitDemand] | type[AdditiveDemand] | type[BundleDemand]] = {
    "unit": UnitDemand,
    "additive": AdditiveDemand,
    "bundle": BundleDemand,
}


def load_setting(path: str | Path) -> Setting:
    """The setting of finite support that a YAML file describes; its form is above.

    Raises:
      ValueError: there is no such file, it is not YAML, a field is unknown, missing or
        there twice, an item is unknown, or what ``finite_setting`` refuses; the message
        names the file and the world, agent and alternative, counted from 1 (agents with
        ``count`` as that many).
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidValueError("path", path, "there is no such file", verb="")
    try:
        return _setting(yaml.load(path.read_text(encoding="utf-8"), _Loader))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


class _Loader(yaml.SafeLoader):
    """Refuses a name that appears twice in a mapping, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"line {node.start_mark.line + 1}: {name!r} appears twice")
        return super().construct_mapping(node, deep)


def _setting(content: Any) -> Setting:
    fields = _known_fields(content, "the file", required=("items", "worlds"), optional=("demand",))
    items = _names(fields["items"], "items")
    if not items:
        raise InvalidValueError("items", None, "at least one is needed", got="none", verb="")
    units = [checks.integer(f"items, {name}", number) for name, number in items.items()]
    demand = lookup("demand", str(fields.get("demand", "unit")), _DEMANDS)(len(items))
    bundles = _bundles(list(items), demand)
    worlds = []
    for index, world in enumerate(_list(fields["worlds"], "worlds"), 1):
        place = f"world {index}"
        described = _known_fields(world, place, required=("agents",), optional=("probability",))
        chance = _number(described.get("probability", 1), f"{place}, probability")
        worlds.append((chance, _agents(described["agents"], bundles, demand, place)))
    return finite_setting(worlds, units=units, demand=demand)


def _bundles(items: Sequence[str], demand: Demand) -> dict[str, int]:
    """Where the value of what has a name stands among an agent's values."""
    if not isinstance(demand, BundleDemand):
        return {name: index for index, name in enumerate(items)}
    for name in items:
        if "+" in name:
            raise InvalidValueError("items", name, "with bundles, names are joined by '+'", verb="")
    return {
        " + ".join(name for name, held in zip(items, bundle, strict=True) if held): index
        for index, bundle in enumerate(demand.bundles)
        if index
    }


def _agents(
    content: Any, bundles: dict[str, int], demand: Demand, world: str
) -> list[Alternatives]:
    agents: list[Alternatives] = []
    for entry in _list(content, f"{world}, agents"):
        place = f"{world}, agent {len(agents) + 1}"
        if not isinstance(entry, dict):
            agents.append(surely(_value(entry, bundles, demand, place)))
            continue
        kinds = ("value", "one_of", "alternatives")
        fields = _known_fields(entry, place, optional=(*kinds, "count"))
        given = [kind for kind in kinds if kind in fields]
        if len(given) != 1:
            raise InvalidValueError(place, given, f"one of {list(kinds)}", verb="needed is")
        support: Alternatives
        match given[0]:
            case "value":
                support = surely(_value(fields["value"], bundles, demand, place))
            case "one_of":
                values = _list(fields["one_of"], f"{place}, one_of")
                support = one_of(
                    *(
                        _value(value, bundles, demand, f"{place}, alternative {index}")
                        for index, value in enumerate(values, 1)
                    )
                )
            case _:
                support = _alternatives(fields["alternatives"], bundles, demand, place)
        agents += [support] * checks.integer(f"{place}, count", fields.get("count", 1))
    return agents


def _alternatives(
    content: Any, bundles: dict[str, int], demand: Demand, agent: str
) -> Alternatives:
    alternatives = []
    for index, entry in enumerate(_list(content, f"{agent}, alternatives"), 1):
        place = f"{agent}, alternative {index}"
        fields = _known_fields(entry, place, required=("value", "probability"))
        value = _value(fields["value"], bundles, demand, place)
        alternatives.append((value, _number(fields["probability"], f"{place}, probability")))
    return alternatives


def _value(content: Any, bundles: dict[str, int], demand: Demand, place: str) -> Value:
    if not isinstance(content, dict):
        number = _worth(content, place)
        if number != 0 and isinstance(demand, BundleDemand):
            raise InvalidValueError(place, content, "a mapping from bundles is needed", verb="")
        return number if number != 0 else [0.0] * demand.values_shape[0]
    values = [0.0] * demand.values_shape[0]
    named = set()
    for name, number in _names(content, place).items():
        if isinstance(demand, BundleDemand):
            parts = {part.strip() for part in name.split("+")}
            name = " + ".join(
                [item for item in bundles if item in parts] + sorted(parts - set(bundles))
            )
        index = lookup(f"{place}: item", name, bundles)
        if index in named:
            raise ValueError(f"{place}: {name!r} appears twice")
        named.add(index)
        values[index] = _worth(number, f"{place}, {name}")
    return values


def _known_fields(
    content: Any, place: str, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> dict[str, Any]:
    fields = _names(content, place)
    for name in fields:
        lookup(f"{place}: field", name, dict.fromkeys((*required, *optional)))
    for name in required:
        if name not in fields:
            raise ValueError(f"{place}: {name!r} is missing")
    return fields


def _names(content: Any, place: str) -> dict[str, Any]:
    """A mapping, its names as text: YAML reads some names as numbers or truth values."""
    if not isinstance(content, dict):
        raise InvalidValueError(place, content, "a mapping of names is needed", verb="")
    return {str(name): entry for name, entry in content.items()}


def _list(content: Any, place: str) -> list[Any]:
    if not isinstance(content, list):
        raise InvalidValueError(place, content, "a list is needed", verb="")
    return content


def _worth(content: Any, place: str) -> float:
    return checks.worth(place, _number(content, place), content)


def _number(content: Any, place: str) -> float:
    # Text holds fractions, and numbers such as 1e-3, which YAML takes for text.
    if isinstance(content, int | float | str) and not isinstance(content, bool):
        try:
            return float(Fraction(content) if isinstance(content, str) else content)
        except (ValueError, ZeroDivisionError, OverflowError):
            pass
    raise InvalidValueError(place, content, "a number is needed", verb="")
