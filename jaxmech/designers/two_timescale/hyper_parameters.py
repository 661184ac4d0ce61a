"""Hyper-parameters of the two-timescale method: names, defaults, ranges and help.

Defined here alone, for the designer, which inherits them, and for configurations and the command
line, which are read before JAX is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.designers.hyper_parameter_fields import STATIC, check, number


@dataclass(frozen=True, kw_only=True)
class TwoTimescaleHyperParameters:
    """Hyper-parameters of ``jaxmech.designers.TwoTimescale``.

    In update k = 0, 1, ... a rate is ``rate / (1 + k / settling) ** decay``.

    Raises:
      ValueError: a value out of its range, or a mechanism that would not come to rest beside its
        agents.
    """

    mechanism_rate: float = number(0.05, above=0)
    """First step size of the mechanism, which multiplies the steps of the optimiser: in units of
    half the range of a coefficient, or of the way to the shares that the optimiser gives."""
    mechanism_decay: float = number(0.6, low=0, high=1)
    """How fast the step sizes of the mechanism fall, as a power of the number of updates."""
    response_rate: float = number(1.0, above=0, high=1)
    """How far agents move at first towards their response."""
    response_decay: float = number(0.0, low=0, high=1)
    """How fast their step sizes fall; below that of the mechanism, which is the slow one."""
    settling: float = number(50.0, above=0)
    """Updates after which step sizes begin to fall."""
    responses_per_update: int | None = field(default=1, metadata=STATIC)
    """How often agents respond between two changes of the mechanism; None for agents in
    equilibrium under each mechanism that is played, whatever they did before."""
    initial_spread: float = number(0.0, low=0, high=1)
    """Share of the space, around its middle, in which the first mechanism is drawn: 0 for the
    middle itself, 1 for the whole space."""

    def check_arrays(self) -> None:
        """As when made, but also of arrays of one number each, unless they are traced.

        What a transformation of a tree has made may hold any arrays, such as gradients: so this is
        asked where the numbers are about to be used.

        Raises:
          InvalidValueError: see the class.
        """
        names = [one.name for one in fields(TwoTimescaleHyperParameters)]
        for name in names:
            if isinstance(text := getattr(self, name), str):
                raise InvalidValueError(name, text, "numbers")
        TwoTimescaleHyperParameters(**{name: checks.known(getattr(self, name)) for name in names})

    def __post_init__(self) -> None:
        check(self, fields(TwoTimescaleHyperParameters))
        if self.responses_per_update is not None:
            checks.integer("responses_per_update", self.responses_per_update)
        slow, fast = self.mechanism_decay, self.response_decay
        if checks.is_number(slow) and checks.is_number(fast) and slow <= fast:
            raise InvalidValueError(
                "mechanism_decay",
                slow,
                f"numbers above response_decay ({fast}), so that the agents come to rest while the "
                "mechanism moves",
            )
