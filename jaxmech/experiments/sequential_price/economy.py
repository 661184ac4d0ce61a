"""Where the values of a study come from: a setting, or samples; free of jax until built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from jaxmech.agents.settings.named import BuiltInSetting
from jaxmech.checks import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jaxmech.agents import Setting

DemandForm = Literal["unit", "additive", "bundle"]


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


@dataclass(frozen=True)
class Economy:
    """Where values come from: a setting, or samples of which some are held out."""

    setting: NamedSetting | None = None
    """The economy; none where values are sampled from ``samples``."""

    samples: str | None = None
    """Your own valuations in place of the setting's: a .npz, .csv or .parquet file."""
    units: tuple[int, ...] | None = None
    """With samples: units for sale of each item type; one of each where not given."""
    demand: DemandForm = "unit"
    """With samples: how an agent values several items."""
    held_out: float = 0.2
    """With samples: the part of them kept for evaluation, never trained on."""

    @property
    def is_sampled(self) -> bool:
        """Whether values are drawn from samples, some of them held out for evaluation."""
        return self.samples is not None or isinstance(self.setting, TimberAuctions)

    def build(self, seed: int) -> tuple[Setting, Setting]:
        """The setting to learn in, and that to evaluate in; another only with samples held out.

        Args:
          seed: of the choice of the samples held out.

        Raises:
          ValueError: a field of the setting is out of range, or a file cannot be used.
        """
        if self.samples is not None:
            from jaxmech.data.samples import load_samples

            return self._split(load_samples(self.samples), seed)
        if isinstance(self.setting, TimberAuctions):
            return self._split(self.setting.samples(), seed)
        if self.setting is None:
            raise ValueError("samples: got None; without a setting, a file of samples is needed")
        setting = self.setting.build()
        return setting, setting

    def _split(self, values: NDArray[np.float64], seed: int) -> tuple[Setting, Setting]:
        """Settings of samples float64 [samples, agents, items] trained on and held out."""
        from jaxmech.agents import AdditiveDemand, BundleDemand, Demand, UnitDemand
        from jaxmech.data.samples import settings_from_samples

        width = values.shape[2]
        demands: dict[DemandForm, Demand] = {
            "unit": UnitDemand(width),
            "additive": AdditiveDemand(width),
            "bundle": BundleDemand(width.bit_length() - 1),
        }
        demand = demands[self.demand]
        return settings_from_samples(
            values,
            units=self.units or (1,) * demand.num_items,
            demand=demand,
            held_out=self.held_out,
            seed=seed,
        )
