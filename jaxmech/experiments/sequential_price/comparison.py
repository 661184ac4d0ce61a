"""The mechanisms of a panel side by side: one table, and learning curves in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from jaxmech.experiments.sequential_price.learning import compared_with
from jaxmech.experiments.sequential_price.panel_study import MECHANISMS, Figures, Panel
from jaxmech.experiments.sequential_price.problem import problem_of
from jaxmech.experiments.sequential_price.results import Results, interval
from jaxmech.reports.findings import Findings, LearningCurves, Table
from jaxmech.runner import TrainingDivergedError

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace


def compared(panel: Panel, workspace: Workspace) -> Findings:
    """Each mechanism learned in a cell; those whose training diverges are left out and named.

    Raises:
      TrainingDivergedError: every mechanism's training diverged.
    """
    studies = panel.studies()
    # Once, for all cells: none of it depends on how a mechanism is learned.
    first = next(iter(studies.values()))
    compared_with(first, problem_of(first), workspace)
    found: dict[str, Findings] = {}
    diverged: dict[str, TrainingDivergedError] = {}
    for number, (name, study) in enumerate(studies.items(), 1):
        workspace.say(f"{panel.name}: mechanism {number} of {len(studies)}, {name}")
        try:
            found[name] = workspace.cell(name).run(study)
        except TrainingDivergedError as error:
            workspace.say(str(error))
            diverged[name] = error
    if not found:
        raise next(iter(diverged.values()))
    # A folder can be moved, so that its place is no finding.
    reasons = {
        name: f"update {error.update}, seed {error.seed}: no longer finite: "
        + ", ".join(error.quantities[:5])
        for name, error in diverged.items()
    }
    return _side_by_side(panel, first.objective, found, reasons)


def all_compared(figures: Figures, workspace: Workspace) -> Findings:
    """Each panel in a cell, and their tables one after another."""
    panels = figures.panels()
    found: dict[str, Findings] = {}
    for number, (name, panel) in enumerate(panels.items(), 1):
        workspace.say(f"panel {number} of {len(panels)}, {panel.name}")
        found[name] = workspace.cell(name).run(panel)
    return Findings(
        headline=" ".join(f"{panels[name].figure}: {one.headline}" for name, one in found.items()),
        tables=tuple(table for one in found.values() for table in one.tables),
        records=tuple(
            replace(record, cell="/".join(filter(None, (name, record.cell))))
            for name, one in found.items()
            for record in one.records
        ),
    )


def _side_by_side(
    panel: Panel,
    objective: str,
    found: Mapping[str, Findings],
    diverged: Mapping[str, str],
) -> Findings:
    results = {
        name: Results(
            title=f"{panel.figure}. {panel.summary}",
            objective=objective,
            estimates=one.estimates,
            oracles=one.oracles,
            best_seeds=_best_seeds(one),
        )
        for name, one in found.items()
    }
    first = next(iter(results.values()))
    rows = tuple(
        (
            MECHANISMS[name].label,
            interval(of.estimates["learned"]),
            f"{of.estimates['learned_best'].mean:.4f}",
            "",
            of.percentage(of.estimates["learned_best"].mean),
        )
        for name, of in results.items()
    )
    others = tuple((cells[0], cells[1], "", *cells[2:]) for cells in first.reference_rows)
    notes = [first.notes[0], "Shares of learned mechanisms are those of the best seeds."]
    notes += first.notes[1:]
    notes += [f"{MECHANISMS[name].label}: diverged ({why})." for name, why in diverged.items()]
    name, simulated, exact, share = first.table.columns
    count, seeds = len(first.best_seeds), len(first.estimates["learned"].per_seed)
    table = Table(
        title=first.title,
        columns=(name, simulated, f"Best {count} of {seeds} seeds", exact, share),
        rows=rows + others,
        notes=tuple(notes),
        emphasised=tuple(range(len(rows))),
    )
    baselines = {name: of for name, of in first.estimates.items() if not name.startswith("learned")}
    return Findings(
        headline=_headline(results),
        estimates={
            **{f"learned_{name}": of.estimates["learned"] for name, of in results.items()},
            **{f"best_{name}": of.estimates["learned_best"] for name, of in results.items()},
            **baselines,
        },
        oracles=first.oracles,
        certificates={
            f"{name}_{statement}": certificate
            for name, one in found.items()
            for statement, certificate in one.certificates.items()
        },
        learning_curves=tuple(
            _labelled(one.learning_curves[0], name, results[name]) for name, one in found.items()
        ),
        tables=(table,),
        records=tuple(
            replace(record, cell=name) for name, one in found.items() for record in one.records
        ),
    )


def _best_seeds(findings: Findings) -> tuple[int, ...]:
    return tuple(
        record.seed
        for record in findings.records
        if record.scheme == "learned_best" and record.seed is not None
    )


def _labelled(curves: LearningCurves, name: str, results: Results) -> LearningCurves:
    """The curves of the best seeds alone, called by the mechanism and what it is worth."""
    places = [curves.seeds.index(seed) for seed in results.best_seeds]
    value = results.estimates["learned_best"].mean
    return replace(
        curves,
        seeds=results.best_seeds,
        steps=tuple(curves.steps[place] for place in places),
        values=tuple(curves.values[place] for place in places),
        label=f"{MECHANISMS[name].label}, {value:.4g}",
    )


def _headline(results: Mapping[str, Results]) -> str:
    """What the best mechanism is worth, in a sentence."""
    name = max(results, key=lambda name: results[name].estimates["learned_best"].mean)
    best = results[name].estimates["learned_best"].mean
    of, reference = results[name].share[1:]
    words = f"{MECHANISMS[name].label}: {results[name].objective} {best:.4f}"
    if not reference:
        return f"{words}, the most of all learned."
    return f"{words}, the most of all learned, {100 * best / reference:.2f} % of {of}."
