"""A platform divides its buyers among sellers, round after round, for the most revenue.

Tang (2017), section 3: in every round the sellers ask a price each, the platform divides one unit
of buyer impressions by the prices and the records of the last rounds, and what is shown sells as
the price and the seller's record make buyers buy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks
from jaxmech.agents.sellers.observation import SellerObservation
from jaxmech.agents.sellers.population import SellerKind, seller_population
from jaxmech.agents.sellers.records import FIELDS, Records
from jaxmech.environments.autoreset import step_with_reset
from jaxmech.environments.compiled import checked, checked_reset, compiled
from jaxmech.environments.impression_allocation.checking import check_action, check_params
from jaxmech.environments.impression_allocation.params import (
    ImpressionAllocationParams,
    params_of,
)
from jaxmech.environments.impression_allocation.state import ImpressionAllocationState
from jaxmech.environments.protocol import params_or_default
from jaxmech.naming import lookup
from jaxmech.spaces import Box, Simplex

ActionForm = Literal["scores", "shares"]

SCORE_HIGH = 10.0
"""The largest score; the least is as far below 0. Of two sellers at the ends one gets all but a
part in 10^8."""


@dataclass(frozen=True)
class ImpressionAllocation:
    """The environment; follows the gymnax 1.x protocol.

    An episode is a part of a market that goes on: it is cut short after ``num_rounds``, and never
    terminates.

    Attributes:
      num_sellers: how many sellers there are, absent ones among them.
      num_records: rounds that are remembered and observed.
      num_rounds: rounds of an episode.
      rounds_per_cost: rounds after which all costs are drawn again.
      kinds: the kinds of sellers that may occur.
      num_choices: prices on the grid of those who learn on it; 0 where nobody does.
      action_form: ``"shares"``, a point of the simplex over the sellers, of which what goes to
        absent ones is given to those present, in proportion; or ``"scores"``, any numbers, made
        into shares by a softmax over the sellers present.
      prices_shown: whether the prices of the round to come are observed, before the allocation.
      turnover: whether sellers leave and enter, by the rates of the parameters.
      num_buyers: buyers of a round, each of whom buys or not by chance; None for the expected
        sales.

    Raises:
      ValueError: a value out of range.
    """

    num_sellers: int
    num_records: int = 5
    num_rounds: int = 100
    rounds_per_cost: int = 20
    kinds: tuple[SellerKind, ...] = ("resampling",)
    num_choices: int = 0
    action_form: ActionForm = "shares"
    prices_shown: bool = True
    turnover: bool = False
    num_buyers: int | None = None

    def __post_init__(self) -> None:
        checks.integer("num_sellers", self.num_sellers)
        checks.integer("num_records", self.num_records)
        checks.integer("num_rounds", self.num_rounds)
        checks.integer("rounds_per_cost", self.rounds_per_cost)
        checks.integer("num_choices", self.num_choices, low=0)
        checks.one_of("action_form", self.action_form, get_args(ActionForm))
        checks.one_of("prices_shown", self.prices_shown, (True, False))
        checks.one_of("turnover", self.turnover, (True, False))
        if self.num_buyers is not None:
            checks.integer("num_buyers", self.num_buyers)
        checks.hashable_fields(self)
        checks.some("kinds", self.kinds)
        for kind in self.kinds:
            lookup("kinds", kind, dict.fromkeys(get_args(SellerKind)))

    @property
    def name(self) -> str:
        return "impression_allocation"

    @property
    def default_params(self) -> ImpressionAllocationParams:
        """Sellers of each of ``kinds`` in turn."""
        kinds = [self.kinds[seller % len(self.kinds)] for seller in range(self.num_sellers)]
        grid = {"price_grid": self.num_choices} if self.num_choices else {}
        return params_of(
            seller_population(kinds, **grid),
            num_records=self.num_records,
            num_rounds=self.num_rounds,
        )

    @property
    def num_costs(self) -> int:
        """Costs that a seller has, one after another, in an episode."""
        return -(-self.num_rounds // self.rounds_per_cost)

    def action_space(self, params: ImpressionAllocationParams | None = None) -> Box | Simplex:
        """A score of each seller, or its share of the impressions, float [sellers]."""
        del params
        if self.action_form == "scores":
            return Box(-SCORE_HIGH, SCORE_HIGH, (self.num_sellers,))
        return Simplex(self.num_sellers)

    def observation_space(self, params: ImpressionAllocationParams | None = None) -> Box:
        """Float [sellers, num_records x 4 + 2]; see
        ``jaxmech.agents.SellerObservation``."""
        params = params_or_default(self, params)
        high = jnp.maximum(params.population.price_high, 1)
        return Box(0.0, high, (self.num_sellers, len(FIELDS) * self.num_records + 2))

    @checked_reset(check_params)
    @compiled
    def reset(
        self, key: jax.Array, params: ImpressionAllocationParams | None = None
    ) -> tuple[jax.Array, ImpressionAllocationState]:
        """A fresh population: every seller asks a random price, as if it always had.

        Raises:
          ValueError: the parameters are those of another number of sellers or rounds, or of kinds
            that do not occur here; or sellers leave or enter at a rate that is not traced, and
            here none does.
        """
        params = params_or_default(self, params)
        draws = jax.random.uniform(key, (2 + self.num_costs, self.num_sellers))
        prices, choices = params.population.first_prices(draws[0])
        low = params.cost_low
        nothing = jnp.zeros((self.num_records, self.num_sellers), prices.dtype)
        state = ImpressionAllocationState(
            records=Records(nothing, jnp.broadcast_to(prices, nothing.shape), nothing),
            prices=prices,
            choices=choices,
            learned=params.population.init(),
            costs=low[None] + (params.cost_high - low)[None] * draws[2:],
            appeal_quantile=draws[1],
            present=jnp.ones(self.num_sellers, bool),
            age=jnp.zeros(self.num_sellers, jnp.int32),
            earned=jnp.zeros((), prices.dtype),
            time=jnp.zeros((), jnp.int32),
        )
        return self._observe(state), state

    @checked(check_action)
    @compiled
    def step_env(
        self,
        key: jax.Array,
        state: ImpressionAllocationState,
        action: jax.Array,
        params: ImpressionAllocationParams | None = None,
    ) -> tuple[jax.Array, ImpressionAllocationState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Allocate one round's buyers.

        Returns:
          observation, state, reward (float [], revenue per buyer), terminated (bool [], never
          true) and info: ``objective``, float [], the mean reward of the episode so far.

        Raises:
          ValueError: the action's shape is not that of the action space; or it is not traced, and
            holds NaN, or no shares where these are asked for. Of traced ones the reward is NaN.
        """
        params = params_or_default(self, params)
        population = params.population
        sellers_key, sales_key, presence_key = self._keys(key)
        impressions = self.impressions(action, state.present)
        chance = params.buyers.purchase_probability(
            state.prices, state.records.sales, state.appeal_quantile
        )
        if self.num_buyers is None:
            sold = impressions * chance
        else:
            impressions, sold = _sampled(sales_key, impressions, chance, self.num_buyers)
        reward = jnp.sum(state.prices * sold)
        profits = (state.prices - state.cost(self.rounds_per_cost)) * sold
        records = state.records.then(impressions, state.prices, sold)
        learned = population.update(state.learned, state.choices, profits, impressions)
        state = replace(
            state,
            records=records,
            learned=learned,
            age=state.age + 1,
            earned=state.earned + reward,
            time=state.time + 1,
        )
        prices, choices = population.prices(
            learned,
            records,
            state.cost(self.rounds_per_cost),
            jax.random.uniform(sellers_key, (self.num_sellers,)),
            state.time / self.num_rounds,
            state.choices,
        )
        state = replace(state, prices=prices, choices=choices)
        if self.turnover:
            state = state.after_turnover(presence_key, params)
        terminated = jnp.zeros((), bool)
        # Divided by a number and by one of a batch the last digit may differ, multiplied not.
        info = {"objective": state.earned * (1 / state.time)}
        return self._observe(state), state, reward, terminated, info

    @checked(check_action)
    @compiled
    def step(
        self,
        key: jax.Array,
        state: ImpressionAllocationState,
        action: jax.Array,
        params: ImpressionAllocationParams | None = None,
    ) -> tuple[
        jax.Array, ImpressionAllocationState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]
    ]:
        """``step_env``, then a fresh episode where this one was cut short.

        Returns:
          observation, state, reward, terminated (never true), truncated and info, with
          ``final_observation``: the observation before any reset.
        """
        params = params_or_default(self, params)
        return step_with_reset(
            self,
            key,
            state,
            action,
            params,
            is_over=lambda state: state.time >= self.num_rounds,
        )

    def impressions(self, action: jax.Array, present: jax.Array) -> jax.Array:
        """What each seller gets of a round's buyers, float [sellers], summing to 1: equal shares
        where the action gives nothing to those present, and 0 where nobody is.

        Args:
          action: float [sellers], scores, or shares: NaN comes of what is no point of the simplex.
          present: bool [sellers].
        """
        action = jnp.asarray(action)
        if self.action_form == "scores":
            scores = jnp.clip(action, -SCORE_HIGH, SCORE_HIGH)
            weights = jnp.exp(scores - SCORE_HIGH)
        else:
            weights = action
        if self.turnover:
            weights = jnp.where(present, weights, 0)
            here = jnp.sum(present)
            equal = present / jnp.maximum(here, 1)
            weights = jnp.where(jnp.sum(weights) == 0, equal, weights)
        total = jnp.sum(weights)
        shares = weights * (1 / jnp.where(total == 0, 1, total))
        if self.action_form == "scores":
            return shares
        # Looked at last, so that the sum above can be the one that is looked at.
        return jnp.where(Simplex(self.num_sellers).contains(action), shares, jnp.nan)

    def _keys(self, key: jax.Array) -> list[jax.Array]:
        """For sellers, sales and turnover; one where nothing else is drawn, as splitting takes
        time too."""
        if self.num_buyers is None and not self.turnover:
            return [key, key, key]
        return list(jax.random.split(key, 3))

    def _observe(self, state: ImpressionAllocationState) -> jax.Array:
        prices = state.prices if self.prices_shown else jnp.zeros_like(state.prices)
        return SellerObservation(state.observed_records(), state.present, prices).rows()


def _sampled(
    key: jax.Array, impressions: jax.Array, chance: jax.Array, num_buyers: int
) -> tuple[jax.Array, jax.Array]:
    """What ``num_buyers`` buyers are shown, each one seller, and what they buy.

    Args:
      impressions: float [sellers], the probability that a buyer is shown the seller.
      chance: float [sellers], that it then buys.

    Returns:
      Float [sellers] each, per buyer: impressions and sales.
    """
    upper = jnp.cumsum(impressions)
    draws = jax.random.uniform(key, (num_buyers,), impressions.dtype)
    seller = jnp.searchsorted(upper, draws, side="right")
    # Where a draw lies in its seller's part is uniform again, and tells whether the buyer buys.
    within = draws - (upper - impressions)[seller]
    buys = within < (impressions * chance)[seller]
    nothing = jnp.zeros(impressions.shape, jnp.int32)
    # Draws past the last sum, by rounding or as nobody is there, fall outside.
    shown = nothing.at[seller].add(1, mode="drop")
    sold = nothing.at[seller].add(buys.astype(jnp.int32), mode="drop")
    buyers = jnp.asarray(num_buyers, impressions.dtype)
    return shown / buyers, sold / buyers
