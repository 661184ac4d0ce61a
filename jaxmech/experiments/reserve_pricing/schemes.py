"""The schemes that set reserves, fixed in advance or planned day by day; and all of them played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.initial_reserves import best_initial_reserves
from jaxmech.designers.planning.planners import (
    FixedReserves,
    ReservePlanner,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.planning.plans import Simulator
from jaxmech.designers.planning.simulators import ExactSimulator, LearnedSimulator
from jaxmech.designers.planning.static_reserves import (
    best_nearby_reserves,
    myerson_reserves,
    reserve_grid,
    revenue_of_days,
)
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Choose, Clock, Given, Keywords, play
from jaxmech.experiments.reserve_pricing.settings import WINDOW, ModelName, SearchSettings
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

MakePlanner = Callable[[ReservePricing, ReservePricingParams, Simulator], ReservePlanner]

DAYS_FORESEEN = 30
"""Days for which the bidder model is asked what static reserves would earn."""


@dataclass(frozen=True)
class Played:
    """What a scheme earned.

    Attributes:
      revenue: float [keywords, days], per auction.
      reserves: float [keywords, days, bidders].
    """

    revenue: Any
    reserves: Any


def static_reserves(
    study: ReservePricingStudy, env: ReservePricing, given: Given, keywords: Keywords, clock: Clock
) -> dict[str, jax.Array]:
    """The reserves of each static scheme, float [keywords, bidders]."""
    grid = reserve_grid(given.params.bins, given.params.reserve_high, study.reserve_levels)
    deployed = keywords.states.history.reserves[:, -1]
    myerson = clock.run(
        "Myerson's reserves on the initial bids",
        jax.vmap(myerson_reserves, in_axes=(0, None)),
        keywords.states.history,
        given.params.bins,
    )

    def initial(given: Given, grid: jax.Array, states: ReservePricingState) -> jax.Array:
        def of_keyword(state: ReservePricingState) -> jax.Array:
            return best_initial_reserves(env, given.params, state, grid)

        return jax.vmap(of_keyword)(states)

    def foreseen(
        given: Given, grid: jax.Array, states: ReservePricingState, candidates: jax.Array
    ) -> jax.Array:
        simulator = simulator_of("lstm", given, env, study.search.auctions)
        keys = jax.random.split(jax.random.key(0), DAYS_FORESEEN)

        def of_keyword(state: ReservePricingState, candidates: jax.Array) -> jax.Array:
            revenue = revenue_of_days(simulator, simulator.start(state), keys)
            return best_nearby_reserves(revenue, grid, candidates, given.params.reserve_high)

        return jax.vmap(of_keyword)(states, candidates)

    def hindsight(
        given: Given, grid: jax.Array, keywords: Keywords, candidates: jax.Array
    ) -> jax.Array:
        simulator = ExactSimulator(env, given.params)

        def of_keyword(keyword: Keywords, candidates: jax.Array) -> jax.Array:
            revenue = revenue_of_days(simulator, keyword.states, keyword.day_keys)
            return best_nearby_reserves(revenue, grid, candidates, given.params.reserve_high)

        return jax.vmap(of_keyword)(keywords, candidates)

    candidates = jnp.stack([deployed, myerson], axis=1)
    of_initial = clock.run("static best on the initial bids", initial, given, grid, keywords.states)
    candidates = jnp.concatenate([candidates, of_initial[:, None]], axis=1)
    of_model = clock.run(
        "static best on the bidder model", foreseen, given, grid, keywords.states, candidates
    )
    candidates = jnp.concatenate([candidates, of_model[:, None]], axis=1)
    of_hindsight = clock.run(
        "static best in hindsight", hindsight, given, grid, keywords, candidates
    )
    return dict(zip(STATIC, (deployed, myerson, of_initial, of_model, of_hindsight), strict=True))


def fixed(
    given: Given, reserves: jax.Array, observation: Any, state: Any, key: jax.Array
) -> jax.Array:
    """The same reserves every day."""
    del given
    return FixedReserves(reserves).act(observation, None, key)[0]


def planned(make: MakePlanner, model: ModelName, env: ReservePricing, auctions: int) -> Choose:
    """The plan's first move every day; on the first day the reserves given, if they are finite.

    Args:
      make: makes the planner of a model's simulator.
      model: a trained model by its name, or "exact".
      env: the environment.
      auctions: that stand for a day on a trained model.
    """

    def choose(
        given: Given,
        start: jax.Array,
        observation: jax.Array,
        state: ReservePricingState,
        key: jax.Array,
    ) -> jax.Array:
        del observation
        planner = make(env, given.params, simulator_of(model, given, env, auctions))
        return jnp.where(
            (state.day == 0) & jnp.isfinite(start), start, planner.reserves(state, key)
        )

    return choose


def simulator_of(model: ModelName, given: Given, env: ReservePricing, auctions: int) -> Simulator:
    """What is planned on: a trained model by its name, or "exact"."""
    if model == "exact":
        return ExactSimulator(env, given.params)
    return LearnedSimulator(
        bidder_model(model, WINDOW),
        given.models[model],
        given.params.bins,
        given.params.click_rates,
        num_auctions=auctions,
    )


def greedy(search: SearchSettings) -> MakePlanner:
    """GREEDY, with the moves of these settings."""

    def make(
        env: ReservePricing, params: ReservePricingParams, simulator: Simulator
    ) -> ReservePlanner:
        return _moving(greedy_planner(env, params, simulator), search)

    return make


def patient_greedy(search: SearchSettings) -> MakePlanner:
    """GREEDY, where a move is judged by the days of ``search.patience``."""

    def make(
        env: ReservePricing, params: ReservePricingParams, simulator: Simulator
    ) -> ReservePlanner:
        return _moving(greedy_planner(env, params, HeldDays(simulator, search.patience)), search)

    return make


def tree_search(search: SearchSettings) -> MakePlanner:
    """Tree search with these settings."""

    def make(
        env: ReservePricing, params: ReservePricingParams, simulator: Simulator
    ) -> ReservePlanner:
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

    return make


def with_larger_moves(search: SearchSettings) -> SearchSettings:
    """The same search with ``larger_factors``."""
    return replace(search, factors=search.larger_factors)


def _moving(planner: ReservePlanner, search: SearchSettings) -> ReservePlanner:
    """The planner with the moves of ``search``."""
    moves = replace(planner.planning.moves, factors=search.factors)
    return replace(planner, planning=replace(planner.planning, moves=moves))


def play_all(
    study: ReservePricingStudy,
    env: ReservePricing,
    given: Given,
    keywords: Keywords,
    policies: Mapping[str, Choose],
    clock: Clock,
    *,
    exact: bool,
) -> dict[str, Played]:
    """All schemes on the same keywords, by name, in the order of ``SCHEMES``.

    Args:
      study: the experiment.
      env: the environment.
      given: its parameters, and the bidder models.
      keywords: to play on.
      policies: learned ones, by name.
      clock: runs the programs.
      exact: also play ``EXACT``.
    """
    reserves = static_reserves(study, env, given, keywords, clock)
    search = study.search
    nowhere = jnp.full_like(reserves["deployed"], jnp.nan)
    starts = {"": nowhere, "_from_static": reserves["static_" + study.start]}
    played: dict[str, Played] = {}

    def play_together(program: str, choose: Choose, of_keywords: Mapping[str, jax.Array]) -> None:
        """One program for several schemes, which differ by what is known of a keyword."""
        copies = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * len(of_keywords)), keywords)
        found = clock.run(
            f"play {program}",
            partial(play, env, choose),
            given,
            copies,
            jnp.concatenate(list(of_keywords.values())),
        )
        parts = [np.split(np.asarray(of, np.float64), len(of_keywords)) for of in found]
        for place, name in enumerate(of_keywords):
            played[name] = Played(*(part[place] for part in parts))

    play_together("static", fixed, reserves)
    makers = {
        "greedy": greedy(search),
        "greedy_held": patient_greedy(search),
        "tree_search": tree_search(search),
    }
    for name, make in makers.items():
        choose = planned(make, "lstm", env, search.auctions)
        play_together(name, choose, {name + suffix: start for suffix, start in starts.items()})
    if search.larger_factors:
        choose = planned(tree_search(with_larger_moves(search)), "lstm", env, search.auctions)
        play_together("tree_search_larger_moves", choose, {"tree_search_larger_moves": nowhere})
    if exact:
        choose = planned(patient_greedy(search), "exact", env, search.auctions)
        play_together(EXACT, choose, {EXACT: starts["_from_static"]})
    for name, choose in policies.items():
        play_together(name, choose, {name: nowhere})
    return {name: played[name] for name in SCHEMES if name in played}
