"""What depth, simulations, moves and the bidder model are worth to the tree search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxmech.environments import ReservePricing
from jaxmech.experiments.reserve_pricing.comparison import mean_of, paired
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Clock, Given, Keywords, play
from jaxmech.experiments.reserve_pricing.schemes import (
    LABELS,
    Played,
    planned,
    tree_search,
    with_larger_moves,
)
from jaxmech.experiments.reserve_pricing.settings import ModelName, SearchSettings


def ablation(
    study: ReservePricingStudy,
    env: ReservePricing,
    given: Given,
    keywords: Keywords,
    start: jax.Array,
    played: Mapping[str, Played],
    clock: Clock,
) -> list[dict[str, Any]]:
    """A record for each variant of the tree search; all play the same keywords and days.

    So do the static reserves it starts from, and the best in hindsight, which come last.

    Args:
      study: the experiment.
      env: the environment.
      given: its parameters, and the bidder models.
      keywords: to play on, the first of those that all schemes played.
      start: float [keywords, bidders], reserves of the first day.
      played: what the schemes earned, by name.
      clock: counts the seconds.
    """
    search, varied = study.search, study.ablation
    count, days = keywords.day_keys.shape

    def played_by(scheme: str) -> Any:
        return played[scheme].revenue[:count, :days].mean(axis=1)

    # The usual search is a scheme that has played these days already.
    usual = played_by("tree_search_from_static")
    revenue: dict[tuple[SearchSettings, ModelName], Any] = {(search, "lstm"): usual}

    def earned(search: SearchSettings, model: ModelName) -> Any:
        if (search, model) not in revenue:
            choose = planned(tree_search(search), model, env, search.auctions)
            found, _ = clock.run(
                f"ablation, {model}, depth {search.depth}, {search.simulations} simulations, "
                f"moves held for {search.held_days}, {len(search.factors)} factors",
                partial(play, env, choose),
                given,
                keywords,
                start,
            )
            revenue[search, model] = np.asarray(found, np.float64).mean(axis=1)
        return revenue[search, model]

    found: list[tuple[str, Any, Any]] = [
        *(
            (
                "depth, simulations",
                f"{depth}, {simulations}",
                earned(replace(search, depth=depth, simulations=simulations), "lstm"),
            )
            for depth, simulations in varied.depth_and_simulations
        ),
        *(
            ("held_days", held, earned(replace(search, held_days=held), "lstm"))
            for held in varied.held_days
        ),
        *(("model", model, earned(search, model)) for model in varied.models),
    ]
    if search.larger_factors:
        larger = with_larger_moves(search)
        deployed = "factors, from deployed"
        found += [
            ("factors", numbers(larger.factors), earned(larger, "lstm")),
            (deployed, numbers(search.factors), played_by("tree_search")),
            (deployed, numbers(larger.factors), played_by("tree_search_larger_moves")),
        ]
    found += [
        ("no search", LABELS[name], played_by(name))
        for name in (f"static_{study.start}", "static_hindsight")
    ]
    return [
        {
            "varied": name,
            "value": value,
            "revenue": mean_of(values),
            "against_usual": paired(values, usual),
        }
        for name, value, values in found
    ]


def numbers(factors: tuple[float, ...]) -> str:
    """Factors of a move, in words."""
    return ", ".join(f"{factor:g}" for factor in factors)
