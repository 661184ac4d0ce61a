"""What can be swept of impression allocation, and its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.sellers.buyers import Buyers, Willingness
from jaxmech.agents.sellers.population import (
    SellerPopulation,
    check_untraced,
    is_traced,
    per_seller,
)
from jaxmech.agents.values.univariate import Uniform
from jaxmech.checks import InvalidValueError


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
    /,
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

    All but the population, whose fields a sweep replaces, and the numbers of records and rounds
    may be traced, and then are not looked into.

    Args:
      population: who sets prices how.
      num_records: rounds that are remembered; for ``half_sales`` where it is not given.
      num_rounds: rounds of an episode.
      willingness: of a buyer to pay, a PyTree of numbers or one for each seller; U[0, 1] unless
        given.
      reputation, half_sales, appeal_spread: see ``Buyers``; ``half_sales`` is ``num_records`` over
        the number of sellers unless given, what a seller shown to its equal share of all buyers
        would sell if each of them bought.
      cost_low, cost_high: of all sellers, or one of each, in money per unit.
      entry_rate, exit_rate: probabilities per seller and round.

    Raises:
      ValueError: a number out of range, or the wrong number of them; a willingness that gives no
        probabilities, or higher ones at higher prices.
    """
    checks.integer("num_records", num_records)
    checks.integer("num_rounds", num_rounds)
    half = num_records / population.num_sellers if half_sales is None else half_sales
    check_untraced("reputation", reputation, low=0)
    check_untraced("half_sales", half, above=0)
    check_untraced("appeal_spread", appeal_spread, low=0, below=1)
    check_untraced("entry_rate", entry_rate, low=0, high=1)
    check_untraced("exit_rate", exit_rate, low=0, high=1)
    low = per_seller("cost_low", cost_low, population.num_sellers)
    high = per_seller("cost_high", cost_high, population.num_sellers)
    in_order = jnp.all(low <= high)
    if not is_traced(in_order) and not in_order:
        raise InvalidValueError("cost_high", cost_high, f"at least cost_low ({cost_low})")
    return ImpressionAllocationParams(
        buyers=Buyers(
            _checked_willingness(Uniform() if willingness is None else willingness, population),
            jnp.asarray(reputation, float),
            jnp.asarray(half, float),
            jnp.asarray(appeal_spread, float),
        ),
        population=population,
        cost_low=low,
        cost_high=high,
        entry_rate=jnp.asarray(entry_rate, float),
        exit_rate=jnp.asarray(exit_rate, float),
        max_steps_in_episode=num_rounds,
    )


def _checked_willingness(willingness: Willingness, population: SellerPopulation) -> Willingness:
    """The same of arrays, which can be swept.

    Raises:
      InvalidValueError: it does not give a probability of a sale for each seller; or, which is not
        seen where numbers are traced, it gives one that rises with the price.
    """
    field, sellers = "willingness", population.num_sellers
    if not hasattr(willingness, "survival"):
        allowed = "a distribution, such as those of jaxmech.agents, or Logistic"
        raise InvalidValueError(field, willingness, allowed)
    try:
        of_arrays = jax.tree.map(_array, willingness, is_leaf=_is_list_of_numbers)
        free, dear = (
            _survival(of_arrays, jnp.full(sellers, price, float))
            for price in (0, population.price_high)
        )
        fits = free.shape == dear.shape == (sellers,)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(field, willingness, _one_or_each(sellers)) from error
    if not fits:
        raise InvalidValueError(field, willingness, _one_or_each(sellers))
    if is_traced(free):
        return of_arrays
    # NaN is no probability; sums may be a little off.
    good = (dear >= -_ROUNDING) & (dear <= free + _ROUNDING) & (free <= 1 + _ROUNDING)
    if not good.all():
        seller = int(np.argmin(good))
        raise InvalidValueError(
            field,
            willingness,
            "needed are probabilities that do not rise with the price",
            got=f"{checks.shown(willingness)}, by which the share of those shown who buy is "
            f"{free[seller]:g} at price 0 and {dear[seller]:g} at the highest",
            verb="",
        )
    return of_arrays


@jax.jit
def _survival(willingness: Willingness, prices: jax.Array) -> jax.Array:
    """Compiled once for all of a kind, which takes less time than operation by operation."""
    return willingness.survival(prices)


_ROUNDING = 1e-4
"""How far a probability may be off."""


def _one_or_each(num_sellers: int) -> str:
    return (
        "a PyTree, a distribution of one value, with numbers or one for each of "
        f"{num_sellers} sellers"
    )


def _is_list_of_numbers(node: Any) -> bool:
    return isinstance(node, list | tuple) and bool(node) and all(map(checks.is_number, node))


def _array(leaf: Any) -> jax.Array:
    return jnp.asarray(leaf, jnp.result_type(float))
