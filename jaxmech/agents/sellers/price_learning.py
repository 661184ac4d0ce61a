"""What sellers learn of the prices of a grid, and which of them they choose."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.agents.exp3 import exp3_probabilities

GridKind = Literal["epsilon_greedy", "epsilon_first", "exp3", "ucb1"]
"""How a seller chooses; see ``jaxmech.agents.SellerPopulation``."""


@struct.dataclass
class PriceLearning:
    """What sellers on a grid have learned; of no choices where no kind learns.

    Attributes:
      counts: float [sellers, choices], rounds at each price in which the seller was shown.
      totals: float [sellers, choices], sum of what a price earned in each of these, from 0 to 1;
        of ``exp3`` the logarithm of its weight.
    """

    counts: jax.Array
    totals: jax.Array

    def choices(
        self,
        kind: GridKind,
        exploration: jax.Array,
        uniforms: jax.Array,
        elapsed: jax.Array,
        last: jax.Array,
    ) -> jax.Array:
        """Places on the grid that sellers would choose who are all of a kind, int32 [sellers].

        Args:
          exploration: float [sellers], 0 to 1.
          uniforms: float [sellers], uniform on [0, 1).
          elapsed: float [], the share of the episode that is over.
          last: int32 [sellers], places chosen last.
        """
        size = self.counts.shape[-1]
        tried = self.counts > 0
        mean = self.totals / jnp.where(tried, self.counts, 1)
        # One not tried yet comes before all others.
        best = _best(jnp.where(tried, mean, jnp.inf), last)
        match kind:
            case "exp3":
                return _drawn(self.exp3_probabilities(exploration), uniforms)
            case "ucb1":
                rounds = jnp.maximum(jnp.sum(self.counts, axis=-1, keepdims=True), 1)
                bonus = jnp.sqrt(2 * jnp.log(rounds) / jnp.where(tried, self.counts, 1))
                bound = jnp.where(tried, mean + bonus, jnp.inf)
                return _best(bound, last)
            case "epsilon_first":
                explores = elapsed < exploration
                within = uniforms
            case _:
                explores = uniforms < exploration
                within = uniforms / jnp.where(explores, exploration, 1)
        anything = jnp.minimum((within * size).astype(jnp.int32), size - 1)
        return jnp.where(explores, anything, best)

    def exp3_probabilities(self, exploration: jax.Array) -> jax.Array:
        """Of each price, float [sellers, choices]; ``exploration`` is float [sellers]."""
        return exp3_probabilities(self.totals, exploration[:, None])


def _best(worth: jax.Array, last: jax.Array) -> jax.Array:
    """The place of the most in each row, the last one if it is among them, int32 [sellers].

    Args:
      worth: float [sellers, choices].
      last: int32 [sellers].
    """
    of_last = jnp.take_along_axis(worth, last[:, None], axis=-1)[:, 0]
    best = jnp.argmax(worth, axis=-1).astype(jnp.int32)
    return jnp.where(of_last >= jnp.max(worth, axis=-1), last, best)


def _drawn(probabilities: jax.Array, uniforms: jax.Array) -> jax.Array:
    """A choice of each seller, int32 [sellers].

    Args:
      probabilities: float [sellers, choices].
      uniforms: float [sellers].
    """
    cumulative = jnp.cumsum(probabilities, axis=-1)
    # Scaled by the total, so that rounding in the sum cannot select past the end.
    passed = cumulative[:, :-1] <= uniforms[:, None] * cumulative[:, -1:]
    return jnp.sum(passed, axis=-1, dtype=jnp.int32)
