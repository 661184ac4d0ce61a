"""How a designer learns in which direction its objective rises, agents' responses included.

Each estimator is a frozen PyTree that a designer is given. It says which mechanisms are to be
played, and makes a gradient of what the agents, who have been responding to those, do under them.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import lineax

from jaxmech import checks, struct
from jaxmech.agents.responses.game import Policies
from jaxmech.designers.two_timescale.problem import Problem


class GradientEstimator(Protocol):
    """An estimate of the gradient of the objective by the places of the mechanism."""

    @property
    def num_played(self) -> int:
        """Mechanisms that are played in an update."""
        ...

    @property
    def num_episodes(self) -> int:
        """Episodes that are drawn in an update; 0 where expectations are computed."""
        ...

    def init(self, problem: Problem) -> Any:
        """What it remembers at first, a PyTree."""
        ...

    def played(self, places: jax.Array, key: jax.Array) -> jax.Array:
        """The places played, float [played, coefficients], for a mechanism at ``places``."""
        ...

    def estimate(
        self,
        problem: Problem,
        places: jax.Array,
        played: jax.Array,
        policies: Policies,
        memory: Any,
        key: jax.Array,
    ) -> tuple[jax.Array, Any]:
        """The gradient, float [coefficients], and what it remembers.

        Args:
          places: float [coefficients], of the mechanism.
          played: what ``played`` gave.
          policies: of agents who responded to each of those, every array [played, ...].
        """
        ...


@struct.dataclass
class ImplicitGradient:
    """Differentiates through the fixed point of the responses, as if the agents had come to rest.

    ``d objective + (d response / d mechanism)^T (I - d response / d policies)^-T d objective /
    d policies``, at the policies there are. Exact once they are an equilibrium; one linear solve,
    which needs products with derivatives alone.

    Attributes:
      tolerance: of the residual of the linear system, relative and absolute. Static.
      max_steps: of its solver. Static.

    Raises:
      ValueError: one not above 0.
    """

    tolerance: float = struct.field(pytree_node=False, default=1e-6)
    max_steps: int = struct.field(pytree_node=False, default=100)

    def __post_init__(self) -> None:
        checks.number("tolerance", self.tolerance, above=0)
        checks.integer("max_steps", self.max_steps)

    @property
    def num_played(self) -> int:
        return 1

    @property
    def num_episodes(self) -> int:
        return 0

    def init(self, problem: Problem) -> None:
        """Nothing."""

    def played(self, places: jax.Array, key: jax.Array) -> jax.Array:
        """The mechanism itself."""
        del key
        return places[None]

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
        del played, key
        policies = jax.tree.map(lambda leaf: leaf[0], policies)
        of_policies, direct = jax.grad(problem.objective, argnums=(0, 1))(policies, places)
        pull_back = jax.vjp(problem.respond, policies, places)[1]

        def transposed(weights: Policies) -> Policies:
            return jax.tree.map(jnp.subtract, weights, pull_back(weights)[0])

        shape = jax.eval_shape(lambda: of_policies)
        solution = lineax.linear_solve(
            lineax.FunctionLinearOperator(transposed, shape),
            of_policies,
            lineax.GMRES(rtol=self.tolerance, atol=self.tolerance, max_steps=self.max_steps),
            throw=False,
        )
        return direct + pull_back(solution.value)[1], memory


@struct.dataclass
class UnrolledGradient:
    """Differentiates through the next responses of the agents, one after another.

    What lies further ahead is cut off, so that the gradient is biased where agents come to rest
    slowly; time and memory grow with the steps.

    Attributes:
      steps: responses that are differentiated through. Static.

    Raises:
      ValueError: fewer than one.
    """

    steps: int = struct.field(pytree_node=False, default=10)

    def __post_init__(self) -> None:
        checks.integer("steps", self.steps)

    @property
    def num_played(self) -> int:
        return 1

    @property
    def num_episodes(self) -> int:
        return 0

    def init(self, problem: Problem) -> None:
        """Nothing."""

    def played(self, places: jax.Array, key: jax.Array) -> jax.Array:
        """The mechanism itself."""
        del key
        return places[None]

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
        del played, key
        start = jax.tree.map(lambda leaf: leaf[0], policies)

        def after_responses(places: jax.Array) -> jax.Array:
            def respond(policies: Policies, _: Any) -> tuple[Policies, None]:
                return problem.respond(policies, places), None

            end, _ = jax.lax.scan(respond, start, length=self.steps)
            return problem.objective(end, places)

        return jax.grad(after_responses)(places), memory


@struct.dataclass
class TwoPointGradient:
    """The difference of the objective between two sides of the mechanism, in a random direction.

    ``coefficients / (2 radius) (G(w + radius v) - G(w - radius v)) v`` with v uniform on the unit
    sphere. Agents respond to either side.

    Attributes:
      radius: float [], in units of half the range of a coefficient.
      episodes: drawn on each side; None for the expected objective. Static.

    Raises:
      ValueError: a radius that is not above 0, or fewer episodes than one.
    """

    radius: Any = 0.05
    episodes: int | None = struct.field(pytree_node=False, default=None)

    def __post_init__(self) -> None:
        checks.leaf("radius", self.radius, above=0)
        if self.episodes is not None:
            checks.integer("episodes", self.episodes)

    @property
    def num_played(self) -> int:
        return 2

    @property
    def num_episodes(self) -> int:
        return 2 * (self.episodes or 0)

    def init(self, problem: Problem) -> None:
        """Nothing."""

    def played(self, places: jax.Array, key: jax.Array) -> jax.Array:
        """Both sides."""
        away = self.radius * _direction(key, places)
        return jnp.stack([places + away, places - away])

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
        direction = (played[0] - played[1]) / (2 * self.radius)
        return places.size * (above - below) / (2 * self.radius) * direction, memory


@struct.dataclass
class OnePointGradient:
    """The objective of a single mechanism beside the designer's, times the direction to it.

    ``coefficients / radius (G(w + radius v) - baseline) v`` with v uniform on the unit sphere
    (Flaxman, Kalai and McMahan 2005). All that is seen in an update is one value.

    Attributes:
      radius: float [], in units of half the range of a coefficient.
      baseline_rate: float [], how fast the baseline follows the values that are seen, up to 1; at 0
        there is none, and noise outweighs everything.
      episodes: drawn in an update; None for the expected objective. Static.

    Raises:
      ValueError: a radius that is not above 0, a rate out of its range, or fewer episodes than one.
    """

    radius: Any = 0.05
    baseline_rate: Any = 0.1
    episodes: int | None = struct.field(pytree_node=False, default=None)

    def __post_init__(self) -> None:
        checks.leaf("radius", self.radius, above=0)
        checks.leaf("baseline_rate", self.baseline_rate, low=0, high=1)
        if self.episodes is not None:
            checks.integer("episodes", self.episodes)

    @property
    def num_played(self) -> int:
        return 1

    @property
    def num_episodes(self) -> int:
        return self.episodes or 0

    def init(self, problem: Problem) -> tuple[jax.Array, jax.Array]:
        """The baseline and how much has been seen for it, float [] each."""
        zero = jnp.zeros((), problem.space.dtype)
        return zero, zero

    def played(self, places: jax.Array, key: jax.Array) -> jax.Array:
        """One mechanism beside it."""
        return (places + self.radius * _direction(key, places))[None]

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
        direction = (played[0] - places) / self.radius
        gradient = places.size / self.radius * (value - baseline) * direction
        kept = 1 - self.baseline_rate
        remembered = (
            kept * total + self.baseline_rate * value,
            kept * weight + self.baseline_rate,
        )
        return gradient, remembered


def _direction(key: jax.Array, places: jax.Array) -> jax.Array:
    """Uniform on the unit sphere, float [coefficients]."""
    draw = jax.random.normal(key, places.shape, places.dtype)
    return draw / jnp.linalg.norm(draw)
