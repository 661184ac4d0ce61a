"""The settings that mechanisms are learned in; free of jax until one is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jaxmech.checks import InvalidValueError
from jaxmech.naming import name_of_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jaxmech.agents import Setting


class _Named:
    """A setting of ``jaxmech.agents.SETTINGS``, by its name, with options."""

    def build(self) -> Setting:
        """The setting.

        Raises:
          ValueError: a field is out of range.
        """
        from jaxmech.agents import named_setting

        options: dict[str, Any] = asdict(self)  # type: ignore[call-overload] # of dataclasses
        return named_setting(name_of_class(type(self)), **options)


@dataclass(frozen=True)
class TwoWorlds(_Named):
    """One item; all values iid on {.6, 1} or, as likely, all iid on {.1, .4}."""

    num_agents: int = 10
    """Number of agents."""


@dataclass(frozen=True)
class Inventory(_Named):
    """Identical items; values iid on {1/2, 1}."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 10
    """Number of identical items."""


@dataclass(frozen=True)
class Correlated(_Named):
    """Identical items; uniform values around a common random centre."""

    num_agents: int = 20
    """Number of agents."""
    num_items: int = 5
    """Number of identical items."""
    delta: float = 0.0
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""


@dataclass(frozen=True)
class Colors(_Named):
    """Red and yellow agents want their color at 1; blue ones want either at 2."""

    num_per_color: int = 10
    """Number of agents of each of three colors, and of items of each of two."""


@dataclass(frozen=True)
class KitchenSink(_Named):
    """Three agents, three items; what the first wants tells who should get the third item."""


@dataclass(frozen=True)
class ID(_Named):
    """Two items, six agents; who of the first three wants one tells where to go."""


@dataclass(frozen=True)
class AdditiveTypes(_Named):
    """Item types whose values add up; uniform values around random centres."""

    num_agents: int = 10
    """Number of agents."""
    units: tuple[int, ...] = (2, 4)
    """Units of each item type."""
    delta: float = 0.5
    """Strength of the correlation, from 0 (independent values) to 1 (identical values)."""
    shared_centre: bool = False
    """Whether all item types have the same random centre."""


@dataclass(frozen=True)
class MaxMin(_Named):
    """Nine agents, ten items of two colors; which agents can do with white is random."""


@dataclass(frozen=True)
class Proposition1(_Named):
    """One item, two agents with values iid on {1, 3}."""


@dataclass(frozen=True)
class Proposition2(_Named):
    """Two identical items, three agents with values iid on {1, 3}."""


@dataclass(frozen=True)
class Proposition3(_Named):
    """Two identical items, six agents with correlated values."""


@dataclass(frozen=True)
class Proposition4(_Named):
    """Two identical items, four independent agents."""


@dataclass(frozen=True)
class FiniteSettingFile:
    """A setting of finite support that you write, see ``jaxmech.data.setting_files``."""

    path: str | None = None
    """The YAML file."""

    def build(self) -> Setting:
        """The setting that the file describes.

        Raises:
          ValueError: no file is given, there is none, or it describes no setting.
        """
        from jaxmech.data import load_setting

        if self.path is None:
            raise InvalidValueError("setting.path", None, "the path of a YAML file")
        return load_setting(self.path)


@dataclass(frozen=True)
class TimberAuctions:
    """Bidders' values for timber tracts, see ``jaxmech.data.timber``."""

    num_agents: int = 5
    """Number of bidders, 2 to 9."""
    lowest: float = 1.0
    """Lowest bid kept, in multiples of the tract's advertised value."""
    highest: float = 4.0
    """Highest bid kept, in multiples of the tract's advertised value."""

    def samples(self) -> NDArray[np.float64]:
        """Values of all bidders in every auction, float64 [auctions, agents, 1].

        Raises:
          ValueError: no auction has so many bids in the range.
          ModuleNotFoundError: the extra ``data`` is not installed.
        """
        from jaxmech.data import load_timber_bids

        return load_timber_bids(**asdict(self))

    def build(self) -> Setting:
        """One tract, and the values of all bidders drawn from those of an auction together.

        Raises:
          ValueError, ModuleNotFoundError: see ``samples``.
        """
        import jax.numpy as jnp

        from jaxmech.agents import Samples, Setting, UnitDemand

        return Setting(Samples(jnp.asarray(self.samples(), float), UnitDemand(1)), (1,))


NamedSetting = (
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
    | FiniteSettingFile
    | TimberAuctions
)
