"""The verbs of the ``jaxmech`` command.

Listing, help and mistakes in the command line are answered without importing jax. A signal is
answered from the first line to the last: by the runner while it trains, elsewhere at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Annotated, Any, Generic, TypeVar

import tyro

from jaxmech.cli.choices import with_choices
from jaxmech.cli.flags import with_flag
from jaxmech.cli.parsing import parsed
from jaxmech.environments.registry import ENVIRONMENTS
from jaxmech.experiments.registry import FOR_FILES, STUDIES, study_called
from jaxmech.experiments.study import Study
from jaxmech.naming import full_name, lookup
from jaxmech.reports.console import console, fail, say
from jaxmech.runner.claim import free_directory
from jaxmech.runner.interruption import answering

RUNS = Path("runs")

Configuration = TypeVar("Configuration")


@dataclass(frozen=True)
class Run(Generic[Configuration]):
    """Compute a study, such as learning a mechanism, and write the run's folder."""

    study: Annotated[Configuration, tyro.conf.arg(name="")]
    directory: Path | None = None
    """The run's folder; by default the next free one in runs/. Never overwritten."""


@dataclass(frozen=True)
class Resume:
    """Go on with a run that was stopped, to its results."""

    directory: tyro.conf.Positional[Path]
    """The run's folder, or its name in runs/."""
    updates: int | None = None
    """Train for so many updates in all, more than the run was begun with."""


@dataclass(frozen=True)
class Report:
    """Show the tables of a run again, and make its figures and page anew from its folder."""

    directory: tyro.conf.Positional[Path]
    """The run's folder, or its name in runs/."""


@dataclass(frozen=True)
class List:
    """Environments, studies, and what each study reproduces."""


VERBS: dict[str, type] = {"list": List, "run": Run, "resume": Resume, "report": Report}


