"""Gradients from the values of mechanisms that are played beside the designer's.

Directions are random, and nothing is differentiated: the designer needs to see no more than what
mechanisms are worth. The mechanisms played keep to the space: their middle is the mechanism itself,
or the nearest one that leaves room for the radius, and differences are divided by what was really
played. So where the best mechanism lies on some bounds, those are reached, but the other
coefficients are those that are best a radius away from them: let the radius be small there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.game import Policies
from jaxmech.designers.two_timescale.problem import Problem


class Drawn(ABC):
    """A gradient from values of mechanisms in random directions, which leave noise in it."""

    radius: Any
    episodes: int | None

    def __post_init__(self) -> None:
        checks.leaf("radius", self.radius, above=0, below=1)
        if self.episodes is not None:
            checks.integer("episodes", self.episodes)

    @property
    def is_random(self) -> bool:
        return True

    @property
    @abstractmethod
    def num_played(self) -> int:
        """Mechanisms that are played in an update."""

    @property
    def num_episodes(self) -> int:
        return self.num_played * (self.episodes or 0)

    def away(self, problem: Problem, places: jax.Array, key: jax.Array) -> tuple[jax.Array, ...]:
        """The nearest places with room for the radius, and a step of it in a random direction."""
        step = self._distance(problem) * problem.direction(key)
        return problem.nearest(places, self.radius), step

    def _distance(self, problem: Problem) -> Any:
        return self.radius * problem.room


@struct.dataclass
class TwoPointGradient(Drawn):
    """The difference of the objective between two sides of the mechanism, in a random direction.

    ``coefficients / (2 radius) (G(w + radius v) - G(w - radius v)) v`` with v uniform on the unit
    sphere. Agents respond to either side.

    Attributes:
      radius: float [], in units of half the range of each coefficient, or of an equal share of the
        whole, which steps of that length in the space never use up.
      episodes: drawn on each side; None for the expected objective. Static.

    Raises:
      ValueError: a radius that is not above 0 and below 1, or fewer episodes than one.
    """

    radius: Any = 0.05
    episodes: int | None = struct.field(pytree_node=False, default=None)

    @property
    def num_played(self) -> int:
        return 2

    def init(self, problem: Problem) -> None:
        """Nothing."""

    def played(self, problem: Problem, places: jax.Array, key: jax.Array) -> jax.Array:
        """Both sides."""
        centre, away = self.away(problem, places, key)
        return jnp.stack([centre + away, centre - away])

    def estimate(
        self,
        problem: Problem,
        places: jax.Array,
        played: jax.Array,
        policies: Policies,
        memory: None,
        key: jax.Array,
    ) -> tuple[jax.Array, None]:
        """See ``GradientEstimator``."""
        above, below = problem.values(policies, played, self.episodes, key)
        distance = self._distance(problem)
        direction = (played[0] - played[1]) / (2 * distance)
        return problem.dimensions * (above - below) / (2 * distance) * direction, memory


@struct.dataclass
class OnePointGradient(Drawn):
    """The objective of a single mechanism beside the designer's, times the direction to it.

    ``coefficients / radius (G(w + radius v) - baseline) v`` with v uniform on the unit sphere
    (Flaxman, Kalai and McMahan 2005). All that is seen in an update is one value.

    Attributes:
      radius: float [], in units of half the range of each coefficient, or of an equal share of the
        whole, which steps of that length in the space never use up.
      baseline_rate: float [], how fast the baseline follows the values that are seen, up to 1; at 0
        there is none, and noise outweighs everything.
      episodes: drawn in an update; None for the expected objective. Static.

    Raises:
      ValueError: a radius that is not above 0 and below 1, a rate out of its range, or fewer
        episodes than one.
    """

    radius: Any = 0.05
    baseline_rate: Any = 0.1
    episodes: int | None = struct.field(pytree_node=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.leaf("baseline_rate", self.baseline_rate, low=0, high=1)

    @property
    def num_played(self) -> int:
        return 1

    def init(self, problem: Problem) -> tuple[jax.Array, jax.Array]:
        """The baseline and how much has been seen for it, float [] each."""
        zero = jnp.zeros((), problem.space.dtype)
        return zero, zero

    def played(self, problem: Problem, places: jax.Array, key: jax.Array) -> jax.Array:
        """One mechanism beside it."""
        centre, away = self.away(problem, places, key)
        return (centre + away)[None]

    def estimate(
        self,
        problem: Problem,
        places: jax.Array,
        played: jax.Array,
        policies: Policies,
        memory: tuple[jax.Array, jax.Array],
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """See ``GradientEstimator``."""
        (value,) = problem.values(policies, played, self.episodes, key)
        total, weight = memory
        # Before anything was seen, the baseline is what is seen now.
        baseline = jnp.where(weight > 0, total / jnp.where(weight > 0, weight, 1), value)
        baseline = jnp.where(self.baseline_rate > 0, baseline, 0)
        distance = self._distance(problem)
        direction = (played[0] - problem.nearest(places, self.radius)) / distance
        gradient = problem.dimensions / distance * (value - baseline) * direction
        kept = 1 - self.baseline_rate
        remembered = (
            kept * total + self.baseline_rate * value,
            kept * weight + self.baseline_rate,
        )
        return gradient, remembered
