"""The settings that mechanisms are learned in; free of jax until one is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from jaxmech.agents.settings.named import BuiltInSetting
from jaxmech.checks import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jaxmech.agents import Setting


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


NamedSetting = BuiltInSetting | FiniteSettingFile | TimberAuctions
