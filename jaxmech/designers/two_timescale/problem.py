"""A game as a designer climbs it: by the places of the mechanism in its space."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from optax import projections

from jaxmech import checks, spaces, struct
from jaxmech.agents.responses.fixed_points import FixedPoint
from jaxmech.agents.responses.game import Game, MechanismSpace, Policies, equilibrium
from jaxmech.environments.incentives.environment import absolute, middle


@struct.dataclass
class Problem:
    """A game and its parameters.

    Places are float [coefficients]: from -1 to 1 between the bounds of each coefficient, or the
    mechanism itself where it is shares of a whole.

    Attributes:
      game: static.
      params: of the game.
    """

    game: Game = struct.field(pytree_node=False)
    params: Any

    @property
    def space(self) -> MechanismSpace:
        """Of mechanisms."""
        return self.game.mechanism_space(self.params)

    @property
    def of_shares(self) -> bool:
        """Whether mechanisms are shares of a whole."""
        return isinstance(self.space, spaces.Simplex)

    @property
    def dimensions(self) -> int:
        """Of the space: one fewer than coefficients where these are shares of a whole."""
        (size,) = self.space.shape
        return size - 1 if self.of_shares else size

    @property
    def room(self) -> float:
        """How far from the middle of the space its nearest bound is, in places."""
        (size,) = self.space.shape
        return 1 / size if self.of_shares else 1.0

    def check(self) -> None:
        """Refuses mechanisms without bounds, as far as these are not traced.

        Raises:
          InvalidValueError: a bound that is not finite.
        """
        with jax.ensure_compile_time_eval():
            space = self.space
            if isinstance(space, spaces.Box):
                for bound in (space.low, space.high):
                    if not isinstance(bound, jax.core.Tracer):
                        checks.numbers("mechanism_space", np.asarray(bound))

    def mechanism(self, places: jax.Array) -> jax.Array:
        """float [coefficients]."""
        space = self.space
        return places if isinstance(space, spaces.Simplex) else absolute(space, places)

    def start(self, key: jax.Array, spread: Any) -> jax.Array:
        """Places drawn uniformly from the space shrunk around its middle to a share ``spread``."""
        space = self.space
        if isinstance(space, spaces.Simplex):
            return (1 - spread) * middle(space) + spread * space.sample(key)
        return spread * jax.random.uniform(key, space.shape, space.dtype, -1, 1)

    def nearest(self, places: jax.Array, margin: Any = 0.0) -> jax.Array:
        """The nearest places of the space shrunk around its middle to a share ``1 - margin``."""
        if not self.of_shares:
            return jnp.clip(places, margin - 1, 1 - margin)
        least, left = margin * self.room, 1 - margin
        projected: jax.Array = projections.projection_simplex((places - least) / left)
        # Projected are only shares that are none: it would round small ones to nothing.
        outside = (jnp.min(places) < least) | (jnp.abs(jnp.sum(places) - 1) > 1e-4)
        return jnp.where(outside, left * projected + least, places / jnp.sum(places))

    def along(self, gradient: jax.Array) -> jax.Array:
        """The part of a gradient by places, float [coefficients], that lies in the space."""
        return gradient - jnp.mean(gradient) if self.of_shares else gradient

    def direction(self, key: jax.Array) -> jax.Array:
        """Uniform on the unit sphere of the space, float [coefficients]."""
        space = self.space
        draw = self.along(jax.random.normal(key, space.shape, space.dtype))
        return draw / jnp.linalg.norm(draw)

    def respond(self, policies: Policies, places: jax.Array) -> Policies:
        """The agents' response to each other and to the mechanism."""
        return self.game.respond(policies, self.mechanism(places), self.params)

    def equilibrium(self, places: jax.Array) -> FixedPoint:
        """Of agents under the mechanism."""
        return equilibrium(self.game, self.mechanism(places), self.params)

    def objective(self, policies: Policies, places: jax.Array) -> jax.Array:
        """Expected, float []."""
        return self.game.objective(policies, self.mechanism(places), self.params)

    def values(
        self, policies: Policies, places: jax.Array, episodes: int | None, key: jax.Array
    ) -> jax.Array:
        """The objective of each of several mechanisms, float [played].

        Args:
          policies: every array [played, ...].
          places: float [played, coefficients].
          episodes: drawn for each, the same for all as far as the game's draws are; None for the
            expected objective.
        """
        if episodes is None:
            return jax.vmap(self.objective)(policies, places)
        keys = jax.random.split(key, episodes)

        def mean(policies: Policies, places: jax.Array) -> jax.Array:
            mechanism = self.mechanism(places)
            play = jax.vmap(self.game.play, in_axes=(0, None, None, None))
            return play(keys, policies, mechanism, self.params).mean()

        return jax.vmap(mean)(policies, places)
