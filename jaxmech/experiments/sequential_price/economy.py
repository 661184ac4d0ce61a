"""The economies of a study: one to learn in, and one to evaluate in; free of jax until built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from jaxmech.experiments.sequential_price.settings import NamedSetting, TimberAuctions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jaxmech.agents import Demand, Setting

DemandForm = Literal["unit", "additive", "bundle"]


class Economies(NamedTuple):
    """Settings.

    Attributes:
      learned_in: where mechanisms are learned, and the best static prices looked for.
      evaluated_in: where they are evaluated; another only where samples are held out.
    """

    learned_in: Setting
    evaluated_in: Setting


@dataclass(frozen=True)
class Economy:
    """Where values come from: a setting, or samples of which some are held out.

    Attributes:
      setting: the setting; None where values are sampled from a file.
      samples: path of a file of samples, in place of the setting.
      units: units for sale of each item type of the samples; one of each where None.
      demand: how an agent of the samples values several items.
      held_out: share of the samples kept for evaluation, above 0 and below 1.
      seed: of the choice of these.
    """

    setting: NamedSetting | None
    samples: str | None
    units: tuple[int, ...] | None
    demand: DemandForm
    held_out: float
    seed: int

    def build(self) -> Economies:
        """The settings to learn in and to evaluate in.

        Raises:
          ValueError: a field of the setting is out of range, or a file cannot be used.
        """
        if self.samples is not None:
            from jaxmech.data.samples import load_samples

            return self._split(load_samples(self.samples))
        if self.setting is None:
            raise ValueError("samples: got None; without a setting, a file of samples is needed")
        if isinstance(self.setting, TimberAuctions):
            return self._split(self.setting.samples())
        setting = self.setting.build()
        return Economies(setting, setting)

    def _split(self, values: NDArray[np.float64]) -> Economies:
        """Settings of samples float64 [samples, agents, items] trained on and held out."""
        from jaxmech.agents import AdditiveDemand, BundleDemand, UnitDemand
        from jaxmech.data.samples import settings_from_samples

        width = values.shape[2]
        demand: Demand
        match self.demand:
            case "unit":
                demand = UnitDemand(width)
            case "additive":
                demand = AdditiveDemand(width)
            case "bundle":
                demand = BundleDemand(width.bit_length() - 1)
        learned_in, evaluated_in = settings_from_samples(
            values,
            units=self.units or (1,) * demand.num_items,
            demand=demand,
            held_out=self.held_out,
            seed=self.seed,
        )
        return Economies(learned_in, evaluated_in)