class _Answer:
    """What is said when a signal ends the process.

    Attributes:
      directory: of the run that it ends, if there is one.
    """

    def __init__(self) -> None:
        self.directory: Path | None = None

    def __call__(self, received: Signals) -> None:
        how = f"; go on with: jaxmech resume {self.directory}" if self.directory else ""
        fail(f"stopped by {received.name}{how}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ``arguments`` are those of the process unless given.

    Exits with 0, with 2 after a mistake in what was asked or a file that cannot be read or
    written, with 1 where training diverged, and with 128 + the signal's number where one
    stopped the run.
    """
    answer = _Answer()
    with answering(answer):
        status = _status(list(sys.argv[1:] if arguments is None else arguments), answer)
    sys.exit(status)


def _status(arguments: list[str], answer: _Answer) -> int:
    command: Any = None
    try:
        arguments = _with_full_name(arguments)
        command, arguments = _known(arguments)
        asked = _parsed(command, arguments)
        return _usage(arguments) if asked is None else _carry_out(asked, answer)
    except BrokenPipeError:
        # What the output was for has gone, such as head; so that Python does not say so too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except (ValueError, ModuleNotFoundError, FileExistsError, FileNotFoundError) as error:
        fail(with_flag(str(error), command, arguments) if command else str(error))
        return 2
    except OSError as error:
        fail(_about_disk(error, answer.directory))
        return 2
    except FloatingPointError as error:
        fail(str(error))
        return 1


def _about_disk(error: OSError, directory: Path | None) -> str:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT) or directory is None:
        return str(error)
    return (
        f"the disk is full; what {directory} holds is safe: make room, and go on with: "
        f"jaxmech resume {directory}"
    )


def _with_full_name(arguments: list[str]) -> list[str]:
    """``arguments``, with a study by its full name.

    Raises:
      ValueError: there is no such verb or study; says what was probably meant.
    """
    if not arguments or arguments[0].startswith("-"):
        return arguments
    lookup("command", arguments[0], VERBS)
    if arguments[0] != "run" or len(arguments) == 1 or arguments[1].startswith("-"):
        return arguments
    name, *flags = arguments[1:]
    for ending, usual in FOR_FILES.items():
        if name.endswith(ending):
            raise ValueError(f"study: got {name!r}, a file; run it by: {usual} {name}")
    name = full_name(name, STUDIES)
    lookup("study", name, STUDIES)
    return ["run", name, *flags]


def _known(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command with its default values where a study is to be run, and the flags left."""
    match arguments:
        case ["run", name, *flags] if name in STUDIES:
            study, flags = with_choices(study_called(name), flags)
            return Run(study), ["run", name, *flags]
    return None, arguments


def _parsed(command: Any, arguments: Sequence[str]) -> Any:
    """The command asked for, with its flags."""
    match arguments:
        case ["run", name, *flags] if command is not None:
            kind: Any = Run[type(command.study)]  # type: ignore[misc]  # made from a value
            return parsed(
                kind,
                default=command,
                args=flags,
                prog=f"jaxmech run {name}",
                description=command.study.summary,
                config=(tyro.conf.AvoidSubcommands,),
            )
        case ["run", *_]:
            return Run(None)
        case [verb, *flags] if verb in VERBS:
            about = VERBS[verb].__doc__
            return parsed(VERBS[verb], args=flags, prog=f"jaxmech {verb}", description=about)
    return None


def _usage(arguments: Sequence[str]) -> int:
    """Prints the verbs; 0 if that was asked for."""
    say("usage: jaxmech VERB ...    (jaxmech VERB --help shows its flags)\n")
    for verb, kind in VERBS.items():
        say(f"  {verb:8}{kind.__doc__}")
    return 0 if set(arguments) & {"-h", "--help"} else 2


def _carry_out(command: Any, answer: _Answer) -> int:
    match command:
        case Run(None):
            _list()
            say("jaxmech run STUDY --help shows the flags of a study")
            return 0
        case Run(study, directory):
            return _run(study, directory, answer)
        case Resume(directory, updates):
            return _resume(_found(directory), updates, answer)
        case Report(directory):
            return _report(_found(directory))
    return _list()


def _found(directory: Path) -> Path:
    """The folder itself, or the one of its name in runs/."""
    return RUNS / directory if not directory.exists() and (RUNS / directory).exists() else directory


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
    studies = Table(names("Study"), "", "Reproduces", title="Studies", title_justify="left")
    for name in STUDIES:
        study = study_called(name)
        studies.add_row(name, study.summary, study.reproduces)
    console().print(environments, "", studies, "")
    say("Run one with: jaxmech run STUDY")
    return 0


def _run(study: Study, directory: Path | None, answer: _Answer) -> int:
    study = study.resolved()
    _set_up_jax(study)
    from jaxmech.experiments import runs

    if directory is None:
        directory = free_directory(RUNS, study.name.replace("/", "-"))
    else:
        runs.check_free(directory)
    answer.directory = directory
    return _until_stopped(lambda: runs.start(study, directory), directory)


def _resume(directory: Path, updates: int | None, answer: _Answer) -> int:
    from jaxmech.experiments.configuration_files import CONFIG, read_config

    if not directory.is_dir():
        raise ValueError(f"directory: got {directory}; there is no such folder")
    study = read_config(directory / CONFIG)
    _set_up_jax(study)
    from jaxmech.experiments import runs

    answer.directory = directory
    return _until_stopped(lambda: runs.go_on(directory, updates=updates), directory)


def _until_stopped(compute: Callable[[], object], directory: Path) -> int:
    from jaxmech.experiments.workspace import Stopped

    try:
        compute()
    except ValueError:
        # A study that was refused leaves nothing behind, nor a folder for it.
        if RUNS.is_dir() and not any(RUNS.iterdir()):
            RUNS.rmdir()
        raise
    except Stopped as stopped:
        say(f"{stopped.message}; go on with: jaxmech resume {directory}")
        return 128 + stopped.signal
    return _report(directory)


def _report(directory: Path) -> int:
    from jaxmech.experiments import runs
    from jaxmech.reports import terminal

    findings, page, lines = runs.show(directory)
    for line in lines:
        fail(line)
    if findings is None:
        say(f"the study is not finished; go on with: jaxmech resume {directory}")
    else:
        terminal.show(findings)
    say(f"page: {page}")
    return 0


def _set_up_jax(study: Study) -> None:
    """The study's precision; and compiled programs kept, unless the user has arranged for it."""
    import jax

    jax.config.update("jax_enable_x64", study.precision == "float64")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "jaxmech"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
