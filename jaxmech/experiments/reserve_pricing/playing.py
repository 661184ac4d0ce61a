"""All schemes played on the same keywords, day by day, and what they earn there.

All meet the same bidders and the same chance. Each of the pure functions gives revenue per
auction, float [keywords, days].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.designers import FixedReserves, ReservePlanner
from jaxmech.environments import (
    Environment,
    RelativeReserves,
    ReservePricing,
    ReservePricingParams,
)
from jaxmech.evaluation import Policy, function_policy, play
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.schemes import (
    EXACT,
    LABELS,
    SCHEMES,
    Planned,
    PlannerName,
    PolicyName,
    in_words,
    learner_of,
)
from jaxmech.experiments.reserve_pricing.settings import LearnedPolicies
from jaxmech.experiments.workspace import Workspace
from jaxmech.networks.bidder_models.models import BidderModelName
from jaxmech.wrappers import StateObservation, state_observed

Revenue = NDArray[np.float64]
"""What a scheme earns, float64 [keywords, days], per auction."""


def play_all(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    lstm: Any,
    keywords: Keywords,
    reserves: Mapping[str, jax.Array],
    learned: Mapping[PolicyName, Any],
    learned_with: ReservePricingParams,
    *,
    exact: bool,
    suffix: str = "",
) -> dict[str, Revenue]:
    """All schemes on the same keywords, by name, in the order of ``SCHEMES``.

    Args:
      workspace: keeps what each of them earns.
      study: the settings of the schemes.
      env, params: the environment and its parameters.
      lstm: parameters of the bidder model that is planned on.
      keywords: to play on.
      reserves: of the static schemes, by name.
      learned: states of the learners of policies, by name.
      learned_with: parameters of the environment that they learned in.
      exact: also play ``EXACT``.
      suffix: of the names under which the workspace keeps what it finds.
    """
    search = study.search
    from_static = reserves[f"static_{study.start}"]
    nowhere = jnp.full_like(from_static, jnp.nan)
    played: dict[str, Revenue] = {}

    def play_together(
        stage: str,
        function: Callable[..., Any],
        scheme: tuple[Any, ...],
        of_keywords: Mapping[str, jax.Array],
    ) -> None:
        """One program for several schemes, which differ by what is known of a keyword."""
        copies = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * len(of_keywords)), keywords)
        known = jnp.concatenate(list(of_keywords.values()))
        found = workspace.kept(
            f"play_{stage}{suffix}", function, env, params, *scheme, copies, known
        )
        parts = np.split(np.asarray(found, np.float64), len(of_keywords))
        played.update(zip(of_keywords, parts, strict=True))

    play_together("static", play_fixed, (), reserves)
    for planner in get_args(PlannerName):
        starts = {planner: nowhere, f"{planner}_from_static": from_static}
        play_together(planner, play_planned, (Planned(planner, search), lstm), starts)
    if search.larger_factors:
        larger = Planned("tree_search", search.with_larger_moves)
        name = "tree_search_larger_moves"
        play_together(name, play_planned, (larger, lstm), {name: nowhere})
    if exact:
        on_simulator = Planned("greedy_held", search, "exact")
        play_together(EXACT, play_planned, (on_simulator, None), {EXACT: from_static})
    for policy, state in learned.items():
        scheme = (policy, study.policies, learned_with, state)
        play_together(policy, play_learned, scheme, {policy: nowhere})
    return {name: played[name] for name in SCHEMES if name in played}


def play_fixed(
    env: ReservePricing, params: ReservePricingParams, keywords: Keywords, reserves: jax.Array
) -> jax.Array:
    """The same ``reserves``, float [keywords, bidders], every day; pure."""
    return _play(env, params, FixedReserves, keywords, reserves)


def play_planned(
    env: ReservePricing,
    params: ReservePricingParams,
    planned: Planned,
    parameters: Any,
    keywords: Keywords,
    starts: jax.Array,
) -> jax.Array:
    """The first move of every day's plan; on the first day ``starts``, where they are finite; pure.

    Args:
      env, params: the environment and its parameters.
      planned: the scheme.
      parameters: of the bidder model it plans on; None where it plans on the simulator.
      keywords: to play on.
      starts: float [keywords, bidders].
    """
    planner = planned.build(env, params, parameters)
    seen = StateObservation(keywords.observations, keywords.states)
    return _play(
        state_observed(env),
        params,
        lambda start: function_policy(planned_reserves, planner, start),
        replace(keywords, observations=seen),
        starts,
    )


def planned_reserves(
    planner: ReservePlanner,
    start: jax.Array,
    observation: StateObservation,
    key: jax.Array | None,
) -> jax.Array:
    """The reserves of the day, float [bidders]; pure.

    Args:
      planner: whose they are.
      start: float [bidders], those of the first day, where they are finite.
      observation: of the day.
      key: of the plan.
    """
    reserves, _ = planner.act(observation, None, key)
    begins = (observation.state.day == 0) & jnp.isfinite(start)
    return jnp.where(begins, start, reserves)


def play_learned(
    env: ReservePricing,
    params: ReservePricingParams,
    name: PolicyName,
    settings: LearnedPolicies,
    learned_with: ReservePricingParams,
    state: Any,
    keywords: Keywords,
    unused: jax.Array,
) -> jax.Array:
    """A learned policy without exploration; pure.

    Args:
      env, params: the environment and its parameters.
      name, settings: of the learner.
      learned_with: parameters of the environment it learned in.
      state: its state.
      keywords: to play on.
      unused: float [keywords, bidders]; nothing is known of a keyword.
    """
    policy = learner_of(name, settings, env, learned_with).policy(state)
    view = RelativeReserves(env)
    return _play(view, params, lambda _: policy, keywords, unused, deterministic=True)


def _play(
    env: Environment,
    params: ReservePricingParams,
    policy: Callable[[jax.Array], Policy],
    keywords: Keywords,
    known: jax.Array,
    *,
    deterministic: bool = False,
) -> jax.Array:
    """
    Args:
      env, params: the environment, or a view of it, and its parameters.
      policy: of what is known of a keyword.
      keywords: to play on, with observations of ``env``.
      known: float [keywords, bidders].
      deterministic: whether the policy gets no key.
    """

    def one(keyword: Keywords, known: jax.Array) -> jax.Array:
        revenue: jax.Array = play(
            env,
            params,
            policy(known),
            keyword.day_keys[0],
            deterministic=deterministic,
            start=(keyword.observations, keyword.states),
            step_keys=(keyword.plan_keys, keyword.day_keys),
        ).rewards
        return revenue

    return jax.vmap(one)(keywords, known)


def ablation(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    models: Mapping[BidderModelName, Any],
    keywords: Keywords,
    start: jax.Array,
    played: Mapping[str, Revenue],
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """What variants of the tree search earn per auction on the same days, float64 [keywords].

    By what is varied and what it is then. The static reserves it starts from, and the best in
    hindsight, come last.

    Args:
      workspace: keeps what each variant earns.
      study: what is varied.
      env, params: the environment and its parameters.
      models: parameters of the bidder models, by name.
      keywords: to play on, the first of those that all schemes played.
      start: float [keywords, bidders], reserves of the first day.
      played: what the schemes earned, by name.
    """
    search, varied = study.search, study.ablation
    larger = search.with_larger_moves
    count, days = keywords.day_keys.shape
    earned = {name: of_days[:count, :days].mean(axis=1) for name, of_days in played.items()}
    variants = [
        *(
            (
                ("depth, simulations", f"{depth}, {simulations}"),
                f"depth_{depth}_simulations_{simulations}",
                Planned("tree_search", replace(search, depth=depth, simulations=simulations)),
            )
            for depth, simulations in varied.depth_and_simulations
        ),
        *(
            (
                ("held_days", str(days)),
                f"held_days_{days}",
                Planned("tree_search", replace(search, held_days=days)),
            )
            for days in varied.held_days
        ),
        *(
            (("model", model), f"model_{model}", Planned("tree_search", search, model))
            for model in varied.models
        ),
        *(
            [
                (
                    ("factors", in_words(larger.factors)),
                    "larger_moves",
                    Planned("tree_search", larger),
                )
            ]
            if search.larger_factors
            else []
        ),
    ]
    # The usual search is a scheme that has played these days already.
    revenue = {Planned("tree_search", search): earned["tree_search_from_static"]}
    found = {}
    for variant, stage, planned in variants:
        if planned not in revenue:
            parameters = None if planned.model == "exact" else models[planned.model]
            of_days = workspace.kept(
                f"ablation_{stage}", play_planned, env, params, planned, parameters, keywords, start
            )
            revenue[planned] = np.asarray(of_days, np.float64).mean(axis=1)
        found[variant] = revenue[planned]
    if search.larger_factors:
        deployed = "factors, from deployed"
        found[deployed, in_words(search.factors)] = earned["tree_search"]
        found[deployed, in_words(larger.factors)] = earned["tree_search_larger_moves"]
    for name in (f"static_{study.start}", "static_hindsight"):
        found["no search", LABELS[name]] = earned[name]
    return found
