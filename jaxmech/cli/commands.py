"""The verbs of the ``jaxmech`` command.

Listing, help and mistakes in the command line are answered without importing jax. A signal is
answered from the first line to the last: by the runner while it trains, elsewhere at once.
"""

from __future__ import annotations

import errno
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Annotated, Any

import tyro

from jaxmech.checks import InvalidValueError
from jaxmech.cli.flags import parsed, with_choices, with_flag
from jaxmech.environments.registry import ENVIRONMENTS
from jaxmech.experiments.configuration_files import study_in
from jaxmech.experiments.registry import FOR_FILES, studies, study_called
from jaxmech.experiments.study import Study
from jaxmech.naming import full_name, lookup
from jaxmech.reports.console import fail, say, show, terminal
from jaxmech.runner.files import free_directory
from jaxmech.runner.interruption import answering

RUNS = Path("runs")

FEWEST_THREADS = 8
"""That XLA is given, on a machine of fewer processors too."""


@dataclass(frozen=True)
class Run:
    """Compute a study, such as learning a mechanism, and write the run's folder."""

    # Any: its flags are those of the study given as default.
    study: Annotated[Any, tyro.conf.arg(name="")]
    directory: Path | None = None
    """The run's folder; by default the next free one in runs/. Never overwritten."""


@dataclass(frozen=True)
class Resume:
    """Go on with a run that was stopped, to its results."""

    directory: tyro.conf.Positional[Path]
    """The run's folder, or its name in runs/."""
    updates: int | None = None
    """Train for so many updates in all, more than the run was begun with; rates that fall over
    all updates are then those of the longer run."""


@dataclass(frozen=True)
class Report:
    """Show the tables of a run again, and make its figures and page anew from its folder."""

    directory: tyro.conf.Positional[Path]
    """The run's folder, or its name in runs/."""


@dataclass(frozen=True)
class List:
    """Environments, studies, and what each study reproduces."""


VERBS: dict[str, type] = {"list": List, "run": Run, "resume": Resume, "report": Report}


@dataclass
class _Answer:
    """What is said when a signal ends the process.

    Attributes:
      directory: of the run that it ends, if there is one.
    """

    directory: Path | None = None

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
        try:
            status = _status(list(sys.argv[1:] if arguments is None else arguments), answer)
        finally:
            _flush()
    sys.exit(status)


def _flush() -> None:
    """So that Python does not say at its end that what the output was for has gone, as head has."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status(arguments: list[str], answer: _Answer) -> int:
    run: Run | None = None
    try:
        match _with_full_name(arguments):
            case ["run", name, *flags] if name in studies():
                study, flags = with_choices(study_called(name), flags)
                run = Run(study)
                asked = parsed(
                    Run,
                    default=run,
                    args=flags,
                    prog=f"jaxmech run {name}",
                    description=study.summary,
                    config=(tyro.conf.AvoidSubcommands,),
                )
                return _run(asked.study, asked.directory, answer)
            case ["run", *_]:
                _list()
                say("jaxmech run STUDY --help shows the flags of a study")
                return 0
            case [verb, *flags] if verb in VERBS:
                kind = VERBS[verb]
                asked = parsed(kind, args=flags, prog=f"jaxmech {verb}", description=kind.__doc__)
                return _carry_out(asked, answer)
        return _usage(arguments)
    except BrokenPipeError:
        return 128 + 13
    except (ValueError, ModuleNotFoundError, FileExistsError, FileNotFoundError) as error:
        if not _is_refusal(error):
            raise
        fail(with_flag(str(error), run, arguments) if run else str(error))
        return 2
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT) and answer.directory is not None
        fail(
            f"the disk is full; what {answer.directory} holds is safe: make room, and go on with: "
            f"jaxmech resume {answer.directory}"
            if is_full
            else str(error)
        )
        return 2
    except FloatingPointError as error:
        fail(str(error))
        return 1


def _is_refusal(error: Exception) -> bool:
    """Whether the error was raised to be read, and is no mistake in a study's program."""
    frames = list(traceback.walk_tb(error.__traceback__))
    innermost, number = frames[-1]
    is_ours = innermost.f_globals.get("__name__", "").startswith("jaxmech.")
    line = linecache.getline(innermost.f_code.co_filename, number).strip()
    return (
        not isinstance(error, ValueError)
        or isinstance(error, InvalidValueError)
        or any(frame.f_code.co_name == Study.resolved.__name__ for frame, _ in frames)
        or (is_ours and line.startswith("raise"))
    )


