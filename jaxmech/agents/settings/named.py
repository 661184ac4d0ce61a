"""Settings by name: those of Brero et al. (2021), "Experimental Results" and the propositions.

Each is a dataclass whose fields, defaults and help stand here alone. Nothing here imports jax
before one is built.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup, name_of_class

if TYPE_CHECKING:
    from jaxmech.agents.settings.setting import Setting


@dataclass(frozen=True)
class TwoWorlds:
    """One item; all values iid on {.6, 1} or, as likely, all iid on {.1, .4}."""

    num_agents: int = 10
    """Number of agents."""

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents)

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.two_worlds(self.num_agents)


@dataclass(frozen=True)
class Inventory:
    """Identical items; values iid on {1/2, 1}."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 10
    """Number of identical items."""

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents)
        checks.integer("num_items", self.num_items)

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.inventory(self.num_agents, self.num_items)


@dataclass(frozen=True)
class Correlated:
    """Identical items; uniform values around a common random centre."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 5
    """Number of identical items."""
    delta: float = 0.0
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents)
        checks.integer("num_items", self.num_items)
        checks.number("delta", self.delta, low=0, high=1)

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.correlated(self.num_agents, self.num_items, self.delta)


@dataclass(frozen=True)
class Colors:
    """Red and yellow agents want their color at 1; blue ones want either at 2."""

    num_per_color: int = 10
    """Number of agents of each of three colors, and of items of each of two."""

    def __post_init__(self) -> None:
        checks.integer("num_per_color", self.num_per_color)

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.colors(self.num_per_color)


@dataclass(frozen=True)
class KitchenSink:
    """Three agents, three items; what the first wants tells who should get the third item."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.kitchen_sink()


@dataclass(frozen=True)
class ID:
    """Two items, six agents; who of the first three wants one tells where to go."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.identification()


@dataclass(frozen=True)
class AdditiveTypes:
    """Item types whose values add up; uniform values around random centres."""

    num_agents: int = 10
    """Number of agents."""
    units: tuple[int, ...] = (2, 4)
    """Units of each item type."""
    delta: float = 0.5
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""
    shared_centre: bool = False
    """Whether all item types have the same random centre."""

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents)
        checks.number("delta", self.delta, low=0, high=1)

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.additive_types(self.num_agents, self.units, self.delta, self.shared_centre)


@dataclass(frozen=True)
class MaxMin:
    """Nine agents, ten items of two colors; which agents can do with white is random."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.max_min()


@dataclass(frozen=True)
class Proposition1:
    """One item, two agents with values iid on {1, 3}."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.proposition_1()


@dataclass(frozen=True)
class Proposition2:
    """Two identical items, three agents with values iid on {1, 3}."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.proposition_2()


@dataclass(frozen=True)
class Proposition3:
    """Two identical items, six agents with correlated values."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.proposition_3()


@dataclass(frozen=True)
class Proposition4:
    """Two identical items, four independent agents."""

    def build(self) -> Setting:
        from jaxmech.agents.settings import economies

        return economies.proposition_4()


BuiltInSetting = (
    TwoWorlds
    | Inventory
    | Correlated
    | Colors
    | KitchenSink
    | ID
    | AdditiveTypes
    | MaxMin
    | Proposition1
    | Proposition2
    | Proposition3
    | Proposition4
)

SETTINGS: dict[str, type[BuiltInSetting]] = {
    name_of_class(kind): kind
    for kind in (
        AdditiveTypes,
        Colors,
        Correlated,
        ID,
        Inventory,
        KitchenSink,
        MaxMin,
        Proposition1,
        Proposition2,
        Proposition3,
        Proposition4,
        TwoWorlds,
    )
}


def named_setting(name: str, **options: Any) -> Setting:
    """The setting called ``name``; ``options`` are the fields of its dataclass in ``SETTINGS``.

    Raises:
      ValueError: an unknown name or option, or an option out of range.
    """
    kind = lookup("setting", name, SETTINGS)
    known = {field.name: field for field in fields(kind)}
    for option in options:
        if not known:
            raise InvalidValueError(f"option of setting {name!r}", option, "it has none", verb="")
        lookup(f"option of setting {name!r}", option, known)
    return kind(**options).build()
