"""What a repeated auction remembers, and what of it the designer sees."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.environments.repeated_auction.params import RepeatedAuctionParams
from jaxmech.environments.repeated_auction.participation import put_back
from jaxmech.mechanisms import Outcome

RoundStatistic = Literal["summary", "bidders"]

_SUMMARY_SIZE = 7
_PER_BIDDER = 4


@struct.dataclass
class Round:
    """What happened in one round; all zero before the first.

    Attributes:
      participants: int32 [participants], indices of the bidders who took part.
      values: float [participants], of a click, private.
      quality: float [participants].
      bids: float [participants], per click.
      allocation: int32 [participants, slots], one-hot.
      clicks: float [participants], expected.
      payments: float [participants], expected.
      reserve: float [], or [bidders] where reserves are personal, per click.
      squash: float [].
    """

    participants: jax.Array
    values: jax.Array
    quality: jax.Array
    bids: jax.Array
    allocation: jax.Array
    clicks: jax.Array
    payments: jax.Array
    reserve: jax.Array
    squash: jax.Array

    @property
    def outcome(self) -> Outcome:
        """Of the participants."""
        return Outcome(self.allocation, self.payments)


@struct.dataclass
class RepeatedAuctionState:
    """An episode, part-way through.

    Attributes:
      values, quality: float [bidders], where they are drawn once for the episode; else None.
      scores: float [bidders, choices], what the bidders have learned.
      last: the last round.
      totals: float [3], objective, welfare and revenue so far.
      time: int32 [], rounds played.
    """

    values: jax.Array | None
    quality: jax.Array | None
    scores: jax.Array
    last: Round
    totals: jax.Array
    time: jax.Array


@struct.dataclass
class ClickValuations:
    """What an allocation of slots is worth to the participants of a round.

    Attributes:
      values: float [participants], of a click.
      quality: float [participants].
      click_rates: float [slots].
    """

    values: jax.Array
    quality: jax.Array
    click_rates: jax.Array

    def of(self, allocation: jax.Array) -> jax.Array:
        """Float [participants], of ``allocation: int [participants, slots]``."""
        return self.values * self.quality * jnp.sum(allocation * self.click_rates[None], axis=-1)


def observation_size(statistic: RoundStatistic, num_bidders: int, num_reserves: int) -> int:
    """Length of what ``observe`` gives."""
    size = _SUMMARY_SIZE + num_reserves
    return size + _PER_BIDDER * num_bidders if statistic == "bidders" else size


def observe(
    state: RepeatedAuctionState, params: RepeatedAuctionParams, statistic: RoundStatistic
) -> jax.Array:
    """The statistic of the last round, see ``RepeatedAuction``, float [observation_size]."""
    last, dtype = state.last, state.totals.dtype
    # XLA divides by a number as it multiplies by its inverse, but not by a batch of
    # numbers: written out, an episode is the same, bit for bit, alone and in a batch.
    per_bid = 1 / params.bid_high
    bids = last.bids * per_bid
    payments = last.payments * (per_bid / jnp.sum(params.click_rates))
    summary = [
        jnp.mean(bids),
        jnp.min(bids),
        jnp.max(bids),
        jnp.sum(last.allocation) / last.allocation.shape[-1],
        jnp.sum(payments),
        last.squash / jnp.where(params.squash_high > 0, params.squash_high, 1),
        state.time / params.num_rounds,
    ]
    parts = [jnp.stack(summary), jnp.atleast_1d(last.reserve) * per_bid]
    if statistic == "bidders":
        took_part = jnp.broadcast_to(state.time > 0, bids.shape).astype(dtype)
        for rows in (took_part, bids, last.clicks, payments):
            nobody = jnp.zeros(params.population.num_bidders, rows.dtype)
            parts.append(put_back(rows, nobody, last.participants))
    return jnp.clip(jnp.concatenate([part.astype(dtype) for part in parts]), 0, 1)
