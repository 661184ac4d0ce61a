"""The best penalties that can be found with the model: mirror descent with restarts, and a polish.

Small steps from equal shares end in a poor optimum. Long first steps and a part that is dealt out
equally lead mirror descent out of it; sequential quadratic programming then needs few evaluations
to the optimum nearby.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from optax import projections

from jaxmech import struct
from jaxmech.designers.two_timescale.mirror_descent import (
    ShareSearch,
    maximise_shares,
    shrinking_mirror_descent,
)
from jaxmech.environments.four_rooms import FourRooms, FourRoomsParams
from jaxmech.experiments.incentives.followers import (
    FollowerCheck,
    follower_check,
    gains_as_another,
)
from jaxmech.experiments.incentives.four_rooms.peers import exact_value

LAST_STEP_SIZE, LAST_DEALT_OUT = 0.01, 1e-7
"""Of all restarts, which begin differently."""

CHANGE = 1e-10
"""Of the objective, at which the polish ends."""


def restarts(
    game: FourRooms,
    params: FourRoomsParams,
    step_sizes: jax.Array,
    dealt_out: jax.Array,
    steps: int,
) -> ShareSearch:
    """Mirror descent from equal shares, restarted with other step sizes.

    Args:
      step_sizes, dealt_out: float [restarts], of the first step.
      steps: of each restart, one follower solve each, of both goals.

    Returns:
      Searches, every array [restarts, ...].
    """
    start = jnp.full(game.num_coefficients, 1 / game.num_coefficients)

    def search(size: jax.Array, part: jax.Array) -> ShareSearch:
        transformation = shrinking_mirror_descent(
            steps, step_sizes=(size, LAST_STEP_SIZE), dealt_out=(part, LAST_DEALT_OUT)
        )
        objective = partial(exact_value, game, params=params)
        return maximise_shares(objective, start, transformation, steps)

    return jax.vmap(search)(step_sizes, dealt_out)


class _SpentError(Exception):
    """No evaluation is left."""


def polished(
    game: FourRooms, params: FourRoomsParams, shares: NDArray[np.float64], solves: int
) -> dict[str, Any]:
    """Shares that sequential quadratic programming (SLSQP) leads to.

    Args:
      shares: float [shares], to begin with.
      solves: value and gradient are computed as often at most, one follower solve each, of both
        goals.

    Returns:
      ``shares``, float [shares], the best of those tried, ``value`` and ``solves``.
    """
    from scipy.optimize import minimize

    best: dict[str, Any] = {"shares": shares, "value": -np.inf, "solves": 0}

    def whole(spent: NDArray[np.float64]) -> NDArray[np.float64]:
        spent = np.maximum(spent, 0)
        spent = spent / max(spent.sum(), 1)
        return np.append(spent, 1 - spent.sum())

    def loss(spent: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        if best["solves"] == solves:
            raise _SpentError
        best["solves"] += 1
        tried = whole(spent)
        value, slope = _value_and_slope(game, tried, params)
        if float(value) > best["value"]:
            best.update(shares=tried, value=float(value))
        return -float(value), np.asarray(slope[-1] - slope[:-1])

    within = {
        "type": "ineq",
        "fun": lambda spent: 1 - spent.sum(),
        "jac": lambda spent: -np.ones_like(spent),
    }
    with suppress(_SpentError):
        minimize(
            loss,
            shares[:-1],
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * (shares.size - 1),
            constraints=[within],
            options={"maxiter": solves, "ftol": CHANGE},
        )
    return best


@partial(jax.jit, static_argnums=0)
def _value_and_slope(
    game: FourRooms, shares: jax.Array, params: FourRoomsParams
) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(exact_value, argnums=1)(game, shares, params)


@struct.dataclass
class Checked:
    """How well penalties and the follower's reply to them were found.

    Attributes:
      value: float [], what the leader earns.
      follower: how well it acts, every array [goals].
      utilities: float [goals], what it expects, penalties included and entropy not.
      as_another: float [goals], what acting as with another goal would add to that.
      policy_residual: float [], the largest change of a probability by one more response.
      slope_residual: float [], the largest change of a share by a step of length 1 along the
        gradient, brought back to the nearest shares. 0 at a local optimum.
      spent: float [], sum of the penalties.
    """

    value: jax.Array
    follower: FollowerCheck
    utilities: jax.Array
    as_another: jax.Array
    policy_residual: jax.Array
    slope_residual: jax.Array
    spent: jax.Array


def checked(game: FourRooms, params: FourRoomsParams, shares: jax.Array) -> Checked:
    """Of each mechanism, float [mechanisms, shares]; every array [mechanisms]."""

    def of(shares: jax.Array) -> Checked:
        value, slope = jax.value_and_grad(exact_value, argnums=1)(game, shares, params)
        moved = projections.projection_simplex(shares + slope)
        settled = game.equilibrium(shares, params)

        def of_goal(goal: jax.Array, policy: jax.Array) -> FollowerCheck:
            return follower_check(game.process(goal, shares, params), policy, params.temperature)

        return Checked(
            value=value,
            follower=jax.vmap(of_goal)(jnp.asarray(game.grid.goals), settled.point),
            utilities=game.utilities(settled.point, shares, params),
            as_another=gains_as_another(game, settled.point, shares, params),
            policy_residual=settled.residual,
            slope_residual=jnp.max(jnp.abs(moved - shares)),
            spent=jnp.sum(game.penalties(shares, params)),
        )

    return jax.lax.map(of, shares)
