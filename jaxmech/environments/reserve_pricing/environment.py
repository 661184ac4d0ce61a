"""Dynamic reserve prices in sponsored search as the designer's decision process (Tang 2017).

Each day the designer posts a reserve for each bidder on a keyword. The bidders see them,
reconsider their bids in the light of yesterday, and meet in the auctions of the day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import KPIS, BidHistory
from jaxmech.agents.keywords.daily_bidders import (
    DailyBidders,
    Yesterday,
    next_bids,
    placed_bids,
    scattered_bids,
)
from jaxmech.environments.autoreset import step_with_reset
from jaxmech.environments.compiled import compiled
from jaxmech.environments.protocol import params_or_default
from jaxmech.environments.reserve_pricing.day import DayOutcome, auction_normals, day_outcome
from jaxmech.environments.reserve_pricing.params import ReservePricingParams, params_of
from jaxmech.mechanisms.position import Filtering
from jaxmech.spaces import Box

RevenueMode = Literal["expected", "sampled"]
HistoryStatistic = Literal["history", "summary"]


@struct.dataclass
class ReservePricingState:
    """A keyword in the evening.

    Attributes:
      bidders: who bids, private.
      strategy_bids: float [bidders], of the day, private.
      placed_bids: float [bidders], the same, but 0 of those that dropped out; private.
      history: of the last days, this one the last.
      day: int32 [], days of the episode gone.
    """

    bidders: DailyBidders
    strategy_bids: jax.Array
    placed_bids: jax.Array
    history: BidHistory
    day: jax.Array

    @property
    def values(self) -> jax.Array:
        """Float [bidders], money per click."""
        return self.bidders.values

    @property
    def quality(self) -> jax.Array:
        """Float [bidders]."""
        return self.bidders.quality

    @property
    def reserves(self) -> jax.Array:
        """Of the day, float [bidders]."""
        return self.history.reserves[-1]

    @property
    def yesterday(self) -> Yesterday:
        """The day as the bidders will look back on it."""
        return Yesterday(self.placed_bids, self.reserves, self.history.kpis[-1])


@dataclass(frozen=True)
class ReservePricing:
    """The environment; follows the gymnax 1.x protocol.

    Attributes:
      num_bidders: bidders on the keyword.
      num_slots: slots of each auction.
      days: of an episode.
      num_bins: bins of bids in the history, the first for no bid.
      history_days: days that the history keeps.
      auctions_per_day: of the keyword.
      revenue: ``"expected"``: the day's bids are spread evenly over their distribution, the
        same way every day, and clicks are expected ones, so that a day's revenue has no noise
        but that of the bidders' choices. ``"sampled"``: bids and clicks are drawn.
      statistic: what the designer observes. ``"history"``: all of it; ``"summary"``: of the
        last day, with the mean and the spread of each bidder's bids in place of the
        distribution.
      filtering: of bids below their reserve, before ranking ("eager") or after it ("lazy").
      squash: exponent of the quality in the ranking, 1 to rank by revenue, 0 by bid; for both
        see ``jaxmech.mechanisms.generalized_second_price``.
    """

    num_bidders: int
    num_slots: int
    days: int = 240
    num_bins: int = 50
    history_days: int = 7
    auctions_per_day: int = 32
    revenue: RevenueMode = "expected"
    statistic: HistoryStatistic = "history"
    filtering: Filtering = "eager"
    squash: float = 1.0

    def __post_init__(self) -> None:
        checks.hashable_fields(self)
        checks.integer("num_bidders", self.num_bidders)
        checks.integer("num_slots", self.num_slots, high=self.num_bidders)
        checks.integer("days", self.days)
        checks.integer("num_bins", self.num_bins, low=2)
        checks.integer("history_days", self.history_days)
        checks.integer("auctions_per_day", self.auctions_per_day)
        for field, allowed in (
            ("revenue", get_args(RevenueMode)),
            ("statistic", get_args(HistoryStatistic)),
            ("filtering", get_args(Filtering)),
        ):
            checks.one_of(field, getattr(self, field), allowed)
        checks.number("squash", self.squash, low=0)

    @property
    def name(self) -> str:
        return "reserve_pricing"

    @property
    def truncates(self) -> bool:
        """False: the last day is a true end."""
        return False

    @property
    def default_params(self) -> ReservePricingParams:
        """Those of ``params_of``."""
        return params_of(self)

    def action_space(self, params: ReservePricingParams | None = None) -> Box:
        """Reserves of the day, float [bidders], money per click.

        Numbers beyond the bounds are moved to the nearest; what is not a number counts as the
        highest reserve.
        """
        params = params_or_default(self, params)
        return Box(0.0, params.reserve_high, (self.num_bidders,))

    def observation_space(self, params: ReservePricingParams | None = None) -> Box:
        """The statistic, then qualities and the time, flat, every entry in [0, 1]."""
        del params
        of_a_day = 1 + len(KPIS)
        of_each = self.history_days * (self.num_bins + of_a_day)
        if self.statistic == "summary":
            of_each = 3 + of_a_day
        return Box(0.0, 1.0, (self.num_bidders * (of_each + 1) + 1,))

    @compiled
    def reset(
        self, key: jax.Array, params: ReservePricingParams | None = None
    ) -> tuple[jax.Array, ReservePricingState]:
        """A fresh keyword, after ``history_days`` days at the deployed reserves."""
        params = params_or_default(self, params)
        draw_key, key = jax.random.split(key)
        bidders, bids = params.distribution.sample(
            draw_key, self.num_bidders, params.click_rates[0]
        )
        reserves = params.deployed_reserves
        nothing = jnp.zeros((self.history_days, self.num_bidders), bids.dtype)
        state = ReservePricingState(
            bidders=bidders,
            strategy_bids=bids,
            placed_bids=placed_bids(bidders, bids, reserves),
            history=BidHistory(
                jnp.broadcast_to(nothing[..., None], (*nothing.shape, self.num_bins)),
                nothing,
                jnp.broadcast_to(nothing[..., None], (*nothing.shape, len(KPIS))),
            ),
            day=jnp.zeros((), jnp.int32),
        )

        def one_day(
            state: ReservePricingState, day: tuple[jax.Array, jax.Array]
        ) -> tuple[ReservePricingState, None]:
            key, is_first = day
            return self._day(key, state, reserves, params, is_first)[0], None

        days = (jax.random.split(key, self.history_days), jnp.arange(self.history_days) == 0)
        state, _ = jax.lax.scan(one_day, state, days)
        return self._observe(state, params), state

    @compiled
    def step_env(
        self,
        key: jax.Array,
        state: ReservePricingState,
        action: jax.Array,
        params: ReservePricingParams | None = None,
    ) -> tuple[jax.Array, ReservePricingState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """One day. A finished episode stays as it is, with reward 0.

        Returns:
          observation, state, reward (float [], mean revenue per auction), terminated
          (bool []), and info, of the day per auction (float []): ``revenue``, and
          ``welfare``, the value to the bidders of their clicks.

        Raises:
          ValueError: the action's shape is not that of the action space.
        """
        params = params_or_default(self, params)
        finished = state.day >= self.days
        action = jnp.asarray(action, state.strategy_bids.dtype)
        checks.shape("action", action, "a reserve of each bidder", (self.num_bidders,))
        action = jnp.where(jnp.isnan(action), jnp.inf, action)
        reserves = jnp.clip(action, 0, params.reserve_high)
        played, outcome = self._day(key, state, reserves, params)
        played = replace(played, day=state.day + 1)
        state = jax.tree.map(lambda old, new: jnp.where(finished, old, new), state, played)
        clicks = outcome.kpis[:, KPIS.index("clicks")]
        info = {
            "revenue": jnp.where(finished, 0, outcome.revenue),
            "welfare": jnp.where(finished, 0, jnp.sum(state.values * clicks)),
        }
        return (
            self._observe(state, params),
            state,
            info["revenue"],
            state.day >= self.days,
            info,
        )

    @compiled
    def step(
        self,
        key: jax.Array,
        state: ReservePricingState,
        action: jax.Array,
        params: ReservePricingParams | None = None,
    ) -> tuple[
        jax.Array, ReservePricingState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]
    ]:
        """``step_env``, then a fresh episode where this one ended.

        Returns:
          observation, state, reward, terminated, truncated (never true) and info, with
          ``final_observation``: the observation before any reset.
        """
        return step_with_reset(self, key, state, action, params)

    def _day(
        self,
        key: jax.Array,
        state: ReservePricingState,
        reserves: jax.Array,
        params: ReservePricingParams,
        is_first: jax.Array | bool = False,
    ) -> tuple[ReservePricingState, DayOutcome]:
        """A day; ``state.day`` stays as it is. On the first no bidder reconsiders its bid."""
        bidders_key, auctions_key = jax.random.split(key)
        reconsidered = next_bids(
            state.bidders,
            state.strategy_bids,
            state.yesterday,
            bidders_key,
            reserves=reserves,
            click_rates=params.click_rates,
            filtering=self.filtering,
            squash=self.squash,
        )
        strategy_bids = jnp.where(is_first, state.strategy_bids, reconsidered)
        placed = placed_bids(state.bidders, strategy_bids, reserves)
        shape = (self.auctions_per_day, self.num_bidders)
        dtype = strategy_bids.dtype
        if self.revenue == "expected":
            clicks_key = None
            normals = jnp.asarray(auction_normals(*shape), dtype)
        else:
            bids_key, clicks_key = jax.random.split(auctions_key)
            normals = jax.random.normal(bids_key, shape, dtype)
        bids = scattered_bids(state.bidders, placed, normals)
        outcome = day_outcome(
            bids,
            state.quality,
            params.click_rates,
            reserves,
            key=clicks_key,
            filtering=self.filtering,
            squash=self.squash,
        )
        histogram = params.bins.histogram(bids.T)
        history = state.history.push(histogram, reserves, outcome.kpis)
        state = replace(state, strategy_bids=strategy_bids, placed_bids=placed, history=history)
        return state, outcome

    def _observe(self, state: ReservePricingState, params: ReservePricingParams) -> jax.Array:
        # XLA divides by a number as it multiplies by its inverse, but not by a batch of
        # numbers: written out, an episode is the same, bit for bit, alone and in a batch.
        money = 1 / params.money_scale
        scales = jnp.stack([jnp.ones_like(money), jnp.ones_like(money), money])
        seen = state.history
        histograms = seen.histograms
        if self.statistic == "summary":
            seen = jax.tree.map(lambda days: days[-1:], seen)
            place = jnp.linspace(0, 1, self.num_bins, dtype=state.values.dtype)[None, None]
            shares = seen.histograms
            bidding = jnp.maximum(1 - shares[..., 0], jnp.finfo(shares.dtype).eps)
            inverse = 1 / bidding
            mean = jnp.sum(shares * place, axis=-1) * inverse
            spread = jnp.sum(shares[..., 1:] * (place[..., 1:] - mean[..., None]) ** 2, axis=-1)
            histograms = jnp.stack([shares[..., 0], mean, jnp.sqrt(spread * inverse)], axis=-1)
        parts = [
            histograms,
            seen.reserves * money,
            seen.kpis * scales[None, None],
            state.quality,
            state.day / self.days,
        ]
        flat = jnp.concatenate([jnp.ravel(part) for part in parts])
        return jnp.clip(flat, 0, 1).astype(state.values.dtype)
