"""What a designer is, and what it gives: a policy."""

from __future__ import annotations

from typing import Any, Protocol

import jax

from jaxmech.evaluation import Policy

__all__ = ["Designer", "Policy"]


class Designer(Protocol):
    """A learner or a planner: a PyTree of hyper-parameters with pure functions."""

    def init(self, key: jax.Array) -> Any:
        """A fresh state."""
        ...

    def update(self, state: Any) -> tuple[Any, dict[str, jax.Array]]:
        """One iteration: the next state and metrics, float [] each."""
        ...

    def policy(self, state: Any) -> Policy:
        """What it has learned, as a PyTree."""
        ...
