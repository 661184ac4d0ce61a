"""What all studies of designed incentives have in common. Nothing here imports jax."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxmech import checks
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.experiments.study import NamedStudy, Precision, is_as_registered


@dataclass(frozen=True)
class DesignStudy(NamedStudy):
    """A mechanism that is designed several times over while agents respond to it.

    A study that extends it adds fields of its own, and may give these other defaults. One that has
    a ``__post_init__`` calls that of this class.

    Raises:
      ValueError: fewer updates or seeds than one.
    """

    updates: int = 400
    """Changes of the mechanism."""
    seeds: int = 3
    """How many times it is designed, independently: the restarts."""
    two_timescale: TwoTimescaleHyperParameters = field(default_factory=TwoTimescaleHyperParameters)
    """Of the designer."""

    def __post_init__(self) -> None:
        checks.integer("updates", self.updates)
        checks.integer("seeds", self.seeds)

    @property
    def precision(self) -> Precision:
        """Double: derivatives through responses lose digits."""
        return "float64"

    @property
    def is_as_described(self) -> bool:
        """Whether it is the registered study, at whatever expense."""
        return is_as_registered(self, free=("updates",))
