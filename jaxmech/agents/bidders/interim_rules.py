"""Single-item auctions as one bidder sees them who knows only its own value.

An ``InterimRule`` maps a grid of bids and the chance that each is the highest to what a bid
brings: ``rule(bids, chance) -> winning, payment``, all float [grid], bids ascending. A bidder
of value ``v`` has the expected utility ``v * winning - payment``; payments are in the units
of the bids. Write one for any other auction whose winner depends on the bids' order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.checks import InvalidValueError

InterimRule = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def check_rule(rule: Any) -> None:
    """Refuses what is not called with bids and chances, such as a rule of ``mechanisms``.

    Raises:
      ValueError: it is no function, or one of other arguments.
    """
    try:
        signature(rule).bind("bids", "chance")
    except TypeError:
        raise InvalidValueError(
            "rule", rule, "functions of (bids, chance), such as agents.interim_rules.first_price"
        ) from None


def first_price(bids: jax.Array, chance: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The highest bidder wins and pays its bid."""
    return chance, bids * chance


def second_price(bids: jax.Array, chance: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The highest bidder wins and pays the highest other bid."""
    return chance, _highest_other_bid(bids, chance)


def all_pay(bids: jax.Array, chance: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The highest bidder wins; everybody pays the own bid."""
    return chance, bids


def war_of_attrition(bids: jax.Array, chance: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The highest bidder wins and pays the highest other bid; everybody else the own bid."""
    return chance, _highest_other_bid(bids, chance) + bids * (1 - chance)


def chance_of_highest(cdfs: jax.Array, group_sizes: Sequence[int]) -> jax.Array:
    """The chance that no other bidder bids more.

    Args:
      cdfs: float [groups, grid], of the bids of one bidder of each group.
      group_sizes: number of bidders of each group; values are independent.

    Returns:
      float [groups, grid], for a bidder of each group.
    """
    chances = []
    for own in range(len(group_sizes)):
        chance = jnp.ones_like(cdfs[0])
        for group, size in enumerate(group_sizes):
            # An integer power: exact in relative terms however small the chance.
            chance = chance * cdfs[group] ** (size - (group == own))
        chances.append(chance)
    return jnp.stack(chances)


def _highest_other_bid(bids: jax.Array, chance: jax.Array) -> jax.Array:
    """What the highest other bid is on average, times the chance that it is lower."""
    between = (bids[1:] + bids[:-1]) / 2 * jnp.diff(chance)
    return jnp.concatenate([bids[:1] * chance[:1], bids[0] * chance[0] + jnp.cumsum(between)])
