"""What can be swept of impression allocation, and its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.sellers.buyers import Buyers, Willingness
from jaxmech.agents.sellers.population import SellerPopulation, per_seller
from jaxmech.agents.values.univariate import Uniform


@struct.dataclass
class ImpressionAllocationParams:
    """What can be swept.

    Attributes:
      buyers: what they do who are shown a seller.
      population: how the sellers set their prices.
      cost_low, cost_high: float [sellers], between which a seller's cost of a unit is drawn.
      entry_rate: float [], probability that an absent seller is there in the next round.
      exit_rate: float [], probability that a seller leaves after a round.
      max_steps_in_episode: the environment's ``num_rounds``.
    """

    buyers: Buyers
    population: SellerPopulation
    cost_low: jax.Array
    cost_high: jax.Array
    entry_rate: jax.Array
    exit_rate: jax.Array
    max_steps_in_episode: int = struct.field(pytree_node=False)


def params_of(
    population: SellerPopulation,
    *,
    num_records: int,
    num_rounds: int,
    willingness: Willingness | None = None,
    reputation: float = 0.081,
    half_sales: float | None = None,
    appeal_spread: float = 0.0,
    cost_low: float | Sequence[float] = 0.0,
    cost_high: float | Sequence[float] = 0.5,
    entry_rate: float = 0.0,
    exit_rate: float = 0.0,
) -> ImpressionAllocationParams:
    """Parameters, with defaults for what is not given.

    Args:
      num_records: rounds that are remembered; for ``half_sales`` where it is not given.
      num_rounds: rounds of an episode.
      willingness: of a buyer to pay; U[0, 1] unless given.
      reputation, half_sales, appeal_spread: see ``Buyers``; ``half_sales`` is ``num_records`` over
        the number of sellers unless given, what a seller shown to its equal share of all buyers
        would sell if each of them bought.
      cost_low, cost_high: of all sellers, or one of each, in money per unit.
      entry_rate, exit_rate: probabilities per seller and round.

    Raises:
      ValueError: a number out of range, or the wrong number of them.
    """
    checks.integer("num_records", num_records)
    checks.integer("num_rounds", num_rounds)
    half = num_records / population.num_sellers if half_sales is None else half_sales
    checks.number("entry_rate", entry_rate, low=0, high=1)
    checks.number("exit_rate", exit_rate, low=0, high=1)
    low = per_seller("cost_low", cost_low, population.num_sellers)
    high = per_seller("cost_high", cost_high, population.num_sellers)
    if not bool(jnp.all(low <= high)):
        raise checks.InvalidValueError("cost_high", cost_high, f"at least cost_low ({cost_low})")
    willingness = Uniform() if willingness is None else willingness
    if not hasattr(willingness, "survival"):
        allowed = "a distribution, such as those of jaxmech.agents, or Logistic"
        raise checks.InvalidValueError("willingness", willingness, allowed)
    _check_willingness(willingness, population.num_sellers)
    # Made of numbers first, which are checked, and then of arrays, which can be swept.
    buyers = Buyers(willingness, reputation, half, appeal_spread)
    return ImpressionAllocationParams(
        buyers=jax.tree.map(_array, buyers),
        population=population,
        cost_low=low,
        cost_high=high,
        entry_rate=jnp.asarray(entry_rate, float),
        exit_rate=jnp.asarray(exit_rate, float),
        max_steps_in_episode=num_rounds,
    )


def _check_willingness(willingness: Any, num_sellers: int) -> None:
    """
    Raises:
      InvalidValueError: it does not give a probability for the price of every seller.
    """
    allowed = f"a distribution of one value, with numbers or one for each of {num_sellers} sellers"
    prices = jax.ShapeDtypeStruct((num_sellers,), jnp.result_type(float))
    try:
        given = jax.eval_shape(willingness.survival, prices)
    except (TypeError, ValueError) as error:
        raise checks.InvalidValueError("willingness", willingness, allowed) from error
    if getattr(given, "shape", None) != prices.shape:
        raise checks.InvalidValueError("willingness", willingness, allowed)


def _array(leaf: jax.Array | float) -> jax.Array:
    return jnp.asarray(leaf, jnp.result_type(float))
