"""Mirror descent on shares of a whole, for mechanisms that divide a budget.

Shares are multiplied by the exponential of steps along the gradient and made to sum to 1 again:
the exponentiated gradient of Kivinen and Warmuth (1997), which is mirror descent with the entropy.
Where the objective has many local optima, two things let it leave the poor ones: long first steps,
which nearly put everything on one share and then on another, and a part of the whole that is
dealt out equally after every step, so that what was given up can come back (the fixed share of
Herbster and Warmuth 1998). Both shrink as the search goes on.

All is written for one start; restarts go through ``jax.vmap``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError

Schedule = Callable[[jax.Array], Any]
"""From the number of steps made, int32 [], to a number, float []."""


def scale_by_largest() -> optax.GradientTransformation:
    """Gradients, float [shares], less their mean and divided by the largest size of an entry.

    Steps on shares do not depend on what is added to all entries. The scale makes their length
    independent of the units of the objective. Gradients whose entries are all equal become 0.
    """

    def update(gradient: jax.Array, state: Any, shares: Any = None) -> tuple[jax.Array, Any]:
        del shares
        apart = gradient - jnp.mean(gradient)
        largest = jnp.max(jnp.abs(apart))
        return apart / jnp.where(largest > 0, largest, 1), state

    return optax.GradientTransformation(lambda shares: optax.EmptyState(), update)


@struct.dataclass
class RecentSize:
    """State of ``scale_by_recent_size``.

    Attributes:
      seen: int32 [], gradients so far.
      mean_square: float [], of their largest entries, as if there had been zeros before.
    """

    seen: jax.Array
    mean_square: jax.Array


def scale_by_recent_size(decay: float = 0.99) -> optax.GradientTransformation:
    """Gradients, float [shares], less their mean and divided by the size of recent ones.

    That is the root of the mean square of their largest entries, whose weights fall by ``decay``
    from one to the one before. Divided by their own sizes all gradients would make steps of one
    length; so those that shrink towards an optimum make ever smaller steps, and noise averages out.

    Args:
      decay: 0 to below 1.

    Raises:
      ValueError: it is out of its range.
    """
    checks.number("decay", decay, low=0, below=1)

    def init(shares: jax.Array) -> RecentSize:
        return RecentSize(jnp.zeros((), jnp.int32), jnp.zeros((), shares.dtype))

    def update(
        gradient: jax.Array, state: RecentSize, shares: Any = None
    ) -> tuple[jax.Array, RecentSize]:
        del shares
        apart = gradient - jnp.mean(gradient)
        seen = optax.safe_increment(state.seen)
        mean = decay * state.mean_square + (1 - decay) * jnp.max(jnp.abs(apart)) ** 2
        size = jnp.sqrt(mean / (1 - decay**seen))
        scaled = apart / jnp.where(size > 0, size, 1)
        return scaled, RecentSize(seen, mean.astype(state.mean_square.dtype))

    return optax.GradientTransformation(init, update)


def exponentiated_gradient(
    step_size: float | Schedule, dealt_out: float | Schedule = 0.0
) -> optax.GradientTransformation:
    """Steps down the gradient from shares, float [shares], that stay shares.

    As in all of optax the gradient is of what is minimised, and ``optax.apply_updates`` adds what
    is returned to the shares, which ``update`` must be given.

    Args:
      step_size: of the logarithm of a share, for each unit of the gradient.
      dealt_out: part of the whole that all shares get equally after each step, 0 to 1. Where it is
        0, a share of 0 stays 0.

    Raises:
      ValueError: a step size below 0, a part out of its range, or no shares given.
    """
    if not callable(step_size):
        checks.number("step_size", step_size, low=0)
    if not callable(dealt_out):
        checks.number("dealt_out", dealt_out, low=0, high=1)

    def init(shares: jax.Array) -> optax.ScaleByScheduleState:
        del shares
        return optax.ScaleByScheduleState(count=jnp.zeros((), jnp.int32))

    def update(
        gradient: jax.Array, state: optax.ScaleByScheduleState, shares: jax.Array | None = None
    ) -> tuple[jax.Array, optax.ScaleByScheduleState]:
        if shares is None:
            raise InvalidValueError(
                "shares", shares, "those that the step is taken from", verb="needed are"
            )
        size = step_size(state.count) if callable(step_size) else step_size
        part = dealt_out(state.count) if callable(dealt_out) else dealt_out
        exponents = -size * gradient
        weights = shares * jnp.exp(exponents - jnp.max(exponents))
        moved = (1 - part) * weights / jnp.sum(weights) + part / shares.size
        updates = (moved - shares).astype(shares.dtype)
        return updates, optax.ScaleByScheduleState(count=optax.safe_increment(state.count))

    return optax.GradientTransformation(init, update)


def shrinking_mirror_descent(
    steps: int,
    *,
    step_sizes: tuple[Any, Any] = (50.0, 0.01),
    dealt_out: tuple[Any, Any] = (0.03, 1e-7),
) -> optax.GradientTransformation:
    """``exponentiated_gradient`` of scaled gradients, whose steps shrink geometrically.

    From a long first step on, little is left of where a search starts: restarts that are to differ
    should differ in step sizes, which may be traced, as by ``jax.vmap``.

    Args:
      steps: over which they shrink, at least 2.
      step_sizes, dealt_out: at the first and at the last of those steps, float [] each, above 0.
        Without shares that are dealt out, use ``exponentiated_gradient``.

    Raises:
      ValueError: a number out of its range.
    """
    checks.integer("steps", steps, low=2)
    for size, part in zip(step_sizes, dealt_out, strict=True):
        checks.leaf("step_sizes", size, above=0)
        checks.leaf("dealt_out", part, above=0, high=1)

    def geometric(first: Any, last: Any) -> Schedule:
        return lambda count: first * (last / first) ** (count / (steps - 1))

    return optax.chain(
        scale_by_largest(),
        exponentiated_gradient(geometric(*step_sizes), geometric(*dealt_out)),
    )


@struct.dataclass
class ShareSearch:
    """Where a search for the best shares led.

    Attributes:
      shares: float [shares], the best of those tried.
      value: float [], the objective there.
      values: float [steps], of all that were tried.
    """

    shares: jax.Array
    value: jax.Array
    values: jax.Array


def maximise_shares(
    objective: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    transformation: optax.GradientTransformation,
    steps: int,
) -> ShareSearch:
    """The best shares that steps up the gradient pass, from one start.

    The objective and its gradient are computed once for each step, of which the first is at the
    start, and the last step's gradient is not followed. What is not a number is never the best.

    Args:
      objective: from float [shares] to float [], differentiable.
      start: float [shares].
      transformation: for instance ``shrinking_mirror_descent(steps)``.
      steps: at least 1.

    Raises:
      ValueError: fewer steps.
    """
    checks.integer("steps", steps)
    slope_of = jax.value_and_grad(objective)

    def step(state: tuple[Any, ...], _: None) -> tuple[tuple[Any, ...], jax.Array]:
        shares, optimizer, best, highest = state
        value, gradient = slope_of(shares)
        better = value > highest
        best, highest = jnp.where(better, shares, best), jnp.where(better, value, highest)
        updates, optimizer = transformation.update(-gradient, optimizer, shares)
        return (optax.apply_updates(shares, updates), optimizer, best, highest), value

    lowest = jnp.full((), -jnp.inf, start.dtype)
    begin = (start, transformation.init(start), start, lowest)
    (_, _, best, highest), values = jax.lax.scan(step, begin, length=steps)
    return ShareSearch(best, highest, values)
