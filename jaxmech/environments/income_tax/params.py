"""What can be swept of an income tax, and its defaults."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks, struct


@struct.dataclass
class IncomeTaxParams:
    """What can be swept.

    Attributes:
      skills: float [types], earnings per unit of labour.
      shares: float [types], of the population, sum 1.
      welfare_weights: float [types], what a unit of money is worth to society in the hands of one
        person of each type; read by the criterion ``weighted_utility`` alone.
      elasticity: float [], of labour, and so of earnings, with respect to the share of earnings
        that is kept.
      temperature: float [], in units of money: 0 for people who choose best. Read by
        ``GridLabour`` alone.
    """

    skills: jax.Array
    shares: jax.Array
    welfare_weights: jax.Array
    elasticity: jax.Array
    temperature: jax.Array = struct.number(low=0)


def params_of(
    skills: ArrayLike,
    *,
    shares: ArrayLike | None = None,
    welfare_weights: ArrayLike | None = None,
    elasticity: float = 0.25,
    temperature: float = 0.0,
) -> IncomeTaxParams:
    """Parameters of a population that is given by types and their shares, or is a sample.

    Args:
      skills: float [types], above 0.
      shares: float [types], from 0, scaled to a sum of 1; all alike unless given, as in a sample.
      welfare_weights: float [types], from 0; all 1 unless given.
      elasticity: above 0.
      temperature: from 0, finite.

    Raises:
      ValueError: a number out of range, or not as many of each as skills; shares or welfare
        weights that are all 0.
    """
    skills = np.asarray(skills, np.float64)
    checks.axes("skills", skills, "types")
    checks.numbers("skills", skills, above=0)
    shares = _weights("shares", shares, skills.size)
    weights = _weights("welfare_weights", welfare_weights, skills.size)
    checks.number("elasticity", elasticity, above=0)
    checks.number("temperature", temperature, low=0)
    return IncomeTaxParams(
        skills=jnp.asarray(skills, float),
        shares=jnp.asarray(shares / np.sum(shares), float),
        welfare_weights=jnp.asarray(weights, float),
        elasticity=jnp.asarray(elasticity, float),
        temperature=jnp.asarray(temperature, float),
    )


def _weights(field: str, given: ArrayLike | None, size: int) -> NDArray[np.float64]:
    """One for each type, all 1 where none are given."""
    weights = np.ones(size) if given is None else np.asarray(given, np.float64)
    checks.shape(field, weights, "one for each skill", (size,))
    checks.numbers(field, weights, low=0)
    checks.number(f"the sum of {field}", float(np.sum(weights)), above=0)
    return weights
