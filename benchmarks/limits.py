"""What an iteration of PPO takes by itself: the network's passes, or drawing numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from compiling import repeat_compiled
from work import HIDDEN, NUM_EPOCHS, NUM_MINIBATCHES, Contender, Ran, Work


def network_alone(work: Work) -> Contender:
    """Forward and backward passes of one PPO iteration, on fixed observations.

    Actor and critic forward once per step of the rollout, and the gradient of both on each
    minibatch of each epoch. A tiny step along the gradient ties every minibatch to the one
    before.
    """
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(work.seed)

    def layers(*widths: int) -> list[tuple[jax.Array, jax.Array]]:
        return [
            (
                jnp.asarray(random.normal(0, inputs**-0.5, (inputs, outputs)), jnp.float32),
                jnp.zeros(outputs),
            )
            for inputs, outputs in itertools.pairwise(widths)
        ]

    def forward(network: list[tuple[jax.Array, jax.Array]], x: jax.Array) -> jax.Array:
        for weight, bias in network[:-1]:
            x = jnp.tanh(x @ weight + bias[None])
        weight, bias = network[-1]
        return x @ weight + bias[None]

    networks = (
        layers(work.num_features, *HIDDEN, work.num_agents + 1),
        layers(work.num_features, *HIDDEN, 1),
    )
    shape = (work.num_agents, work.num_environments, work.num_features)
    observations = jnp.asarray(random.random(shape, np.float32))

    def loss(networks: Any, batch: jax.Array) -> jax.Array:
        actor, critic = networks
        return jnp.mean(forward(actor, batch) ** 2) + jnp.mean(forward(critic, batch) ** 2)

    def learn(networks: Any, batch: jax.Array) -> tuple[Any, None]:
        gradient = jax.grad(loss)(networks, batch)
        return jax.tree.map(lambda part, slope: part - 1e-6 * slope, networks, gradient), None

    def iteration(carry: Any, _: None) -> tuple[Any, jax.Array]:
        networks, observations = carry

        def step(total: jax.Array, batch: jax.Array) -> tuple[jax.Array, None]:
            actor, critic = networks
            return total + jnp.sum(forward(actor, batch)) + jnp.sum(forward(critic, batch)), None

        def epoch(networks: Any, _: None) -> tuple[Any, None]:
            return jax.lax.scan(learn, networks, minibatches)

        total, _ = jax.lax.scan(step, jnp.zeros(()), observations)
        minibatches = observations.reshape(NUM_MINIBATCHES, -1, work.num_features)
        networks, _ = jax.lax.scan(epoch, networks, length=NUM_EPOCHS)
        total += sum(jnp.sum(leaf) for leaf in jax.tree.leaves(networks))
        return (networks, observations), total

    def run(carry: Any) -> tuple[Any, jax.Array]:
        return jax.lax.scan(iteration, carry, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum.sum()))

    start = (networks, observations)
    return repeat_compiled(run, start, summarise, updates_per_run=work.updates_per_run)


def random_numbers_alone(work: Work) -> Contender:
    """The uniforms of a rollout whose actions are boxes, by threefry: values from a key for each
    environment, and one number per agent score and price at each step. Our PPO draws two
    numbers a step, and values for the episodes that start."""
    import jax
    import jax.numpy as jnp

    num_values = work.num_agents + 1  # the centre of the values, then a value each

    def iteration(key: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        key, values_key, noise_key = jax.random.split(key, 3)
        keys = jax.random.split(values_key, work.num_environments)
        values = jax.vmap(lambda key: jax.random.uniform(key, (num_values,)))(keys)

        def step(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
            shape = (work.num_environments, work.num_agents + 1)
            return total + jnp.sum(jax.random.uniform(key, shape)), None

        total, _ = jax.lax.scan(step, jnp.sum(values), jax.random.split(noise_key, work.num_agents))
        return key, total

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.lax.scan(iteration, key, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum.sum()))

    start = jax.random.key(work.seed)
    return repeat_compiled(run, start, summarise, updates_per_run=work.updates_per_run)
