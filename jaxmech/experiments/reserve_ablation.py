"""What depth, simulations and the bidder model are worth to the tree search."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxmech.environments import ReservePricing
from jaxmech.experiments.reserve_comparison import mean_of, paired
from jaxmech.experiments.reserve_keywords import Clock, Given, Keywords, play
from jaxmech.experiments.reserve_pricing_configuration import (
    ModelName,
    ReservePricingStudy,
    SearchSettings,
)
from jaxmech.experiments.reserve_schemes import planned, tree_search


def ablation(
    study: ReservePricingStudy,
    env: ReservePricing,
    given: Given,
    keywords: Keywords,
    start: jax.Array,
    clock: Clock,
) -> list[dict[str, Any]]:
    """A record for each variant of the tree search; all play the same keywords and days.

    Args:
      study: the experiment.
      env: the environment.
      given: its parameters, and the bidder models.
      keywords: to play on.
      start: float [keywords, bidders], reserves of the first day.
      clock: counts the seconds.
    """
    revenue: dict[tuple[SearchSettings, str], Any] = {}

    def earned(search: SearchSettings, model: ModelName) -> Any:
        if (search, model) not in revenue:
            choose = planned(tree_search(search), model, env, search.auctions)
            found, _ = clock.run(
                f"ablation, {model}, depth {search.depth}, {search.simulations} simulations, "
                f"moves held for {search.held_days}",
                partial(play, env, choose),
                given,
                keywords,
                start,
            )
            revenue[search, model] = np.asarray(found, np.float64).mean(axis=1)
        return revenue[search, model]

    search, varied = study.search, study.ablation
    usual = earned(search, "lstm")
    variants: list[tuple[str, Any, SearchSettings, ModelName]] = [
        *(
            (
                "depth, simulations",
                f"{depth}, {count}",
                replace(search, depth=depth, simulations=count),
                "lstm",
            )
            for depth, count in varied.depth_and_simulations
        ),
        *(
            ("held_days", days, replace(search, held_days=days), "lstm")
            for days in varied.held_days
        ),
        *(("model", model, search, model) for model in varied.models),
    ]
    return [
        {
            "varied": name,
            "value": value,
            "revenue": mean_of(earned(changed, model)),
            "against_usual": paired(earned(changed, model), usual),
        }
        for name, value, changed, model in variants
    ]
