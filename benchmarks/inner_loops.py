"""What a gradient costs as the agents' inner loop grows: implicit beside unrolled.

Either way agents first respond so many times, from policies that know of no mechanism. The
unrolled gradient goes back through all of that, and the implicit one solves a linear system at
the end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from compiling import compile_timed
from leaders import in_equilibrium
from turns import in_turns

import jaxmech
from jaxmech.designers import ImplicitGradient, TwoTimescale, UnrolledGradient

UNROLLED, IMPLICIT = "unrolled", "implicit"

TOLERANCE = 1e-10
"""Of the linear system of the implicit gradient, so that what is left of its error is that of the
inner loop."""


@dataclass(frozen=True)
class LoopSizes:
    """Sizes of the games.

    Attributes:
      lanes, positions, actions: of the lanes game.
      matrix_actions: of each of two players of a normal form of normal payoffs.
    """

    lanes: int = 10
    positions: int = 51
    actions: int = 101
    matrix_actions: int = 20


@dataclass(frozen=True)
class Gradient:
    """One way to a gradient.

    Attributes:
      seconds: of each repetition.
      compile_seconds: of the program.
      temporary_bytes: that the compiled program needs besides what it is given and gives back.
      error: distance to the gradient in equilibrium, relative to the length of that.
    """

    seconds: list[float]
    compile_seconds: float
    temporary_bytes: int
    error: float


def games(sizes: LoopSizes) -> dict[str, tuple[Any, Any]]:
    """Environments and their parameters, by what they are called in the table."""
    payoffs = np.random.default_rng(0).normal(size=(2, sizes.matrix_actions, sizes.matrix_actions))
    lanes = jaxmech.make(
        "multilane",
        num_agents=sizes.lanes,
        num_positions=sizes.positions,
        num_actions=sizes.actions,
    )
    return {
        f"multilane, {sizes.lanes} agents": lanes,
        f"matrix game, 2 x {sizes.matrix_actions} actions": jaxmech.make(
            "matrix_game", payoffs=payoffs
        ),
    }


def programs(env: Any, params: Any, responses: int) -> dict[str, Callable[[jax.Array], jax.Array]]:
    """From places of a mechanism, float [coefficients], to gradients there, by name."""
    problem = TwoTimescale(env, params).problem
    start = env.game.initial_policies(params.game)

    def of(estimator: Any, policies: Any, places: jax.Array) -> jax.Array:
        played = jax.tree.map(lambda leaf: leaf[None], policies)
        memory, key = estimator.init(problem), jax.random.key(0)
        return estimator.estimate(problem, places, places[None], played, memory, key)[0]

    def implicit(places: jax.Array) -> jax.Array:
        def respond(policies: Any, _: None) -> tuple[Any, None]:
            return problem.respond(policies, places), None

        end, _ = jax.lax.scan(respond, start, length=responses)
        return of(ImplicitGradient(tolerance=TOLERANCE), end, places)

    return {
        UNROLLED: lambda places: of(UnrolledGradient(responses), start, places),
        IMPLICIT: implicit,
    }


def exact_gradient(env: Any, params: Any) -> Callable[[jax.Array], jax.Array]:
    """From places of a mechanism to the gradient of the objective in equilibrium."""
    problem = TwoTimescale(env, params).problem
    value = in_equilibrium(env.game, params.game)
    return jax.grad(lambda places: value(problem.mechanism(places)))


def measure_loops(
    sizes: LoopSizes, all_responses: tuple[int, ...], repetitions: int
) -> dict[str, dict[int, Mapping[str, Gradient]]]:
    """Of each game, by the number of responses and the gradient's name."""
    measured: dict[str, dict[int, Mapping[str, Gradient]]] = {}
    for name, (env, params) in games(sizes).items():
        # In the middle of the space: where every designer starts.
        places = jnp.zeros(env.action_space(params).shape, float)
        exact = jax.jit(exact_gradient(env, params))(places)
        measured[name] = {}
        for responses in all_responses:
            compiled = {
                gradient: compile_timed(program, places)
                for gradient, program in programs(env, params, responses).items()
            }
            errors = {
                gradient: float(jnp.linalg.norm(run(places) - exact) / jnp.linalg.norm(exact))
                for gradient, (run, _) in compiled.items()
            }
            seconds = in_turns(
                {gradient: partial(run, places) for gradient, (run, _) in compiled.items()},
                repetitions,
            )
            measured[name][responses] = {
                gradient: Gradient(
                    seconds=seconds[gradient],
                    compile_seconds=compile_seconds,
                    temporary_bytes=run.memory_analysis().temp_size_in_bytes,
                    error=errors[gradient],
                )
                for gradient, (run, compile_seconds) in compiled.items()
            }
    return measured
