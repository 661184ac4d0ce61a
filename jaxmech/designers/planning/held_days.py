"""Plans whose moves are judged by many days, not by the first after them.

A bidder may take weeks to answer: one that is priced out until it reconsiders its bid, or one
that raises it step by step until it gets its clicks again. On the day of a move the revenue
often falls where it will be higher for good.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.designers.planning.plans import Simulator


@struct.dataclass
class HeldDays:
    """A simulator, of which a step is several days with the same reserves.

    A planner on it plays the first day of a plan's first step, and then plans anew.

    Attributes:
      simulator: of single days.
      days: of a step.

    Raises:
      ValueError: ``days`` below 1.
    """

    simulator: Simulator
    days: int = struct.field(pytree_node=False, default=20)

    def __post_init__(self) -> None:
        checks.integer("days", self.days)

    def start(self, keyword: Any) -> Any:
        """The simulator's."""
        return self.simulator.start(keyword)

    def step(self, state: Any, reserves: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        """The state after the days, and the mean of their revenue."""

        def day(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            return self.simulator.step(state, reserves, key)

        state, revenues = jax.lax.scan(day, state, jax.random.split(key, self.days))
        return state, jnp.mean(revenues)
