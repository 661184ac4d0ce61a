"""Sequential price mechanisms as the designer's decision process (Brero et al. 2021).

Each step the designer picks one of the agents left and posts a price for each item type.
The agent takes the bundle it likes best, pays, and leaves. What it took is all that is
observed. The episode ends when agents or units run out, and only then is there a reward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents import (
    BundleDemand,
    CorrelatedUniform,
    Demand,
    FiniteMixture,
    Setting,
    Valuations,
    ValueDistribution,
)
from jaxmech.environments.autoreset import step_with_reset
from jaxmech.environments.compiled import compiled
from jaxmech.environments.protocol import params_or_default
from jaxmech.environments.sequential_price.params import SequentialPriceParams, params_of
from jaxmech.environments.sequential_price.statistic import Statistic
from jaxmech.mechanisms import Objective, Outcome, welfare
from jaxmech.oracles.offline import offline_optimum
from jaxmech.spaces import Box


@struct.dataclass
class SequentialPriceState:
    """One economy, part-way through.

    Attributes:
      values: float [agents, *demand.values_shape], private.
      agents_left: bool [agents], not yet visited.
      units_left: int32 [items].
      allocation: int32 [agents, items], units taken so far.
      prices_faced: float [agents, items], what each visited agent was offered; else 0.
      payments: float [agents].
      last_bundle: int32 [items], what the agent visited last took; before that 0.
      last_prices: float [items], what it was offered, likewise.
      offline_optimum: float [], subtracted from the reward; 0 where that is not asked for.
      time: int32 [], agents visited.
    """

    values: jax.Array
    agents_left: jax.Array
    units_left: jax.Array
    allocation: jax.Array
    prices_faced: jax.Array
    payments: jax.Array
    last_bundle: jax.Array
    last_prices: jax.Array
    offline_optimum: jax.Array
    time: jax.Array

    @property
    def outcome(self) -> Outcome:
        """The outcome so far."""
        return Outcome(self.allocation, self.payments)


@dataclass(frozen=True)
class SequentialPrice:
    """The environment; follows the gymnax 1.x protocol.

    Attributes:
      demand: form of the agents' valuations.
      num_agents: how many agents there are.
      max_units: the largest number of units of any item type.
      statistic: what the designer observes of the history. ``"agents_items"``: agents
        and units left; ``"allocation"``: also who took what; ``"prices"``: also the
        prices each visited agent faced, which is everything but the order of the visits.
        ``"last_visit"``: agents and units left, and what the last visited agent took and
        was offered: everything to a policy that remembers, and much shorter where agents
        and items are many.
      objective: function of (allocation, payments, valuations) that gives the reward.
      subtract_offline_optimum: subtract the greatest welfare possible in the episode
        from the reward. The best policy stays the same; the reward varies less.
    """

    demand: Demand
    num_agents: int
    max_units: int
    statistic: Statistic = "prices"
    objective: Objective = welfare
    subtract_offline_optimum: bool = False

    def __post_init__(self) -> None:
        checks.hashable_fields(self)
        checks.one_of("statistic", self.statistic, get_args(Statistic))
        if not callable(self.objective):
            raise checks.InvalidValueError(
                "objective", self.objective, "a function is needed", verb=""
            )

    @property
    def name(self) -> str:
        return "sequential_price"

    @property
    def num_items(self) -> int:
        return self.demand.num_items

    @property
    def truncates(self) -> bool:
        """False: every episode ends by itself."""
        return False

    @property
    def default_params(self) -> SequentialPriceParams:
        """Values iid U[0, 1], ``max_units`` units of each type.

        With ``BundleDemand``, a bundle is worth its number of items, times 1/2 or, as
        likely, 1: iid over agents.
        """
        distribution: ValueDistribution
        if isinstance(self.demand, BundleDemand):
            sizes = self.demand.bundles.sum(axis=1)
            values = np.broadcast_to([0.5 * sizes, sizes], (1, self.num_agents, 2, len(sizes)))
            distribution = FiniteMixture(
                values=jnp.asarray(values, float),
                probabilities=jnp.full(values.shape[:-1], 0.5),
                world_probabilities=jnp.ones(1),
                demand=self.demand,
            )
        else:
            distribution = CorrelatedUniform(jnp.zeros(()), self.num_agents, self.demand)
        return params_of(Setting(distribution, (self.max_units,) * self.num_items))

    def action_space(self, params: SequentialPriceParams | None = None) -> Box:
        """Agent scores, then item prices, float [agents + items].

        The agent of the highest score among those left is visited (ties: lowest index).
        Prices beyond the bounds are moved to the nearest bound. Where an action is not a
        number, it counts as the lowest score or the highest price.
        """
        params = params_or_default(self, params)
        low = jnp.concatenate([-jnp.ones(self.num_agents), jnp.zeros(self.num_items)])
        prices = jnp.broadcast_to(params.price_high, (self.num_items,))
        high = jnp.concatenate([jnp.ones(self.num_agents), prices])
        return Box(low, high, (self.num_agents + self.num_items,))

    def observation_space(self, params: SequentialPriceParams | None = None) -> Box:
        """The statistic, flat, every entry in [0, 1]."""
        del params
        history = {
            "agents_items": 0,
            "allocation": self.num_agents * self.num_items,
            "prices": 2 * self.num_agents * self.num_items,
            "last_visit": 2 * self.num_items,
        }
        size = self.num_agents + self.num_items + history[self.statistic]
        return Box(0.0, 1.0, (size,))

    def agents_left(self, observation: jax.Array) -> jax.Array:
        """Which agents can still be visited, bool [..., agents], read off an observation."""
        return observation[..., : self.num_agents] > 0

    def action_mask(self, observation: jax.Array, params: SequentialPriceParams) -> jax.Array:
        """The agents that can be visited, bool [agents]."""
        del params
        return self.agents_left(observation)

    @compiled
    def reset(
        self, key: jax.Array, params: SequentialPriceParams | None = None
    ) -> tuple[jax.Array, SequentialPriceState]:
        """A fresh economy: its first observation and state."""
        params = params_or_default(self, params)
        values = params.distribution.sample(key)
        optimum = jnp.zeros((), values.dtype)
        if self.subtract_offline_optimum:
            valuations = Valuations(values, self.demand)
            optimum = offline_optimum(valuations, params.units, self.max_units)
        state = SequentialPriceState(
            values=values,
            agents_left=jnp.ones(self.num_agents, bool),
            units_left=jnp.asarray(params.units, jnp.int32),
            allocation=jnp.zeros((self.num_agents, self.num_items), jnp.int32),
            prices_faced=jnp.zeros((self.num_agents, self.num_items), values.dtype),
            payments=jnp.zeros(self.num_agents, values.dtype),
            last_bundle=jnp.zeros(self.num_items, jnp.int32),
            last_prices=jnp.zeros(self.num_items, values.dtype),
            offline_optimum=optimum,
            time=jnp.zeros((), jnp.int32),
        )
        return self._observe(state, params), state

    @compiled
    def step_env(
        self,
        key: jax.Array,
        state: SequentialPriceState,
        action: jax.Array,
        params: SequentialPriceParams | None = None,
    ) -> tuple[jax.Array, SequentialPriceState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """Visit one agent. A finished episode stays as it is, with reward 0.

        Returns:
          observation, state, reward (float []), terminated (bool []), and info:
          ``objective``, ``welfare`` and ``revenue`` of the outcome so far (float []).

        Raises:
          ValueError: the action's shape is not that of the action space.
        """
        del key
        params = params_or_default(self, params)
        finished = self._finished(state)
        action = jnp.asarray(action, state.values.dtype)
        size = self.num_agents + self.num_items
        checks.shape("action", action, "scores of agents, then prices of items", (size,))
        scores, prices = action[: self.num_agents], action[self.num_agents :]
        # Finite from below, NaN included, so that no agent already visited comes first.
        lowest = jnp.finfo(scores.dtype).min
        scores = jnp.where(scores > lowest, scores, lowest)
        agent = jnp.argmax(jnp.where(state.agents_left, scores, -jnp.inf))
        visited = (jnp.arange(self.num_agents) == agent) & ~finished
        prices = jnp.where(jnp.isnan(prices), jnp.inf, prices)
        prices = jnp.clip(prices, 0, params.price_high).astype(state.values.dtype)

        # Selecting by mask and sum, not by index: under vmap, scatters are slow on CPU.
        along_agents = visited.reshape((-1,) + (1,) * (state.values.ndim - 1))
        values = jnp.sum(jnp.where(along_agents, state.values, 0), axis=0)
        bundle = self.demand.choose(
            values, prices, state.units_left > 0, params.buys_at_zero_utility
        )
        bundle = jnp.where(finished, 0, bundle)
        payment = jnp.sum(jnp.where(bundle > 0, prices, 0))
        state = replace(
            state,
            agents_left=state.agents_left & ~visited,
            units_left=state.units_left - bundle,
            allocation=state.allocation + visited[:, None] * bundle[None],
            prices_faced=jnp.where(visited[:, None], prices, state.prices_faced),
            payments=jnp.where(visited, payment, state.payments),
            last_bundle=jnp.where(finished, state.last_bundle, bundle),
            last_prices=jnp.where(finished, state.last_prices, prices),
            time=state.time + (1 - finished.astype(jnp.int32)),
        )
        terminated = self._finished(state)
        valuations = Valuations(state.values, self.demand)
        info = {
            "objective": self.objective(state.allocation, state.payments, valuations),
            "welfare": welfare(state.allocation, state.payments, valuations),
            "revenue": jnp.sum(state.payments),
        }
        reward = info["objective"] - state.offline_optimum
        reward = jnp.where(terminated & ~finished, reward, 0)
        return self._observe(state, params), state, reward, terminated, info

    @compiled
    def step(
        self,
        key: jax.Array,
        state: SequentialPriceState,
        action: jax.Array,
        params: SequentialPriceParams | None = None,
    ) -> tuple[
        jax.Array, SequentialPriceState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]
    ]:
        """``step_env``, then a fresh episode where this one ended.

        Returns:
          observation, state, reward, terminated, truncated (never true) and info, with
          ``final_observation``: the observation before any reset.
        """
        return step_with_reset(self, key, state, action, params)

    def _finished(self, state: SequentialPriceState) -> jax.Array:
        return ~jnp.any(state.agents_left) | ~jnp.any(state.units_left > 0)

    def _observe(self, state: SequentialPriceState, params: SequentialPriceParams) -> jax.Array:
        dtype = state.values.dtype
        parts = [state.agents_left.astype(dtype), state.units_left / params.units]
        # XLA divides by a number as it multiplies by its inverse, but not by a batch of
        # numbers: written out, an episode is the same, bit for bit, alone and in a batch.
        price_scale = jnp.broadcast_to(1 / params.price_high, state.last_prices.shape)
        match self.statistic:
            case "allocation":
                parts += [state.allocation.ravel()]
            case "prices":
                parts += [
                    state.allocation.ravel(),
                    (state.prices_faced * price_scale[None]).ravel(),
                ]
            case "last_visit":
                parts += [state.last_bundle, state.last_prices * price_scale]
        return jnp.concatenate([part.astype(dtype) for part in parts])
