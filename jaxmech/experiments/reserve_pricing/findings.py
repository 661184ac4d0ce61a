"""What the study of daily reserve prices shows: estimates, tables, figures, and all numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jaxmech.experiments.reserve_pricing import tables
from jaxmech.experiments.reserve_pricing.ablation import Variant
from jaxmech.experiments.reserve_pricing.bidder_models import HeldOutError
from jaxmech.experiments.reserve_pricing.comparison import (
    REFERENCES,
    Comparison,
    Period,
    Revenue,
    compared,
    orderings_of,
)
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.foresight import ForesightError
from jaxmech.experiments.reserve_pricing.schemes import DYNAMIC, EXACT, LABELS
from jaxmech.experiments.reserve_pricing.tables import difference, either, percent
from jaxmech.intervals import Mean, PairedComparison
from jaxmech.reports.findings import Curve, Estimate, Figure, Findings, Record

_WEEK = 7

HEADLINE_SCHEME = "tree_search_from_static"
"""Of which the headline tells, whatever it earns."""

_OWN_LSTM = (
    "Tree search, GREEDY and the static best on the bidder model plan on an LSTM that was trained "
    "anew on logs of bidders that never react. PPO and policy gradient are left out: they have "
    "learned from bidders that react."
)


@dataclass(frozen=True)
class Results:
    """What the study has computed.

    Attributes:
      deployed_reserve: in force before the first day, money per click.
      played: what each scheme earned, by name.
      still: the same where bidders never react; None where that was not computed.
      models: errors of the bidder models, by name.
      foresight: errors of what the planner foresees.
      ablation: variants of the tree search; none where that was not computed.
      listed: the user's own keywords that are learned on, and those that are not; None where
        keywords are drawn from a distribution.
    """

    deployed_reserve: float
    played: Mapping[str, Revenue]
    still: Mapping[str, Revenue] | None
    models: Mapping[str, HeldOutError]
    foresight: tuple[ForesightError, ...]
    ablation: tuple[Variant, ...]
    listed: tuple[int, int] | None


def findings_of(study: ReservePricingStudy, results: Results) -> Findings:
    """What the study shows of its ``results``."""
    played, still = results.played, results.still
    reacting = compared(played, study.last_days)
    never = None if still is None else compared(still, study.last_days)
    notes = (*_listed(study, results.listed), *_whose(study, reacting["all_days"]))
    title = f"Revenue of {study.keywords} keywords"
    shown = [
        tables.schemes_table(study, reacting, title, notes),
        tables.orderings_table(reacting, orderings_of(played)),
    ]
    figures = [_curves(study, played, "revenue", "Bidders react.")]
    if still is not None and never is not None:
        title = "Where bidders never react"
        shown.append(tables.schemes_table(study, never, title, (_OWN_LSTM,)))
        figures.append(_curves(study, still, "never_reacting", "Bidders never react."))
    shown.append(tables.models_table(study, results.models))
    shown.append(tables.foresight_table(results.foresight))
    if results.ablation:
        shown.append(tables.ablation_table(study, results.ablation))
    return Findings(
        headline=_headline(study, reacting, never),
        estimates={
            name: Estimate(revenue.mean, revenue.half_width, over="keywords")
            for name, revenue in reacting["last_days"].revenue.items()
        },
        tables=tuple(shown),
        figures=tuple(figures),
        records=tuple(_records(results, reacting, never)),
    )


def _headline(
    study: ReservePricingStudy,
    reacting: Mapping[Period, Comparison],
    never: Mapping[Period, Comparison] | None,
) -> str:
    whole, last = (reacting[period].against for period in ("all_days", "last_days"))
    gains = [
        f"{percent(whole[HEADLINE_SCHEME, other])} against the {LABELS[other]}, "
        f"{percent(last[HEADLINE_SCHEME, other])} over the last {study.last_days} days"
        for other in REFERENCES
    ]
    words = (
        f"Over {study.days} days {LABELS[HEADLINE_SCHEME]} earns {'; '.join(gains)}. The static "
        "best in hindsight is that of all the days, not of the last."
    )
    if never is not None:
        found = never["last_days"]
        above = [
            LABELS[name]
            for name in DYNAMIC
            if name in found.revenue and found.against[name, "static_hindsight"].verdict == "more"
        ]
        words += " Where bidders never react, " + (
            f"more than the best static reserves was earned by {', '.join(above)}."
            if above
            else "no dynamic scheme earns more than the best static reserves."
        )
    return words


def _whose(study: ReservePricingStudy, compared: Comparison) -> tuple[str, ...]:
    """What patient GREEDY misses of what hindsight earns, split at ``EXACT``."""
    if EXACT not in compared.revenue:
        return ()
    missed = compared.against["static_hindsight", EXACT]
    errors = compared.against[EXACT, "greedy_held_from_static"]
    return (
        f"What the {LABELS['static_hindsight']} earns over all days above "
        f"{LABELS['greedy_held_from_static']} has two parts. "
        f"{difference(missed)} it earns above the same plans on the simulator itself. These "
        f"multiply one reserve a day by {either(study.search.factors)}, look one move ahead, plan "
        "on a single draw of the chance, and do not know that of the days; which of these it is "
        "that costs, the difference does not tell. "
        f"{difference(errors)} they earn above the plans on the LSTM, which errs, and does not "
        "see the bidders' values and kinds.",
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
        x = tuple(float(week * length + (length + 1) / 2) for week in range(weeks))
        y = tuple(map(float, means))
        if scheme == "static_hindsight":
            curves.append(Curve(LABELS[scheme], x, y, drawn="reference"))
        else:
            curves.append(Curve(LABELS[scheme], x, y))
    return Figure(
        name=name,
        caption="Revenue per auction by day, means of whole weeks (days left over are not shown) "
        f"over {study.keywords} keywords. {words} Dashed: the static best in hindsight. Intervals "
        "are in the tables; the curves share their keywords.",
        x_label="day",
        y_label="revenue per auction",
        curves=tuple(curves),
    )


def _records(
    results: Results,
    reacting: Mapping[Period, Comparison],
    never: Mapping[Period, Comparison] | None,
) -> Iterator[Record]:
    """Every number; differences are those of scheme less other, keyword by keyword."""
    yield Record("deployed", "reserve", results.deployed_reserve)
    if results.listed is not None:
        learned, kept = results.listed
        yield Record("listed_keywords", "learned_on", float(learned))
        yield Record("listed_keywords", "kept_for_comparison", float(kept))
    for cell, of_periods in (("reacting", reacting), ("never_reacting", never or {})):
        for period, of_schemes in of_periods.items():
            for name, revenue in of_schemes.revenue.items():
                yield _record(name, f"{period}.revenue", revenue, cell)
            for (name, other), found in of_schemes.against.items():
                yield from _difference_records(name, f"{period}.against_{other}", found, cell)
    for name, model in results.models.items():
        yield _record(name, "nats", model.nats, "bidder_models")
        yield _record(name, "above_entropy", model.above_entropy, "bidder_models")
        yield from _difference_records(name, "above_lstm", model.above_lstm, "bidder_models")
    for error in results.foresight:
        days = f"{error.days_ahead}_days_ahead"
        for metric, mean in (
            ("absolute_percent", error.absolute_percent),
            ("bias_percent", error.bias_percent),
        ):
            yield _record(error.model, f"{days}.{metric}", mean, "foresight")
    for variant in results.ablation:
        name = f"{variant.varied}: {variant.value}"
        yield _record(name, "revenue", variant.revenue, "ablation")
        yield from _difference_records(name, "against_usual", variant.against_usual, "ablation")


def _record(scheme: str, metric: str, found: Mean, cell: str) -> Record:
    return Record(scheme, metric, found.mean, found.half_width, cell=cell)


def _difference_records(
    scheme: str, metric: str, found: PairedComparison, cell: str
) -> Iterator[Record]:
    yield _record(scheme, metric, found.difference, cell)
    if found.percent is None:
        yield Record(scheme, f"{metric}.percent", None, cell=cell)
    else:
        yield _record(scheme, f"{metric}.percent", found.percent, cell)
    yield Record(scheme, f"{metric}.ahead", float(found.ahead), cell=cell)
    yield Record(scheme, f"{metric}.behind", float(found.behind), cell=cell)
