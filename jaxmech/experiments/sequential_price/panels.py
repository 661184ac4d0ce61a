"""The panels of the figures of Brero et al. (2021): one economy, and the mechanisms compared.

Each mechanism is learned by a study of its own, in a cell; they stand side by side in one table,
and their learning curves in one figure. Nothing here imports jax before a panel is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Self

import tyro

from jaxmech import checks
from jaxmech.checks import InvalidValueError
from jaxmech.designers.ppo.hyper_parameters import ActorSees
from jaxmech.environments.sequential_price import Statistic
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.sequential_price.economy import NamedSetting
from jaxmech.experiments.sequential_price.results import Results
from jaxmech.experiments.sequential_price.study import SequentialPriceStudy
from jaxmech.experiments.study import NamedStudy, is_as_registered
from jaxmech.naming import lookup
from jaxmech.reports.findings import Findings, LearningCurves, Table, with_interval

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace


@dataclass(frozen=True)
class Mechanism:
    """A way to learn.

    Attributes:
      label: what it is called in print.
      statistic: what is known of the history.
      actor_sees: what of it prices and order can depend on.
    """

    label: str
    statistic: Statistic
    actor_sees: ActorSees = "statistic"

    def learning(self, study: SequentialPriceStudy) -> SequentialPriceStudy:
        """The study that learns so in the economy of ``study``."""
        # Only the flat network can hide a part of the statistic.
        architecture = study.ppo.architecture if self.actor_sees == "statistic" else "flat"
        ppo = replace(study.ppo, actor_sees=self.actor_sees, architecture=architecture)
        return replace(study, statistic=self.statistic, ppo=ppo)


MECHANISMS: dict[str, Mechanism] = {
    "prices": Mechanism("Learned, sees allocation and prices", "prices"),
    "allocation": Mechanism("Learned, sees the allocation", "allocation"),
    "agents_items": Mechanism("Learned, sees agents and items left", "agents_items"),
    "personalised_static_prices": Mechanism(
        "Learned, personalised static prices", "agents_items", "agents_left"
    ),
    "anonymous_static_prices": Mechanism(
        "Learned, anonymous static prices", "agents_items", "nothing"
    ),
}
"""What each panel compares, from the most to the least informed."""

QUICK: Mapping[str, int] = {
    "seeds": 3, "updates": 85, "evaluation_episodes": 20_000, "validation_episodes": 4_000,
}  # fmt: skip
"""A few minutes for a panel on two cores."""

PAPER: Mapping[str, int] = {"seeds": 6}
"""As in the paper: six seeds, of which the three best are shown."""


@dataclass(frozen=True)
class Expense(NamedStudy):
    """How much is spent on each mechanism, and which are compared."""

    paper: bool = False
    """Follow the paper's protocol: 6 seeds, all updates, the best 3 shown. By default 3 seeds and
    85 updates, a few minutes a panel on two cores."""
    seeds: int | None = None
    """How many times to learn, independently."""
    updates: int | None = None
    """Iterations of the learner; by the paper's protocol those of the economy's own study."""
    num_environments: int | None = None
    """Episodes played side by side in one update; those of the economy's own study where not
    given."""
    evaluation_episodes: int | None = None
    """Fresh episodes on which each mechanism is evaluated."""
    validation_episodes: int | None = None
    """Other episodes, on which the best seeds are chosen."""
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    """What is learned: prices sees who bought what at which prices, allocation who bought what,
    agents_items who and what is left; the prices of the others do not follow the history."""

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name))
        checks.some("mechanisms", self.mechanisms)
        for name in self.mechanisms:
            lookup("mechanisms", name, MECHANISMS)

    @property
    def is_as_described(self) -> bool:
        """Whether the registered mechanisms are compared, at whatever expense."""
        return is_as_registered(self, free=("paper", *_SIZES))


_SIZES = ("seeds", "updates", "num_environments", "evaluation_episodes", "validation_episodes")


@dataclass(frozen=True)
class Panel(Expense):
    """Learn all mechanisms in the economy of a panel, and compare them."""

    figure: Annotated[str, tyro.conf.Suppress] = ""
    """Where it is in the paper."""
    economy: Annotated[str, tyro.conf.Suppress] = ""
    """The study whose economy it is."""
    setting: Annotated[NamedSetting | None, tyro.conf.Suppress] = None
    """In place of that study's."""

    @property
    def study(self) -> SequentialPriceStudy:
        """The study whose economy it is, at this expense.

        Raises:
          ValueError: there is none of that name.
        """
        own = study_called(self.economy)
        if not isinstance(own, SequentialPriceStudy):
            raise InvalidValueError("economy", self.economy, "studies of a sequential price")
        given = {name: getattr(self, name) for name in _SIZES}
        sizes: dict[str, Any] = {**(PAPER if self.paper else QUICK)}
        sizes |= {name: value for name, value in given.items() if value is not None}
        count = sizes.pop("num_environments", own.ppo.num_environments)
        ppo = replace(own.ppo, num_environments=count)
        return replace(own, setting=self.setting or own.setting, ppo=ppo, **sizes)

    def studies(self) -> dict[str, SequentialPriceStudy]:
        """The study that learns each mechanism, by its name."""
        study = self.study
        return {name: MECHANISMS[name].learning(study).resolved() for name in self.mechanisms}

    def resolved(self) -> Self:
        """The same panel with every size filled in."""
        study = self.study
        sizes = {name: getattr(study, name) for name in _SIZES if name != "num_environments"}
        return replace(self, num_environments=study.ppo.num_environments, **sizes)

    def compute(self, workspace: Workspace) -> Findings:
        """Each mechanism learned in a cell; those that diverge are left out and named.

        Raises:
          TrainingDivergedError: every mechanism's training diverged.
        """
        from jaxmech.experiments.sequential_price.learning import compared_with
        from jaxmech.experiments.sequential_price.problem import problem_of
        from jaxmech.runner import TrainingDivergedError

        studies = self.studies()
        # Once, for all cells: none of it depends on how a mechanism is learned.
        compared_with(problem_of(next(iter(studies.values()))), workspace)
        found: dict[str, Findings] = {}
        diverged: dict[str, TrainingDivergedError] = {}
        for number, (name, study) in enumerate(studies.items(), 1):
            workspace.say(f"{self.name}: mechanism {number} of {len(studies)}, {name}")
            try:
                found[name] = workspace.cell(name).run(study)
            except TrainingDivergedError as error:
                workspace.say(str(error))
                diverged[name] = error
        if not found:
            raise next(iter(diverged.values()))
        # A folder can be moved, so that its place is no finding.
        notes = [
            f"{MECHANISMS[name].label}: diverged (update {error.update}, seed {error.seed}: "
            f"no longer finite: {', '.join(error.quantities[:5])})."
            for name, error in diverged.items()
        ]
        return _side_by_side(self, found, notes)


