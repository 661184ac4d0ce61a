"""Tables, figures and words for the study of daily reserve prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxmech.experiments.reserve_pricing.ablation import numbers
from jaxmech.experiments.reserve_pricing.comparison import REFERENCES, verdict
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Clock
from jaxmech.experiments.reserve_pricing.schemes import (
    DAYS_FORESEEN,
    DYNAMIC,
    EXACT,
    LABELS,
    Played,
)
from jaxmech.experiments.reserve_pricing.settings import MEMORY, WINDOW
from jaxmech.reports.earlier_findings import Curve, Figure, Findings, Table

_WEEK = 7

_VERDICTS = {
    "more": "holds",
    "less": "does not hold: it earns less",
    "not told apart": "not told apart",
    "not known from one keyword": "not known from one keyword",
}

_TRAINED_ONCE = (
    "Each model and each policy was trained once, so that the intervals leave out what another "
    "training would change."
)

_INTERVALS = (
    "95 % intervals over keywords (Student's t). Differences are paired: all schemes meet the "
    "same bidders and the same chance, so that these intervals, not those of the revenues, say "
    f"which scheme earns more. {_TRAINED_ONCE}"
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
            (*_listed(study, results), *_whose(study, results["reacting"])),
        ),
        _orderings(results["reacting"]),
    ]
    figures = [_curves(study, played, "revenue", "Bidders react.")]
    if still is not None:
        tables.append(
            _schemes(study, results["never_reacting"], "Where bidders never react", (_OWN_LSTM,))
        )
        figures.append(_curves(study, still, "never_reacting", "Bidders never react."))
    tables += [_cross_entropies(study, results["cross_entropy"]), _foresight(results["foresight"])]
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


def _whose(study: ReservePricingStudy, compared: Mapping[str, Any]) -> tuple[str, ...]:
    """What patient GREEDY misses of what hindsight earns, split at ``EXACT``."""
    of = {(one["scheme"], one["other"]): one["all_days"] for one in compared["orderings"]}
    missed, errors = (
        of.get(pair) for pair in (("static_hindsight", EXACT), (EXACT, "greedy_held_from_static"))
    )
    if missed is None or errors is None:
        return ()
    return (
        f"What the {LABELS['static_hindsight']} earns over all days above "
        f"{LABELS['greedy_held_from_static']} has two parts. "
        f"{_difference(missed)} it earns above the same plans on the simulator itself. These "
        f"multiply one reserve a day by {_either(study.search.factors)}, look one move ahead, plan "
        "on a single draw of the chance, and do not know that of the days; which of these it is "
        "that costs, the difference does not tell. "
        f"{_difference(errors)} they earn above the plans on the LSTM, which errs, and does not "
        "see the bidders' values and kinds.",
    )


def _listed(study: ReservePricingStudy, results: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of the user's keywords are compared."""
    if "listed" not in results:
        return ()
    learned, kept = results["listed"]["learned_on"], results["listed"]["kept_for_comparison"]
    which = "all" if kept == study.keywords else f"{study.keywords} of the {kept}"
    money = " Money is in medians of each keyword's positive bids." if study.relative else ""
    return (
        f"The keywords compared are {which} that were not learned on, each once. Models and "
        f"policies learned on {learned} others of the file. Bins and the highest reserve reach "
        "all bids of the file; the deployed reserve is a share of the median positive bid of "
        f"those learned on.{money}",
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
        "GREEDY and tree search multiply at most one bidder's reserve a day by "
        f"{_either(study.search.factors)}{_larger(study)}. They start from the deployed "
        "reserves or, where so named, from the static best on "
        f"the {'initial bids' if study.start == 'initial' else 'bidder model'}. They plan on the "
        "learned LSTM: GREEDY what a move earns on its first day, patient GREEDY what it earns "
        f"over {study.search.patience} days if no other follows, tree search up to "
        f"{study.search.depth} moves in a row, each held for {study.search.held_days} days. The "
        f"static best on it is that of {DAYS_FORESEEN} days as it foresees them. "
        "PPO and policy gradient were trained in the simulator on other keywords; "
        "theirs is each bidder's reserve as a share of yesterday's mean bid.",
        "A reserve below the price that the next bidder sets does not bind: on such a plateau "
        "small moves change nothing, and a plan that sees no slope keeps the reserves. Compare "
        "what is earned from the deployed reserves and from the static best.",
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


def _cross_entropies(study: ReservePricingStudy, records: Sequence[Mapping[str, Any]]) -> Table:
    unseen = "keywords that no model was trained on"
    if study.bids is not None:
        unseen = (
            "other bidders' kinds and bids, drawn for the same listed keywords that were learned on"
        )
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
        f"Nats per bid, on later days of {unseen}, all by as many "
        f"gradient steps. The LSTM predicts from the {MEMORY} days before, the others from the "
        f"last {WINDOW}, or {MEMORY} where so named, and all but persistence from fading "
        f"means of those before; plans are on the former. With {WINDOW} days the LSTM is the "
        f"same one, which learned to read from {WINDOW} days on. The entropy is that of the days' "
        "histograms, which no model could go below. 95 % intervals over keywords; differences are "
        f"paired. {_TRAINED_ONCE}",
        f"The reference setting reads {WINDOW} days and learns at the rate 1e-3; here it is 3e-3, "
        "and .03 for persistence.",
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
            _difference(one["against_usual"]),
            _percent(one["against_usual"], interval=False),
            verdict(one["against_usual"]),
        )
        for one in records
    )
    heads = ("Varied", "to", "Revenue", "on the usual search", "", "")
    search = study.search
    notes = (
        f"Tree search from static best on {min(study.ablation.keywords, study.keywords)} keywords "
        f"for {min(study.ablation.days, study.days)} days; all of these days count. The "
        f"usual search: depth {search.depth}, {search.simulations} simulations, moves held for "
        f"{search.held_days} days, on the LSTM. On exact it plans on the environment "
        "itself, with the bidders' values and kinds, but other chance. Factors are what a move may "
        "multiply one reserve by. No search: the reserves it starts from, and those that are the "
        f"best of all {study.days} days of the study. " + _INTERVALS,
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
        caption="Revenue per auction by day, means of whole weeks (days left over are not shown) "
        f"over {study.keywords} keywords. {words} Dashed: the static best in hindsight. Intervals "
        "are in the tables; the curves share their keywords.",
        x_label="day",
        y_label="revenue per auction",
        curves=tuple(curves),
    )


def _larger(study: ReservePricingStudy) -> str:
    factors = study.search.larger_factors
    return f", or, with larger moves, by {_either(factors)}" if factors else ""


def _either(factors: tuple[float, ...]) -> str:
    return numbers(factors) if len(factors) == 1 else f"one of {numbers(factors)}"


def _plus_minus(found: Mapping[str, Any], *, digits: int = 4, signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean = f"{found['mean']:{sign}.{digits}f}"
    return mean if found["ci95"] is None else f"{mean} ± {found['ci95']:.{digits}f}"


def _difference(found: Mapping[str, Any], *, digits: int = 4) -> str:
    return _plus_minus(found, digits=digits, signed=True)


def _percent(found: Mapping[str, Any], *, interval: bool = True) -> str:
    if found["percent"] is None:
        return "of 0"
    mean = f"{found['percent']:+.1f} %"
    if not interval or found["percent_ci95"] is None:
        return mean
    return f"{mean} ± {found['percent_ci95']:.1f}"
