"""Policies that set the reserves of a keyword: planned day by day, or fixed in advance."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct
from jaxmech.agents.keywords.bid_history import KPIS, BidBins, BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.data.bid_logs import BidLogs
from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.plans import (
    ExhaustiveSearch,
    LeafValue,
    Moves,
    Plan,
    Planning,
    Simulator,
    best_move,
)
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.wrappers import StateObservation

_PLANS = 2**31 - 1
"""Folded into the key of a plan, for a caller who draws the day itself from the same one."""


@struct.dataclass
class ObservedKeyword:
    """What the search engine knows of a keyword.

    Attributes:
      history: the last days.
      quality: float [bidders], each bidder's factor of the click probability.
    """

    history: BidHistory
    quality: jax.Array

    @classmethod
    def of_logs(cls, logs: BidLogs, days: int) -> ObservedKeyword:
        """All keywords of the user's logs, to be mapped over, each after the last ``days``.

        Those who fill up a keyword have quality 0 here: whatever a model foresees that they
        bid gets them no click, nor, unless bids alone rank, a place above anyone.

        Raises:
          ValueError: the logs are no ``BidLogs``, or have fewer days.
        """
        if not isinstance(logs, BidLogs):
            raise InvalidValueError(
                "logs",
                logs,
                "BidLogs, see load_bid_logs",
                got=type(logs).__name__,
                verb="needed are",
            )
        if not 1 <= days <= logs.num_days:
            raise InvalidValueError("days", days, f"1 to {logs.num_days}, all of the logs")
        last = logs.part(slice(None), slice(logs.num_days - days, None))
        return cls(last.days, jnp.where(last.present, last.quality, 0))


def observed_keyword(
    env: ReservePricing, params: ReservePricingParams, observation: jax.Array
) -> ObservedKeyword:
    """The keyword, read off an observation, float [size].

    Raises:
      ValueError: the environment does not show the history, or what is observed is no array.
    """
    if env.statistic != "history":
        raise InvalidValueError("statistic", env.statistic, "plans need 'history'", verb="")
    if not isinstance(observation, jax.Array | np.ndarray):
        raise InvalidValueError(
            "observation",
            observation,
            (
                "an array of the environment. Planners' reserves(keyword, key) takes an "
                "ObservedKeyword, such as those of ObservedKeyword.of_logs"
            ),
            got=type(observation).__name__,
            verb="needed is",
        )
    shapes = (
        (env.history_days, env.num_bidders, env.num_bins),
        (env.history_days, env.num_bidders),
        (env.history_days, env.num_bidders, len(KPIS)),
        (env.num_bidders,),
    )
    parts = []
    for shape in shapes:
        size = math.prod(shape)
        parts.append(observation[:size].reshape(shape))
        observation = observation[size:]
    histograms, reserves, kpis, quality = parts
    money = params.money_scale
    # Impressions and clicks are counts; the last KPI is a cost.
    units = jnp.stack([jnp.ones_like(money)] * 2 + [money])
    history = BidHistory(histograms, reserves * money, kpis * units[None, None])
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

    def initial_carry(self) -> None:
        """Nothing."""

    def act(self, observation: Any, carry: None, key: jax.Array | None) -> tuple[jax.Array, None]:
        """The reserves of the day, float [bidders].

        Args:
          observation: as the environment gave it, float [size], or a ``StateObservation``, of
            which the state is planned from.
          carry: nothing.
          key: of the simulator's randomness, if it has any.

        Raises:
          ValueError: the environment does not show the history, or the simulator needs its
            state (``ExactSimulator``; see ``jaxmech.wrappers.state_observed``).
        """
        del carry
        if isinstance(observation, StateObservation):
            return self.reserves(observation.state, key), None
        return self.reserves(observed_keyword(self.env, self.params, observation), key), None

    def reserves(self, keyword: Any, key: jax.Array | None) -> jax.Array:
        """The same for an ``ObservedKeyword`` or the environment's state.

        Args:
          keyword: what the simulator of ``planning`` can start from; of one keyword, so many
            are mapped over.
          key: of the simulator's randomness, if it has any.

        Raises:
          ValueError: as many bidders as the environment has are needed.
        """
        key = jax.random.fold_in(jax.random.key(0) if key is None else key, _PLANS)
        num_bidders = (self.env.num_bidders,)
        if keyword.history.reserves.shape[1:] != num_bidders:
            raise InvalidValueError(
                "keyword",
                keyword.history.reserves,
                (
                    f"[days, bidders], here (..., {num_bidders[0]}); jax.vmap plans for many "
                    "keywords"
                ),
                got=f"reserves of shape {keyword.history.reserves.shape}",
                verb="needed are",
            )
        before = keyword.history.reserves[-1]
        plan = Plan.start(self.planning.simulator.start(keyword), before)
        move = best_move(self.search.values(self.planning, plan, key))
        return self.planning.moves.apply(before, move)


def greedy_planner(
    env: ReservePricing, params: ReservePricingParams, simulator: Simulator
) -> ReservePlanner:
    """GREEDY (Tang 2017): the move of the largest revenue on the day it is made.

    Args:
      env, params: the environment and its parameters.
      simulator: the model of the bidders; one learned from logs needs bins in common with
        ``params``: ``load_bid_logs(..., bins=params.bins)``, or
        ``make("reserve_pricing", bins=logs.bins)``.

    Raises:
      ValueError: no simulator, or one of other bins or auctions than the environment's.
    """
    _check_simulator(env, params, simulator)
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
      simulator: the model; see ``greedy_planner``.
      depth, leaf_value, gamma: see ``Planning``.
      search: how the tree is searched; ``TreeSearch()`` unless given.

    Raises:
      ValueError: a value out of range, or what ``greedy_planner`` refuses.
    """
    _check_simulator(env, params, simulator)
    planning = Planning(simulator, local_moves(env, params), depth, leaf_value, gamma)
    return ReservePlanner(env, params, planning, TreeSearch() if search is None else search)


