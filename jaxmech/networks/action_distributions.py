"""Distributions over actions, from what an actor's network says of them.

A distribution is a frozen value with pure functions of the network's parameters of it and of the
mask of allowed choices, if there is one. Its actions are raw: what the log-probability is taken
of. ``to_environment`` turns a raw action into the environment's. Keeping the two apart keeps
log-probabilities finite at the bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxmech import struct

_EXCLUDED = -1e30
"""Logit of what cannot be chosen: its probability is exactly 0, its gradient finite."""

_TRIANGULAR_UP_TO = 128
"""Choices up to which a triangular matrix gives the cumulative sum sooner, on CPUs."""


class ActionDistribution(Protocol):
    """What a designer needs of a distribution over actions; all arrays may be batched.

    ``parameters`` are what the network gives for it, and ``mask``, bool [..., choices], is that of
    the environment, see ``jaxmech.environments.protocol``; None where it has none.
    """

    def sample(
        self, key: jax.Array, parameters: Any, mask: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """A raw action and its log-probability, float [...]."""
        ...

    def mode(self, parameters: Any, mask: jax.Array | None) -> Any:
        """The likeliest raw action."""
        ...

    def log_prob_and_entropy(
        self, action: Any, parameters: Any, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Of each raw action, and of each distribution, float [...]."""
        ...

    def to_environment(self, action: Any, env: Any, params: Any) -> jax.Array:
        """The environment's action."""
        ...


