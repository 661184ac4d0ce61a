"""What a designer maximises: a number for an outcome, given the true valuations.

An objective is any function ``(allocation, payments, valuations) -> float []`` of
``allocation: int [agents, items]``, ``payments: float [agents]`` and a
``jaxmech.agents.Valuations``. The three below are those of Brero et al. (2021),
"Preliminaries".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import jax
import jax.numpy as jnp

from jaxmech.naming import lookup


class ValuesAllocations(Protocol):
    """Anything that knows each agent's value for what it was allocated."""

    def of(self, allocation: jax.Array) -> jax.Array: ...


class Objective(Protocol):
    """A pure function of an outcome and the agents' valuations, float []."""

    def __call__(
        self, allocation: jax.Array, payments: jax.Array, valuations: ValuesAllocations, /
    ) -> jax.Array: ...


def welfare(allocation: jax.Array, payments: jax.Array, valuations: ValuesAllocations) -> jax.Array:
    """Sum over agents of the value of what each was allocated, float []."""
    del payments
    return jnp.sum(valuations.of(allocation))


def revenue(allocation: jax.Array, payments: jax.Array, valuations: ValuesAllocations) -> jax.Array:
    """Sum of payments, float []."""
    del allocation, valuations
    return jnp.sum(payments)


def max_min(allocation: jax.Array, payments: jax.Array, valuations: ValuesAllocations) -> jax.Array:
    """Smallest value any agent has for what it was allocated, float []."""
    del payments
    return jnp.min(valuations.of(allocation))


OBJECTIVES: Mapping[str, Objective] = {
    "max_min": max_min,
    "revenue": revenue,
    "welfare": welfare,
}
"""Objectives by name."""


def objective_of(objective: str | Objective) -> Objective:
    """The objective of that name, or the function itself.

    Raises:
      ValueError: an unknown name.
    """
    return lookup("objective", objective, OBJECTIVES) if isinstance(objective, str) else objective
