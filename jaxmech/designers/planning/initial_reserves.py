"""Static reserves that a designer chooses on a keyword's first day, for what was bid before it."""

from __future__ import annotations

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.designers.planning.planners import observed_keyword
from jaxmech.designers.planning.static_reserves import (
    best_nearby_reserves,
    myerson_reserves,
    reserve_grid,
    revenue_of_histograms,
)
from jaxmech.environments import ReservePricing, ReservePricingParams

InitialRule = Literal["best", "myerson"]


@struct.dataclass
class InitialReserves:
    """Reserves chosen on the first day of an episode, and kept to its end.

    They are what the policy carries through the episode.

    Attributes:
      env, params: the environment, which has to show the history, and its parameters.
      rule: "best", the static reserves that earn most if bids stay as they are; "myerson",
        Myerson's for the bids, taken for values.
      num_levels: levels that "best" tries for each bidder, besides 0.

    Raises:
      ValueError: another rule, or fewer than 2 levels.
    """

    env: ReservePricing = struct.field(pytree_node=False)
    params: ReservePricingParams
    rule: InitialRule = struct.field(pytree_node=False, default="best")
    num_levels: int = struct.field(pytree_node=False, default=32)

    def __post_init__(self) -> None:
        checks.one_of("rule", self.rule, get_args(InitialRule))
        checks.integer("num_levels", self.num_levels, low=2)

    def reserves(self, keyword: Any) -> jax.Array:
        """What it would choose, float [bidders], money per click.

        Args:
          keyword: an ``ObservedKeyword`` or the environment's state; of one keyword, so many
            are mapped over.
        """
        params, history = self.params, keyword.history
        if self.rule == "myerson":
            return jnp.minimum(myerson_reserves(history, params.bins), params.reserve_high)
        grid = reserve_grid(params.bins, params.reserve_high, self.num_levels)
        return best_initial_reserves(self.env, params, keyword, grid)

    def initial_carry(self) -> jax.Array:
        """Before an episode, float [1 + bidders]: nothing is chosen yet."""
        return jnp.zeros(1 + self.env.num_bidders)

    def act(
        self, observation: jax.Array, carry: jax.Array, key: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """The reserves of the day, float [bidders], and what is carried to the next.

        Args:
          observation: as the environment gave it, float [size].
          carry: ``initial_carry()`` at the start of an episode, then from the call before.
          key: ignored.

        Raises:
          ValueError: the environment does not show the history.
        """
        del key

        def choose(_: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            keyword = observed_keyword(self.env, self.params, observation)
            return jnp.asarray(True), self.reserves(keyword).astype(carry.dtype)

        # Unlike cond, a mapped loop computes nothing on days when no keyword is new.
        start = (carry[0] > 0, carry[1:])
        _, reserves = jax.lax.while_loop(lambda found: ~found[0], choose, start)
        return reserves, jnp.concatenate([jnp.ones_like(carry[:1]), reserves])


def best_initial_reserves(
    env: ReservePricing, params: ReservePricingParams, keyword: Any, grid: jax.Array
) -> jax.Array:
    """The best static reserves if bids stay as they are, float [bidders], money per click.

    Pure. Yesterday's reserves and Myerson's are tried too.

    Args:
      env, params: the environment and its parameters.
      keyword: an ``ObservedKeyword`` or the environment's state.
      grid: float [levels], reserves to try; see ``best_reserves``.

    Raises:
      ValueError: an empty grid.
    """
    history = keyword.history
    revenue = revenue_of_histograms(
        history,
        params.bins,
        keyword.quality,
        params.click_rates,
        filtering=env.filtering,
        squash=env.squash,
    )
    candidates = jnp.stack([history.reserves[-1], myerson_reserves(history, params.bins)])
    return best_nearby_reserves(revenue, grid, candidates, params.reserve_high)
