"""A designer that costs nothing, and a command that runs it, to be killed by the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import runner, struct
from jaxmech.runner.progress import NoProgress


@struct.dataclass
class DescentState:
    position: jax.Array
    lowest: jax.Array
    seed: jax.Array
    key: jax.Array
    updates: jax.Array


@struct.dataclass
class NoisyDescent:
    """Gradient descent on |position|^2 / 2 with noisy gradients, position: float [size].

    ``lowest`` starts at infinity and the metric ``episode_return`` is NaN until the third
    update, as honest sentinels do. At update ``break_at`` of seed ``break_seed``, what
    ``break_what`` names becomes NaN, or infinite.
    """

    learning_rate: float = 0.1
    size: int = struct.field(pytree_node=False, default=3)
    break_at: int = struct.field(pytree_node=False, default=-1)
    break_seed: int = struct.field(pytree_node=False, default=0)
    break_what: str = struct.field(pytree_node=False, default="metric")

    def init(self, key: jax.Array) -> DescentState:
        return DescentState(
            position=jax.random.normal(key, (self.size,)),
            lowest=jnp.float32(jnp.inf),
            seed=jax.random.key_data(key)[-1],
            key=key,
            updates=jnp.int32(0),
        )

    def update(self, state: DescentState) -> tuple[DescentState, dict[str, jax.Array]]:
        key, noise_key = jax.random.split(state.key)
        gradient = state.position + 0.1 * jax.random.normal(noise_key, (self.size,))
        position = state.position - self.learning_rate * gradient
        loss = jnp.sum(position**2) / 2
        updates = state.updates + 1
        broken = (updates == self.break_at) & (state.seed == self.break_seed)
        metrics = {
            "objective": -loss,
            "loss": jnp.where(broken & (self.break_what == "metric"), jnp.nan, loss),
            "episode_return": jnp.where(updates < 3, jnp.nan, -loss),
            "environment_steps": jnp.float32(10),
        }
        if self.break_what != "metric":
            value = jnp.nan if self.break_what == "state" else jnp.inf
            position = position.at[1].set(jnp.where(broken, value, position[1]))
        lowest = jnp.minimum(state.lowest, loss)
        return DescentState(position, lowest, state.seed, key, updates), metrics

    def evaluate(self, state: DescentState, key: jax.Array) -> dict[str, jax.Array]:
        return {"noisy_loss": jnp.sum(state.position**2) / 2 + jax.random.normal(key)}


class Slowed(NoProgress):
    """Takes its time after each chunk, and kills the process after ``kill_at`` updates."""

    def __init__(self, sleep: float, kill_at: int | None):
        self.sleep = sleep
        self.kill_at = kill_at

    def advance(self, update: int, seconds: float, metrics: Any) -> None:
        time.sleep(self.sleep)
        if self.kill_at is not None and update >= self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    command = {"run": runner.run, "resume": runner.resume}[arguments.pop("command")]
    progress = Slowed(arguments.pop("sleep", 0.0), arguments.pop("kill_at", None))
    designer = NoisyDescent()
    result = command(designer, evaluate=designer.evaluate, progress=progress, **arguments)
    if result.interrupted_by is not None:
        sys.exit(128 + result.interrupted_by)
