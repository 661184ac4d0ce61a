"""The markets of the study of impression allocation, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from jaxmech.experiments.impression_allocation.configuration import ImpressionAllocationStudy
from jaxmech.experiments.impression_allocation.learners import LABELS
from jaxmech.experiments.impression_allocation.market import (
    INTERVALS,
    REFERENCE,
    best_seen,
    not_learned,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import PairedComparison, mean_of, paired_comparison
from jaxmech.reports.findings import Findings, Table, with_interval


def compute(study: ImpressionAllocationStudy, workspace: Workspace) -> Findings:
    """Each market in a cell of its own, and what is learned in all of them in one table."""
    found: dict[str, Findings] = {}
    studies = study.studies()
    for number, (name, market) in enumerate(studies.items(), 1):
        workspace.say(f"{study.name}: market {number} of {len(studies)}, {name}")
        found[name] = workspace.cell(name).run(market)
    ahead = [
        name
        for name, findings in found.items()
        if _lead(findings, best_seen(findings)).verdict == "more"
    ]
    first = LABELS[study.learners[0]]
    return Findings(
        headline=f"{first} earns more than every allocation that sees what it sees in "
        f"{len(ahead)} of {len(found)} markets: {', '.join(ahead) or 'none'}.",
        estimates={
            f"{market}/{scheme}": estimate
            for market, findings in found.items()
            for scheme, estimate in findings.estimates.items()
        },
        learning_curves=tuple(
            replace(curves, label=f"{market}: {curves.label}")
            for market, findings in found.items()
            for curves in findings.learning_curves
        ),
        tables=(_learned(study, found), _leads(study, found), _not_learned(found)),
        records=tuple(
            replace(record, cell=market)
            for market, findings in found.items()
            for record in findings.records
        ),
    )


def _lead(findings: Findings, other: str) -> PairedComparison:
    """Of the first learner over ``other``, by seeds, each of which has episodes of its own."""
    values, others = (np.array(findings.estimates[name].per_seed) for name in ("learned", other))
    return paired_comparison(values, others)


def _learned(study: ImpressionAllocationStudy, found: Mapping[str, Findings]) -> Table:
    first, *others = study.learners
    names: dict[str, str] = {"learned": LABELS[first]} | {name: LABELS[name] for name in others}

    def row(market: str, findings: Findings) -> tuple[str, ...]:
        estimates, best = findings.estimates, best_seen(findings)
        known = estimates[REFERENCE]

        def cell(name: str) -> str:
            regret = np.array(known.per_seed) - np.array(estimates[name].per_seed)
            in_brackets = with_interval(mean_of(regret), "+.4f")
            return f"{with_interval(estimates[name])} ({in_brackets})"

        return market, *map(cell, names), f"{cell(best)}, {best}", with_interval(known)

    return Table(
        "Mean reward of a round in testing, and in brackets regret to known demand",
        ("Market", *names.values(), "Best that is not learned", REFERENCE.capitalize()),
        tuple(row(market, findings) for market, findings in found.items()),
        (f"{INTERVALS} Regrets are over seeds.",),
    )


def _not_learned(found: Mapping[str, Findings]) -> Table:
    names = not_learned(next(iter(found.values())))
    return Table(
        "Mean reward of a round in testing, of what is not learned",
        ("Market", *names),
        tuple(
            (market, *(with_interval(findings.estimates[name]) for name in names))
            for market, findings in found.items()
        ),
        (INTERVALS,),
    )


def _leads(study: ImpressionAllocationStudy, found: Mapping[str, Findings]) -> Table:
    rows = []
    for market, findings in found.items():
        for rival in (*study.learners[1:], best_seen(findings), REFERENCE):
            lead = _lead(findings, rival)
            label = LABELS.get(rival, rival)
            rows.append((market, label, with_interval(lead.difference, "+.4f"), lead.verdict))
    return Table(
        f"{LABELS[study.learners[0]]}, how much more than others a round, by seeds",
        ("Market", "Than", "More by", "It earns"),
        tuple(rows),
        ("Of what is not learned, the best that sees what learners see, and known demand.",),
    )
