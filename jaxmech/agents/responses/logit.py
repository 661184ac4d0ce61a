"""The logit response: what a boundedly rational agent does, and what that is worth to it.

An agent that pays ``temperature`` for every nat by which it departs from what it would do unasked,
its prior, maximises ``E_p[utility] - temperature * KL(p || prior)`` and so acts with probabilities
proportional to ``prior * exp(utility / temperature)`` (Mguni and Tomczak 2018, equation 3 and
Proposition 3.8, whose printed form lacks the temperature; McKelvey and Palfrey 1995 with a uniform
prior). At temperature 0 that is a best response, at an infinite one the prior.

A continuous set of actions is a grid whose prior holds the weights of a quadrature.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks


def logit_response(
    utilities: jax.Array, temperature: Any, prior: jax.Array | None = None
) -> jax.Array:
    """Probabilities of each action, float [..., actions].

    At temperature 0 the actions of highest utility, up to rounding, share everything in proportion
    to the prior; derivatives there are 0, as are those of a best response wherever it has any.

    Args:
      utilities: float [..., actions], finite. Its last axis has the actions.
      temperature: scalar in units of utility, or float [...].
      prior: float [..., actions], at least 0 and not all 0, of any sum; uniform where it is None.
        What has no weight is never chosen.

    Raises:
      ValueError: a temperature below 0 or NaN.
    """
    weights, gaps, temperature = _prepared(utilities, temperature, prior)
    positive = temperature > 0
    exponents = gaps / jnp.where(positive, temperature, 1)
    smoothed = weights * jnp.exp(exponents)
    # A compiler may round the same utility in two ways: what is as good as the best counts as best.
    size = jnp.max(jnp.abs(utilities), axis=-1, keepdims=True, where=weights > 0, initial=0)
    best = jnp.where(gaps >= -8 * jnp.finfo(gaps.dtype).eps * size, weights, 0)
    chosen = jnp.where(positive, smoothed, jax.lax.stop_gradient(best))
    probabilities: jax.Array = chosen / jnp.sum(chosen, axis=-1, keepdims=True)
    return probabilities


def smoothed_maximum(
    utilities: jax.Array, temperature: Any, prior: jax.Array | None = None
) -> jax.Array:
    """What the logit response is worth after what it costs, float [...].

    It is ``temperature * log(E_prior[exp(utility / temperature)])``, between the mean under the
    prior, at an infinite temperature, and the maximum, at temperature 0. Its derivatives by the
    utilities are the probabilities of ``logit_response``.

    Args and errors are those of ``logit_response``.
    """
    weights, gaps, temperature = _prepared(utilities, temperature, prior)
    best = jnp.max(utilities, axis=-1, where=weights > 0, initial=-jnp.inf)
    probable = jax.lax.stop_gradient(logit_response(utilities, temperature[..., 0], prior))
    # The value at 0 and at infinity, with the derivatives of the value between them.
    linear = jnp.sum(probable * utilities, axis=-1)
    usable = (temperature > 0) & jnp.isfinite(temperature)
    scale = jnp.where(usable, temperature, 1)
    exponents = jnp.where(weights > 0, gaps / scale, 0)
    # Where all exponents are small the logarithm is of something near 1, and digits would go.
    near = jnp.min(exponents, axis=-1, keepdims=True) > -0.5
    small = jnp.where(near, exponents, 0)
    of_near = jnp.log1p(jnp.sum(weights * jnp.expm1(small), axis=-1, keepdims=True))
    of_far = jnp.log(
        jnp.sum(jnp.where(near, 1, weights) * jnp.exp(exponents), axis=-1, keepdims=True)
    )
    between = jax.lax.stop_gradient(best) + (scale * jnp.where(near, of_near, of_far))[..., 0]
    value: jax.Array = jnp.where(usable[..., 0], between, linear)
    return value


def _prepared(
    utilities: jax.Array, temperature: Any, prior: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Weights that sum to 1 and utilities less their highest, float [..., actions], and the
    temperature, float [..., 1].

    The highest is a constant: probabilities do not depend on it.
    """
    checks.leaf("temperature", temperature, low=0, finite=False)
    dtype = jnp.result_type(utilities, float)
    utilities = jnp.asarray(utilities, dtype)
    if prior is None:
        weights = jnp.full_like(utilities, 1 / utilities.shape[-1])
    else:
        prior = jnp.broadcast_to(jnp.asarray(prior, dtype), utilities.shape)
        weights = prior / jnp.sum(prior, axis=-1, keepdims=True)
    highest = jnp.max(utilities, axis=-1, keepdims=True, where=weights > 0, initial=-jnp.inf)
    gaps = utilities - jax.lax.stop_gradient(highest)
    # What is never chosen must not overflow.
    gaps = jnp.where(weights > 0, gaps, 0)
    temperature = jnp.broadcast_to(jnp.asarray(temperature, dtype), utilities.shape[:-1])
    return weights, gaps, temperature[..., None]
