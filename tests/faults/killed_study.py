"""A study of a cell, a training and two kept values, in processes that are killed on their way.

Standard input gives a line for each process: the folder, whose operations are counted (``own``,
``orbax``), and before which of them the process is killed. Standard output answers with how it
ended and how many operations it came to. All are forked from this process, which has imported
what they need and started no thread.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from small_training import TRAINING

from jaxmech.experiments import registry, runs
from jaxmech.experiments.study import NamedStudy
from jaxmech.reports.findings import Curve, Estimate, Figure, Findings, Record

OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Parted(NamedStudy):
    """Trains in a cell and keeps what it doubles."""

    factor: float = 2.0
    """What the result is multiplied by."""

    def compute(self, workspace):
        import jax.numpy as jnp

        found = workspace.cell("descent").run(replace(TRAINING, updates=4))
        distance = found.estimates["learned"].mean
        doubled = workspace.kept("doubled", times, jnp.float32(distance), self.factor)
        words = workspace.kept_on_host("words", words_of, float(doubled))
        return Findings(
            headline=words,
            estimates={"learned": Estimate(float(doubled))},
            figures=(Figure("line", "A line.", "x", "y", (Curve("a", (0.0, 1.0), (0.0, 1.0)),)),),
            records=(Record("descent", "doubled", float(doubled)),),
        )


def times(value, factor):
    return value * factor


def words_of(value):
    return f"{value:.6f}"


PARTED = Parted("tests/parted", "parted", "")


def compute(directory: Path) -> None:
    registry.STUDIES |= {
        study.name: f"{module}:{constant}"
        for study, module, constant in (
            (PARTED, __name__, "PARTED"),
            (TRAINING, "small_training", "TRAINING"),
        )
    }
    if (directory / "config.yaml").exists():
        runs.go_on(directory, say=_quiet)
    else:
        runs.start(PARTED, directory, say=_quiet)


def _quiet(line: str) -> None:
    pass


def _is_operation(event: str, arguments: tuple[Any, ...], directory: str) -> bool:
    if event not in OPERATIONS or (event == "open" and not arguments[2] & WRITING):
        return False
    return isinstance(arguments[0], str | os.PathLike) and os.fspath(arguments[0]).startswith(
        directory
    )


def _is_by_orbax() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("orbax"):
            return True
        frame = frame.f_back
    return False


def child(directory: Path, whose: str, kill_at: int, answer: int) -> None:
    """Computes the study; tells ``answer`` how many operations it has come to."""
    came_to = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal came_to
        if not _is_operation(event, arguments, str(directory)):
            return
        if _is_by_orbax() != (whose == "orbax"):
            return
        if came_to == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        came_to += 1

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.addaudithook(hook)
    compute(directory)
    os.write(answer, json.dumps(came_to).encode())


def main() -> None:
    for line in sys.stdin:
        directory, whose, kill_at = json.loads(line)
        read, write = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                child(Path(directory), whose, kill_at, write)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(write)
        _, status = os.waitpid(process, 0)
        with os.fdopen(read) as told:
            count = told.read()
        ended = os.waitstatus_to_exitcode(status)
        print(json.dumps([ended, json.loads(count or "null")]), flush=True)


if __name__ == "__main__":
    # Studies are found again by the name of their module.
    sys.modules["killed_study"] = sys.modules["__main__"]
    import jax.numpy  # noqa: F401 - imported once for all processes
    import matplotlib.pyplot  # noqa: F401
    import orbax.checkpoint  # noqa: F401

    import jaxmech.experiments.workspace  # noqa: F401

    main()
