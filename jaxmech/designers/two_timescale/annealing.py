"""Two-timescale design among agents who become less and less random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.two_timescale import (
    FixedMechanism,
    TwoTimescale,
    TwoTimescaleState,
)
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.params import IncentiveDesignParams


@struct.dataclass
class AnnealedTemperature:
    """A ``TwoTimescale`` designer of a game whose temperature falls while the mechanism is sought.

    At a high temperature agents respond smoothly and slopes are felt everywhere; at a low one they
    are all but rational. In update k = 0, 1, ... the temperature is ``first * (last / first) **
    (k / updates)``, and ``last`` from update ``updates`` on.

    Attributes:
      designer: whose game has a parameter ``temperature``.
      first: float [], the temperature of the first update, above 0.
      last: float [], the temperature in the end, above 0; None for that of the designer's game.
      updates: in which it falls. Static.

    Raises:
      InvalidValueError: another kind of designer, a game without a temperature, a temperature that
        is not above 0 and finite, or fewer updates than one.
    """

    designer: TwoTimescale
    first: Any = struct.field(kw_only=True)
    last: Any = struct.field(default=None, kw_only=True)
    updates: int = struct.field(pytree_node=False, kw_only=True)

    def __post_init__(self) -> None:
        # Where a transformation puts something in the place of the designer, nothing is known: only
        # what it would not put there is refused.
        designer: Any = self.designer
        if isinstance(designer, str) or (
            is_dataclass(designer) and not isinstance(designer, TwoTimescale)
        ):
            raise InvalidValueError("designer", designer, "TwoTimescale designers")
        game = getattr(getattr(self.designer, "params", None), "game", None)
        if isinstance(game, Mapping) or (is_dataclass(game) and not hasattr(game, "temperature")):
            raise InvalidValueError(
                "designer", self.designer.env.name, "designers of games with a temperature"
            )
        checks.leaf("first", self.first, above=0)
        checks.leaf("last", self.last, above=0)
        checks.integer("updates", self.updates)

    @property
    def env(self) -> IncentiveDesign:
        """The designer's."""
        return self.designer.env

    @property
    def params(self) -> IncentiveDesignParams:
        """The designer's, with the temperature in the end."""
        return self._at(self._last).params

    def temperature(self, update: Any) -> jax.Array:
        """In the update of this number, int [] from 0, float []."""
        share = jnp.minimum(update / self.updates, 1)
        return jnp.asarray(self.first * (self._last / self.first) ** share, self._own.dtype)

    def init(self, key: jax.Array) -> TwoTimescaleState:
        """As the designer's, at the first temperature.

        Raises:
          InvalidValueError: a temperature that is not above 0 and finite, also in an array that is
            not traced, such as that of the game where ``last`` is None; what that of the designer
            refuses.
        """
        for field in ("first", "last"):
            checks.leaf(field, checks.known(getattr(self, field)), above=0)
        own = checks.known(self.designer.params.game.temperature)
        if self.last is None and checks.is_number(own) and not 0 < own < math.inf:
            raise InvalidValueError(
                "last",
                None,
                "finite numbers above 0",
                got=f"None, for the temperature {own} of the designer's game",
            )
        return self._at(self.first).init(key)

    def update(self, state: TwoTimescaleState) -> tuple[TwoTimescaleState, dict[str, jax.Array]]:
        """As the designer's, at the temperature of the update.

        Returns:
          The next state, and the designer's metrics and ``temperature``, float [] each.
        """
        temperature = self.temperature(state.updates)
        state, metrics = self._at(temperature).update(state)
        return state, metrics | {"temperature": temperature}

    def mechanism(self, state: TwoTimescaleState) -> jax.Array:
        """What it has come to, float [coefficients]."""
        return self._at(self._last).mechanism(state)

    def policy(self, state: TwoTimescaleState) -> FixedMechanism:
        """The mechanism that it has come to, whatever is observed."""
        return self._at(self._last).policy(state)

    @property
    def _own(self) -> jax.Array:
        return jnp.asarray(self.designer.params.game.temperature, float)

    @property
    def _last(self) -> Any:
        return self._own if self.last is None else self.last

    def _at(self, temperature: Any) -> TwoTimescale:
        params = self.designer.params
        game = replace(params.game, temperature=jnp.asarray(temperature, self._own.dtype))
        return replace(self.designer, params=replace(params, game=game))
