"""The schemes that set reserves: what they are called, and what each is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxmech.agents import BidBins, BidHistory
from jaxmech.designers import (
    PPO,
    ExactSimulator,
    HeldDays,
    LearnedSimulator,
    ReservePlanner,
    TreeSearch,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.planning.initial_reserves import best_initial_reserves
from jaxmech.designers.planning.plans import Simulator
from jaxmech.designers.planning.static_reserves import (
    best_nearby_reserves,
    myerson_reserves,
    reserve_grid,
    revenue_of_days,
)
from jaxmech.environments import (
    RelativeReserves,
    ReservePricing,
    ReservePricingParams,
    ReservePricingState,
)
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.settings import (
    WINDOW,
    LearnedPolicies,
    ModelName,
    SearchSettings,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.networks.bidder_models.models import bidder_model

STATIC = ("deployed", "myerson", "static_initial", "static_model", "static_hindsight")
DYNAMIC = (
    "greedy",
    "greedy_from_static",
    "greedy_held",
    "greedy_held_from_static",
    "tree_search",
    "tree_search_from_static",
    "tree_search_larger_moves",
    "policy_gradient",
    "ppo",
)
EXACT = "greedy_held_exact"
"""Knows the simulator, as no scheme can."""

SCHEMES = (*STATIC, EXACT, *DYNAMIC)
"""In the order in which they are shown; see ``LABELS``."""

LABELS = {
    "deployed": "deployed fixed reserve",
    "myerson": "static Myerson on the initial bids",
    "static_initial": "static best on the initial bids",
    "static_model": "static best on the bidder model",
    "static_hindsight": "static best in hindsight",
    "greedy": "GREEDY",
    "greedy_from_static": "GREEDY from static best",
    "greedy_held": "patient GREEDY",
    "greedy_held_from_static": "patient GREEDY from static best",
    "greedy_held_exact": "patient GREEDY from static best, on the simulator itself",
    "tree_search": "tree search",
    "tree_search_from_static": "tree search from static best",
    "tree_search_larger_moves": "tree search from deployed, larger moves",
    "policy_gradient": "policy gradient",
    "ppo": "PPO",
}

DAYS_FORESEEN = 30
"""Days for which the bidder model is asked what static reserves would earn."""

PlannerName = Literal["greedy", "greedy_held", "tree_search"]

PolicyName = Literal["policy_gradient", "ppo"]


@dataclass(frozen=True)
class Planned:
    """A scheme that plays the first move of a plan every day.

    Attributes:
      planner: GREEDY, GREEDY that judges a move by the days of ``search.patience``, or tree
        search.
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
        search = self.search
        simulator = simulator_of(self.model, parameters, env, params, search.auctions)
        match self.planner:
            case "greedy":
                planner = greedy_planner(env, params, simulator)
            case "greedy_held":
                planner = greedy_planner(env, params, HeldDays(simulator, search.patience))
            case "tree_search":
                planner = tree_search_planner(
                    env,
                    params,
                    HeldDays(simulator, search.held_days),
                    depth=search.depth,
                    leaf_value=search.leaf_value,
                    gamma=search.gamma,
                    search=TreeSearch(num_simulations=search.simulations, backup=search.backup),
                )
        moves = replace(planner.planning.moves, factors=search.factors)
        return replace(planner, planning=replace(planner.planning, moves=moves))


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


def learner_of(
    name: PolicyName, settings: LearnedPolicies, env: ReservePricing, params: ReservePricingParams
) -> PPO:
    """The learner, whose action is each bidder's reserve as a share of yesterday's mean bid.

    Policy gradient is PPO with one step on all of the experience, where clipping has no effect.
    """
    ppo = PPO(
        RelativeReserves(env),
        params,
        num_environments=settings.environments,
        rollout_length=settings.rollout_days,
        gamma=settings.gamma,
        learning_rate=3e-3,
        anneal_updates=settings.updates,
        initial_log_scale=-1.0,
        normalize_observations=True,
    )
    if name == "ppo":
        return ppo
    return replace(ppo, num_epochs=1, num_minibatches=1, clip=jnp.inf)


def static_reserves(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    lstm: Any,
    keywords: Keywords,
    suffix: str = "",
) -> dict[str, jax.Array]:
    """The reserves of each static scheme, float [keywords, bidders].

    Args:
      workspace: keeps each of them.
      study: how many levels are tried, and how many auctions stand for a day.
      env, params: the environment and its parameters.
      lstm: parameters of the bidder model that one of them is the best on.
      keywords: that reserves are for.
      suffix: of the names under which the workspace keeps them.
    """
    states = keywords.states
    grid = reserve_grid(params.bins, params.reserve_high, study.reserve_levels)
    deployed = states.history.reserves[:, -1]
    myerson = workspace.kept("myerson" + suffix, of_myerson, states.history, params.bins)
    initial = workspace.kept("static_initial" + suffix, best_at_first, env, params, grid, states)
    # Each search starts from what is found already.
    candidates = jnp.stack([deployed, myerson, initial], axis=1)
    model = workspace.kept(
        "static_model" + suffix,
        best_on_model,
        env,
        study.search.auctions,
        params,
        lstm,
        grid,
        states,
        candidates,
    )
    candidates = jnp.stack([deployed, myerson, initial, model], axis=1)
    hindsight = workspace.kept(
        "static_hindsight" + suffix, best_in_hindsight, env, params, grid, keywords, candidates
    )
    return dict(zip(STATIC, (deployed, myerson, initial, model, hindsight), strict=True))


def of_myerson(histories: BidHistory, bins: BidBins) -> jax.Array:
    """Myerson's reserves on the initial bids, float [keywords, bidders]; pure."""
    return jax.vmap(myerson_reserves, in_axes=(0, None))(histories, bins)


def best_at_first(
    env: ReservePricing,
    params: ReservePricingParams,
    grid: jax.Array,
    states: ReservePricingState,
) -> jax.Array:
    """The best on the initial bids, float [keywords, bidders]; pure."""
    return jax.vmap(lambda state: best_initial_reserves(env, params, state, grid))(states)


def best_on_model(
    env: ReservePricing,
    auctions: int,
    params: ReservePricingParams,
    lstm: Any,
    grid: jax.Array,
    states: ReservePricingState,
    candidates: jax.Array,
) -> jax.Array:
    """The best of some days as the bidder model foresees them, float [keywords, bidders]; pure."""
    simulator = simulator_of("lstm", lstm, env, params, auctions)
    keys = jax.random.split(jax.random.key(0), DAYS_FORESEEN)
    return jax.vmap(
        lambda state, tried: best_nearby_reserves(
            revenue_of_days(simulator, simulator.start(state), keys),
            grid,
            tried,
            params.reserve_high,
        )
    )(states, candidates)


def best_in_hindsight(
    env: ReservePricing,
    params: ReservePricingParams,
    grid: jax.Array,
    keywords: Keywords,
    candidates: jax.Array,
) -> jax.Array:
    """The best on the days themselves, float [keywords, bidders]; pure."""
    simulator = ExactSimulator(env, params)
    return jax.vmap(
        lambda keyword, tried: best_nearby_reserves(
            revenue_of_days(simulator, keyword.states, keyword.day_keys),
            grid,
            tried,
            params.reserve_high,
        )
    )(keywords, candidates)


def in_words(factors: tuple[float, ...]) -> str:
    """Factors of a move."""
    return ", ".join(f"{factor:g}" for factor in factors)


def either(factors: tuple[float, ...]) -> str:
    """One of some factors, in words."""
    return in_words(factors) if len(factors) == 1 else f"one of {in_words(factors)}"
