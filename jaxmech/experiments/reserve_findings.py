"""Tables, figures and words for the study of daily reserve prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxmech.experiments.reserve_comparison import REFERENCES, verdict
from jaxmech.experiments.reserve_keywords import Clock
from jaxmech.experiments.reserve_pricing_configuration import MEMORY, WINDOW, ReservePricingStudy
from jaxmech.experiments.reserve_schemes import (
    DAYS_FORESEEN,
    DYNAMIC,
    EXACT,
    LABELS,
    Played,
)
from jaxmech.findings import Curve, Figure, Findings, Table

_WEEK = 7

_VERDICTS = {
    "more": "holds",
    "less": "does not hold: it earns less",
    "not told apart": "not told apart",
    "not known from one keyword": "not known from one keyword",
}

_INTERVALS = (
    "95 % intervals over keywords (Student's t). Differences are paired: all schemes meet the "
    "same bidders and the same chance, so that these intervals, not those of the revenues, say "
    "which scheme earns more. Each model and each policy was trained once, so that the intervals "
    "leave out what another training would change."
)

HEADLINE_SCHEME = "tree_search_from_static"
"""Of which the headline tells, whatever it earns."""

_OWN_LSTM = (
    "Tree search, GREEDY and the static best on the bidder model plan on an LSTM that was trained "
    "anew on logs of bidders that never react. PPO and policy gradient are left out: they have "
    "learned from bidders that react."
)


def findings_of(
    study: ReservePricingStudy,
    results: dict[str, Any],
    played: Mapping[str, Played],
    still: Mapping[str, Played] | None,
    clock: Clock,
) -> Findings:
    """What the study shows of its ``results``."""
    tables = [
        _schemes(
            study,
            results["reacting"],
            f"Revenue of {study.keywords} keywords",
            _whose(results["reacting"]),
        ),
        _orderings(results["reacting"]),
    ]
    figures = [_curves(study, played, "revenue", "Bidders react.")]
    if still is not None:
        tables.append(
            _schemes(study, results["never_reacting"], "Where bidders never react", (_OWN_LSTM,))
        )
        figures.append(_curves(study, still, "never_reacting", "Bidders never react."))
    tables += [_cross_entropies(results["cross_entropy"]), _foresight(results["foresight"])]
    if "ablation" in results:
        tables.append(_ablation(study, results["ablation"]))
    return Findings(
        headline=_headline(study, results),
        results=results,
        tables=tuple(tables),
        figures=tuple(figures),
        seconds=clock.seconds,
        compile_seconds=clock.compile_seconds,
    )


def _headline(study: ReservePricingStudy, results: Mapping[str, Any]) -> str:
    schemes = {one["scheme"]: one for one in results["reacting"]["schemes"]}
    found = schemes[HEADLINE_SCHEME]
    gains = [
        f"{_percent(found['all_days'][f'against_{other}'])} against the {LABELS[other]}, "
        f"{_percent(found['last_days'][f'against_{other}'])} over the last {study.last_days} days"
        for other in REFERENCES
    ]
    words = (
        f"Over {study.days} days {LABELS[HEADLINE_SCHEME]} earns {'; '.join(gains)}. The static "
        "best in hindsight is that of all the days, not of the last."
    )
    if "never_reacting" in results:
        still = {one["scheme"]: one for one in results["never_reacting"]["schemes"]}
        above = [
            LABELS[name]
            for name in DYNAMIC
            if name in still
            and verdict(still[name]["last_days"]["against_static_hindsight"]) == "more"
        ]
        words += " Where bidders never react, " + (
            f"more than the best static reserves was earned by {', '.join(above)}."
            if above
            else "no dynamic scheme earns more than the best static reserves."
        )
    return words


def _whose(compared: Mapping[str, Any]) -> tuple[str, ...]:
    """Why patient GREEDY misses what hindsight earns, by way of ``EXACT``."""
    of = {(one["scheme"], one["other"]): one["all_days"] for one in compared["orderings"]}
    missed, errors = (
        of.get(pair) for pair in (("static_hindsight", EXACT), (EXACT, "greedy_held_from_static"))
    )
    if missed is None or errors is None:
        return ()
    return (
        f"What the {LABELS['static_hindsight']} earns over all days above "
        f"{LABELS['greedy_held_from_static']} has two parts. "
        f"{_difference(missed)} it earns above the same plans on the simulator itself: the price "
        "of moving one reserve by 5 % a day, and of not knowing the chance. "
        f"{_difference(errors)} these earn above the plans on the LSTM: the price of the bidder "
        "model's errors, and of not seeing the bidders' values and kinds.",
    )


def _schemes(
    study: ReservePricingStudy,
    compared: Mapping[str, Any],
    title: str,
    further_notes: tuple[str, ...] = (),
) -> Table:
    rows = tuple(
        (
            LABELS[one["scheme"]],
            _plus_minus(one["all_days"]["revenue"]),
            _plus_minus(one["last_days"]["revenue"]),
            _percent(one["last_days"]["against_deployed"]),
            _percent(one["last_days"]["against_static_initial"]),
            _percent(one["all_days"]["against_static_hindsight"]),
            _percent(one["last_days"]["against_static_hindsight"]),
            f"{one['last_days']['against_static_hindsight']['ahead']}",
        )
        for one in compared["schemes"]
    )
    heads = (
        "Scheme",
        f"Revenue, {study.days} days",
        f"last {study.last_days}",
        "on deployed, last",
        "on static initial, last",
        f"on best static, {study.days} days",
        "on best static, last",
        "keywords ahead",
    )
    notes = (
        "Mean revenue per auction, in the money of the values. Gains in percent of the other "
        "scheme's mean revenue. " + _INTERVALS,
        "Best static: the reserves that earn most over all the days in the simulator itself, "
        "bidders' reactions and chance known in advance, by a search along one bidder's reserve "
        f"after another on {study.reserve_levels} levels, and then near the best ones. No scheme "
        "that has to learn them knows as much. Keywords ahead: those where a scheme earns more "
        "over the last days.",
        "GREEDY and tree search move one bidder's reserve by 5 % a day, from the deployed "
        "reserves or, where so named, from the static best on "
        f"the {'initial bids' if study.start == 'initial' else 'bidder model'}. They plan on the "
        "learned LSTM: GREEDY what a move earns on its first day, patient GREEDY what it earns "
        f"over {study.search.patience} days if no other follows, tree search up to "
        f"{study.search.depth} moves in a row, each held for {study.search.held_days} days. The "
        f"static best on it is that of {DAYS_FORESEEN} days as it foresees them. "
        "PPO and policy gradient were trained in the simulator on other keywords; "
        "theirs is each bidder's reserve as a share of yesterday's mean bid.",
        *further_notes,
    )
    return Table(title, heads, rows, notes)


def _orderings(compared: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            f"{LABELS[one['scheme']]} ≥ {LABELS[one['other']]}",
            _difference(one["all_days"]),
            _VERDICTS[one["all_days"]["verdict"]],
            _difference(one["last_days"]),
            _VERDICTS[one["last_days"]["verdict"]],
        )
        for one in compared["orderings"]
    )
    heads = ("Ordering", "All days", "", "Last days", "")
    return Table(
        "Orderings", heads, rows, ("Mean difference of revenue per auction. " + _INTERVALS,)
    )


def _cross_entropies(records: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (
            one["model"],
            _plus_minus(one["nats"]),
            _plus_minus(one["above_entropy"]),
            "" if one["model"] == "lstm" else _difference(one["above_lstm"], digits=4),
            "" if one["model"] == "lstm" else _than_lstm(one["above_lstm"]),
        )
        for one in records
    )
    heads = ("Bidder model", "Cross-entropy", "above the entropy", "above the LSTM", "")
    notes = (
        "Nats per bid, on later days of keywords that no model was trained on, all by as many "
        f"gradient steps. The LSTM predicts from the {MEMORY} days before, the others from the "
        f"last {WINDOW}, or {MEMORY} where so named; plans are on the former. The entropy is that "
        "of the days' histograms, which no model could go below. 95 % intervals over keywords; "
        "differences are paired.",
    )
    return Table("Bidder models, held out", heads, rows, notes)


def _than_lstm(difference: Mapping[str, Any]) -> str:
    words = {"more": "the LSTM is better", "less": "the LSTM is worse"}
    said = verdict(difference)
    return words.get(said, said)


def _foresight(records: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (
            one["model"],
            str(one["days_ahead"]),
            _plus_minus(one["absolute_percent"], digits=2),
            _plus_minus(one["bias_percent"], digits=2, signed=True),
        )
        for one in records
    )
    heads = ("Bidder model", "Days ahead", "Mean absolute error, %", "Mean error, %")
    notes = (
        "Revenue that the planner foresees under random moves, less the expected revenue, the mean "
        "of 16 runs of the simulator; in percent of the mean expected revenue. 95 % intervals over "
        "keywords.",
    )
    return Table("Foresight of the planner", heads, rows, notes)


def _ablation(study: ReservePricingStudy, records: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (
            one["varied"],
            str(one["value"]),
            _plus_minus(one["revenue"]),
            _percent(one["against_usual"]),
            verdict(one["against_usual"]),
        )
        for one in records
    )
    heads = ("Varied", "to", "Revenue", "on the usual search", "")
    search = study.search
    notes = (
        f"Tree search from static best on {min(study.ablation.keywords, study.keywords)} keywords "
        f"for {min(study.ablation.days, study.days)} days; all of these days count. The "
        f"usual search: depth {search.depth}, {search.simulations} simulations, moves held for "
        f"{search.held_days} days, on the LSTM. On exact it plans on the environment "
        "itself, with the bidders' values and kinds, but other chance. " + _INTERVALS,
    )
    return Table("Tree search, one thing varied", heads, rows, notes)


def _curves(
    study: ReservePricingStudy, played: Mapping[str, Played], name: str, words: str
) -> Figure:
    weeks = max(study.days // _WEEK, 1)
    length = min(_WEEK, study.days)
    curves = []
    for scheme, one in played.items():
        means = one.revenue[:, : weeks * length].mean(axis=0).reshape(weeks, length).mean(axis=1)
        x = tuple(float(week * length + (length + 1) / 2) for week in range(weeks))
        y = tuple(map(float, means))
        if scheme == "static_hindsight":
            curves.append(Curve(LABELS[scheme], x, y, drawn="reference"))
        else:
            curves.append(Curve(LABELS[scheme], x, y))
    return Figure(
        name=name,
        caption=f"Revenue per auction by day, means of weeks over {study.keywords} keywords. "
        f"{words} Dashed: the static best in hindsight. Intervals are in the tables; the curves "
        "share their keywords.",
        x_label="day",
        y_label="revenue per auction",
        curves=tuple(curves),
    )


def _plus_minus(found: Mapping[str, Any], *, digits: int = 4, signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean = f"{found['mean']:{sign}.{digits}f}"
    return mean if found["ci95"] is None else f"{mean} ± {found['ci95']:.{digits}f}"


def _difference(found: Mapping[str, Any], *, digits: int = 4) -> str:
    return _plus_minus(found, digits=digits, signed=True)


def _percent(found: Mapping[str, Any]) -> str:
    if found["percent"] is None:
        return "of 0"
    mean = f"{found['percent']:+.1f} %"
    return mean if found["percent_ci95"] is None else f"{mean} ± {found['percent_ci95']:.1f}"
