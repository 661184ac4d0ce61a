"""Finite Markov decision processes whose agent is smoothed: values, policies, their derivatives.

With a prior over actions the agent maximises the expected discounted sum of ``reward -
temperature * KL(policy || prior)``; without one, of ``reward + temperature * entropy(policy)``,
which is the same but for ``temperature * log(actions)`` more for every decision where the prior is
uniform. Where episodes never end and the discount is one number, that changes all values by the
same amount and no policy. Where they end, it is a reward for being still under way, and policies
differ.

At temperature 0 the policy is a best one, and at an infinite temperature it is the prior: values
there are those of following it, but without a prior they are infinite.

Soft values solve ``values = bellman(values)``. A change of the process moves them by
``(I - discount * P_policy)^-1`` times what it does to the right side, which is how they are
differentiated, and one policy's values are linear in rewards in the same way. Everything is
written for one process; batches go through ``jax.vmap``.

On a machine of two to four processors set ``NPROC=8`` in the environment before JAX starts, as the
``jaxmech`` command does: all threads of XLA's pool may otherwise come to wait for solves of a batch
that are left to that very pool.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks, struct
from jaxmech.agents.responses.logit import logit_response, smoothed_maximum
from jaxmech.checks import InvalidValueError

_ROUNDING = 32
"""Residual that is as good as none, in units of the precision of the numbers."""


@struct.dataclass
class DecisionProcess:
    """A finite Markov decision process.

    Attributes:
      transition: float [states, actions, states], probabilities of the next state.
      rewards: float [states, actions], expected, of each action in each state.
      discount: float [], or [states]: of all that follows a decision in that state. 0 where the
        episode ends with it.
      prior: float [actions] or [states, actions], what the agent does unasked, at least 0 and of
        any sum; None, which is no array, counts the entropy of policies instead.
    """

    transition: Any
    rewards: Any
    discount: Any
    prior: Any = None

    @property
    def num_states(self) -> int:
        return int(self.rewards.shape[0])

    @property
    def num_actions(self) -> int:
        return int(self.rewards.shape[1])

    @property
    def discounts(self) -> jax.Array:
        """The discount of each state, float [states]."""
        return jnp.broadcast_to(jnp.asarray(self.discount), (self.num_states,))

    @property
    def prior_policy(self) -> jax.Array:
        """What the agent does at an infinite temperature, float [states, actions]."""
        dtype = jnp.result_type(self.rewards, float)
        if self.prior is None:
            return jnp.full(self.rewards.shape, 1 / self.num_actions, dtype)
        prior = jnp.broadcast_to(jnp.asarray(self.prior, dtype), self.rewards.shape)
        return prior / jnp.sum(prior, axis=1, keepdims=True)


def decision_process(
    transition: ArrayLike,
    rewards: ArrayLike,
    discount: ArrayLike,
    prior: ArrayLike | None = None,
) -> DecisionProcess:
    """A process whose numbers have been checked; see ``DecisionProcess`` for what they are.

    Raises:
      ValueError: wrong shapes, probabilities below 0 or that do not sum to 1, a discount outside
        0 to 1, a prior below 0 or without any weight in some state.
    """
    moves, paid = np.asarray(transition, float), np.asarray(rewards, float)
    checks.axes("rewards", paid, "states", "actions")
    checks.shape("transition", moves, "[states, actions, states]", (*paid.shape, len(paid)))
    checks.numbers("transition", moves, low=0)
    checks.numbers("rewards", paid)
    if not np.allclose(moves.sum(axis=-1), 1, atol=1e-5):
        raise InvalidValueError("transition", moves, "probabilities of next states that sum to 1")
    discounts = np.asarray(discount, float)
    checks.shape("discount", discounts, "a number or [states]", (), (len(paid),))
    checks.numbers("discount", discounts.reshape(-1), low=0, high=1)
    if prior is not None:
        unasked = np.asarray(prior, float)
        checks.shape("prior", unasked, "[actions] or [states, actions]", paid.shape[1:], paid.shape)
        checks.numbers("prior", unasked, low=0)
        if not np.all(unasked.sum(axis=-1) > 0):
            raise InvalidValueError("prior", unasked, "weights that are not all 0")
        prior = jnp.asarray(unasked, float)
    return DecisionProcess(
        jnp.asarray(moves, float), jnp.asarray(paid, float), jnp.asarray(discounts, float), prior
    )


def action_values(process: DecisionProcess, values: jax.Array) -> jax.Array:
    """What each action is worth where ``values``, float [states], follow: [states, actions]."""
    following = jnp.asarray(process.transition) @ values
    return process.rewards + process.discounts[:, None] * following


def bellman(process: DecisionProcess, values: jax.Array, temperature: Any) -> jax.Array:
    """One sweep of soft value iteration, float [states].

    It brings values nearer to each other, and to the optimal ones, by the factor of the discount.

    Args:
      values: float [states].
      temperature: float [], from 0, in units of reward; finite where there is no prior.
    """
    utilities = action_values(process, values)
    best = smoothed_maximum(utilities, temperature, _prior(process))
    if process.prior is None:
        return best + temperature * math.log(process.num_actions)
    return best


def soft_policy(process: DecisionProcess, values: jax.Array, temperature: Any) -> jax.Array:
    """The best smoothed policy where ``values`` follow, float [states, actions].

    With the optimal values it is the optimal policy. At temperature 0 actions that are best
    share, in proportion to the prior.
    """
    return logit_response(action_values(process, values), temperature, _prior(process))


@struct.dataclass
class SoftOptimum:
    """Optimal values, and how well they were found.

    Attributes:
      values: float [states], differentiable in the process and the temperature.
      residual: float [], the largest change that one more sweep of value iteration would make.
      solves: int32 [], linear systems solved.
    """

    values: jax.Array
    residual: jax.Array
    solves: jax.Array


def soft_policy_iteration(
    process: DecisionProcess,
    temperature: Any,
    start: jax.Array | None = None,
    *,
    most_solves: int = 64,
    tolerance: float | None = None,
) -> SoftOptimum:
    """The optimal values, by policy iteration: Newton's method on ``bellman(values) = values``.

    After the first solve values only rise, and the error is squared in the end: from anywhere
    it usually takes 4 to 10 solves. Values are differentiated implicitly, to any order and in
    both modes, as those of the exact solution; from where the search starts does not matter.

    Args:
      temperature: float [], from 0, in units of reward; finite where there is no prior.
      start: float [states], values to begin with; 0 unless given.
      most_solves: after which it ends in any case.
      tolerance: residual at which it ends, as a share of 1 plus the largest value; some digits
        more than the precision of the numbers unless given.

    Raises:
      ValueError: a temperature or tolerance below 0, fewer than one solve.
    """
    checks.leaf("temperature", temperature, low=0, finite=False)
    checks.integer("most_solves", most_solves)
    dtype = jnp.result_type(process.rewards, process.transition, float)
    if tolerance is None:
        tolerance = _ROUNDING * float(jnp.finfo(dtype).eps)
    checks.number("tolerance", tolerance, low=0)
    if start is None:
        start = jnp.zeros(process.num_states, dtype)
    start = jax.lax.stop_gradient(jnp.asarray(start, dtype))
    return _optimum(process, jnp.asarray(temperature, dtype), start, most_solves, tolerance)


def optimal_values(
    process: DecisionProcess, temperature: Any, start: jax.Array | None = None
) -> jax.Array:
    """The values of ``soft_policy_iteration``, float [states]."""
    return soft_policy_iteration(process, temperature, start).values


def policy_values(
    process: DecisionProcess, policy: jax.Array, rewards: jax.Array | None = None
) -> jax.Array:
    """What a policy earns from each state on, without entropy, float [states].

    Args:
      policy: float [states, actions].
      rewards: float [states, actions], the agent's own or anybody else's, such as the
        mechanism's; those of the process unless given.
    """
    earned = process.rewards if rewards is None else rewards
    return _sum_ahead(process, policy, jnp.sum(policy * earned, axis=1))


def soft_policy_values(process: DecisionProcess, policy: jax.Array, temperature: Any) -> jax.Array:
    """What a policy is worth to the smoothed agent, with entropy or divergence, float [states].

    Args:
      policy: float [states, actions]; where the prior has no weight, it has none.
      temperature: float [], from 0 and finite.
    """
    # What is never done costs nothing, and its logarithm must not be infinite, nor its slope.
    smallest = jnp.finfo(policy.dtype).tiny
    unusual = jnp.log(jnp.maximum(policy, smallest))
    if process.prior is not None:
        unusual -= jnp.log(jnp.maximum(process.prior_policy, smallest))
    return policy_values(process, policy, process.rewards - temperature * unusual)


def occupancy(process: DecisionProcess, policy: jax.Array, start: jax.Array) -> jax.Array:
    """Discounted expected visits of each state, float [states].

    Args:
      policy: float [states, actions].
      start: float [states], probabilities of the first state.
    """
    visits: jax.Array = jnp.linalg.solve(_system(process, policy).T, start)
    return visits


def _prior(process: DecisionProcess) -> jax.Array | None:
    return None if process.prior is None else process.prior_policy


def _system(process: DecisionProcess, policy: jax.Array) -> jax.Array:
    """``I - discount * P_policy``, float [states, states]."""
    moves = jnp.einsum("sa,sat->st", policy, jnp.asarray(process.transition))
    return jnp.eye(process.num_states, dtype=moves.dtype) - process.discounts[:, None] * moves


def _sum_ahead(process: DecisionProcess, policy: jax.Array, amounts: jax.Array) -> jax.Array:
    """Discounted expected sum of amounts, float [states], from each state on, [states]."""
    total: jax.Array = jnp.linalg.solve(_system(process, policy), amounts)
    return total


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _optimum(
    process: DecisionProcess,
    temperature: jax.Array,
    start: jax.Array,
    most_solves: int,
    tolerance: float,
) -> SoftOptimum:
    def unsettled(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        values, change, solves = state
        allowed = tolerance * (1 + jnp.max(jnp.abs(values)))
        return (jnp.max(jnp.abs(change)) > allowed) & (solves < most_solves)

    def step(
        state: tuple[jax.Array, jax.Array, jax.Array],
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        values, change, solves = state
        # The values of the policy, as a correction: what it rounds shrinks with the change.
        policy = soft_policy(process, values, temperature)
        values = values + _sum_ahead(process, policy, change)
        return values, bellman(process, values, temperature) - values, solves + 1

    first = bellman(process, start, temperature) - start
    values, change, solves = jax.lax.while_loop(
        unsettled, step, (start, first, jnp.zeros((), jnp.int32))
    )
    return SoftOptimum(values, jnp.max(jnp.abs(change)), solves)


@_optimum.defjvp
def _optimum_jvp(
    most_solves: int, tolerance: float, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[SoftOptimum, SoftOptimum]:
    process, temperature, start = primals
    # Found by the same function again, so that derivatives of derivatives find this rule too.
    optimum = _optimum(process, temperature, start, most_solves, tolerance)
    values = optimum.values
    _, change = jax.jvp(
        lambda process, temperature: bellman(process, values, temperature),
        (process, temperature),
        tangents[:2],
    )
    policy = soft_policy(process, values, temperature)
    still: Any = np.zeros(optimum.solves.shape, jax.dtypes.float0)
    moved = SoftOptimum(
        _sum_ahead(process, policy, change), jnp.zeros_like(optimum.residual), still
    )
    return optimum, moved
