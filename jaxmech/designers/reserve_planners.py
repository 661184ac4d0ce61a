"""Designers that set the reserves of a keyword: planned day by day, or fixed in advance.

Each has ``act(state, observation, key)`` as a learned designer has; ``state`` is ignored.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from jaxmech.agents.bid_history import KPIS, BidHistory
from jaxmech.designers.reserve_planning import (
    ExhaustiveSearch,
    LeafValue,
    Moves,
    Plan,
    Planning,
    Simulator,
    best_move,
)
from jaxmech.designers.tree_search import TreeSearch
from jaxmech.environments import ReservePricing, ReservePricingParams


@struct.dataclass
class ObservedKeyword:
    """What the search engine knows of a keyword.

    Attributes:
      history: the last days.
      quality: float [bidders], each bidder's factor of the click probability.
    """

    history: BidHistory
    quality: jax.Array


def observed_keyword(
    env: ReservePricing, params: ReservePricingParams, observation: jax.Array
) -> ObservedKeyword:
    """The keyword, read off an observation, float [size].

    Raises:
      ValueError: the environment does not show the history.
    """
    if env.statistic != "history":
        raise ValueError(f"statistic: got {env.statistic!r}; plans need 'history'")
    shapes = (
        (env.memory, env.num_bidders, env.num_bins),
        (env.memory, env.num_bidders),
        (env.memory, env.num_bidders, len(KPIS)),
        (env.num_bidders,),
    )
    parts = []
    for shape in shapes:
        size = math.prod(shape)
        parts.append(observation[:size].reshape(shape))
        observation = observation[size:]
    histograms, reserves, kpis, quality = parts
    money = params.money_scale
    history = BidHistory(
        histograms, reserves * money, kpis * jnp.stack([jnp.ones_like(money)] * 2 + [money])
    )
    return ObservedKeyword(history, quality)


@struct.dataclass
class ReservePlanner:
    """Every day the first move of the plan that a search likes best.

    Attributes:
      env, params: the environment and its parameters.
      planning: what is planned, and on which model.
      search: how.
    """

    env: ReservePricing = struct.field(pytree_node=False)
    params: ReservePricingParams
    planning: Planning
    search: TreeSearch | ExhaustiveSearch

    def act(self, state: Any, observation: jax.Array, key: jax.Array | None) -> jax.Array:
        """The reserves of the day, float [bidders].

        Raises:
          ValueError: the environment does not show the history, or the simulator needs its
            state (``ExactSimulator``; see ``reserves``).
        """
        del state
        return self.reserves(observed_keyword(self.env, self.params, observation), key)

    def reserves(self, keyword: Any, key: jax.Array | None) -> jax.Array:
        """The same for an ``ObservedKeyword`` or the environment's state.

        Args:
          keyword: what the simulator of ``planning`` can start from.
          key: of the simulator's randomness, if it has any.
        """
        key = jax.random.key(0) if key is None else key
        before = keyword.history.reserves[-1]
        plan = Plan.start(self.planning.simulator.start(keyword), before)
        move = best_move(self.search.values(self.planning, plan, key))
        return self.planning.moves.apply(before, move)


def greedy_planner(
    env: ReservePricing, params: ReservePricingParams, simulator: Simulator
) -> ReservePlanner:
    """GREEDY (Tang 2017): the move of the largest revenue on the day it is made."""
    planning = Planning(simulator, local_moves(env, params), depth=1, leaf_value="none")
    return ReservePlanner(env, params, planning, ExhaustiveSearch())


def tree_search_planner(
    env: ReservePricing,
    params: ReservePricingParams,
    simulator: Simulator,
    *,
    depth: int = 5,
    leaf_value: LeafValue = "held",
    gamma: float = 0.95,
    search: TreeSearch | None = None,
) -> ReservePlanner:
    """Tree search on a model of the bidders.

    Args:
      env, params: the environment and its parameters.
      simulator: the model.
      depth, leaf_value, gamma: see ``Planning``.
      search: how the tree is searched; ``TreeSearch()`` unless given.

    Raises:
      ValueError: a value out of range.
    """
    planning = Planning(simulator, local_moves(env, params), depth, leaf_value, gamma)
    return ReservePlanner(env, params, planning, TreeSearch() if search is None else search)


def local_moves(env: ReservePricing, params: ReservePricingParams) -> Moves:
    """5 % down or up, between the lowest positive bid of the bins and the highest reserve."""
    return Moves(env.num_bidders, low=params.bins.edges[1], high=params.reserve_high)


@struct.dataclass
class FixedReserves:
    """The same reserves every day.

    Attributes:
      values: float [bidders], money per click.
    """

    values: jax.Array

    def act(self, state: Any, observation: jax.Array, key: jax.Array | None) -> jax.Array:
        """The reserves of the day, float [bidders]."""
        del state, observation, key
        return self.values