@dataclass(frozen=True)
class Categorical:
    """One of ``num_actions`` integers; parameters are logits, float [..., num_actions]."""

    num_actions: int

    @property
    def num_scores(self) -> int:
        return self.num_actions

    @property
    def num_log_scales(self) -> int:
        return 0

    def sample(
        self, key: jax.Array, parameters: jax.Array, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """An action, int32 [...], and its log-probability, float [...]."""
        log_probs = jax.nn.log_softmax(masked(parameters, mask))
        action = jax.random.categorical(key, log_probs).astype(jnp.int32)
        return action, self._log_prob(log_probs, action)

    def mode(self, parameters: jax.Array, mask: jax.Array | None) -> jax.Array:
        """int32 [...]."""
        return jnp.argmax(masked(parameters, mask), axis=-1)

    def log_prob_and_entropy(
        self, action: jax.Array, parameters: jax.Array, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution, float [...]."""
        log_probs = jax.nn.log_softmax(masked(parameters, mask))
        # Normalised once more, as distrax does: to the last digit the same training.
        normalized = jax.nn.log_softmax(log_probs)
        probabilities = jnp.exp(normalized)
        entropy = -jnp.sum(jnp.where(probabilities == 0, 0.0, normalized) * probabilities, axis=-1)
        return self._log_prob(log_probs, action), entropy

    def to_environment(self, action: jax.Array, env: Any, params: Any) -> jax.Array:
        """The action as it is."""
        del env, params
        return action

    def _log_prob(self, log_probs: jax.Array, action: jax.Array) -> jax.Array:
        # By one-hot: a gather is slower in the gradient.
        chosen = jax.nn.one_hot(action, self.num_actions, dtype=log_probs.dtype)
        return jnp.sum(jnp.where(chosen == 0, 0.0, log_probs * chosen), axis=-1)


@dataclass(frozen=True)
class DiagonalGaussian:
    """Independent normals over an array.

    Parameters are means, float [..., num_scores], and log standard deviations, broadcast to them.
    A raw action of -1 to 1 spans the environment's bounds and is moved to the nearest bound beyond
    them; where a bound is infinite, raw actions are the environment's own.
    """

    shape: tuple[int, ...]

    @property
    def num_scores(self) -> int:
        return math.prod(self.shape)

    @property
    def num_log_scales(self) -> int:
        return self.num_scores

    def sample(
        self, key: jax.Array, parameters: tuple[jax.Array, jax.Array], mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """An action, float [..., num_scores], and its log-probability, float [...]."""
        del mask
        return sample_normal(key, *parameters)

    def mode(self, parameters: tuple[jax.Array, jax.Array], mask: jax.Array | None) -> jax.Array:
        """float [..., num_scores]."""
        del mask
        return parameters[0]

    def log_prob_and_entropy(
        self,
        action: jax.Array,
        parameters: tuple[jax.Array, jax.Array],
        mask: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution, float [...]."""
        del mask
        return normal_log_prob_and_entropy(action, *parameters)

    def to_environment(self, action: jax.Array, env: Any, params: Any) -> jax.Array:
        """Scaled to the action space and clipped, float [..., *shape]."""
        space = env.action_space(params)
        action = action.reshape(action.shape[:-1] + self.shape)
        low, high = (
            jnp.broadcast_to(jnp.asarray(bound, action.dtype), action.shape)
            for bound in (space.low, space.high)
        )
        bounded = jnp.isfinite(low) & jnp.isfinite(high)
        scaled = jnp.where(bounded, low + (action + 1) / 2 * (high - low), action)
        return jnp.clip(scaled, low, high)


@struct.dataclass
class Visit:
    """A raw action of ``VisitAndPrices``.

    Attributes:
      agent: int32 [...], whom to visit.
      price_logits: float [..., items]; the price is their logistic function times the
        highest price of the item.
    """

    agent: jax.Array
    price_logits: jax.Array


@dataclass(frozen=True)
class VisitAndPrices:
    """For sequential price mechanisms: a categorical over the agents that the mask allows, and
    logistic-normal prices, which stay strictly between 0 and the highest price.

    Parameters are scores, float [..., agents + items], and the log standard deviations of the
    prices' logits, broadcast to float [..., items].

    Attributes:
      num_agents, num_items: of the environment.
    """

    num_agents: int
    num_items: int

    @property
    def num_scores(self) -> int:
        return self.num_agents + self.num_items

    @property
    def num_log_scales(self) -> int:
        return self.num_items

    def sample(
        self, key: jax.Array, parameters: tuple[jax.Array, jax.Array], mask: jax.Array | None
    ) -> tuple[Visit, jax.Array]:
        """An action and its log-probability, float [...]."""
        scores, log_scale = parameters
        agent_key, price_key = jax.random.split(key)
        logits = self._agent_logits(scores, mask)
        probabilities = jax.nn.softmax(logits)
        # One uniform against the cumulative sum; a Gumbel for every agent costs more.
        uniform = jax.random.uniform(agent_key, scores.shape[:-1] + (1,))
        cumulative = cumulative_sum(probabilities)
        agent = jnp.sum(cumulative <= uniform * cumulative[..., -1:], axis=-1)
        price_logits, price_log_prob = sample_normal(
            price_key, scores[..., self.num_agents :], log_scale
        )
        agent_log_prob, _ = masked_categorical(logits, agent)
        return Visit(agent, price_logits), agent_log_prob + price_log_prob

    def mode(self, parameters: tuple[jax.Array, jax.Array], mask: jax.Array | None) -> Visit:
        """The likeliest agent, and the median price."""
        scores, _ = parameters
        agent = jnp.argmax(self._agent_logits(scores, mask), axis=-1)
        return Visit(agent, scores[..., self.num_agents :])

    def log_prob_and_entropy(
        self, action: Visit, parameters: tuple[jax.Array, jax.Array], mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution of raw actions, float [...]."""
        scores, log_scale = parameters
        logits = self._agent_logits(scores, mask)
        agent_log_prob, agent_entropy = masked_categorical(logits, action.agent)
        price_log_prob, price_entropy = normal_log_prob_and_entropy(
            action.price_logits, scores[..., self.num_agents :], log_scale
        )
        return agent_log_prob + price_log_prob, agent_entropy + price_entropy

    def to_environment(self, action: Visit, env: Any, params: Any) -> jax.Array:
        """Scores of 1 for the agent visited and 0 for others, then prices."""
        del env
        scores = jax.nn.one_hot(action.agent, self.num_agents, dtype=action.price_logits.dtype)
        highest = jax.lax.broadcast_to_rank(params.price_high, action.price_logits.ndim)
        prices = highest * jax.nn.sigmoid(action.price_logits)
        return jnp.concatenate([scores, prices], axis=-1)

    def _agent_logits(self, scores: jax.Array, mask: jax.Array | None) -> jax.Array:
        return masked(scores[..., : self.num_agents], mask)


def masked(logits: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Logits of allowed choices, float [..., choices]; of others so low that their probability is
    0. Where nothing is allowed, as once an episode is over, everything is."""
    if mask is None:
        return logits
    return jnp.where(mask | ~jnp.any(mask, axis=-1, keepdims=True), logits, _EXCLUDED)


def sample_normal(
    key: jax.Array, mean: jax.Array, log_scale: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Independent normals, float [..., numbers], and the log-probability of all, float [...]."""
    # The log scales belong to the last axis alone.
    with jax.numpy_rank_promotion("allow"):
        drawn: tuple[jax.Array, jax.Array] = _normals(mean, log_scale).sample_and_log_prob(seed=key)
        return drawn


def normal_log_prob_and_entropy(
    x: jax.Array, mean: jax.Array, log_scale: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Of independent normals at ``x``, float [..., numbers]: float [...] each."""
    with jax.numpy_rank_promotion("allow"):
        normals = _normals(mean, log_scale)
        return normals.log_prob(x), normals.entropy()


def _normals(mean: jax.Array, log_scale: jax.Array) -> Any:
    # Here, as it takes a second or two to import. The same formulas written out train to other
    # last digits: XLA fuses them otherwise.
    import distrax

    return distrax.Independent(distrax.Normal(mean, jnp.exp(log_scale)), 1)


def masked_categorical(logits: jax.Array, choice: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-probability of ``choice``, and entropy, float [...].

    One exponential serves both; a general-purpose categorical takes three passes, which
    the loss of a small network feels.

    Args:
      logits: float [..., choices], hugely negative where a choice is excluded.
      choice: int32 [...].
    """
    largest = jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    weights = jnp.exp(logits - largest)
    total = jnp.sum(weights, axis=-1)
    log_total = jnp.log(total) + largest[..., 0]
    choices = jax.lax.broadcast_to_rank(jnp.arange(logits.shape[-1]), logits.ndim)
    chosen = choices == choice[..., None]
    log_prob = jnp.sum(jnp.where(chosen, logits, 0), axis=-1) - log_total
    mean_logit = jnp.sum(weights * jnp.where(weights > 0, logits, 0), axis=-1) / total
    return log_prob, log_total - mean_logit


def distribution_for(space: Any) -> Categorical | DiagonalGaussian:
    """The distribution that suits an action space.

    Raises:
      ValueError: the action space is neither discrete nor a box.
    """
    if hasattr(space, "n"):
        return Categorical(int(space.n))
    if hasattr(space, "low") and hasattr(space, "high"):
        return DiagonalGaussian(tuple(space.shape))
    raise ValueError(f"action_space: got {space}; allowed are a discrete space or a box")


def cumulative_sum(x: jax.Array) -> jax.Array:
    """Along the last axis, float [..., choices]."""
    choices = x.shape[-1]
    if choices > _TRIANGULAR_UP_TO:
        return jnp.cumsum(x, axis=-1)
    upper = jnp.triu(jnp.ones((choices, choices), x.dtype))
    # Accelerators would round the factors, and draw agents from other probabilities than stated.
    return jnp.matmul(x, upper, precision=jax.lax.Precision.HIGHEST)
