"""A position auction held again and again, as the designer's decision process.

Each round some of the bidders take part. The designer sets the reserve and the squashing
exponent of a weighted generalised auction; the bidders bid, pay and learn. With one slot
and equal qualities it is the second-price, or the first-price, auction of one item.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.bidders.auction_rules import PaymentRule
from jaxmech.agents.bidders.population import (
    BidderKind,
    bidder_population,
    utilities_of_alternatives,
)
from jaxmech.agents.bidders.strategies import EquilibriumTable
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.univariate import Uniform
from jaxmech.checks import InvalidValueError
from jaxmech.environments.autoreset import step_with_reset
from jaxmech.environments.compiled import compiled
from jaxmech.environments.protocol import params_or_default
from jaxmech.environments.repeated_auction.params import RepeatedAuctionParams, params_of
from jaxmech.environments.repeated_auction.participation import (
    draw_participants,
    num_draws,
    put_back,
    select,
)
from jaxmech.environments.repeated_auction.state import (
    ClickValuations,
    RepeatedAuctionState,
    Round,
    RoundStatistic,
    observation_size,
    observe,
)
from jaxmech.mechanisms import Objective, revenue, welfare
from jaxmech.mechanisms.position import Filtering, generalized_second_price
from jaxmech.spaces import Box

ValueDraws = Literal["each_round", "once"]


@dataclass(frozen=True)
class RepeatedAuction:
    """The environment; follows the gymnax 1.x protocol.

    Attributes:
      num_bidders: how many bidders there are.
      num_slots: how many slots are auctioned each round.
      num_participants: how many of the bidders, drawn uniformly, take part in a round.
      kinds: the kinds of bidders that may occur; the population names and numbers its own.
      num_choices: length of the grid that learners choose from.
      payment_rule: winners pay, per click, the least that keeps their slot, or their bid.
      filtering: see ``jaxmech.mechanisms.generalized_second_price``.
      value_draws: ``"each_round"``, or ``"once"`` for an episode.
      personal_reserves: whether each bidder has a reserve of its own.
      random_ties: whether ties are broken at random; else the participant drawn first wins.
      statistic: what the designer observes of the last round. ``"summary"``: the mean, the
        lowest and the highest bid, the share of slots sold, the revenue, the squashing
        exponent, the time and the reserve; ``"bidders"``: also of each bidder whether it
        took part, its bid, clicks and payment.
      objective: function of (allocation, payments, valuations) of the participants of a
        round that gives the reward.
    """

    num_bidders: int
    num_slots: int
    num_participants: int
    kinds: tuple[BidderKind, ...] = ("truthful",)
    num_choices: int = 2
    payment_rule: PaymentRule = "second_price"
    filtering: Filtering = "eager"
    value_draws: ValueDraws = "each_round"
    personal_reserves: bool = False
    random_ties: bool = False
    statistic: RoundStatistic = "summary"
    objective: Objective = revenue

    def __post_init__(self) -> None:
        checks.hashable_fields(self)
        checks.one_of("payment_rule", self.payment_rule, get_args(PaymentRule))
        for field, allowed in (
            ("filtering", get_args(Filtering)),
            ("value_draws", get_args(ValueDraws)),
            ("statistic", get_args(RoundStatistic)),
        ):
            checks.one_of(field, getattr(self, field), allowed)
        checks.integer("num_bidders", self.num_bidders)
        checks.integer("num_participants", self.num_participants, high=self.num_bidders)
        checks.integer("num_slots", self.num_slots, high=self.num_participants)
        if "equilibrium" in self.kinds:
            self._check_that_equilibrium_is_known()
        if not callable(self.objective):
            raise InvalidValueError("objective", self.objective, "a function is needed", verb="")

    @property
    def name(self) -> str:
        return "repeated_auction"

    @property
    def truncates(self) -> bool:
        """False: the last round is a true end, and the time is observed."""
        return False

    @property
    def default_params(self) -> RepeatedAuctionParams:
        """Values iid U[0, 1], equal qualities, bidders of each of ``kinds`` in turn."""
        kinds = [self.kinds[bidder % len(self.kinds)] for bidder in range(self.num_bidders)]
        table = None
        if "equilibrium" in kinds:
            table = EquilibriumTable.of(Uniform(), self.num_participants)
        population = bidder_population(kinds, bid_grid=self.num_choices, table=table)
        return params_of(Uniform(), population, num_slots=self.num_slots)

    def action_space(self, params: RepeatedAuctionParams | None = None) -> Box:
        """The reserve, or one of each bidder, then the squashing exponent.

        Float [2], or [bidders + 1]. Numbers beyond the bounds are moved to the nearest; where
        an action is not a number, it counts as the highest.
        """
        params = params_or_default(self, params)
        reserve_high = jnp.broadcast_to(params.bid_high, (self._num_reserves,))
        high = jnp.concatenate([reserve_high, params.squash_high[None]])
        return Box(0.0, high, (self._num_reserves + 1,))

    def observation_space(self, params: RepeatedAuctionParams | None = None) -> Box:
        """The statistic, flat, every entry moved into [0, 1]."""
        del params
        size = observation_size(self.statistic, self.num_bidders, self._num_reserves)
        return Box(0.0, 1.0, (size,))

    @compiled
    def reset(
        self, key: jax.Array, params: RepeatedAuctionParams | None = None
    ) -> tuple[jax.Array, RepeatedAuctionState]:
        """A fresh episode: its first observation and state."""
        params = params_or_default(self, params)
        values = quality = None
        if self.value_draws == "once":
            values, quality = self._draw_once(key, params)
        floats = jnp.zeros(self.num_participants, jnp.result_type(float))
        reserves = (self.num_bidders,) if self.personal_reserves else ()
        last = Round(
            participants=jnp.zeros(self.num_participants, jnp.int32),
            values=floats,
            quality=floats,
            bids=floats,
            allocation=jnp.zeros((self.num_participants, self.num_slots), jnp.int32),
            clicks=floats,
            payments=floats,
            reserve=jnp.zeros(reserves, floats.dtype),
            squash=jnp.zeros((), floats.dtype),
        )
        state = RepeatedAuctionState(
            values=values,
            quality=quality,
            scores=params.population.init(),
            last=last,
            totals=jnp.zeros(3, floats.dtype),
            time=jnp.zeros((), jnp.int32),
        )
        return observe(state, params, self.statistic), state

    @compiled
    def step_env(
        self,
        key: jax.Array,
        state: RepeatedAuctionState,
        action: jax.Array,
        params: RepeatedAuctionParams | None = None,
    ) -> tuple[jax.Array, RepeatedAuctionState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Hold one round. A finished episode stays as it is, with reward 0.

        Returns:
          observation, state, reward (float [], the objective of the round), terminated
          (bool []), and info: ``objective``, ``welfare`` and ``revenue``, sums over the
          rounds so far (float []).

        Raises:
          ValueError: the action's shape is not that of the action space.
        """
        params = params_or_default(self, params)
        finished = state.time >= params.num_rounds
        action = jnp.asarray(action, state.totals.dtype)
        reserves = "a reserve of each bidder" if self.personal_reserves else "the reserve"
        checks.shape("action", action, f"{reserves}, then squash", (self._num_reserves + 1,))
        action = jnp.where(jnp.isnan(action), jnp.inf, action)
        reserve = jnp.clip(action[:-1], 0, params.bid_high)
        reserve = reserve if self.personal_reserves else reserve[0]
        squash = jnp.clip(action[-1], 0, params.squash_high)

        last, scores = self._round(key, state, reserve, squash, params)
        valuations = ClickValuations(last.values, last.quality, params.click_rates)
        of_round = [
            measure(last.allocation, last.payments, valuations)
            for measure in (self.objective, welfare, revenue)
        ]
        played = replace(
            state,
            scores=scores,
            last=last,
            totals=state.totals + jnp.stack(of_round),
            time=state.time + 1,
        )
        state = jax.tree.map(lambda old, new: jnp.where(finished, old, new), state, played)
        reward = jnp.where(finished, 0, of_round[0])
        names = ("objective", "welfare", "revenue")
        info = {name: state.totals[place] for place, name in enumerate(names)}
        return (
            observe(state, params, self.statistic),
            state,
            reward,
            state.time >= params.num_rounds,
            info,
        )

    @compiled
    def step(
        self,
        key: jax.Array,
        state: RepeatedAuctionState,
        action: jax.Array,
        params: RepeatedAuctionParams | None = None,
    ) -> tuple[
        jax.Array, RepeatedAuctionState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]
    ]:
        """``step_env``, then a fresh episode where this one ended.

        Returns:
          observation, state, reward, terminated, truncated (never true) and info, with
          ``final_observation``: the observation before any reset.
        """
        return step_with_reset(self, key, state, action, params)

    @property
    def _num_reserves(self) -> int:
        return self.num_bidders if self.personal_reserves else 1

    def _round(
        self,
        key: jax.Array,
        state: RepeatedAuctionState,
        reserve: jax.Array,
        squash: jax.Array,
        params: RepeatedAuctionParams,
    ) -> tuple[Round, jax.Array]:
        """One round and what the bidders make of it."""
        tie_key = None
        if self.random_ties:
            key, tie_key = jax.random.split(key)
        draws = self._draw(key, state, params)

        def taking_part(array: jax.Array) -> jax.Array:
            return select(array, draws.participants)

        reserves = taking_part(reserve) if self.personal_reserves else reserve
        population = params.population.select(taking_part)
        scores = taking_part(state.scores)
        bids, choices = population.bids(scores, draws.values, draws.for_choices, reserves)

        def outcome_of(bids: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            outcome = generalized_second_price(
                bids,
                draws.quality,
                params.click_rates,
                reserves,
                squash=squash,
                filtering=self.filtering,
                key=tie_key,
            )
            payments = outcome.payments
            if self.payment_rule == "first_price":
                payments = outcome.clicks * bids
            return outcome.allocation, outcome.clicks, payments

        def utilities_of(bids: jax.Array) -> jax.Array:
            _, clicks, payments = outcome_of(bids)
            return (draws.values * clicks - payments) / params.utility_scale

        allocation, clicks, payments = outcome_of(bids)
        if population.learns:
            if population.needs_full_feedback:
                alternatives = population.alternatives(draws.values)
                utilities = utilities_of_alternatives(utilities_of, bids, alternatives)
            else:
                earned = (draws.values * clicks - payments) / params.utility_scale
                utilities = jnp.broadcast_to(earned[:, None], scores.shape)
            scores = population.update(scores, choices, utilities)
        last = Round(
            participants=draws.participants,
            values=draws.values,
            quality=draws.quality,
            bids=bids,
            allocation=allocation,
            clicks=clicks,
            payments=payments,
            reserve=reserve,
            squash=squash,
        )
        return last, put_back(scores, state.scores, draws.participants)

    def _check_that_equilibrium_is_known(self) -> None:
        if self.num_participants < 2:
            raise InvalidValueError(
                "num_participants",
                self.num_participants,
                "integers of at least 2",
                got=f"{self.num_participants} with 'equilibrium' bidders",
            )
        if self.num_slots > 1:
            got, rule = f"{self.num_slots} slots", "needed is one"
        elif self.payment_rule != "first_price":
            got = f"payment_rule {self.payment_rule!r}"
            rule = "there truthful bids are an equilibrium"
        elif self.personal_reserves:
            got, rule = "personal_reserves True", "needed is one reserve for all"
        elif self.value_draws != "each_round":
            got = f"value_draws {self.value_draws!r}"
            rule = "needed are values unknown to the others"
        else:
            return
        raise InvalidValueError("kinds", self.kinds, rule, got=f"'equilibrium' with {got}", verb="")

    def _draw(
        self, key: jax.Array, state: RepeatedAuctionState, params: RepeatedAuctionParams
    ) -> _Draws:
        distribution = params.distribution
        joint = isinstance(distribution, CopulaValueQuality)
        fresh = state.values is None
        values_key = key
        if fresh and joint:
            key, values_key = jax.random.split(key)
        # One call for all: where bidders do little, the draws are most of a round's time.
        to_participate = num_draws(self.num_bidders, self.num_participants)
        to_value = self.num_participants if fresh and not joint else 0
        to_choose = self.num_participants if params.population.learns else 0
        uniforms = jax.random.uniform(key, (to_participate + to_value + to_choose,))
        participants = draw_participants(
            uniforms[:to_participate], self.num_bidders, self.num_participants
        )
        for_choices = uniforms[to_participate + to_value :]
        if state.values is not None and state.quality is not None:
            values = select(state.values, participants)
            quality = select(state.quality, participants)
        elif isinstance(distribution, CopulaValueQuality):
            drawn = distribution.sample(values_key, self.num_participants)
            values, quality = drawn.values, drawn.quality
        else:
            for_values = uniforms[to_participate : to_participate + to_value]
            values = distribution.quantile(for_values)
            quality = select(params.quality, participants)
        return _Draws(participants, values, quality, for_choices)

    def _draw_once(
        self, key: jax.Array, params: RepeatedAuctionParams
    ) -> tuple[jax.Array, jax.Array]:
        if isinstance(params.distribution, CopulaValueQuality):
            drawn = params.distribution.sample(key, self.num_bidders)
            return drawn.values, drawn.quality
        uniforms = jax.random.uniform(key, (self.num_bidders,))
        return params.distribution.quantile(uniforms), params.quality


@struct.dataclass
class _Draws:
    """Of the participants of a round; ``for_choices`` is empty where no bidder learns."""

    participants: jax.Array
    values: jax.Array
    quality: jax.Array
    for_choices: jax.Array
