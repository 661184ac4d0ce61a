"""The best mechanism between bounds that a quasi-Newton method finds from one start or several.

What is designed in a study is compared with it. It follows exact gradients of the objective in
equilibrium, by L-BFGS-B of SciPy, and is no proof that there is nothing better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from jaxmech.agents.responses.game import equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.spaces import Box

Gradients = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
"""From a mechanism, float [coefficients], to the objective, float [], and its gradient there."""

_RISE, _SLOPE = 1e-11, 1e-6
"""Relative rise of the objective in a step, and slope along the bounds, at which a climb ends."""


def climbed(
    env: IncentiveDesign, params: IncentiveDesignParams, start: ArrayLike
) -> dict[str, Any]:
    """Where the climb from a mechanism ends; for ``Workspace.kept_on_host``.

    Args:
      start: float [coefficients].

    Returns:
      What ``climb`` does.

    Raises:
      InvalidValueError: mechanisms that are shares of a whole.
    """
    return climb(*_climbable(env, params), start)


def highest_climbed(
    env: IncentiveDesign, params: IncentiveDesignParams, starts: ArrayLike
) -> dict[str, Any]:
    """Where the highest climb ends, of one from each start; for ``Workspace.kept_on_host``.

    Args:
      starts: float [starts, coefficients].

    Returns:
      ``mechanism``, ``objective`` and ``slope`` of the highest climb, see ``climb``; ``gradients``,
      of all climbs together; and ``ends``, float [starts], the objective where each of them ends.

    Raises:
      InvalidValueError: mechanisms that are shares of a whole.
    """
    gradients, space = _climbable(env, params)
    found = [climb(gradients, space, start) for start in np.asarray(starts, np.float64)]
    ends = np.array([one["objective"] for one in found])
    # One whose objective is not a number is never the highest, unless all are.
    highest = found[int(np.argmax(np.where(np.isnan(ends), -np.inf, ends)))]
    return highest | {"gradients": sum(one["gradients"] for one in found), "ends": ends}


def _climbable(env: IncentiveDesign, params: IncentiveDesignParams) -> tuple[Gradients, Box]:
    """Gradients of the objective in equilibrium, compiled once, and the space of mechanisms."""
    space = env.action_space(params)
    if not isinstance(space, Box):
        raise InvalidValueError("env", space, "games whose mechanisms lie between bounds")

    def objective(mechanism: jax.Array, params: Any) -> jax.Array:
        policies = equilibrium(env.game, mechanism, params).point
        return env.game.objective(policies, mechanism, params)

    gradients = jax.jit(jax.value_and_grad(objective))
    return lambda mechanism: gradients(mechanism, params.game), space


def climb(
    gradients: Gradients,
    space: Box,
    start: ArrayLike,
    *,
    rise: float = _RISE,
    slope: float = _SLOPE,
) -> dict[str, Any]:
    """Where the climb from a mechanism ends.

    Args:
      gradients: of what is climbed, compiled.
      space: of mechanisms.
      start: float [coefficients]; the nearest in ``space`` is taken.
      rise: of the objective in a step, relative to its size, below which the climb ends.
      slope: along the bounds, below which it ends.

    Returns:
      ``mechanism``, float [coefficients]; its ``objective``, float; ``gradients``, how many were
      computed, each with one equilibrium; ``slope``, the largest size of an entry of the gradient
      there, where it does not point out of the bounds, at most the room that is left.
    """
    low, high = (
        np.broadcast_to(np.asarray(bound, np.float64), space.shape)
        for bound in (space.low, space.high)
    )

    def loss(mechanism: Any) -> tuple[float, Any]:
        value, slopes = gradients(jnp.asarray(mechanism, space.dtype))
        return -float(value), -np.asarray(slopes, np.float64)

    found = minimize(
        loss,
        np.clip(np.asarray(start, np.float64), low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"ftol": rise, "gtol": slope},
    )
    mechanism = np.asarray(found.x, np.float64)
    moved = np.clip(mechanism - found.jac, low, high) - mechanism
    return {
        "mechanism": mechanism,
        "objective": -float(found.fun),
        "gradients": int(found.nfev),
        "slope": float(np.max(np.abs(moved))),
    }
