"""How a designer learns in which direction its objective rises, agents' responses included.

Each estimator is a frozen PyTree that a designer is given. It says which mechanisms are to be
played, and makes a gradient of what the agents, who have been responding to those, do under them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.game import Policies
from jaxmech.designers.two_timescale.problem import Problem


class GradientEstimator(Protocol):
    """An estimate of the gradient of the objective by the places of the mechanism."""

    @property
    def is_random(self) -> bool:
        """Whether estimates vary with the key."""
        ...

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

    def played(self, problem: Problem, places: jax.Array, key: jax.Array) -> jax.Array:
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


class Computed(ABC):
    """A gradient that is computed at the mechanism itself, without noise or memory."""

    @abstractmethod
    def slope(self, problem: Problem, policies: Policies, places: jax.Array) -> jax.Array:
        """The gradient, float [coefficients], among agents who do as ``policies`` say."""

    @property
    def is_random(self) -> bool:
        return False

    @property
    def num_played(self) -> int:
        return 1

    @property
    def num_episodes(self) -> int:
        return 0

    def init(self, problem: Problem) -> None:
        """Nothing."""
        del problem

    def played(self, problem: Problem, places: jax.Array, key: jax.Array) -> jax.Array:
        """The mechanism itself."""
        del problem, key
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
        return self.slope(problem, jax.tree.map(lambda leaf: leaf[0], policies), places), memory


MOST_MISSED = 0.01
"""Of a linear system, relative to its largest entry, where it still counts as solved."""

PRODUCTS = 20
"""Products with the linear system after which its solver starts again from what it has found."""


@struct.dataclass
class ImplicitGradient(Computed):
    """Differentiates through the fixed point of the responses, as if the agents had come to rest.

    ``d objective + (d response / d mechanism)^T (I - d response / d policies)^-T d objective /
    d policies``, at the policies there are. Exact once they are an equilibrium; one linear solve,
    which needs products with derivatives alone. Where that fails by a hundredth or more, as at a
    bifurcation, or among agents far from rest, the gradient is NaN and a designer takes no step.

    Attributes:
      tolerance: of the residual of the linear system, relative to its largest entry, or 16 times
        the precision of its numbers where that is more. Static.
      max_steps: of its solver, generalised minimal residuals, of up to 20 products each. Static.

    Raises:
      ValueError: one not above 0.
    """

    tolerance: float = struct.field(pytree_node=False, default=1e-6)
    max_steps: int = struct.field(pytree_node=False, default=100)

    def __post_init__(self) -> None:
        checks.number("tolerance", self.tolerance, above=0)
        checks.integer("max_steps", self.max_steps)

    def slope(self, problem: Problem, policies: Policies, places: jax.Array) -> jax.Array:
        """The gradient, float [coefficients]."""
        of_policies, direct = jax.grad(problem.objective, argnums=(0, 1))(policies, places)
        pull_back = jax.vjp(problem.respond, policies, places)[1]

        def transposed(weights: Policies) -> Policies:
            return jax.tree.map(jnp.subtract, weights, pull_back(weights)[0])

        weights = _solution(transposed, of_policies, self.tolerance, self.max_steps)
        return direct + pull_back(weights)[1]


def _solution(
    operator: Callable[[Policies], Policies], target: Policies, tolerance: float, max_steps: int
) -> Policies:
    """What a linear operator turns into ``target``; NaN where that is not found."""
    size = _largest(target)
    scale = jnp.where(size > 0, size, 1)
    scaled = jax.tree.map(lambda leaf: leaf / scale, target)
    precision = max(float(jnp.finfo(leaf.dtype).eps) for leaf in jax.tree.leaves(target))
    tolerance = max(tolerance, 16 * precision)
    # One product after another and no more than are needed: where agents respond to few numbers of
    # the others, such as a mean, two or three.
    found, _ = jax.scipy.sparse.linalg.gmres(
        operator,
        scaled,
        tol=tolerance,
        restart=PRODUCTS,
        maxiter=max_steps,
        solve_method="incremental",
    )
    missed = _largest(jax.tree.map(jnp.subtract, operator(found), scaled))
    return jax.tree.map(
        lambda leaf: jnp.where(missed <= MOST_MISSED, leaf * scale, jnp.nan).astype(leaf.dtype),
        found,
    )


def _largest(tree: Policies) -> jax.Array:
    """Size of the largest entry, float []."""
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))


@struct.dataclass
class UnrolledGradient(Computed):
    """Differentiates through the next responses of the agents, from what they do now.

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

    def slope(self, problem: Problem, policies: Policies, places: jax.Array) -> jax.Array:
        """The gradient, float [coefficients]."""

        def after_responses(places: jax.Array) -> jax.Array:
            def respond(policies: Policies, _: Any) -> tuple[Policies, None]:
                return problem.respond(policies, places), None

            end, _ = jax.lax.scan(respond, policies, length=self.steps)
            return problem.objective(end, places)

        gradient: jax.Array = jax.grad(after_responses)(places)
        return gradient


@struct.dataclass
class SocialGradient(Computed):
    """Differentiates through one response of each agent, while the others do as they do now.

    ``d objective + (d response / d mechanism)^T d objective / d policies``, at the policies there
    are: what ``ImplicitGradient`` gives without the inverse, which adds up how agents go on to
    respond to each other. It costs one product with derivatives. Where the mechanism adds a number
    of its own to each agent's response and the objective depends on policies alone, it is the
    social-gradient flow of Vasileiou, Zhang and Zhang (2026, arXiv 2604.11346), which comes to rest
    at the best mechanism alone; elsewhere it may rest at another one, or even point downwards.
    """

    def slope(self, problem: Problem, policies: Policies, places: jax.Array) -> jax.Array:
        """The gradient, float [coefficients]."""
        of_policies, direct = jax.grad(problem.objective, argnums=(0, 1))(policies, places)
        pull_back = jax.vjp(lambda given: problem.respond(policies, given), places)[1]
        return direct + pull_back(of_policies)[0]