def _check_simulator(env: ReservePricing, params: ReservePricingParams, simulator: Any) -> None:
    while isinstance(simulator, HeldDays):
        simulator = simulator.simulator
    if not (hasattr(simulator, "start") and hasattr(simulator, "step")):
        raise InvalidValueError(
            "simulator",
            simulator,
            (
                "LearnedSimulator(model, parameters, bins, click_rates), ExactSimulator(env, "
                "params), HeldDays(simulator)"
            ),
            got=type(simulator).__name__,
        )
    for field in ("filtering", "squash"):
        got, needed = getattr(simulator, field, None), getattr(env, field)
        if got not in (None, needed):
            raise InvalidValueError(
                f"simulator.{field}", got, f"{needed!r}, as in env", verb="needed is"
            )
    bins = getattr(simulator, "bins", None)
    if bins is not None and not _are_same(bins, params.bins):
        raise InvalidValueError(
            "simulator.bins",
            bins,
            (
                f"those of params, {_told(params.bins)}, in which the model is told bids: "
                'load_bid_logs(..., bins=params.bins), or make("reserve_pricing", '
                "bins=logs.bins)"
            ),
            got=_told(bins),
            verb="needed are",
        )


def _are_same(bins: BidBins, others: BidBins) -> bool:
    """Whether bins are as many and, where they are not traced, as wide."""
    if bins.num_bins != others.num_bins:
        return False
    traced = isinstance(bins.edges, jax.core.Tracer) or isinstance(others.edges, jax.core.Tracer)
    return traced or np.allclose(bins.edges, others.edges, rtol=1e-4, atol=0)


def _told(bins: BidBins) -> str:
    if isinstance(bins.edges, jax.core.Tracer):
        return f"{bins.num_bins} bins"
    low, high = np.asarray(bins.edges)[..., [1, -1]].reshape(-1, 2)[0]
    return f"{bins.num_bins} bins from {low:.3g} to {high:.3g}"


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

    def initial_carry(self) -> None:
        """Nothing."""

    def act(self, observation: Any, carry: None, key: jax.Array | None) -> tuple[jax.Array, None]:
        """The reserves of the day, float [bidders]."""
        del observation, carry, key
        return self.values, None