def _with_full_name(arguments: list[str]) -> list[str]:
    """``arguments``, with a study by its full name.

    Raises:
      ValueError: there is no such verb or study; says what was probably meant.
    """
    match arguments:
        case ["run", name, *flags] if not name.startswith("-"):
            for ending, usual in FOR_FILES.items():
                if name.endswith(ending):
                    raise ValueError(f"study: got {name!r}, a file; run it by: {usual} {name}")
            name = full_name(name, studies())
            lookup("study", name, studies())
            return ["run", name, *flags]
        case [verb, *_] if not verb.startswith("-"):
            lookup("command", verb, VERBS)
    return arguments


def _usage(arguments: Sequence[str]) -> int:
    """Prints the verbs; 0 if that was asked for."""
    say("usage: jaxmech VERB ...    (jaxmech VERB --help shows its flags)\n")
    for verb, kind in VERBS.items():
        say(f"  {verb:8}{kind.__doc__}")
    return 0 if set(arguments) & {"-h", "--help"} else 2


def _carry_out(asked: Resume | Report | List, answer: _Answer) -> int:
    match asked:
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
    known = Table(names("Study"), "", "Reproduces", title="Studies", title_justify="left")
    for name in studies():
        study = study_called(name)
        known.add_row(name, study.summary, study.reproduces)
    terminal().print(environments, "", known, "")
    say("Run one with: jaxmech run STUDY")
    return 0


def _run(study: Study, directory: Path | None, answer: _Answer) -> int:
    study = study.resolved()
    _set_up_jax(study)
    from jaxmech.experiments import runs

    place = directory or free_directory(RUNS, study.name.replace("/", "-"))
    answer.directory = place
    return _until_stopped(lambda: runs.start(study, place), place)


def _resume(directory: Path, updates: int | None, answer: _Answer) -> int:
    _set_up_jax(study_in(directory))
    from jaxmech.experiments import runs

    answer.directory = directory
    return _until_stopped(lambda: runs.go_on(directory, updates=updates), directory)


def _until_stopped(compute: Callable[[], object], directory: Path) -> int:
    from jaxmech.experiments.runs import REFUSALS
    from jaxmech.experiments.workspace import Stopped

    try:
        compute()
    except REFUSALS:
        # A study that was refused leaves nothing behind, nor a folder for it.
        with suppress(OSError):  # not empty, or not there
            RUNS.rmdir()
        raise
    except Stopped as stopped:
        say(f"{stopped.message}; go on with: jaxmech resume {directory}")
        return 128 + stopped.signal
    return _report(directory)


def _report(directory: Path) -> int:
    from jaxmech.experiments import runs

    findings, page, lines = runs.show(directory)
    for line in lines:
        fail(line)
    if findings is None:
        say(f"the study is not finished; go on with: jaxmech resume {directory}")
    else:
        show(findings)
    say(f"page: {page}")
    return 0


def _set_up_jax(study: Study) -> None:
    """The study's precision; and threads, and compiled programs kept, unless the user arranged it.

    XLA reads the number of its threads when it first computes. Where there are as few as two, all
    of them may come to wait for batched linear solves, of which none is left to make any.
    """
    os.environ.setdefault("NPROC", str(max(FEWEST_THREADS, os.cpu_count() or 1)))
    import jax

    jax.config.update("jax_enable_x64", study.precision == "float64")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "jaxmech"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
