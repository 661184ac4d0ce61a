"""All schemes played on the same keywords, and what each earns there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.comparison import Revenue
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import Planned, PlannerName, with_larger_moves
from jaxmech.experiments.reserve_pricing.policies import Learned
from jaxmech.experiments.reserve_pricing.rollout import play_fixed, play_learned, play_planned
from jaxmech.experiments.reserve_pricing.schemes import EXACT, SCHEMES
from jaxmech.experiments.workspace import Workspace


def play_all(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    lstm: Any,
    keywords: Keywords,
    reserves: Mapping[str, jax.Array],
    learned: Mapping[str, Learned],
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
      learned: the learned policies, by name.
      exact: also play ``EXACT``.
      suffix: of the names under which the workspace keeps what it finds.
    """
    search = study.search
    nowhere = jnp.full_like(reserves["deployed"], jnp.nan)
    starts = {"": nowhere, "_from_static": reserves["static_" + study.start]}
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
    for name in get_args(PlannerName):
        of_keywords = {name + start: known for start, known in starts.items()}
        play_together(name, play_planned, (Planned(name, search), lstm), of_keywords)
    if search.larger_factors:
        larger = Planned("tree_search", with_larger_moves(search))
        name = "tree_search_larger_moves"
        play_together(name, play_planned, (larger, lstm), {name: nowhere})
    if exact:
        on_simulator = Planned("greedy_held", search, "exact")
        known = {EXACT: starts["_from_static"]}
        play_together(EXACT, play_planned, (on_simulator, None), known)
    for name, policy in learned.items():
        scheme = (policy.name, policy.settings, policy.params, policy.state)
        play_together(name, play_learned, scheme, {name: nowhere})
    return {name: played[name] for name in SCHEMES if name in played}
