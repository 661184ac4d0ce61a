"""What depth, simulations, moves and the bidder model are worth to the tree search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.comparison import Revenue
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import Planned, with_larger_moves
from jaxmech.experiments.reserve_pricing.rollout import play_planned
from jaxmech.experiments.reserve_pricing.schemes import LABELS, numbers
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, PairedComparison, mean_of, paired_comparison
from jaxmech.networks.bidder_models.models import BidderModelName


@dataclass(frozen=True)
class Variant:
    """What a variant of the tree search earned per auction, over keywords.

    Attributes:
      varied: what is not as usual.
      value: what it is in place of that.
      revenue: over all days of the ablation.
      against_usual: less the usual search's, keyword by keyword.
    """

    varied: str
    value: str
    revenue: Mean
    against_usual: PairedComparison


def ablation(
    workspace: Workspace,
    study: ReservePricingStudy,
    env: ReservePricing,
    params: ReservePricingParams,
    models: Mapping[BidderModelName, Any],
    keywords: Keywords,
    start: jax.Array,
    played: Mapping[str, Revenue],
) -> tuple[Variant, ...]:
    """The variants of the tree search; all play the same keywords and days.

    So do the static reserves it starts from, and the best in hindsight, which come last.

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
    count, days = keywords.day_keys.shape

    def played_by(scheme: str) -> NDArray[np.float64]:
        return np.asarray(played[scheme][:count, :days].mean(axis=1), np.float64)

    # The usual search is a scheme that has played these days already.
    usual = played_by("tree_search_from_static")
    revenue = {Planned("tree_search", search): usual}

    def earned(stage: str, planned: Planned) -> NDArray[np.float64]:
        if planned not in revenue:
            parameters = None if planned.model == "exact" else models[planned.model]
            found = workspace.kept(
                f"ablation_{stage}", play_planned, env, params, planned, parameters, keywords, start
            )
            revenue[planned] = np.asarray(found, np.float64).mean(axis=1)
        return revenue[planned]

    found: list[tuple[str, str, NDArray[np.float64]]] = []
    for depth, simulations in varied.depth_and_simulations:
        planned = Planned("tree_search", replace(search, depth=depth, simulations=simulations))
        stage = f"depth_{depth}_simulations_{simulations}"
        found.append(("depth, simulations", f"{depth}, {simulations}", earned(stage, planned)))
    for held in varied.held_days:
        planned = Planned("tree_search", replace(search, held_days=held))
        found.append(("held_days", str(held), earned(f"held_days_{held}", planned)))
    for model in varied.models:
        planned = Planned("tree_search", search, model)
        found.append(("model", model, earned(f"model_{model}", planned)))
    if search.larger_factors:
        larger = with_larger_moves(search)
        deployed = "factors, from deployed"
        of_larger = earned("larger_moves", Planned("tree_search", larger))
        found += [
            ("factors", numbers(larger.factors), of_larger),
            (deployed, numbers(search.factors), played_by("tree_search")),
            (deployed, numbers(larger.factors), played_by("tree_search_larger_moves")),
        ]
    for name in (f"static_{study.start}", "static_hindsight"):
        found.append(("no search", LABELS[name], played_by(name)))
    return tuple(
        Variant(name, value, mean_of(values), paired_comparison(values, usual))
        for name, value, values in found
    )
