"""What the study of daily reserve prices has computed, and every number that it tells of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from jaxmech.experiments.reserve_pricing.bidder_models import HORIZONS, TrainedModels
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.playing import Revenue
from jaxmech.intervals import Floats, Mean, PairedComparison, mean_of, paired_comparison
from jaxmech.reports.findings import Record

REFERENCES = ("deployed", "static_initial", "static_hindsight")
"""Schemes that all are compared with."""

HEADLINE_SCHEME = "tree_search_from_static"
"""Of which the headline tells, whatever it earns; variants of the search are compared with it."""

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
class Results:
    """What the study has computed.

    Attributes:
      deployed_reserve: in force before the first day, money per click.
      played: what each scheme earned, by name.
      still: the same where bidders never react; None where that was not computed.
      models: the bidder models.
      foreseen: revenue that each of them foresees, and the "true" one, float64 [keywords, days].
      ablation: what variants of the tree search earn, float64 [keywords], by what is varied and
        what it is then; none where that was not computed.
      listed: the user's own keywords that are learned on, and those that are not; None where
        keywords are drawn from a distribution.
    """

    deployed_reserve: float
    played: Mapping[str, Revenue]
    still: Mapping[str, Revenue] | None
    models: TrainedModels
    foreseen: Mapping[str, Floats]
    ablation: Mapping[tuple[str, str], Floats]
    listed: tuple[int, int] | None


Key = tuple[str, str, str]
"""Cell, scheme and metric, as in ``records.csv``."""


@dataclass(frozen=True)
class Numbers:
    """What the study says of its results.

    Attributes:
      means: over keywords.
      differences: of values less others, keyword by keyword.
      records: both, as tidy rows.
    """

    means: Mapping[Key, Mean]
    differences: Mapping[Key, PairedComparison]
    records: tuple[Record, ...]


def numbers_of(study: ReservePricingStudy, results: Results) -> Numbers:
    """Means, and differences keyword by keyword, each with its interval."""
    means: dict[Key, Mean] = {}
    differences: dict[Key, PairedComparison] = {}
    records = [Record("deployed", "reserve", results.deployed_reserve)]
    parts = zip(("learned_on", "kept_for_comparison"), results.listed or (), strict=False)
    records += [Record("listed_keywords", part, float(count)) for part, count in parts]
    for key, values, others in _measured(study, results):
        shown: dict[str, Mean | None] = {}
        if others is None:
            shown[""] = means[key] = mean_of(values)
        else:
            found = differences[key] = paired_comparison(values, others)
            shown |= {"": found.difference, ".percent": found.percent}
            shown |= {".ahead": Mean(found.ahead, None), ".behind": Mean(found.behind, None)}
        cell, scheme, metric = key
        for what, one in shown.items():
            value, half_width = (None, None) if one is None else (float(one.mean), one.half_width)
            records.append(Record(scheme, metric + what, value, half_width, cell))
    return Numbers(means, differences, tuple(records))


def _measured(
    study: ReservePricingStudy, results: Results
) -> Iterator[tuple[Key, Floats, Floats | None]]:
    """Values float64 [keywords], and the others that they are compared with, if any."""
    for cell, played in (("reacting", results.played), ("never_reacting", results.still or {})):
        pairs = dict.fromkeys([*product(played, REFERENCES), *orderings_of(played)])
        for period, days in (("all_days", study.days), ("last_days", study.last_days)):
            earned = {name: one[:, -days:].mean(axis=1) for name, one in played.items()}
            for name, revenue in earned.items():
                yield (cell, name, f"{period}.revenue"), revenue, None
            for name, other in pairs:
                yield (cell, name, f"{period}.against_{other}"), earned[name], earned[other]
    nats, entropy = results.models.cross_entropy, results.models.entropy
    for name, of_model in nats.items():
        yield ("bidder_models", name, "nats"), of_model, None
        yield ("bidder_models", name, "above_entropy"), of_model - entropy, None
        yield ("bidder_models", name, "above_lstm"), of_model, nats["lstm"]
    for name, ahead in product(results.foreseen, HORIZONS):
        if name != "true":
            truth = results.foreseen["true"][:, ahead - 1]
            error = 100 * (results.foreseen[name][:, ahead - 1] - truth) / np.mean(truth)
            days_ahead = f"{ahead}_days_ahead"
            yield ("foresight", name, f"{days_ahead}.absolute_percent"), np.abs(error), None
            yield ("foresight", name, f"{days_ahead}.bias_percent"), error, None
    for (varied, value), revenue in results.ablation.items():
        usual = results.played[HEADLINE_SCHEME][: len(revenue), : study.ablation.days]
        scheme = f"{varied}: {value}"
        yield ("ablation", scheme, "revenue"), revenue, None
        yield ("ablation", scheme, "against_usual"), revenue, usual.mean(axis=1)


def orderings_of(played: Mapping[str, Revenue]) -> list[tuple[str, str]]:
    """Those of ``ORDERINGS`` of which both have played."""
    return [pair for pair in ORDERINGS if all(name in played for name in pair)]
