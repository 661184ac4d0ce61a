"""What a tax is judged by: functions of (utilities, probabilities, revenue, params).

``utilities`` and ``probabilities`` are float [types, choices]: what each choice of labour of each
type gives, demogrant included, and how likely it is. ``revenue`` is float [], per head.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmech.environments.income_tax.params import IncomeTaxParams

Criterion = Callable[[jax.Array, jax.Array, jax.Array, IncomeTaxParams], jax.Array]

LEAST_LOGARITHM_OF = 1e-6
"""Utility below which ``log_utility`` goes on along its tangent."""


def weighted_utility(
    utilities: jax.Array, probabilities: jax.Array, revenue: jax.Array, params: IncomeTaxParams
) -> jax.Array:
    """The mean of utilities with the fixed welfare weights, in money, float [].

    Weights are scaled to a mean of 1, so that a unit of revenue is worth 1.
    """
    del revenue
    weights = params.shares * params.welfare_weights
    of_types = jnp.sum(probabilities * utilities, axis=-1)
    return jnp.sum(weights * of_types) / jnp.sum(weights)


def log_utility(
    utilities: jax.Array, probabilities: jax.Array, revenue: jax.Array, params: IncomeTaxParams
) -> jax.Array:
    """The mean logarithm of utilities, float [].

    People who choose best have utilities of at least the demogrant. Those who do not may work at a
    loss: below a utility of one millionth the logarithm goes on along its tangent, so that the
    mean stays finite and concave.
    """
    del revenue
    floor = LEAST_LOGARITHM_OF
    held = jnp.maximum(utilities, floor)
    logarithms = jnp.log(held) + (utilities - held) / floor
    return jnp.sum(params.shares * jnp.sum(probabilities * logarithms, axis=-1))


def revenue(
    utilities: jax.Array, probabilities: jax.Array, revenue: jax.Array, params: IncomeTaxParams
) -> jax.Array:
    """Revenue per head, float []."""
    del utilities, probabilities, params
    return revenue


def least_utility(
    utilities: jax.Array, probabilities: jax.Array, revenue: jax.Array, params: IncomeTaxParams
) -> jax.Array:
    """Maximin: the expected utility of the type that has least, float []."""
    del revenue, params
    of_types = jnp.sum(probabilities * utilities, axis=-1)
    # Not ``jnp.min``, whose gradient is NaN where a compiled program computes utilities twice, once
    # to find the least and once to see which is equal to it, and rounds them differently.
    return of_types[jnp.argmin(of_types)]
