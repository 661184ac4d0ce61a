"""Outer loops such as those of Thoma, Pasztor, Krause, Ramponi and Hu (2024), with other gradients.

All of them climb in small steps on weights, of which the shares are the softmax: steps of a
constant rate, along gradients whose norm is clipped at 1. What differs from the published runs: in
each iteration the follower is solved for with both goals, and what they give is averaged by their
probabilities, where a published iteration draws one goal; there is one start and one rate, where
those runs have ten seeds; there are fewer iterations; and worths are exact or by temporal
differences.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmech import struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.problem import Problem
from jaxmech.environments.four_rooms import FourRooms, FourRoomsParams
from jaxmech.experiments.incentives.four_rooms.trajectories import TrajectoryGradient

RATE = 0.5
"""The highest of the peers' rates."""

CLIP = 1.0
"""Largest norm of a gradient by the weights."""


def descent_of_weights(rate: float = RATE, clip: float = CLIP) -> optax.GradientTransformation:
    """Gradient descent on weights, from gradients by shares that are their softmax, to shares.

    As in all of optax the gradient is of what is minimised, and what is returned is added to the
    shares, float [shares], which ``update`` must be given.
    """

    def update(
        gradient: jax.Array, state: optax.EmptyState, shares: jax.Array | None = None
    ) -> tuple[jax.Array, optax.EmptyState]:
        if shares is None:
            raise InvalidValueError(
                "shares", shares, "those that the step is taken from", verb="needed are"
            )
        by_weights = shares * (gradient - jnp.dot(shares, gradient))
        norm = jnp.linalg.norm(by_weights)
        step = -rate * by_weights * jnp.minimum(1, clip / jnp.where(norm > 0, norm, 1))
        weights = shares * jnp.exp(step)
        return weights / jnp.sum(weights) - shares, state

    return optax.GradientTransformation(lambda shares: optax.EmptyState(), update)


@struct.dataclass
class Path:
    """What a search came to.

    Attributes:
      shares: float [shares], the last.
      values: float [iterations], what the leader earns with each of those that were tried.
    """

    shares: jax.Array
    values: jax.Array


def exact_value(game: FourRooms, shares: jax.Array, params: FourRoomsParams) -> jax.Array:
    """What the leader earns when the follower has settled, float []; one solve of both goals."""
    return game.objective(game.equilibrium(shares, params).point, shares, params)


def exact_ascent(
    game: FourRooms, params: FourRoomsParams, start: jax.Array, iterations: int
) -> Path:
    """Small steps along the exact gradient: one follower solve in each iteration.

    It is where adaptive mechanism design (AMD) of the publication leads, which unrolls the
    follower's value iteration in place of differentiating implicitly.

    Args:
      start: float [shares].
    """
    descent = descent_of_weights()
    slope = jax.value_and_grad(lambda shares: exact_value(game, shares, params))

    def step(shares: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        value, gradient = slope(shares)
        updates, _ = descent.update(-gradient, descent.init(shares), shares)
        return shares + updates, value

    return Path(*jax.lax.scan(step, start, length=iterations))


def zero_order_ascent(
    game: FourRooms,
    params: FourRoomsParams,
    start: jax.Array,
    iterations: int,
    key: jax.Array,
) -> Path:
    """Small steps along differences in random directions of the weights, of a radius 1 / t.

    Two exact follower solves in each iteration t = 1, 2, ...

    Args:
      start: float [shares].
    """

    def step(shares: jax.Array, drawn: Any) -> tuple[jax.Array, jax.Array]:
        key, count = drawn
        radius = 1 / (count + 1)
        direction = jax.random.normal(key, shares.shape, shares.dtype)
        both = jnp.stack([shares, jax.nn.softmax(jnp.log(shares) + radius * direction)])
        value, beside = jax.vmap(exact_value, in_axes=(None, 0, None))(game, both, params)
        slope = (beside - value) / radius * direction
        step = RATE * slope * jnp.minimum(1, CLIP / jnp.linalg.norm(slope))
        return jax.nn.softmax(jnp.log(shares) + step), value

    drawn = (jax.random.split(key, iterations), jnp.arange(iterations, dtype=start.dtype))
    return Path(*jax.lax.scan(step, start, drawn))


def sampled_ascent(
    game: FourRooms,
    params: FourRoomsParams,
    start: jax.Array,
    iterations: int,
    walkers: int,
    steps: int,
    key: jax.Array,
) -> Path:
    """Small steps along gradients of fresh trajectories.

    The outer loop is that of hyper policy gradient descent (HPGD); the gradient is not, but a
    temporal-difference estimate from the frequencies of transitions in the iteration's own steps.
    One follower solve, of both goals, and ``walkers * steps`` environment steps in each iteration.

    Args:
      start: float [shares].
      walkers, steps: see ``TrajectoryGradient``.
    """
    problem, descent = Problem(game, params), descent_of_weights()
    gradient = TrajectoryGradient(walkers, steps, remembers=False)

    def step(state: tuple[jax.Array, Any], key: jax.Array) -> tuple[Any, jax.Array]:
        shares, memory = state
        policies = game.equilibrium(shares, params).point
        played = gradient.played(problem, shares, key)
        slope, memory = gradient.estimate(problem, shares, played, policies[None], memory, key)
        updates, _ = descent.update(-slope, descent.init(shares), shares)
        return (shares + updates, memory), game.objective(policies, shares, params)

    begin = (start, gradient.init(problem))
    (shares, _), values = jax.lax.scan(step, begin, jax.random.split(key, iterations))
    return Path(shares, values)
