"""Small exact models of a keyword for the tests of planning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.designers.planning.plans import Moves, Plan, Planning

MOVES = Moves(1, factors=(0.8, 1.25))


@struct.dataclass
class Moody:
    """One bidder whose mood falls with its reserve; a day earns reserve times mood.

    What earns most today spoils tomorrow. Deterministic, unless ``noise`` is above 0.
    """

    noise: float = 0.0

    def start(self, keyword: Any) -> jax.Array:
        return jnp.asarray(keyword, float)

    def step(
        self, state: jax.Array, reserves: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        shock = self.noise * jax.random.normal(key)
        reserve = jnp.mean(reserves)
        revenue = reserve * jnp.exp(-state * reserve) * (1 + shock)
        return 0.6 * state + 0.5 * reserve**2 + 0.1 * jnp.sin(7 * reserve), revenue


def moody_planning(depth: int, leaf_value: Any = "none", gamma: float = 0.95) -> Planning:
    return Planning(Moody(), MOVES, depth, leaf_value, gamma)


def moody_plan(mood: float = 0.5, reserve: float = 1.0) -> Plan:
    return Plan.start(jnp.asarray(mood), jnp.full(1, reserve))
