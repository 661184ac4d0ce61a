"""Schemes that plan the reserves of each day: with which search, and on which simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.planners import (
    ReservePlanner,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.planning.plans import Simulator
from jaxmech.designers.planning.simulators import ExactSimulator, LearnedSimulator
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.settings import WINDOW, ModelName, SearchSettings
from jaxmech.networks.bidder_models.models import bidder_model

PlannerName = Literal["greedy", "greedy_held", "tree_search"]


@dataclass(frozen=True)
class Planned:
    """A scheme that plays the first move of a plan every day.

    Attributes:
      planner: how it plans.
      search: its settings.
      model: what it plans on, a trained model by its name, or "exact".
    """

    planner: PlannerName
    search: SearchSettings
    model: ModelName = "lstm"

    def build(
        self, env: ReservePricing, params: ReservePricingParams, parameters: Any
    ) -> ReservePlanner:
        """The planner, on a model with these parameters; None for "exact"."""
        simulator = simulator_of(self.model, parameters, env, params, self.search.auctions)
        return _PLANNERS[self.planner](env, params, simulator, self.search)


def simulator_of(
    model: ModelName,
    parameters: Any,
    env: ReservePricing,
    params: ReservePricingParams,
    auctions: int,
) -> Simulator:
    """What is planned on: a trained model by its name, or "exact".

    Args:
      model: the name.
      parameters: of the trained model; ignored for "exact".
      env, params: the environment and its parameters.
      auctions: that stand for a day on a trained model.
    """
    if model == "exact":
        return ExactSimulator(env, params)
    return LearnedSimulator(
        bidder_model(model, WINDOW),
        parameters,
        params.bins,
        params.click_rates,
        num_auctions=auctions,
    )


def greedy(
    env: ReservePricing,
    params: ReservePricingParams,
    simulator: Simulator,
    search: SearchSettings,
) -> ReservePlanner:
    """GREEDY, with the moves of these settings."""
    return _moving(greedy_planner(env, params, simulator), search)


def patient_greedy(
    env: ReservePricing,
    params: ReservePricingParams,
    simulator: Simulator,
    search: SearchSettings,
) -> ReservePlanner:
    """GREEDY, where a move is judged by the days of ``search.patience``."""
    return _moving(greedy_planner(env, params, HeldDays(simulator, search.patience)), search)


def tree_search(
    env: ReservePricing,
    params: ReservePricingParams,
    simulator: Simulator,
    search: SearchSettings,
) -> ReservePlanner:
    """Tree search with these settings."""
    planner = tree_search_planner(
        env,
        params,
        HeldDays(simulator, search.held_days),
        depth=search.depth,
        leaf_value=search.leaf_value,
        gamma=search.gamma,
        search=TreeSearch(num_simulations=search.simulations, backup=search.backup),
    )
    return _moving(planner, search)


def with_larger_moves(search: SearchSettings) -> SearchSettings:
    """The same search with ``larger_factors``."""
    return replace(search, factors=search.larger_factors)


def _moving(planner: ReservePlanner, search: SearchSettings) -> ReservePlanner:
    """The planner with the moves of ``search``."""
    moves = replace(planner.planning.moves, factors=search.factors)
    return replace(planner, planning=replace(planner.planning, moves=moves))


_MakePlanner = Callable[
    [ReservePricing, ReservePricingParams, Simulator, SearchSettings], ReservePlanner
]

_PLANNERS: dict[PlannerName, _MakePlanner] = {
    "greedy": greedy,
    "greedy_held": patient_greedy,
    "tree_search": tree_search,
}
