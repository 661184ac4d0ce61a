"""Timing contenders, each in a process of its own, their repetitions taking turns."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from contenders import CONTENDERS
from reaching import Reached, reach
from work import Contender, Ran

Contenders = Mapping[str, Callable[[Any], Contender]]
"""By name, functions from the work to what is timed; importable, as processes are spawned."""

MISSING = "not installed: "
"""How the failure of a contender begins whose library is missing."""


@dataclass
class Timing:
    """What one contender's process reported.

    Attributes:
      setup: seconds to import libraries and build environments and networks, compilation not
        included.
      compilation: seconds of tracing, lowering and compiling; 0 where nothing is compiled.
      first: seconds of the first run, after compilation.
      steps_per_second, seconds_per_update: of each repetition.
      live: environment steps over rows.
      peak: bytes, greatest memory of the process, libraries included.
      checksum: over all runs.
      note: about the machine.
      compiled_bytes: what a compiled run holds at its peak; 0 where not asked.
      failure: why there are no figures; empty where there are.
    """

    setup: float = 0.0
    compilation: float = 0.0
    first: float = 0.0
    steps_per_second: list[float] = field(default_factory=list)
    seconds_per_update: list[float] = field(default_factory=list)
    live: float = 1.0
    peak: float = 0.0
    checksum: float = 0.0
    note: str = ""
    compiled_bytes: float = 0.0
    failure: str = ""


class Process:
    """A contender in a process of its own, which answers one request at a time."""

    def __init__(
        self, contender: str, work: Any, cache: str, contenders: Contenders = CONTENDERS
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, contenders[contender], work, cache), daemon=True
        )
        self._process.start()
        theirs.close()
        self.timing = Timing()
        answer = self._answer()
        if not self.timing.failure:
            self.timing = Timing(**answer)

    def repeat(self, seconds: float) -> None:
        """One timed repetition, of runs until ``seconds`` have passed."""
        if self.timing.failure:
            return
        self._connection.send(("repeat", seconds))
        answer = self._answer()
        if "failure" in answer:
            return
        elapsed, steps, rows = answer["elapsed"], answer["steps"], answer["rows"]
        self.timing.steps_per_second.append(steps / elapsed)
        if answer["updates"]:
            self.timing.seconds_per_update.append(elapsed / answer["updates"])
        self.timing.live = steps / rows
        self.timing.peak = answer["peak"]
        self.timing.checksum += answer["checksum"]

    def reach(self, target: float, cap: float) -> Reached | None:
        """Trains up to a mean welfare or a time; None where that failed, see ``timing``."""
        if self.timing.failure:
            return None
        self._connection.send(("reach", target, cap))
        return self._answer().get("reached")

    def close(self) -> None:
        """Ends the process."""
        with suppress(OSError):
            self._connection.send(("stop",))
        self._process.join()

    def _answer(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._connection.recv()
        except EOFError:
            self._process.join()
            answer = {"failure": f"its process ended with code {self._process.exitcode}"}
        self.timing.failure = answer.get("failure", "")
        return answer


def measure(
    names: Sequence[str],
    work: Any,
    repetitions: int,
    seconds: float,
    cache: str,
    contenders: Contenders = CONTENDERS,
) -> dict[str, Timing]:
    """Times contenders by name; each round of repetitions starts with the next one."""
    processes = {name: Process(name, work, cache, contenders) for name in names}
    for repetition in range(repetitions):
        turn = repetition % len(names)
        for name in (*names[turn:], *names[:turn]):
            processes[name].repeat(seconds)
    for process in processes.values():
        process.close()
    return {name: process.timing for name, process in processes.items()}


def peak_memory() -> float:
    """Greatest resident memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _serve(
    connection: Connection, contender: Callable[[Any], Contender], work: Any, cache: str
) -> None:
    """The life of a contender's process."""
    # A cache that is empty at the start of a measurement: else the time of compilation
    # would depend on what this machine ran before.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        start = time.perf_counter()
        subject = contender(work)
        built = time.perf_counter()
        subject.run()
        first = time.perf_counter() - built
        compilation = subject.compile_seconds
        connection.send(
            {
                "setup": built - start - compilation,
                "compilation": compilation,
                "first": first,
                "note": subject.note,
                "compiled_bytes": subject.compiled_bytes,
            }
        )
        while (request := connection.recv())[0] != "stop":
            if request[0] == "repeat":
                connection.send(_repeat(subject, request[1]))
            else:
                connection.send({"reached": reach(subject, work, first, *request[1:])})
    except ModuleNotFoundError as error:
        connection.send({"failure": f"{MISSING}{error.name}"})
    except Exception as error:
        connection.send({"failure": f"{type(error).__name__}: {error}"})


def _repeat(subject: Contender, seconds: float) -> dict[str, float]:
    runs: list[Ran] = []
    start = time.perf_counter()
    while not runs or time.perf_counter() - start < seconds:
        runs.append(subject.run())
    elapsed = time.perf_counter() - start
    return {
        "elapsed": elapsed,
        "steps": sum(run.steps for run in runs),
        "rows": sum(run.rows for run in runs),
        "checksum": sum(run.checksum for run in runs),
        "updates": len(runs) * subject.updates_per_run,
        "peak": peak_memory(),
    }
