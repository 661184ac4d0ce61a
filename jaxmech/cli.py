"""The ``jaxmech`` command.

Listing, help and mistakes in the command line are answered without importing jax.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union

import tyro

from jaxmech.experiments.configuration import SequentialPriceExperiment
from jaxmech.experiments.files import config_of, read_config
from jaxmech.experiments.registry import EXPERIMENTS
from jaxmech.naming import lookup

if TYPE_CHECKING:
    from rich.console import Console

    from jaxmech.experiments.building import References, Study
    from jaxmech.progress import ConsoleProgress
    from jaxmech.runner import RunResult

RUNS = Path("runs")

ENVIRONMENTS = {"sequential_price": "visit agents one by one, post each a price for every item"}
"""What ``jaxmech list`` says of each environment."""


@dataclass(frozen=True)
class Run:
    """Learn a mechanism, evaluate it beside every baseline, and write the run's folder."""

    experiment: Annotated[SequentialPriceExperiment, tyro.conf.arg(name="")]
    directory: Path | None = None
    """The run's folder; by default the next free one in runs/. Never overwritten."""


@dataclass(frozen=True)
class Resume:
    """Go on with a run that was stopped, bit for bit, and evaluate it."""

    directory: tyro.conf.Positional[Path]
    """The run's folder."""


@dataclass(frozen=True)
class Report:
    """Rebuild the table, figures and page of a run from its folder."""

    directory: tyro.conf.Positional[Path]
    """The run's folder."""


@dataclass(frozen=True)
class List:
    """Environments, experiments, and what each experiment reproduces."""


COMMANDS = {"list": List, "run": Run, "resume": Resume, "report": Report}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ``arguments`` are those of the process unless given.

    Exits with 0, with 2 after a mistake in what was asked, with 1 where training diverged,
    and with 128 + the signal's number where one stopped the run.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _check_names(arguments)
        command = tyro.cli(
            _commands(),
            args=arguments,
            prog="jaxmech",
            description="Learn mechanisms, and see how near the optimum they come.",
            config=(tyro.conf.AvoidSubcommands,),
        )
        status = _carry_out(command)
    except (
        ValueError,
        FileExistsError,
        FileNotFoundError,
        ModuleNotFoundError,
    ) as error:
        _fail(str(error))
        status = 2
    except FloatingPointError as error:
        _fail(str(error))
        status = 1
    except KeyboardInterrupt:
        _fail("interrupted")
        status = 130
    sys.exit(status)


def _check_names(arguments: Sequence[str]) -> None:
    """Wrong names of commands and experiments get an answer with the nearest right one."""
    if arguments and not arguments[0].startswith("-"):
        lookup("command", arguments[0], COMMANDS)
        if arguments[0] == "run" and len(arguments) > 1 and not arguments[1].startswith("-"):
            lookup("experiment", arguments[1], EXPERIMENTS)


def _commands() -> Any:
    """The type whose flags are the command line: one subcommand for each experiment."""
    runs: Any = Union[  # noqa: UP007 - made from values
        tuple(
            Annotated[
                Run,
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
        case Report(directory):
            return _report(directory)
    return _list()


def _list() -> int:
    from rich.table import Table

    environments = Table("Environment", "", title="Environments", title_justify="left", box=None)
    for name, summary in ENVIRONMENTS.items():
        environments.add_row(name, summary)
    experiments = Table("Experiment", "", "Reproduces", title="Experiments", title_justify="left")
    for name, experiment in EXPERIMENTS.items():
        experiments.add_row(name, experiment.summary, experiment.reproduces)
    _console().print(environments, "", experiments, "")
    _say("Run one with: jaxmech run EXPERIMENT")
    return 0


def _run(experiment: SequentialPriceExperiment, directory: Path | None) -> int:
    if experiment.samples is not None:
        if not Path(experiment.samples).is_file():
            raise ValueError(f"samples: got {experiment.samples}; there is no such file")
        # The run can then be resumed from any folder.
        experiment = replace(experiment, samples=str(Path(experiment.samples).absolute()))
    experiment = experiment.resolved()
    directory = directory or _free_directory(experiment.name)
    _set_up_jax()
    from jaxmech import runner
    from jaxmech.experiments.building import build

    study = build(experiment)
    references = _references(study)
    _say(f"{experiment.title}: writing {directory}")
    result = runner.run(
        study.designer,
        directory=directory,
        seeds=study.seeds,
        updates=experiment.updates,
        config=config_of(experiment),
        progress=_progress(references),
    )
    return _finish(study, result, references)


def _resume(directory: Path) -> int:
    experiment = read_config(directory / "config.yaml")
    _set_up_jax()
    from jaxmech import runner
    from jaxmech.experiments.building import build

    study = build(experiment)
    references = _references(study)
    result = runner.resume(
        study.designer,
        directory=directory,
        updates=experiment.updates,
        progress=_progress(references),
    )
    return _finish(study, result, references)


def _report(directory: Path) -> int:
    from jaxmech import report, results

    run = report.read_run(directory)
    if run.summary is not None:
        _console().print(results.rich_table(run.summary))
    _say(f"page: {report.write_report(run)}")
    return 0


def _references(study: Study) -> References:
    from jaxmech.experiments.building import references_of

    with _console().status("computing exact values"):
        return references_of(study)


def _progress(references: References) -> ConsoleProgress:
    """A progress bar that shows the optimum, or else the offline optimum."""
    from jaxmech.progress import ConsoleProgress

    for name in ("optimum", "offline_optimum"):
        if name in references.oracles:
            return ConsoleProgress({name.replace("_", " "): references.oracles[name]})
    return ConsoleProgress()


def _finish(study: Study, result: RunResult, references: References) -> int:
    """Evaluate, print the table, write the page; or say how to go on with a stopped run."""
    directory, updates = result.directory, study.experiment.updates
    go_on = f"go on with: jaxmech resume {directory}"
    if result.interrupted_by is not None:
        signal = result.interrupted_by.name
        _say(f"stopped by {signal} after {result.updates} of {updates} updates; {go_on}")
        return 128 + result.interrupted_by
    from jaxmech import report
    from jaxmech.experiments.evaluating import evaluate_run

    try:
        with _console().status("evaluating"):
            summary, picture = evaluate_run(study, result, references)
    except KeyboardInterrupt:
        _say(f"stopped while evaluating; {go_on}")
        return 130
    report.write_evaluation(directory, summary, picture)
    return _report(directory)


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


def _console() -> Console:
    from rich.console import Console

    return Console()


def _say(text: str) -> None:
    _console().print(text, highlight=False, markup=False, soft_wrap=True)


def _fail(text: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(text, style="red", highlight=False, markup=False, soft_wrap=True)