@dataclass(frozen=True)
class Figures(Expense):
    """Learn and compare the mechanisms of every panel of the paper's figures."""

    def panels(self) -> dict[str, Panel]:
        """The panels, at this expense, by the names of their cells."""
        from jaxmech.experiments.sequential_price.named import PANELS

        given = {name: getattr(self, name) for name in ("paper", *_SIZES, "mechanisms")}
        return {
            panel.name.rpartition("/")[2]: replace(panel, **given).resolved() for panel in PANELS
        }

    def compute(self, workspace: Workspace) -> Findings:
        """Each panel in a cell, and their tables one after another."""
        panels = self.panels()
        found: dict[str, Findings] = {}
        for number, (name, panel) in enumerate(panels.items(), 1):
            workspace.say(f"panel {number} of {len(panels)}, {panel.name}")
            found[name] = workspace.cell(name).run(panel)
        headlines = (f"{panels[name].figure}: {one.headline}" for name, one in found.items())
        return Findings(
            headline=" ".join(headlines),
            tables=tuple(table for one in found.values() for table in one.tables),
            records=tuple(
                replace(record, cell="/".join(filter(None, (name, record.cell))))
                for name, one in found.items()
                for record in one.records
            ),
        )


def _side_by_side(
    panel: Panel, found: Mapping[str, Findings], on_diverged: Sequence[str]
) -> Findings:
    """The findings of a panel, by those of its mechanisms."""
    results = {
        name: Results(
            title=f"{panel.figure}. {panel.summary}",
            objective=panel.study.objective,
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
            with_interval(of.estimates["learned"]),
            f"{of.estimates['learned_best'].mean:.4f}",
            "",
            of.percentage(of.estimates["learned_best"].mean),
        )
        for name, of in results.items()
    )
    others = tuple((cells[0], cells[1], "", *cells[2:]) for cells in first.reference_rows)
    on_shares = "Shares of learned mechanisms are those of the best seeds."
    name, simulated, exact, share = first.table.columns
    count, seeds = len(first.best_seeds), len(first.estimates["learned"].per_seed)
    table = Table(
        title=first.title,
        columns=(name, simulated, f"Best {count} of {seeds} seeds", exact, share),
        rows=rows + others,
        notes=(first.notes[0], on_shares, *first.notes[1:], *on_diverged),
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
    share = f", {results[name].percentage(best)} % of {of}" if reference else ""
    words = f"{MECHANISMS[name].label}: {results[name].objective} {best:.4f}"
    return f"{words}, the most of all learned{share}."
