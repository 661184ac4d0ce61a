"""Schemes compared on the same keywords: means, paired differences, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.reserve_pricing.schemes import Played
from jaxmech.intervals import students_interval

Period = Literal["all_days", "last_days"]

PERIODS: tuple[Period, ...] = ("all_days", "last_days")

REFERENCES = ("deployed", "static_initial", "static_hindsight")
"""Schemes that all are compared with."""

ORDERINGS = (
    ("tree_search", "greedy"),
    ("tree_search_from_static", "greedy_from_static"),
    ("tree_search_from_static", "greedy_held_from_static"),
    ("greedy_held_from_static", "greedy_from_static"),
    ("greedy", "static_hindsight"),
    ("greedy", "static_initial"),
    ("greedy_from_static", "static_hindsight"),
    ("greedy_from_static", "static_initial"),
    ("greedy_from_static", "static_model"),
    ("greedy", "myerson"),
    ("greedy", "deployed"),
    ("greedy_held_from_static", "static_initial"),
    ("tree_search", "static_hindsight"),
    ("tree_search_from_static", "static_hindsight"),
    ("tree_search_from_static", "static_initial"),
    ("tree_search_from_static", "static_model"),
    ("tree_search", "myerson"),
    ("tree_search", "deployed"),
    ("tree_search_larger_moves", "tree_search"),
    ("tree_search_larger_moves", "static_initial"),
    ("tree_search_larger_moves", "static_hindsight"),
    ("static_hindsight", "greedy_held_exact"),
    ("greedy_held_exact", "greedy_held_from_static"),
    ("ppo", "static_hindsight"),
    ("static_model", "static_initial"),
    ("static_initial", "myerson"),
    ("myerson", "deployed"),
)
"""Pairs of which the first is asked to earn at least as much.

That is what Tang (2017) or the reference setting has of tree search, GREEDY, PPO, and static,
Myerson's and deployed reserves. The pairs with patient GREEDY, with larger moves, with the static
best on the bidder model, or with the simulator itself are this study's own.
"""


def earned(played: Played, period: Period, last_days: int) -> NDArray[np.float64]:
    """Mean revenue per auction over a period, float64 [keywords]."""
    days = played.revenue if period == "all_days" else played.revenue[:, -last_days:]
    return np.asarray(days.mean(axis=1), np.float64)


def mean_of(values: NDArray[np.float64]) -> dict[str, Any]:
    """Mean over the last axis and the half-width of its 95 % interval; none for one value."""
    half_width = students_interval(values)
    return {
        "mean": float(values.mean()),
        "ci95": None if half_width is None else float(half_width),
    }


def paired(values: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, Any]:
    """Mean of the differences, keyword by keyword, and how often they are above 0.

    Args:
      values, others: float64 [keywords].

    Returns:
      ``mean`` and ``ci95``, money per auction; ``percent``, the same as a share of the mean of
      ``others``, and ``percent_ci95``, by the delta method, as both means are uncertain (None
      where the mean of ``others`` is 0); ``ahead`` and ``behind``, keywords.
    """
    differences = values - others
    of_others = float(others.mean())
    percent = percent_ci95 = None
    if of_others != 0:
        ratio = values.mean() / of_others
        percent = 100 * float(ratio - 1)
        percent_ci95 = mean_of(100 * (values - ratio * others) / of_others)["ci95"]
    # Differences of rounding are none.
    margin = 1e-6 * np.abs(others)
    return {
        **mean_of(differences),
        "percent": percent,
        "percent_ci95": percent_ci95,
        "ahead": int(np.sum(differences > margin)),
        "behind": int(np.sum(differences < -margin)),
    }


def verdict(difference: Mapping[str, Any]) -> str:
    """What a paired difference says of the ordering, in words."""
    half_width = difference["ci95"]
    if half_width is None:
        return "not known from one keyword"
    if difference["mean"] > half_width:
        return "more"
    if difference["mean"] < -half_width:
        return "less"
    return "not told apart"


def comparison(played: Mapping[str, Played], last_days: int) -> dict[str, Any]:
    """Records of every scheme, and of every ordering, for both periods."""
    of_period = {
        period: {name: earned(one, period, last_days) for name, one in played.items()}
        for period in PERIODS
    }
    schemes = [
        {
            "scheme": name,
            **{
                period: {
                    "revenue": mean_of(values[name]),
                    **{
                        f"against_{other}": paired(values[name], values[other])
                        for other in REFERENCES
                    },
                }
                for period, values in of_period.items()
            },
        }
        for name in played
    ]
    orderings = []
    for better, worse in ORDERINGS:
        if better not in played or worse not in played:
            continue
        record: dict[str, Any] = {"scheme": better, "other": worse}
        for period, values in of_period.items():
            difference = paired(values[better], values[worse])
            record[period] = {**difference, "verdict": verdict(difference)}
        orderings.append(record)
    return {"schemes": schemes, "orderings": orderings}
