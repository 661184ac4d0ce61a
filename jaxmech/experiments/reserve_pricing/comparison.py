"""Schemes compared on the same keywords: means, paired differences, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jaxmech.intervals import Mean, PairedComparison, mean_of, paired_comparison

Period = Literal["all_days", "last_days"]

PERIODS: tuple[Period, ...] = ("all_days", "last_days")

Revenue = NDArray[np.float64]
"""What a scheme earns, float64 [keywords, days], per auction."""

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


@dataclass(frozen=True)
class Comparison:
    """What schemes earned in a period, per auction, and how much more than others.

    Attributes:
      revenue: of each scheme, over keywords.
      against: of each scheme and each of ``REFERENCES``, and of each pair of ``ORDERINGS``; keyword
        by keyword.
    """

    revenue: dict[str, Mean]
    against: dict[tuple[str, str], PairedComparison]


def compared(played: Mapping[str, Revenue], last_days: int) -> dict[Period, Comparison]:
    """The schemes over all days, and over the last of them."""
    pairs = {(name, other): None for name in played for other in REFERENCES}
    pairs |= dict.fromkeys(orderings_of(played))
    found: dict[Period, Comparison] = {}
    for period in PERIODS:
        values = {name: earned(one, period, last_days) for name, one in played.items()}
        found[period] = Comparison(
            {name: mean_of(of_keywords) for name, of_keywords in values.items()},
            {pair: paired_comparison(values[pair[0]], values[pair[1]]) for pair in pairs},
        )
    return found


def orderings_of(played: Mapping[str, Revenue]) -> list[tuple[str, str]]:
    """Those of ``ORDERINGS`` of which both have played."""
    return [pair for pair in ORDERINGS if all(name in played for name in pair)]


def earned(revenue: Revenue, period: Period, last_days: int) -> NDArray[np.float64]:
    """Mean revenue per auction over a period, float64 [keywords]."""
    days = revenue if period == "all_days" else revenue[:, -last_days:]
    return np.asarray(days.mean(axis=1), np.float64)
