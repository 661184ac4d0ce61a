"""An actor-critic with a fixed-size memory, which sums up the steps it has seen.

An encoder reads the observation, a gated recurrent unit (Cho et al. 2014) takes it into the
memory, and actor and critic see both. Given a statistic that shows the last visit only, such
a policy can depend on the whole history of a sequential price mechanism.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.networks.actor_critic import MLP, Parameters, dense, distribution_parameters


class RecurrentActorCritic(nn.Module):
    """Scores, and a value, from an observation and what is remembered of those before.

    The memory before an episode is zero.

    Attributes:
      hidden: widths of the layers after the memory, of actor and of critic.
      num_scores: width of the actor's output.
      num_log_scales: number of free log standard deviations, the same everywhere.
      memory_width: size of the memory, and of the encoder, one layer.
      num_alike: how many of the first features and of the first scores belong to agents
        treated alike: of these features the network sees the mean, and these scores are 0.
        Where all agents are, the same parameters serve any number of them.
    """

    hidden: Sequence[int]
    num_scores: int
    num_log_scales: int
    memory_width: int = 32
    num_alike: int = 0

    def setup(self) -> None:
        self.encoder = dense(self.memory_width, 2.0**0.5)
        self.cell = GatedRecurrentUnit(self.memory_width)
        self.actor = MLP(self.hidden, self.num_scores - self.num_alike, 0.01)
        self.critic = MLP(self.hidden, 1, 1.0)
        self.log_scale = self.param(
            "log_scale", nn.initializers.zeros, (self.num_log_scales,), jnp.result_type(float)
        )

    def __call__(
        self, observation: jax.Array, memory: jax.Array, starts: jax.Array
    ) -> tuple[Parameters, jax.Array]:
        """Of several steps, seen by gradients as one computation.

        Args:
          observation: float [steps * environments, features], one step after the other.
          memory: float [environments, memory_width], before the first step.
          starts: bool [steps * environments], whether an episode begins with the step.

        Returns:
          distribution parameters, of scores [steps * environments, num_scores], and value
          [steps * environments].
        """
        encoded = self._encode(observation)
        seen = jnp.concatenate([encoded, self.cell(encoded, memory, starts)], axis=-1)
        return self._parameters(seen), self.critic(seen)[..., 0]

    def policy(self, observation: jax.Array, memory: jax.Array) -> tuple[Parameters, jax.Array]:
        """One step: float [..., features], [..., memory_width] -> parameters, memory."""
        seen, memory = self._step(observation, memory)
        return self._parameters(seen), memory

    def value(self, observation: jax.Array, memory: jax.Array) -> jax.Array:
        """Of one step: float [..., features], [..., memory_width] -> value [...]."""
        seen, _ = self._step(observation, memory)
        return self.critic(seen)[..., 0]

    def remember(self, observation: jax.Array, memory: jax.Array) -> jax.Array:
        """The memory after one step, float [..., memory_width]."""
        return self._step(observation, memory)[1]

    def initial_carry(self) -> jax.Array:
        """The memory before an episode, float [memory_width]."""
        return jnp.zeros(self.memory_width)

    def _step(self, observation: jax.Array, memory: jax.Array) -> tuple[jax.Array, jax.Array]:
        encoded = self._encode(observation)
        memory = self.cell.step(encoded, memory)
        return jnp.concatenate([encoded, memory], axis=-1), memory

    def _encode(self, observation: jax.Array) -> jax.Array:
        if self.num_alike:
            alike, rest = jnp.split(observation, [self.num_alike], axis=-1)
            observation = jnp.concatenate([jnp.mean(alike, axis=-1, keepdims=True), rest], axis=-1)
        return nn.tanh(self.encoder(observation))

    def _parameters(self, seen: jax.Array) -> Parameters:
        return distribution_parameters(self._scores(seen), self.log_scale)

    def _scores(self, seen: jax.Array) -> jax.Array:
        scores = self.actor(seen)
        alike = jnp.zeros((*scores.shape[:-1], self.num_alike), scores.dtype)
        return jnp.concatenate([alike, scores], axis=-1)


class GatedRecurrentUnit(nn.Module):
    """A gated recurrent unit (Cho et al. 2014), whose inputs are multiplied for all steps at once.

    Attributes:
      width: numbers that it remembers.
    """

    width: int

    def setup(self) -> None:
        self.inputs = dense(3 * self.width, 1.0)
        self.kernel = self.param(
            "kernel",
            nn.initializers.variance_scaling(1.0, "fan_in", "uniform"),
            (self.width, 3 * self.width),
            jnp.result_type(float),
        )
        self.bias = self.param("bias", nn.initializers.zeros, (self.width,), jnp.result_type(float))

    def __call__(self, x: jax.Array, memory: jax.Array, starts: jax.Array) -> jax.Array:
        """float [steps * environments, features] -> memories after each, [..., width]."""
        # What does not depend on the memory is one product for all steps.
        inputs = self.inputs(x).reshape(-1, len(memory), 3 * self.width)

        def step(
            memory: jax.Array, now: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            inputs, starts = now
            memory = self._next(inputs, jnp.where(starts[:, None], 0, memory))
            return memory, memory

        steps = (inputs, starts.reshape(inputs.shape[:2]))
        return jax.lax.scan(step, memory, steps)[1].reshape(-1, self.width)

    def step(self, x: jax.Array, memory: jax.Array) -> jax.Array:
        """One step: float [..., features], [..., width] -> the next memory, [..., width]."""
        return self._next(self.inputs(x), memory)

    def summary(self, x: jax.Array) -> jax.Array:
        """A few steps from nothing remembered: float [steps, ..., features] -> [..., width]."""
        inputs = self.inputs(x)
        memory = jnp.zeros((*x.shape[1:-1], self.width), x.dtype)
        # Unrolled: the steps of a loop are too short for its gradient to be worth one.
        for now in inputs:
            memory = self._next(now, memory)
        return memory

    def _next(self, inputs: jax.Array, memory: jax.Array) -> jax.Array:
        products = memory @ self.kernel
        gates = nn.sigmoid(inputs[..., : -self.width] + products[..., : -self.width])
        reset, keep = jnp.split(gates, 2, axis=-1)
        bias = jax.lax.broadcast_to_rank(self.bias, products.ndim)
        candidate = nn.tanh(
            inputs[..., -self.width :] + reset * (products[..., -self.width :] + bias)
        )
        return keep * memory + (1 - keep) * candidate
