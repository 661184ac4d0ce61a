"""The ``jaxmech`` command.

Listing, help and mistakes in the command line are answered without importing jax.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union

import tyro

from jaxmech.cli.flags import with_flag
from jaxmech.environments.registry import ENVIRONMENTS
from jaxmech.experiments.earlier_registry import EXPERIMENTS
from jaxmech.experiments.files import experiment_in, read_config
from jaxmech.experiments.kinds import KINDS, Experiment, kind_of
from jaxmech.experiments.sequential_price.panels import (
    PANELS,
    PAPER,
    QUICK,
    Protocol,
    panels_called,
)
from jaxmech.naming import full_name, lookup
from jaxmech.reports.console import console, fail, say

RUNS = Path("runs")

FILES_OF_ONES_OWN = {
    (".yaml", ".yml"): "jaxmech run own_setting --setting.path",
    (".csv", ".parquet", ".npz"): "jaxmech run own_values --samples",
}
"""What to do with a file, by the ends of its name."""


Configuration = TypeVar("Configuration")


@dataclass(frozen=True)
class Run(Generic[Configuration]):
    """Carry out an experiment, such as learning a mechanism, and write the run's folder."""

    experiment: Annotated[Configuration, tyro.conf.arg(name="")]
    directory: Path | None = None
    """The run's folder; by default the next free one in runs/. Never overwritten."""


@dataclass(frozen=True)
class Resume:
    """Go on with a run that was stopped, bit for bit, to its results."""

    directory: tyro.conf.Positional[Path]
    """The run's folder."""


@dataclass(frozen=True)
class Panel:
    """Learn and compare all mechanisms of panels of a paper; again, to go on after a stop."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """Panels, such as brero2021/figure_3b or brero2021/two_worlds; all for every one."""
    paper: bool = False
    """Follow the paper's protocol: 6 seeds, all updates, the best 3 shown. By default 3 seeds and
    100 updates, a few minutes a panel on two cores."""
    directory: Path = RUNS / "panels"
    """Each panel has a folder in this one, with a run for each mechanism."""
    changes: Annotated[Protocol, tyro.conf.arg(name="")] = field(default_factory=Protocol)


@dataclass(frozen=True)
class Adaptivity:
    """How far adaptive order, adaptive prices and personalised prices matter.

    Values are exact, but for those marked with a dagger, which a numerical search found.
    """

    settings: tyro.conf.Positional[tuple[str, ...]] = (
        "kitchen_sink",
        "id",
        "two_worlds",
        "inventory",
        "colors",
        "correlated",
        "proposition_1",
        "proposition_2",
        "proposition_3",
        "proposition_4",
    )
    """Settings by the name of their experiment or panel, or YAML files of your own ones."""
    delta: tuple[float, ...] = ()
    """Strengths of the correlation, in place of that of every setting that has one; a row each."""
    directory: Path | None = None
    """Where to write adaptivity.json; by default, nothing is written."""


@dataclass(frozen=True)
class Report:
    """Rebuild the table, figures and page of a run from its folder."""

    directory: tyro.conf.Positional[Path]
    """The run's folder."""


@dataclass(frozen=True)
class List:
    """Environments, experiments, and what each experiment reproduces."""


