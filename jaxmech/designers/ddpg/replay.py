"""A replay buffer on the device: the last transitions of environments that step together.

A ring of rows, one for each step that all environments made. Every observation is stored once: the
one after a step is that of the next row. Where a step ended an episode the next row is a fresh
episode's, so that

- after a step that terminated its episode nothing is read: the next observation is worth nothing;
- a step that cut its episode short, where the next observation would be worth something, has
  weight 0 in what is learned about the next observation, since it is not there. (An environment
  whose every episode is cut short after one step can so not be learned from.)

The newest row is not drawn, as the row after it is the oldest one, or none.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct


@struct.dataclass
class Steps:
    """What is stored of each step; every array leads with [rows, environments].

    Attributes:
      observation: before the step, as the environment gave it.
      action: the environment's.
      reward: float.
      terminated: bool, the episode ended and is worth nothing more.
      ended: bool, the episode terminated or was cut short.
    """

    observation: jax.Array
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    ended: jax.Array


@struct.dataclass
class Transitions:
    """Steps drawn, with what came after; every array leads with [batch].

    Attributes:
      observation, action, reward, terminated: as in ``Steps``.
      next_observation: after the step; of a fresh episode where this one ended.
      known: bool, whether what the step led to is known: ``next_observation``, or that it is
        worth nothing. False of steps that cut an episode short.
    """

    observation: jax.Array
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    next_observation: jax.Array
    known: jax.Array


@struct.dataclass
class Replay:
    """The ring.

    Attributes:
      steps: its rows. The runner does not look whether all of them are finite: it would read the
        whole buffer again, and what is not finite shows in the losses.
      next_row: int32 [], where the next row is written.
      filled: int32 [], rows written, up to all.
    """

    steps: Steps = struct.field(metadata={"check_finite": False})
    next_row: jax.Array
    filled: jax.Array

    @classmethod
    def empty(cls, num_rows: int, step: Steps) -> Replay:
        """A ring of ``num_rows`` steps, none of them made.

        Args:
          step: shapes and dtypes of one step, each array [environments, ...].
        """
        rows = jax.tree.map(lambda leaf: jnp.zeros((num_rows, *leaf.shape), leaf.dtype), step)
        return cls(rows, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))

    @property
    def num_rows(self) -> int:
        return self.steps.reward.shape[-2]

    @property
    def num_transitions(self) -> jax.Array:
        """Stored, over all environments, int32 []."""
        return self.filled * self.steps.reward.shape[-1]

    @property
    def can_be_drawn_from(self) -> jax.Array:
        """Whether there is a row that another follows, bool []."""
        return self.filled > 1

    def add(self, steps: Steps) -> Replay:
        """With steps added, which take the places of the oldest.

        Args:
          steps: each array [added, environments, ...]; ``added``, the same in every call, divides
            the number of rows, so that what is added never wraps around.
        """
        added = steps.reward.shape[0]
        # One slice in place: where the state is donated XLA does not copy the buffer.
        rows = jax.tree.map(
            lambda old, new: jax.lax.dynamic_update_slice_in_dim(
                old, new.astype(old.dtype), self.next_row, axis=0
            ),
            self.steps,
            steps,
        )
        return Replay(
            steps=rows,
            next_row=(self.next_row + added) % self.num_rows,
            filled=jnp.minimum(self.filled + added, self.num_rows),
        )

    def draw(self, key: jax.Array, batch_size: int) -> Transitions:
        """Uniformly, with replacement, from all rows but the newest.

        Only where it ``can_be_drawn_from``; elsewhere what is given means nothing.
        """
        row_key, environment_key = jax.random.split(key)
        age = jax.random.randint(row_key, (batch_size,), 0, self.filled - 1)
        environment = jax.random.randint(
            environment_key, (batch_size,), 0, self.steps.reward.shape[-1]
        )
        oldest = jnp.where(self.filled < self.num_rows, 0, self.next_row)
        row = (oldest + age) % self.num_rows
        drawn = self._at(self.steps, row, environment)
        return Transitions(
            observation=drawn.observation,
            action=drawn.action,
            reward=drawn.reward,
            terminated=drawn.terminated,
            next_observation=self._at(
                self.steps.observation, (row + 1) % self.num_rows, environment
            ),
            known=drawn.terminated | ~drawn.ended,
        )

    @staticmethod
    def _at(rows: Any, row: jax.Array, environment: jax.Array) -> Any:
        return jax.tree.map(lambda leaf: leaf[row, environment], rows)
