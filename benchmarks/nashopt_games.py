"""The games of the benchmark in NashOpt, which solves one game after another.

NashOpt (Bemporad) finds a generalised Nash equilibrium as a root of the players' conditions of
first order, and designs a game by L-BFGS-B on all of its unknowns together: parameters, decisions
and multipliers, with those conditions as a penalty of weight ``rho / 2``. It compiles every game
anew, which is timed apart here. To import it turns on double precision in JAX.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import nashopt
import numpy as np
from numpy.typing import ArrayLike, NDArray
from taxed_markets import CURVATURE, EMISSIONS, INTERCEPT


@dataclass(frozen=True)
class Solved:
    """What NashOpt found.

    Attributes:
      parameters: float [parameters] of the game that it designed; empty where it designed none.
      decisions: float [players].
      objective: the designer's, minimised; 0 where there is none.
      residual: norm of the conditions of first order.
      seconds: in total.
      compile_seconds: of these, those in which JAX traced, lowered or compiled.
    """

    parameters: NDArray[np.float64]
    decisions: NDArray[np.float64]
    objective: float
    residual: float
    seconds: float
    compile_seconds: float

    @property
    def search_seconds(self) -> float:
        """Without tracing, lowering and compiling.

        Raises:
          RuntimeError: nothing is left, so that compiling was not told from searching.
        """
        left = self.seconds - self.compile_seconds
        if not left > 0:
            raise RuntimeError(
                f"{self.compile_seconds} s of compiling in {self.seconds} s leave none to search"
            )
        return left


def design_tax(costs: ArrayLike, damage: float) -> Solved:
    """The best emission tax of one Cournot market.

    The weight of the penalty is higher and the tolerance lower than the defaults, so that taxes can
    be compared to 1e-5.
    """
    costs, emissions = np.asarray(costs, np.float64), np.asarray(EMISSIONS)
    firms = len(emissions)

    def cost(x: jax.Array, p: jax.Array, i: int) -> jax.Array:
        price = INTERCEPT - jnp.sum(x)
        return costs[i] * x[i] + CURVATURE * x[i] ** 2 / 2 + (p[0] * emissions[i] - price) * x[i]

    def loss(x: jax.Array, p: jax.Array) -> jax.Array:
        total = jnp.sum(x)
        worth = INTERCEPT * total - total**2 / 2 - jnp.sum(costs * x + CURVATURE * x**2 / 2)
        return damage * jnp.sum(emissions * x) ** 2 / 2 - worth

    with _timed() as watch:
        game = nashopt.ParametricGNEP(
            [1] * firms,
            f=[partial(cost, i=i) for i in range(firms)],
            lb=np.zeros(firms),
            ub=np.full(firms, INTERCEPT),
            npar=1,
        )
        solution = game.solve(
            J=loss,
            pmin=np.array([-10.0]),
            pmax=np.array([10.0]),
            x0=jnp.ones(firms),
            rho=1e6,
            tol=1e-14,
            maxiter=1000,
            verbose=False,
        )
    return watch.solved(solution, solution.p, float(solution.J))


def linear_cournot(num_players: int = 10) -> Solved:
    """The equilibrium of NashOpt's example of linear Cournot competition, as the example does."""

    def cost(x: jax.Array, i: int) -> jax.Array:
        return num_players * (1 + i / 2) * x[i] - x[i] * (60 * num_players - jnp.sum(x))

    low, high = np.full(num_players, 7.0), np.full(num_players, 100.0)
    with _timed() as watch:
        players = [partial(cost, i=i) for i in range(num_players)]
        game = nashopt.GNEP([1] * num_players, f=players, lb=low, ub=high)
        solution = game.solve((low + high) / 2, verbose=0)
    return watch.solved(solution, np.zeros(0), 0.0)


def stackelberg_pricing(
    curvatures: ArrayLike, *, rho: float = 1e8, max_evaluations: int = 200
) -> Solved:
    """NashOpt's example of a leader who prices a shared capacity, from the example's start.

    Its term in the others' decisions alone is left out: to each player it is a constant.

    Args:
      curvatures: float [followers].
      rho: weight of the penalty; 1e8 in the example.
      max_evaluations: 200 in the example.
    """
    curvatures = np.asarray(curvatures, np.float64)
    followers = len(curvatures)

    def cost(x: jax.Array, p: jax.Array, i: int) -> jax.Array:
        return curvatures[i] * x[i] ** 2 + (p[i] + p[followers] * jnp.sum(x) ** 2) * x[i]

    def excess(x: jax.Array, p: jax.Array) -> jax.Array:
        return jnp.sum(x, keepdims=True) - 1.0

    def loss(x: jax.Array, p: jax.Array) -> jax.Array:
        total, prices = jnp.sum(x), p[:followers]
        paid = jnp.sum((prices + p[followers] * total**2) * x)
        return (total - 0.9) ** 2 + 0.1 * jnp.sum((prices + 2.0) ** 2) - 0.3 * paid

    low = np.append(np.full(followers, -5.0), 0.0)
    high = np.append(np.zeros(followers), 0.2)
    with _timed() as watch:
        game = nashopt.ParametricGNEP(
            [1] * followers,
            [partial(cost, i=i) for i in range(followers)],
            excess,
            1,
            lb=np.zeros(followers),
            ub=np.full(followers, np.inf),
            npar=followers + 1,
        )
        solution = game.solve(
            J=loss,
            pmin=low,
            pmax=high,
            p0=(low + high) / 2,
            x0=np.full(followers, 1 / followers),
            rho=rho,
            maxiter=max_evaluations,
            verbose=False,
        )
    return watch.solved(solution, solution.p, float(solution.J))


class Watch:
    """Seconds in total, and those that JAX spends on programs before it runs them.

    Args:
      now: seconds on a clock.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds = 0.0
        self._now = now
        self._spans: list[tuple[float, float]] = []

    def heard(self, event: str, seconds: float, **_: Any) -> None:
        """That something has ended which took so long."""
        if not event.startswith("/jax/core/compile/"):
            return
        end = self._now()
        start = end - seconds
        # Programs are traced and compiled within others, which end later: no second counts twice.
        while self._spans and self._spans[-1][1] > start:
            start = min(start, self._spans.pop()[0])
        self._spans.append((start, end))

    @property
    def compile_seconds(self) -> float:
        """Those in which anything was traced, lowered or compiled."""
        return sum(end - start for start, end in self._spans)

    def solved(self, solution: Any, parameters: Any, objective: float) -> Solved:
        return Solved(
            parameters=np.asarray(parameters, np.float64),
            decisions=np.asarray(solution.x, np.float64),
            objective=objective,
            residual=float(np.linalg.norm(solution.res)),
            seconds=self.seconds,
            compile_seconds=self.compile_seconds,
        )


@contextmanager
def _timed() -> Iterator[Watch]:
    watch = Watch()
    jax.monitoring.register_event_duration_secs_listener(watch.heard)
    start = time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - start
        jax.monitoring.unregister_event_duration_listener(watch.heard)
