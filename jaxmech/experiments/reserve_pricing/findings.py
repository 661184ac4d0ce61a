"""What the study of daily reserve prices shows: headline, estimates, tables, figures, numbers."""

from __future__ import annotations

from collections.abc import Mapping

from jaxmech.experiments.reserve_pricing import tables
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.playing import Revenue
from jaxmech.experiments.reserve_pricing.results import (
    HEADLINE_SCHEME,
    REFERENCES,
    Numbers,
    Results,
    numbers_of,
    orderings_of,
)
from jaxmech.experiments.reserve_pricing.schemes import DYNAMIC, EXACT, LABELS, either
from jaxmech.reports.findings import Curve, Estimate, Figure, Findings

_WEEK = 7

_OWN_LSTM = (
    "Tree search, GREEDY and the static best on the bidder model plan on an LSTM that was trained "
    "anew on logs of bidders that never react. PPO and policy gradient are left out: they have "
    "learned from bidders that react."
)


def findings_of(study: ReservePricingStudy, results: Results) -> Findings:
    """What the study shows of its ``results``."""
    played, still, numbers = results.played, results.still, numbers_of(study, results)
    title = f"Revenue of {study.keywords} keywords"
    notes = (*_listed(study, results.listed), *_whose(study, numbers))
    figures = [_curves(study, played, "revenue", "Bidders react.")]
    never = []
    if still is not None:
        cell, words = "never_reacting", "Where bidders never react"
        never = [tables.schemes_table(study, numbers, cell, list(still), words, (_OWN_LSTM,))]
        figures.append(_curves(study, still, cell, "Bidders never react."))
    varied = (
        [tables.ablation_table(study, numbers, list(results.ablation))] if results.ablation else []
    )
    return Findings(
        headline=_headline(study, numbers, still),
        estimates={
            name: Estimate(revenue.mean, revenue.half_width, over="keywords")
            for name in played
            for revenue in [numbers.means["reacting", name, "last_days.revenue"]]
        },
        tables=(
            tables.schemes_table(study, numbers, "reacting", list(played), title, notes),
            tables.orderings_table(numbers, orderings_of(played)),
            *never,
            tables.models_table(study, numbers, list(results.models.cross_entropy)),
            tables.foresight_table(numbers),
            *varied,
        ),
        figures=tuple(figures),
        records=numbers.records,
    )


def _headline(
    study: ReservePricingStudy, numbers: Numbers, still: Mapping[str, Revenue] | None
) -> str:
    found = numbers.differences
    gains = [
        f"{whole} against the {LABELS[other]}, {last} over the last {study.last_days} days"
        for other in REFERENCES
        for whole, last in [
            [
                tables.percent(found["reacting", HEADLINE_SCHEME, f"{period}.against_{other}"])
                for period in ("all_days", "last_days")
            ]
        ]
    ]
    words = (
        f"Over {study.days} days {LABELS[HEADLINE_SCHEME]} earns {'; '.join(gains)}. The static "
        "best in hindsight is that of all the days, not of the last."
    )
    if still is not None:
        against = "last_days.against_static_hindsight"
        above = [
            LABELS[name]
            for name in DYNAMIC
            if name in still and found["never_reacting", name, against].verdict == "more"
        ]
        words += " Where bidders never react, " + (
            f"more than the best static reserves was earned by {', '.join(above)}."
            if above
            else "no dynamic scheme earns more than the best static reserves."
        )
    return words


def _whose(study: ReservePricingStudy, numbers: Numbers) -> tuple[str, ...]:
    """What patient GREEDY misses of what hindsight earns, split at ``EXACT``."""
    found = numbers.differences
    missed = found.get(("reacting", "static_hindsight", f"all_days.against_{EXACT}"))
    errors = found.get(("reacting", EXACT, "all_days.against_greedy_held_from_static"))
    if missed is None or errors is None:
        return ()
    return (
        f"What the {LABELS['static_hindsight']} earns over all days above "
        f"{LABELS['greedy_held_from_static']} has two parts. "
        f"{tables.difference(missed)} it earns above the same plans on the simulator itself. These "
        f"multiply one reserve a day by {either(study.search.factors)}, look one move ahead, plan "
        "on a single draw of the chance, and do not know that of the days; which of these it is "
        "that costs, the difference does not tell. "
        f"{tables.difference(errors)} they earn above the plans on the LSTM, which errs, and does "
        "not see the bidders' values and kinds.",
    )


def _listed(study: ReservePricingStudy, listed: tuple[int, int] | None) -> tuple[str, ...]:
    """Which of the user's keywords are compared."""
    if listed is None:
        return ()
    learned, kept = listed
    which = "all" if kept == study.keywords else f"{study.keywords} of the {kept}"
    money = " Money is in medians of each keyword's positive bids." if study.relative else ""
    return (
        f"The keywords compared are {which} that were not learned on, each once. Models and "
        f"policies learned on {learned} others of the file. Bins and the highest reserve reach "
        "all bids of the file; the deployed reserve is a share of the median positive bid of "
        f"those learned on.{money}",
    )


def _curves(
    study: ReservePricingStudy, played: Mapping[str, Revenue], name: str, words: str
) -> Figure:
    weeks = max(study.days // _WEEK, 1)
    length = min(_WEEK, study.days)
    curves = []
    for scheme, one in played.items():
        means = one[:, : weeks * length].mean(axis=0).reshape(weeks, length).mean(axis=1)
        curves.append(
            Curve(
                LABELS[scheme],
                tuple(week * length + (length + 1) / 2 for week in range(weeks)),
                tuple(map(float, means)),
                drawn="reference" if scheme == "static_hindsight" else "line",
            )
        )
    return Figure(
        name=name,
        caption="Revenue per auction by day, means of whole weeks (days left over are not shown) "
        f"over {study.keywords} keywords. {words} Dashed: the static best in hindsight. Intervals "
        "are in the tables; the curves share their keywords.",
        x_label="day",
        y_label="revenue per auction",
        curves=tuple(curves),
    )