COMMANDS = {
    "list": List,
    "run": Run,
    "resume": Resume,
    "panel": Panel,
    "adaptivity": Adaptivity,
    "report": Report,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ``arguments`` are those of the process unless given.

    Exits with 0, with 2 after a mistake in what was asked, with 1 where training diverged,
    and with 128 + the signal's number where one stopped the run.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    known = None
    try:
        arguments = _with_full_names(arguments)
        known = _known_command(arguments)
        status = _carry_out(_parsed(arguments, known))
    except (
        ValueError,
        FileExistsError,
        FileNotFoundError,
        ModuleNotFoundError,
    ) as error:
        fail(with_flag(str(error), known, arguments) if known else str(error))
        status = 2
    except FloatingPointError as error:
        fail(str(error))
        status = 1
    except KeyboardInterrupt:
        fail("interrupted")
        status = 130
    sys.exit(status)


def _with_full_names(arguments: list[str]) -> list[str]:
    """``arguments``, with an experiment by its full name.

    Raises:
      ValueError: there is no such command or experiment; says what was probably meant.
    """
    if not arguments or arguments[0].startswith("-"):
        return arguments
    lookup("command", arguments[0], COMMANDS)
    if arguments[0] != "run" or len(arguments) == 1 or arguments[1].startswith("-"):
        return arguments
    name, *flags = arguments[1:]
    for endings, usual in FILES_OF_ONES_OWN.items():
        if name.endswith(endings):
            raise ValueError(f"experiment: got {name!r}, a file; run it by: {usual} {name}")
    name = full_name(name, EXPERIMENTS)
    lookup("experiment", name, EXPERIMENTS)
    return ["run", name, *flags]


def _known_command(arguments: Sequence[str]) -> Any:
    """The command with its default values, where it has flags and is known."""
    match arguments:
        case ["run", name, *_] if name in EXPERIMENTS:
            return Run(EXPERIMENTS[name])
        case ["panel", *_]:
            return Panel(())
        case ["adaptivity", *_]:
            return Adaptivity()
    return None


def _parsed(arguments: Sequence[str], known: Any) -> Any:
    """The command asked for; of a known one only its own flags are parsed and suggested."""
    kind, place, about = _commands(), 0, "Learn mechanisms, and see how near the optimum they come."
    match known:
        case Run(experiment):
            kind, place, about = Run[type(experiment)], 2, experiment.summary  # type: ignore[misc]
        case Panel() | Adaptivity():
            kind, place, about = type(known), 1, known.__doc__ or ""
    return tyro.cli(
        kind,
        default=tyro.MISSING_NONPROP if known is None else known,
        args=arguments[place:],
        prog=" ".join(["jaxmech", *arguments[:place]]),
        description=about,
        config=(tyro.conf.AvoidSubcommands,),
    )


def _commands() -> Any:
    """The type whose flags are the command line: one subcommand for each experiment."""
    runs: Any = Union[  # noqa: UP007 - made from values
        tuple(
            Annotated[
                Run[type(experiment)],  # type: ignore[misc]
                tyro.conf.subcommand(name, default=Run(experiment), description=experiment.summary),
            ]
            for name, experiment in EXPERIMENTS.items()
        )
    ]
    return Union[  # noqa: UP007
        tuple(
            Annotated[
                runs if kind is Run else kind,
                tyro.conf.subcommand(name, description=kind.__doc__),
            ]
            for name, kind in COMMANDS.items()
        )
    ]


def _carry_out(command: Any) -> int:
    match command:
        case Run(experiment, directory):
            return _run(experiment, directory)
        case Resume(directory):
            return _resume(directory)
        case Panel():
            return _panel(command)
        case Adaptivity():
            return _adaptivity(command)
        case Report(directory):
            return _report(directory)
    return _list()


def _list() -> int:
    from rich.table import Column, Table

    def names(heading: str) -> Column:
        """What is copied into a command is not cut off in a narrow terminal."""
        return Column(heading, no_wrap=True)

    environments = Table(
        names("Environment"), "", title="Environments", title_justify="left", box=None
    )
    for name, environment in ENVIRONMENTS.items():
        environments.add_row(name, environment.summary)
    experiments = Table(
        names("Experiment"), "", "Reproduces", title="Experiments", title_justify="left"
    )
    for name, experiment in EXPERIMENTS.items():
        experiments.add_row(name, experiment.summary, experiment.reproduces)
    panels = Table(
        names("Panel"), names("Also called"), "Shows", title="Panels", title_justify="left"
    )
    for panel in PANELS.values():
        panels.add_row(panel.name, panel.also, panel.shows)
    console().print(environments, "", experiments, "", panels, "")
    say("Run one with: jaxmech run EXPERIMENT, or: jaxmech panel PANEL")
    return 0


def _run(experiment: Experiment, directory: Path | None) -> int:
    experiment = experiment.resolved()
    directory = directory or _free_directory(experiment.name)
    _set_up_jax()
    status: int = _running(experiment).run(experiment, directory)
    return status or _report(directory)


def _resume(directory: Path) -> int:
    experiment = read_config(directory / "config.yaml")
    _set_up_jax()
    status: int = _running(experiment).resume(experiment, directory)
    return status or _report(directory)


def _running(experiment: Experiment) -> Any:
    """The module that runs experiments of this kind."""
    return importlib.import_module(KINDS[kind_of(experiment)].running)


def _panel(command: Panel) -> int:
    panels = panels_called(command.names)
    protocol = (PAPER if command.paper else QUICK).changed_by(command.changes)
    _set_up_jax()
    from jaxmech import panel

    return panel.run_all(panels, protocol, command.directory)


def _adaptivity(command: Adaptivity) -> int:
    from jaxmech import adaptivity

    return adaptivity.run(command.settings, command.directory, deltas=command.delta)


def _report(directory: Path) -> int:
    reporting = KINDS[kind_of(experiment_in(directory))].reporting
    page = importlib.import_module(reporting).show(directory)
    say(f"page: {page}")
    return 0


def _set_up_jax() -> None:
    """Keep compiled programs between runs, unless the user has arranged for it."""
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "jaxmech"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _free_directory(name: str) -> Path:
    """The next folder in runs/ that does not exist yet."""
    numbered = (RUNS / f"{name.replace('/', '-')}-{number}" for number in itertools.count(1))
    return next(directory for directory in numbered if not directory.exists())
