"""The best mechanism in equilibrium, by a quasi-Newton method along implicit gradients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from compiling import compile_timed
from numpy.typing import NDArray

from jaxmech.agents import equilibrium
from jaxmech.experiments.incentives.climbing import climb
from jaxmech.spaces import Box


def in_equilibrium(game: Any, params: Any) -> Callable[[jax.Array], jax.Array]:
    """The objective, float [], of a mechanism, float [coefficients], once agents are at rest."""

    def value(mechanism: jax.Array) -> jax.Array:
        policies = equilibrium(game, mechanism, params).point
        return game.objective(policies, mechanism, params)

    return value


@dataclass(frozen=True)
class Led:
    """The best mechanism that was found.

    Attributes:
      mechanism: float [coefficients].
      value: of the objective in equilibrium.
      evaluations: of it and its gradient, from all starts.
      seconds: of the search, without compiling.
      compile_seconds: of value and gradient.
      values: of the best from each start.
    """

    mechanism: NDArray[np.float64]
    value: float
    evaluations: int
    seconds: float
    compile_seconds: float
    values: tuple[float, ...]


def best_mechanism(
    value: Callable[[jax.Array], jax.Array], space: Box, starts: NDArray[np.float64]
) -> Led:
    """By L-BFGS-B within the bounds of mechanisms.

    Args:
      value: of a mechanism, such as ``in_equilibrium`` gives.
      space: of mechanisms.
      starts: float [starts, coefficients].
    """
    gradients, compile_seconds = compile_timed(jax.value_and_grad(value), jnp.asarray(starts[0]))
    begin = time.perf_counter()
    found = [climb(gradients, space, start, rise=1e-14, slope=1e-10) for start in starts]
    seconds = time.perf_counter() - begin
    best = max(found, key=lambda one: one["objective"])
    return Led(
        mechanism=best["mechanism"],
        value=best["objective"],
        evaluations=sum(one["gradients"] for one in found),
        seconds=seconds,
        compile_seconds=compile_seconds,
        values=tuple(one["objective"] for one in found),
    )
