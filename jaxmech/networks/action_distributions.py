"""Distributions over actions, from an actor's scores and log scales.

A policy is a frozen value with ``num_scores`` and ``num_log_scales``, the sizes it needs
from the network, and pure functions of a batch of scores. Its actions are raw: what the
log-probability is taken of. ``to_environment`` turns a raw action into the
environment's. Keeping the two apart keeps log-probabilities finite at the bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.environments import SequentialPrice

if TYPE_CHECKING:
    import distrax

_EXCLUDED = -1e30
"""Logit of what cannot be chosen: its probability is exactly 0, its gradient finite."""

_TRIANGULAR_UP_TO = 128
"""Choices up to which a triangular matrix gives the cumulative sum sooner, on CPUs."""


class Policy(Protocol):
    """What a designer needs of a distribution over actions; all arrays may be batched."""

    @property
    def num_scores(self) -> int: ...

    @property
    def num_log_scales(self) -> int: ...

    def sample(
        self, key: jax.Array, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[Any, jax.Array]: ...

    def mode(self, scores: jax.Array, observation: jax.Array) -> Any: ...

    def log_prob_and_entropy(
        self, action: Any, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[jax.Array, jax.Array]: ...

    def to_environment(self, action: Any, env: Any, params: Any) -> jax.Array: ...


@dataclass(frozen=True)
class CategoricalPolicy:
    """One of ``num_actions`` integers."""

    num_actions: int

    @property
    def num_scores(self) -> int:
        return self.num_actions

    @property
    def num_log_scales(self) -> int:
        return 0

    def sample(
        self, key: jax.Array, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """An action, int32 [...], and its log-probability, float [...]."""
        del log_scale, observation
        import distrax

        return distrax.Categorical(logits=scores).sample_and_log_prob(seed=key)

    def mode(self, scores: jax.Array, observation: jax.Array) -> jax.Array:
        """int32 [...]."""
        del observation
        return jnp.argmax(scores, axis=-1)

    def log_prob_and_entropy(
        self,
        action: jax.Array,
        scores: jax.Array,
        log_scale: jax.Array,
        observation: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution, float [...]."""
        del log_scale, observation
        import distrax

        distribution = distrax.Categorical(logits=scores)
        return distribution.log_prob(action), distribution.entropy()

    def to_environment(self, action: jax.Array, env: Any, params: Any) -> jax.Array:
        """The action as it is."""
        del env, params
        return action


