"""Smooth versions of the rules for one item, for designers and bidders that follow gradients.

All bids count, the higher the more, by a temperature in units of money. As it falls to 0 the
outcome goes to that of the exact rule, but for ties: tied bidders share the item equally, and
a bid at its reserve takes part with probability 1/2. At any temperature the allocation is a
probability of winning, and does not add up to more than 1; payments are expected ones, and
those of the second price may exceed the bid by some temperatures.

A bidder takes part with probability sigmoid((b - r) / T) / sigmoid(b / T), which a reserve of
0 leaves at 1, and wins in proportion to that times exp(bid times that / T).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.mechanisms.checks import (
    Numbers,
    as_floats,
    bids_and_charges,
    check_positive,
)
from jaxmech.mechanisms.outcome import Outcome


@struct.dataclass
class _Contest:
    """What the soft rules share, each float [bidders].

    Attributes:
      bids: as given.
      reserve: as given, one for each bidder.
      takes_part: probability of it.
      log_weights: of winning.
      fees: expected entry fees.
    """

    bids: jax.Array
    reserve: jax.Array
    takes_part: jax.Array
    log_weights: jax.Array
    fees: jax.Array
    temperature: jax.Array

    @property
    def allocation(self) -> jax.Array:
        # Without anybody above the reserve the weights still add up to 1: hence the factor.
        return self.takes_part * jax.nn.softmax(self.log_weights)


def soft_first_price(
    bids: Numbers,
    temperature: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
) -> Outcome:
    """As ``first_price``, smoothly: bidders pay their bid times their probability of winning.

    Args:
      bids: float [bidders], in units of money.
      temperature: float [], above 0, in units of money.
      reserve: float [] or [bidders].
      entry_fee: float [], times the probability of taking part.

    Returns:
      ``allocation`` float [bidders], ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN or infinite, the temperature 0, or a shape another.
        Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or
        negative ones give nonsense.
    """
    contest = _contest(bids, temperature, reserve, entry_fee)
    allocation = contest.allocation
    return Outcome(allocation, allocation * contest.bids + contest.fees)


def soft_second_price(
    bids: Numbers,
    temperature: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
) -> Outcome:
    """As ``second_price``, smoothly: the price is a soft maximum of reserve and others' bids.

    Args:
      bids: float [bidders], in units of money.
      temperature: float [], above 0, in units of money.
      reserve: float [] or [bidders].
      entry_fee: float [], times the probability of taking part.

    Returns:
      ``allocation`` float [bidders], ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN or infinite, the temperature 0, or a shape another.
        Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or
        negative ones give nonsense.
    """
    contest = _contest(bids, temperature, reserve, entry_fee)
    num_bidders = contest.bids.shape[0]
    # Row i: what sets the price of bidder i, the others' bids and, in the last column, the
    # reserve.
    others = jnp.where(jnp.eye(num_bidders, dtype=bool), -jnp.inf, contest.log_weights)
    reserve = contest.reserve[:, None]
    log_weights = jnp.concatenate([others, reserve / contest.temperature], axis=1)
    candidates = jnp.concatenate(
        [jnp.broadcast_to(contest.bids, (num_bidders, num_bidders)), reserve], axis=1
    )
    price = jnp.sum(jax.nn.softmax(log_weights) * candidates, axis=1)
    allocation = contest.allocation
    return Outcome(allocation, allocation * price + contest.fees)


def soft_all_pay(
    bids: Numbers,
    temperature: Numbers,
    *,
    reserve: Numbers = 0.0,
    entry_fee: Numbers = 0.0,
) -> Outcome:
    """As ``all_pay``, smoothly: bidders pay their bid times their probability of taking part.

    Args:
      bids: float [bidders], in units of money.
      temperature: float [], above 0, in units of money.
      reserve: float [] or [bidders].
      entry_fee: float [], times the probability of taking part.

    Returns:
      ``allocation`` float [bidders], ``payments`` float [bidders].

    Raises:
      ValueError: a number is negative, NaN or infinite, the temperature 0, or a shape another.
        Numbers that are traced, as under ``jax.jit`` or ``jax.vmap``, are not checked: NaN or
        negative ones give nonsense.
    """
    contest = _contest(bids, temperature, reserve, entry_fee)
    return Outcome(contest.allocation, contest.takes_part * contest.bids + contest.fees)


def _contest(bids: Numbers, temperature: Numbers, reserve: Numbers, entry_fee: Numbers) -> _Contest:
    bids, reserve, entry_fee = bids_and_charges(bids, reserve, entry_fee, finite_reserve=True)
    check_positive("temperature", temperature)
    (temperature,) = as_floats({"temperature": temperature})
    checks.shape("temperature", temperature, "a number", ())
    reserve = jnp.broadcast_to(reserve, bids.shape)
    temperature = temperature.astype(bids.dtype)
    log_takes_part = jax.nn.log_sigmoid((bids - reserve) / temperature) - jax.nn.log_sigmoid(
        bids / temperature
    )
    takes_part = jnp.exp(log_takes_part)
    return _Contest(
        bids=bids,
        reserve=reserve,
        takes_part=takes_part,
        log_weights=takes_part * bids / temperature + log_takes_part,
        fees=takes_part * entry_fee,
        temperature=temperature,
    )
