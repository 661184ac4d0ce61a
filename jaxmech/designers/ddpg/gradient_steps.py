"""Gradient steps of a deterministic actor and its critic over transitions drawn from a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmech import struct
from jaxmech.designers.ddpg.replay import Transitions

Act = Callable[[Any, jax.Array], jax.Array]
"""(parameters of the actor, observations [batch, ...]) -> greedy actions [batch, ...]."""

Value = Callable[[Any, jax.Array, jax.Array], jax.Array]
"""(parameters of the critic, observations, actions) -> values, float [batch]."""

METRICS = ("critic_loss", "actor_loss", "mean_value", "critic_gradient_norm", "actor_gradient_norm")
"""Of a gradient step."""


@struct.dataclass
class Learned:
    """What gradient steps change.

    Attributes:
      actor, critic: parameters.
      target_actor, target_critic: parameters that follow them slowly.
      actor_optimizer, critic_optimizer: states of Adam.
    """

    actor: Any
    critic: Any
    target_actor: Any
    target_critic: Any
    actor_optimizer: optax.OptState
    critic_optimizer: optax.OptState

    @classmethod
    def start(cls, actor: Any, critic: Any) -> Learned:
        """Nothing learned yet; the targets are copies."""
        return cls(actor, critic, actor, critic, _ADAM.init(actor), _ADAM.init(critic))


def gradient_step(
    learned: Learned,
    batch: Transitions,
    *,
    act: Act,
    value: Value,
    gamma: float,
    reward_scale: float,
    actor_learning_rate: float,
    critic_learning_rate: float,
    target_rate: float,
    max_gradient_norm: float,
) -> tuple[Learned, dict[str, jax.Array]]:
    """One step of the critic, one of the actor up the critic so found, and one of the targets.

    The critic descends its mean squared error against the reward and, unless that ended the
    episode, the discounted value of what the target actor does next, by the target critic.

    Returns:
      what is learned, and metrics, float [] each, by the names of ``METRICS``: the critic's mean
      squared error, the negative mean value of the actor's actions, the mean value of the actions
      drawn, and the norms of the gradients before they are bounded.
    """
    next_action = act(learned.target_actor, batch.next_observation)
    next_value = value(learned.target_critic, batch.next_observation, next_action)
    reward = reward_scale * batch.reward.astype(next_value.dtype)
    target = reward + gamma * jnp.where(batch.terminated, 0, next_value)
    known = batch.known.astype(target.dtype)

    def critic_loss(critic: Any) -> tuple[jax.Array, jax.Array]:
        values = value(critic, batch.observation, batch.action)
        squares = jnp.sum(known * jnp.square(values - target))
        return squares / jnp.maximum(jnp.sum(known), 1), jnp.mean(values)

    def actor_loss(actor: Any, critic: Any) -> jax.Array:
        return -jnp.mean(value(critic, batch.observation, act(actor, batch.observation)))

    (critic_error, mean_value), gradient = jax.value_and_grad(critic_loss, has_aux=True)(
        learned.critic
    )
    critic, critic_optimizer, critic_norm = _descended(
        learned.critic, learned.critic_optimizer, gradient, critic_learning_rate, max_gradient_norm
    )
    negative_value, gradient = jax.value_and_grad(actor_loss)(learned.actor, critic)
    actor, actor_optimizer, actor_norm = _descended(
        learned.actor, learned.actor_optimizer, gradient, actor_learning_rate, max_gradient_norm
    )

    def followed(new: jax.Array, old: jax.Array) -> jax.Array:
        return old + target_rate * (new - old)

    learned = Learned(
        actor=actor,
        critic=critic,
        target_actor=jax.tree.map(followed, actor, learned.target_actor),
        target_critic=jax.tree.map(followed, critic, learned.target_critic),
        actor_optimizer=actor_optimizer,
        critic_optimizer=critic_optimizer,
    )
    metrics = (critic_error, negative_value, mean_value, critic_norm, actor_norm)
    return learned, dict(zip(METRICS, metrics, strict=True))


def _descended(
    parameters: Any,
    optimizer: optax.OptState,
    gradient: Any,
    learning_rate: float,
    max_gradient_norm: float,
) -> tuple[Any, optax.OptState, jax.Array]:
    """A step of Adam down a bounded gradient; with it the norm before it was bounded."""
    norm = optax.tree.norm(gradient)
    bound = jnp.minimum(1, max_gradient_norm / (norm + 1e-6))
    step, optimizer = _ADAM.update(jax.tree.map(lambda leaf: bound * leaf, gradient), optimizer)
    moved = jax.tree.map(lambda old, change: old - learning_rate * change, parameters, step)
    return moved, optimizer, norm


_ADAM = optax.scale_by_adam()