@dataclass(frozen=True)
class GaussianPolicy:
    """Independent normals over an array.

    A raw action of -1 to 1 spans the environment's bounds and is moved to the nearest
    bound beyond them; where a bound is infinite, raw actions are the environment's own.
    """

    shape: tuple[int, ...]

    @property
    def num_scores(self) -> int:
        return math.prod(self.shape)

    @property
    def num_log_scales(self) -> int:
        return self.num_scores

    def sample(
        self, key: jax.Array, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """An action, float [..., num_scores], and its log-probability, float [...]."""
        del observation
        with jax.numpy_rank_promotion("allow"):
            return _normal(scores, log_scale).sample_and_log_prob(seed=key)

    def mode(self, scores: jax.Array, observation: jax.Array) -> jax.Array:
        """float [..., num_scores]."""
        del observation
        return scores

    def log_prob_and_entropy(
        self,
        action: jax.Array,
        scores: jax.Array,
        log_scale: jax.Array,
        observation: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution, float [...]."""
        del observation
        with jax.numpy_rank_promotion("allow"):
            distribution = _normal(scores, log_scale)
            return distribution.log_prob(action), distribution.entropy()

    def to_environment(self, action: jax.Array, env: Any, params: Any) -> jax.Array:
        """Scaled to the action space and clipped, float [..., *shape]."""
        space = env.action_space(params)
        low, high = (
            jnp.broadcast_to(jnp.asarray(bound, action.dtype), (*action.shape[:-1], *self.shape))
            for bound in (space.low, space.high)
        )
        action = action.reshape(action.shape[:-1] + self.shape)
        bounded = jnp.isfinite(low) & jnp.isfinite(high)
        scaled = jnp.where(bounded, low + (action + 1) / 2 * (high - low), action)
        return jnp.clip(scaled, low, high)


@struct.dataclass
class Visit:
    """A raw action of ``VisitAndPricePolicy``.

    Attributes:
      agent: int32 [...], whom to visit.
      price_logits: float [..., items]; the price is their logistic function times the
        highest price of the item.
    """

    agent: jax.Array
    price_logits: jax.Array


@dataclass(frozen=True)
class VisitAndPricePolicy:
    """For sequential price mechanisms: a masked categorical over the agents left, and
    logistic-normal prices, which stay strictly between 0 and the highest price.

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
        self, key: jax.Array, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[Visit, jax.Array]:
        """An action and its log-probability, float [...]."""
        agent_key, price_key = jax.random.split(key)
        logits = self._agent_logits(scores, observation)
        probabilities = jax.nn.softmax(logits)
        # One uniform against the cumulative sum; a Gumbel for every agent costs more.
        uniform = jax.random.uniform(agent_key, scores.shape[:-1] + (1,))
        cumulative = cumulative_sum(probabilities)
        agent = jnp.sum(cumulative <= uniform * cumulative[..., -1:], axis=-1)
        with jax.numpy_rank_promotion("allow"):
            prices = self._prices(scores, log_scale)
            price_logits, price_log_prob = prices.sample_and_log_prob(seed=price_key)
        agent_log_prob, _ = masked_categorical(logits, agent)
        return Visit(agent, price_logits), agent_log_prob + price_log_prob

    def mode(self, scores: jax.Array, observation: jax.Array) -> Visit:
        """The likeliest agent, and the median price."""
        agent = jnp.argmax(self._agent_logits(scores, observation), axis=-1)
        return Visit(agent, scores[..., self.num_agents :])

    def log_prob_and_entropy(
        self, action: Visit, scores: jax.Array, log_scale: jax.Array, observation: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Of each action, and of each distribution of raw actions, float [...]."""
        logits = self._agent_logits(scores, observation)
        agent_log_prob, agent_entropy = masked_categorical(logits, action.agent)
        with jax.numpy_rank_promotion("allow"):
            prices = self._prices(scores, log_scale)
            log_prob = agent_log_prob + prices.log_prob(action.price_logits)
            return log_prob, agent_entropy + prices.entropy()

    def to_environment(self, action: Visit, env: Any, params: Any) -> jax.Array:
        """Scores of 1 for the agent visited and 0 for others, then prices."""
        del env
        scores = jax.nn.one_hot(action.agent, self.num_agents, dtype=action.price_logits.dtype)
        highest = jax.lax.broadcast_to_rank(params.price_high, action.price_logits.ndim)
        prices = highest * jax.nn.sigmoid(action.price_logits)
        return jnp.concatenate([scores, prices], axis=-1)

    def _agent_logits(self, scores: jax.Array, observation: jax.Array) -> jax.Array:
        left = observation[..., : self.num_agents] > 0
        # Once the episode is over nobody may be left; the step then counts for nothing.
        left = left | ~jnp.any(left, axis=-1, keepdims=True)
        return jnp.where(left, scores[..., : self.num_agents], _EXCLUDED)

    def _prices(self, scores: jax.Array, log_scale: jax.Array) -> distrax.Independent:
        return _normal(scores[..., self.num_agents :], log_scale)


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


def policy_for(env: Any, params: Any) -> Policy:
    """The policy that suits an environment.

    Raises:
      ValueError: the action space is neither discrete nor a box.
    """
    if isinstance(env, SequentialPrice):
        return VisitAndPricePolicy(env.num_agents, env.num_items)
    space = env.action_space(params)
    if hasattr(space, "n"):
        return CategoricalPolicy(int(space.n))
    if hasattr(space, "low") and hasattr(space, "high"):
        return GaussianPolicy(tuple(space.shape))
    raise ValueError(f"action_space: got {space}; allowed are a discrete space or a box")


def cumulative_sum(x: jax.Array) -> jax.Array:
    """Along the last axis, float [..., choices]."""
    choices = x.shape[-1]
    if choices > _TRIANGULAR_UP_TO:
        return jnp.cumsum(x, axis=-1)
    upper = jnp.triu(jnp.ones((choices, choices), x.dtype))
    # Accelerators would round the factors, and draw agents from other probabilities than stated.
    return jnp.matmul(x, upper, precision=jax.lax.Precision.HIGHEST)


def _normal(location: jax.Array, log_scale: jax.Array) -> distrax.Independent:
    import distrax

    return distrax.Independent(distrax.Normal(location, jnp.exp(log_scale)), 1)
