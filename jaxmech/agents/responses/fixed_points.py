"""Fixed points of responses, with derivatives by the implicit function theorem.

Where ``point = response(point, arguments)``, a change of the arguments moves the point by
``(I - d response / d point)^-1 d response / d arguments``. The derivative needs one linear solve,
whatever it took to find the point, and no step of the way there is kept. What looks for the point
is a solver of optimistix, what solves the linear system one of lineax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import lineax
import optimistix

from jaxmech import checks, struct

Response = Callable[[Any, Any], Any]
"""From a point and arguments, both PyTrees of arrays, to a point of the same structure."""

Solver = optimistix.AbstractRootFinder | optimistix.AbstractFixedPointSolver
"""What looks for a fixed point, such as ``optimistix.Newton(rtol=1e-8, atol=1e-8)``,
``optimistix.Bisection`` for a single number, or ``optimistix.FixedPointIteration`` with ``damp``,
the weight of the point before, where a response would swing to and fro."""

MAX_STEPS = 256
"""Steps after which a search ends in any case, unless it is told."""


@struct.dataclass
class FixedPoint:
    """Where a response leads back to where it came from, as nearly as was found.

    Attributes:
      point: PyTree, differentiable in the arguments of the response.
      residual: float [], the largest distance of an entry of the response from the point's; a
        constant for derivatives.
      steps: int32 [], of the solver.
    """

    point: Any
    residual: jax.Array
    steps: jax.Array


def fixed_point(
    response: Response,
    start: Any,
    arguments: Any = None,
    *,
    solver: Solver,
    options: Mapping[str, Any] | None = None,
    max_steps: int = MAX_STEPS,
) -> FixedPoint:
    """A fixed point of ``response``, differentiable in ``arguments`` and in what it closes over.

    Nothing is raised where none was found: the residual says so. Where there are several, it is
    the one that the solver reaches from ``start``, on which derivatives do not depend.

    Outside a compiled program it compiles anew for every new ``response``, such as a lambda that is
    made for the call: call it in one.

    Args:
      response: pure and differentiable.
      start: where the search begins, of the dtype and structure of the point.
      options: of the solver, such as the ends ``{"lower": 0.0, "upper": 1.0}`` for bisection.

    Raises:
      ValueError: fewer than one step.
    """
    checks.integer("max_steps", max_steps)
    solution: optimistix.Solution = optimistix.fixed_point(
        response,
        solver,
        jax.lax.stop_gradient(start),
        arguments,
        options=None if options is None else dict(options),
        max_steps=max_steps,
        throw=False,
        # At a bifurcation the system is singular: the solution of least norm is finite, and one
        # such game of a batch does not end them all.
        adjoint=optimistix.ImplicitAdjoint(lineax.AutoLinearSolver(well_posed=False)),
    )
    point = solution.value
    return FixedPoint(
        point,
        largest_difference(response(point, arguments), point),
        jnp.asarray(solution.stats["num_steps"], jnp.int32),
    )


def largest_difference(one: Any, other: Any) -> jax.Array:
    """The largest distance between entries of two PyTrees, float []; a constant for derivatives."""
    distances = jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), one, other)
    return jax.lax.stop_gradient(jnp.max(jnp.stack(jax.tree.leaves(distances))))


def newton(start: Any) -> Solver:
    """Newton's method, until steps are as small as the precision of ``start``, a PyTree, allows."""
    precision = max(float(jnp.finfo(leaf.dtype).eps) for leaf in jax.tree.leaves(start))
    return optimistix.Newton(rtol=16 * precision, atol=16 * precision)
