"""Agents who stay within a given divergence of what they would do unasked: anchoring.

Mguni and Tomczak (2018, equation 3) have an agent maximise what it earns while the divergence of
its policy from a prior, KL(policy || prior), is at most a bound. The multiplier of that constraint
is the temperature, one over the paper's beta in the Lagrangian: the policy is the logit response
whose divergence is the bound. It falls as the temperature rises, so there is one such temperature.

Where the bound is 0 the temperature is infinite and the policy the prior. Where a best response is
within the bound the temperature is 0, and the response the best one of least divergence, which is
the limit as the temperature falls: of a single choice, actions that are best share by the prior.
Which are best is told up to rounding. In both cases derivatives are 0. In between they are by the
implicit function theorem, to any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    action_values,
    occupancy,
    policy_values,
    soft_policy,
    soft_policy_iteration,
)
from jaxmech.agents.responses.logit import logit_response
from jaxmech.spaces import Simplex

_WIDEST = 60.0
"""Logarithm of the largest and smallest precision searched, per largest difference of utilities."""

_NEAR = 0.01
"""Relative change of a probability below which its divergence is summed as a series."""


def divergence(probabilities: jax.Array, prior: jax.Array) -> jax.Array:
    """KL(probabilities || prior), float [...], with its digits where the two are nearly the same.

    Logarithms are those of no less than the fourth root of the smallest normal number, 1e-77 in
    double precision and 3e-10 in single: less likely actions count as if they were so likely.

    Args:
      probabilities: float [..., actions], 0 where the prior is.
      prior: float [..., actions], both summing to 1.
    """
    # Below it a probability adds nothing; the slopes of its logarithm would be too large.
    smallest = jnp.finfo(probabilities.dtype).tiny ** 0.25
    unusual = jnp.log(jnp.maximum(probabilities, smallest)) - jnp.log(jnp.maximum(prior, smallest))
    excess = jnp.expm1(unusual)
    near = jnp.abs(excess) < _NEAR
    # The sum of ratio * log(ratio) - ratio + 1, of which no term is below 0, so that none cancel.
    small = jnp.where(near, excess, 0)
    series = jnp.zeros_like(small)
    for power in range(10, 1, -1):
        series = 1 / (power * (power - 1)) - small * series
    far = jnp.where(near, 0, unusual)
    each = jnp.where(near, small**2 * series, jnp.exp(far) * far - jnp.expm1(far))
    total: jax.Array = jnp.sum(prior * each, axis=-1)
    return total


@struct.dataclass
class AnchoredResponse:
    """The best response within a divergence of the prior.

    Attributes:
      probabilities: float [..., actions].
      temperature: float [...], in units of utility, what the last nat of divergence is worth.
      divergence: float [...], in nats: the bound, or that of a best response where it is less.
    """

    probabilities: jax.Array
    temperature: jax.Array
    divergence: jax.Array


def anchored_response(
    utilities: jax.Array, bound: Any, prior: jax.Array | None = None
) -> AnchoredResponse:
    """Probabilities of the highest expected utility whose divergence from the prior is bounded.

    Args:
      utilities: float [..., actions], finite.
      bound: float [], or [...], of each agent or type, in nats from 0.
      prior: float [..., actions], at least 0 and not all 0, of any sum; uniform where it is None.

    Raises:
      ValueError: a bound below 0 or NaN, as far as bounds are no tracers.
    """
    _check_bound(bound)
    utilities = jnp.asarray(utilities, jnp.result_type(utilities, float))
    weights = logit_response(utilities, jnp.inf, prior)

    def divergence_at(temperature: jax.Array) -> jax.Array:
        return divergence(logit_response(utilities, temperature, prior), weights)

    bounds = jnp.broadcast_to(jnp.asarray(bound, utilities.dtype), utilities.shape[:-1])
    temperature = _temperature(divergence_at, bounds, _spread(utilities, weights))
    probabilities = logit_response(utilities, temperature, prior)
    return AnchoredResponse(probabilities, temperature, divergence(probabilities, weights))


@struct.dataclass
class AnchoredOptimum:
    """The best policy of a decision process within a divergence of the prior.

    Attributes:
      policy: float [states, actions].
      values: float [states], what it earns from each state on, without any cost of divergence.
      temperature: float [], in units of reward, what the last nat of divergence is worth.
      divergence: float [], expected and discounted, in nats.
    """

    policy: jax.Array
    values: jax.Array
    temperature: jax.Array
    divergence: jax.Array


def anchored_optimum(process: DecisionProcess, bound: Any, start: jax.Array) -> AnchoredOptimum:
    """The policy that earns most while its expected discounted divergence is bounded.

    That is the sum over all decisions of KL(policy || prior), discounted as rewards are (Mguni and
    Tomczak 2018, equation 3). All states share one temperature. Without a prior the process has a
    uniform one.

    Args:
      bound: float [], in nats from 0.
      start: float [states], probabilities of the first state.

    Raises:
      ValueError: a bound below 0 or NaN; a start of another shape, with a number below 0, or that
        does not sum to 1, as far as these are no tracers.
    """
    _check_bound(bound)
    checks.shape("start", start, "[states]", (process.num_states,))
    if not isinstance(start, jax.core.Tracer):
        Simplex(process.num_states).check("start", start)
    process = replace(process, prior=process.prior_policy)

    best = soft_policy_iteration(process, 0.0).values
    closest = jax.lax.stop_gradient(_closest_of_best(process, best))

    def policy_at(temperature: jax.Array) -> jax.Array:
        found = soft_policy_iteration(process, temperature)
        return jnp.where(temperature > 0, soft_policy(process, found.values, temperature), closest)

    def divergence_of(policy: jax.Array) -> jax.Array:
        each = divergence(policy, process.prior_policy)
        return jnp.sum(occupancy(process, policy, start) * each)

    spread = jnp.max(_spread(action_values(process, best), process.prior_policy))
    temperature = _temperature(
        lambda temperature: divergence_of(policy_at(temperature)),
        jnp.asarray(bound, spread.dtype),
        spread,
    )
    policy = policy_at(temperature)
    return AnchoredOptimum(
        policy, policy_values(process, policy), temperature, divergence_of(policy)
    )


def _closest_of_best(process: DecisionProcess, values: jax.Array) -> jax.Array:
    """Of all best policies the one of least divergence, float [states, actions].

    It is the smoothed policy of who may only do what is best, and is paid nothing: there the
    divergence from the whole prior is that from its part which is best, less the logarithm of what
    that part weighs.

    Args:
      values: float [states], the optimal ones.
    """
    prior = process.prior_policy
    among_best = jnp.where(soft_policy(process, values, 0.0) > 0, prior, 0)
    weight = jnp.sum(among_best, axis=-1, keepdims=True)
    paid = jnp.broadcast_to(jnp.log(weight), prior.shape)
    narrowed = replace(process, rewards=paid, prior=among_best)
    return soft_policy(narrowed, soft_policy_iteration(narrowed, 1.0).values, 1.0)


def _check_bound(bound: Any) -> None:
    checks.leaf("bound", bound, low=0, finite=False)
    if not isinstance(bound, jax.core.Tracer):
        checks.numbers("bound", np.asarray(bound, float), low=0, finite=False)


def _spread(utilities: jax.Array, weights: jax.Array) -> jax.Array:
    """The largest difference between utilities of actions that have weight, float [...]."""
    some = weights > 0
    highest = jnp.max(utilities, axis=-1, where=some, initial=-jnp.inf)
    lowest = jnp.min(utilities, axis=-1, where=some, initial=jnp.inf)
    return jax.lax.stop_gradient(highest - lowest)


def _temperature(
    divergence_at: Callable[[jax.Array], jax.Array], bounds: jax.Array, spread: jax.Array
) -> jax.Array:
    """The temperature at which each divergence is its bound, float [...].

    Args:
      divergence_at: from temperatures, float [...], to divergences, each of which falls with its
        own temperature.
      bounds: float [...], from 0.
      spread: float [...], largest difference of utilities, the scale of temperatures; a constant.
    """
    precision = 16 * jnp.finfo(bounds.dtype).eps
    most = jax.lax.stop_gradient(divergence_at(jnp.zeros_like(bounds)))
    within = bounds >= most * (1 - precision)
    inside = (bounds > 0) & ~within
    # Elsewhere a bound that some temperature has, so that nothing there is not a number.
    sought = jnp.where(inside, bounds, most / 2)
    scale = jnp.where(spread > 0, spread, 1)

    def missing(logarithm: jax.Array) -> jax.Array:
        """At a precision of ``exp(logarithm) / scale``: what is left of the bound, below 0."""
        return divergence_at(scale * jnp.exp(-logarithm)) - sought

    def solve(missing: Callable[[jax.Array], jax.Array], start: jax.Array) -> jax.Array:
        def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            low, high = ends
            middle = (low + high) / 2
            above = missing(middle) > 0
            return jnp.where(above, low, middle), jnp.where(above, middle, high)

        ends = (jnp.full_like(start, -_WIDEST), jnp.full_like(start, _WIDEST))
        halvings = jnp.finfo(start.dtype).nmant + 8
        low, high = jax.lax.fori_loop(0, halvings, halve, ends)
        return (low + high) / 2

    def solve_tangent(slope: Callable[[jax.Array], jax.Array], moved: jax.Array) -> jax.Array:
        # Each number depends on its own logarithm alone.
        slopes = slope(jnp.ones_like(moved))
        return moved / jnp.where(slopes > 0, slopes, 1)

    logarithm = jax.lax.custom_root(missing, jnp.zeros_like(bounds), solve, solve_tangent)
    limit = jnp.where(within & (bounds > 0), 0, jnp.inf)
    return jnp.where(inside, scale * jnp.exp(-logarithm), limit)
