"""Shares that are the same in every round, or in proportion to what sellers have sold."""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.sellers.observation import seller_observation
from jaxmech.agents.sellers.population import is_traced
from jaxmech.agents.sellers.records import REVENUE, TRANSACTIONS
from jaxmech.designers.allocation_policies.shares import in_proportion
from jaxmech.spaces import Simplex


@struct.dataclass
class FixedShares:
    """The same shares in every round.

    Attributes:
      shares: float [sellers], from 0, that sum to 1.

    Raises:
      ValueError: ``shares`` that are not traced are none.
    """

    shares: Any

    def __post_init__(self) -> None:
        # Inside a transformation anything can stand in their place, and those of many with axes
        # before their own.
        given = self.shares
        is_array = isinstance(given, np.ndarray | jax.Array) and not is_traced(given)
        if isinstance(given, list | tuple) or (is_array and given.ndim == 1):
            Simplex(len(given)).check("shares", given)

    @classmethod
    def equal(cls, num_sellers: int) -> FixedShares:
        """Every seller the same.

        Raises:
          ValueError: ``num_sellers`` is below 1.
        """
        checks.integer("num_sellers", num_sellers)
        return cls(jnp.full(num_sellers, 1 / num_sellers))

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """The shares, of those present, float [sellers]."""
        del carry, key
        present = seller_observation(observation).present
        return in_proportion(jnp.asarray(self.shares), present), None


@struct.dataclass
class ProportionalShares:
    """Shares in proportion to what sellers have sold; equal ones where nobody has.

    Attributes:
      to: ``"revenue"`` of the last round, or ``"transactions"`` of all rounds on record.
    """

    to: Literal["revenue", "transactions"] = struct.field(pytree_node=False, default="revenue")

    def __post_init__(self) -> None:
        checks.one_of("to", self.to, ("revenue", "transactions"))

    def initial_carry(self) -> None:
        """Nothing."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """Shares, float [sellers]."""
        del carry, key
        seen = seller_observation(observation)
        if self.to == "revenue":
            weights = seen.records[-1, :, REVENUE]
        else:
            weights = jnp.sum(seen.records[..., TRANSACTIONS], axis=0)
        return in_proportion(weights, seen.present), None
