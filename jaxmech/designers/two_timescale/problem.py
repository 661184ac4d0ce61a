"""A game as a designer climbs it: by the places of the mechanism in its space."""

from __future__ import annotations

from typing import Any

import jax

from jaxmech import spaces, struct
from jaxmech.agents.responses.game import Game, Policies
from jaxmech.environments.incentives.environment import absolute


@struct.dataclass
class Problem:
    """A game and its parameters.

    Places are float [coefficients], from -1 to 1 between the bounds of each coefficient.

    Attributes:
      game: static.
      params: of the game.
    """

    game: Game = struct.field(pytree_node=False)
    params: Any

    @property
    def space(self) -> spaces.Box:
        """Of mechanisms."""
        space = self.game.mechanism_space(self.params)
        assert isinstance(space, spaces.Box)
        return space

    def mechanism(self, places: jax.Array) -> jax.Array:
        """float [coefficients]."""
        return absolute(self.space, places)

    def respond(self, policies: Policies, places: jax.Array) -> Policies:
        """The agents' response to each other and to the mechanism."""
        return self.game.respond(policies, self.mechanism(places), self.params)

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
