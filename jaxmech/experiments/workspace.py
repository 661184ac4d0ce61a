"""A run's folder, as a study sees it: what is trained and kept there, and found again.

config.yaml      the study, everything resolved
stages/NAME/     what ``train`` trains: metrics.csv, evaluation.csv, checkpoints
kept/NAME.npz    what ``kept`` and ``kept_on_host`` computed
cells/NAME/      parts, each a folder like this one
timing.csv       what was begun and finished, and the seconds it took
summary.json, records.csv, figures/, report.html, and last of all manifest.json
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Any

import jax

from jaxmech import runner
from jaxmech.designers import Designer
from jaxmech.experiments import kept_values, timing
from jaxmech.experiments.configuration_files import CONFIG, config_of, flat, read_config, text_of
from jaxmech.experiments.made_with import check_made_with, devices_and_versions, hashes
from jaxmech.experiments.study import Study
from jaxmech.reports import console, folder
from jaxmech.reports.findings import Findings
from jaxmech.reports.folder import Description
from jaxmech.runner.chunks import Evaluate
from jaxmech.runner.files import claim, write_whole
from jaxmech.runner.programs import Programs, Timed, check_function
from jaxmech.runner.progress import ConsoleProgress
from jaxmech.runner.training import Stop

STAGES, KEPT = "stages", "kept"


class Stopped(BaseException):
    """A signal ended a study's training; what is done is safe.

    Attributes:
      signal: which.
      message: how far it came.
    """

    def __init__(self, signal: Signals, message: str):
        super().__init__(message)
        self.signal = signal
        self.message = message


@dataclass(eq=False)
class TrainingRequest(BaseException):
    """What a study asks its workspace to train next, raised in place of training.

    Attributes:
      workspace: which asks; the stage called ``name`` belongs to it.
      name: of the stage.
      designer: with what it closes over.
      updates: how many.
      seeds: which.
      keys: of each seed, where they are not those of ``jax.random.key``.
      evaluate: of a seed's state, for learning curves; None where there are none.
      evaluate_every: updates from one evaluation to the next.
      stop: of one seed's metrics, whether it is done.
    """

    workspace: Workspace
    name: str
    designer: Designer
    updates: int
    seeds: tuple[int, ...]
    keys: Sequence[jax.Array] | None
    evaluate: Evaluate | None
    evaluate_every: int | None
    stop: Stop | None

    def train(self, beside: Mapping[str, float] | None = None) -> runner.RunResult:
        """Trains it in the workspace's stage, and raises what ``Workspace.train`` does."""
        return self.workspace._train(self, beside)


class Workspace:
    """Where a study is computed.

    Args:
      directory: the folder; made where it is not there.
      say: shows a line to a person.
      raise_requests: raise ``TrainingRequest`` in place of training what is not finished.
      extend: a study that asks for more updates than a stage was made with gets them; without
        this it is refused.
      parent: the workspace that this is a part of; see ``cell``.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        say: Callable[[str], None] = console.say,
        raise_requests: bool = False,
        extend: bool = False,
        parent: Workspace | None = None,
    ):
        self.directory = Path(directory)
        self.say = say
        self._parent = parent
        self._raise_requests = raise_requests
        self._extend = extend
        self._made_with: dict[str, Any] | None = None
        self._programs: Programs = parent._programs if parent else Programs()

    def train(
        self,
        name: str,
        designer: Designer,
        *,
        updates: int,
        seeds: int | Sequence[int],
        keys: Sequence[jax.Array] | None = None,
        evaluate: Evaluate | None = None,
        evaluate_every: int | None = None,
        stop: Stop | None = None,
        beside: Mapping[str, float] | None = None,
    ) -> runner.RunResult:
        """Trains a designer by the runner, or goes on with it, in ``stages/NAME``.

        Args:
          name: of the stage.
          designer: with ``init`` and ``update``; its numbers are constants of the program.
          updates, seeds, keys, evaluate, evaluate_every, stop: see ``jaxmech.runner.run``.
          beside: values to show beside the objective while it trains.

        Raises:
          ValueError: the stage was made with something else; names the field.
          TrainingDivergedError: see ``jaxmech.runner.run``.
          Stopped: a signal came; the stage goes on from there when it is computed again.
        """
        seeds = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
        asked = TrainingRequest(
            self, name, designer, updates, seeds, keys, evaluate, evaluate_every, stop
        )
        is_finished = runner.is_finished(self._place(STAGES, name), updates=updates)
        if self._raise_requests and not is_finished:
            raise asked
        return asked.train(beside)

    def _train(
        self, asked: TrainingRequest, beside: Mapping[str, float] | None
    ) -> runner.RunResult:
        name, updates = asked.name, asked.updates
        directory = self._place(STAGES, name)
        is_finished = runner.is_finished(directory, updates=updates)
        is_noted = is_finished and timing.has_finished(self.directory, "train", name)
        if not is_noted:
            timing.note(self.directory, "begun", "train", name)
        result = runner.run_or_resume(
            asked.designer,
            directory=directory,
            seeds=asked.seeds,
            updates=updates,
            keys=asked.keys,
            evaluate=asked.evaluate,
            evaluate_every=asked.evaluate_every,
            stop=asked.stop,
            made_with=self._asked(),
            extend=self._extend,
            progress=ConsoleProgress(beside, say=None if self.say is console.say else self.say),
        )
        if not is_noted:
            event: timing.Event = "stopped" if result.interrupted else "finished"
            timing.note(
                self.directory, event, "train", name, result.seconds, result.compile_seconds
            )
        if result.interrupted_by is not None:
            done = int(result.updates.max())
            raise Stopped(
                result.interrupted_by,
                f"stopped by {result.interrupted_by.name} after {done} of {updates} updates",
            )
        return result

    def kept(
        self,
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        then: Callable[[Any], Any] | None = None,
    ) -> Any:
        """What ``function`` returns: computed, compiled, and kept; or found where it was kept.

        Args:
          name: of the file, and what is shown while it is computed.
          function: of a module, pure, from arrays to a PyTree of arrays.
          arguments: see ``jaxmech.runner.programs.Programs.run``.
          then: of a module; makes the plain values that are kept instead, as by
            ``kept_on_host``, of what ``function`` returned as NumPy arrays. For large samples of
            which only their means are wanted.

        Raises:
          ValueError: the value kept under this name was made with something else.
        """
        check_function(function)
        run = partial(self._programs.run, function, *arguments)
        if then is None:
            shapes = partial(self._programs.shapes, function, *arguments)
            return self._kept("kept", name, kept_values.question(function, arguments), run, shapes)
        check_function(then)

        def run_then() -> Timed:
            timed = run()
            started = time.perf_counter()
            value = then(jax.device_get(timed.value))
            seconds = timed.seconds + time.perf_counter() - started
            return Timed(value, seconds, timed.compile_seconds)

        asked = kept_values.question(function, (*arguments, then))
        return self._kept("kept", name, asked, run_then)

    def kept_on_host(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """What ``function`` returns, run by Python: computed and kept, or found.

        Args:
          name: of the file, and what is shown while it is computed.
          function: of a module, to plain values: dictionaries, lists, tuples, strings, numbers,
            booleans, None and NumPy arrays.
          arguments: arrays, plain values, functions of a module, and dataclasses of them.

        Raises:
          ValueError: the value kept under this name was made with something else.
        """
        check_function(function)

        def run() -> Timed:
            started = time.perf_counter()
            return Timed(function(*arguments), time.perf_counter() - started, 0.0)

        return self._kept("kept_on_host", name, kept_values.question(function, arguments), run)

    def cell(self, name: str) -> Workspace:
        """A part with a complete folder of its own, which finds what its parents kept."""
        return Workspace(
            self._place(folder.CELLS, name),
            say=self.say,
            raise_requests=self._raise_requests,
            extend=self._extend,
            parent=self,
        )

    def run(self, study: Study) -> Findings:
        """What the study finds, computed here, gone on with, or read back if it is finished.

        Raises:
          ValueError: the folder holds another study, or one with another configuration; names
            the field. Or the precision is not the study's, or another process is at work in
            this part of a run.
          Stopped, TrainingRequest: see ``train``.
        """
        study = study.resolved()
        _check_precision(study)
        # Whoever computes the whole has claimed its folder, which does not claim those within.
        with nullcontext() if self._parent is None else claim(self.directory):
            self._run(study)
        return folder.read(self.directory).findings

    def _run(self, study: Study) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = config_of(study)
        self._check_config(config)
        self._made_with = {"configuration": flat(config), "files": hashes(study.files)}
        damaged = folder.damage(self.directory)
        for line in damaged:
            self.say(line)
        if folder.is_finished(self.directory):
            made_with = folder.read(self.directory).summary["made_with"]
            check_made_with(self.directory / folder.SUMMARY, made_with, self._made_with)
            self.say(f"{self.directory}: already finished")
            if damaged:
                folder.write_pages(self.directory, description_of(study))
        else:
            self._note_as_cell("begun")
            findings = study.compute(self)
            seconds, compile_seconds = timing.totals(self.directory)
            about = {
                "study": study.name,
                "made_with": self._made_with,
                **devices_and_versions(),
                "seconds": seconds,
                "compile_seconds": compile_seconds,
            }
            folder.write(self.directory, findings, about, description_of(study))
            self._note_as_cell("finished", seconds, compile_seconds)

    def _note_as_cell(
        self, event: timing.Event, seconds: float = 0.0, compile_seconds: float = 0.0
    ) -> None:
        if self._parent is not None:
            name = self.directory.name
            timing.note(self._parent.directory, event, "cell", name, seconds, compile_seconds)

    def _kept(
        self,
        kind: timing.Kind,
        name: str,
        asked: Mapping[str, Any],
        run: Callable[[], Timed],
        shapes: Callable[[], Any] | None = None,
    ) -> Any:
        """What answers ``asked``: a PyTree of ``shapes()``, or without these plain values."""

        def read(path: Path) -> Any:
            if shapes is None:
                return kept_values.read_plain(path)
            return kept_values.read_tree(path, shapes())

        path = self._place(KEPT, f"{name}.npz")
        try:
            if path.exists():
                self._check_asked(path, asked)
                return read(path)
        except kept_values.DamagedFileError as damage:
            self.say(f"{damage}; it is computed again")
        for ancestor in self._ancestors():
            shared = ancestor.directory / KEPT / path.name
            with suppress(kept_values.DamagedFileError):
                if shared.exists() and asked.items() <= kept_values.read_about(shared).items():
                    return read(shared)
        timing.note(self.directory, "begun", kind, name)
        with console.working(name.replace("_", " "), self.say):
            timed = run()
        write = kept_values.write_plain if shapes is None else kept_values.write_tree
        value = write(path, timed.value, {**asked, "made_with": self._asked()})
        timing.note(self.directory, "finished", kind, name, timed.seconds, timed.compile_seconds)
        return value

    def _check_asked(self, path: Path, asked: Mapping[str, Any]) -> None:
        about = kept_values.read_about(path)
        check_made_with(path, about["made_with"], self._asked())
        if not asked.items() <= about.items():
            raise ValueError(
                f"{path}: was made by {about['function']} of other arguments than are given now; "
                "remove it to have it computed anew"
            )

    def _check_config(self, config: dict[str, Any]) -> None:
        path = self.directory / CONFIG
        if path.exists():
            was = {"configuration": flat(config_of(read_config(path)))}
            check_made_with(path, was, {"configuration": flat(config)})
        else:
            write_whole(path, text_of(config))

    def _asked(self) -> dict[str, Any]:
        if self._made_with is None:
            raise ValueError("workspace: has no study yet; call run(study)")
        return self._made_with

    def _ancestors(self) -> list[Workspace]:
        return [] if self._parent is None else [self._parent, *self._parent._ancestors()]

    def _place(self, kind: str, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.\-]*", name):
            raise ValueError(
                f"name: got {name!r}; allowed are lower case letters and digits, and after the "
                "first of these also '_', '.' and '-'"
            )
        return self.directory / kind / name


def description_of(study: Study) -> Description:
    """What a page says of a study."""
    return Description(
        title=study.title,
        summary=study.summary if study.is_as_described else "",
        reproduces=study.reproduces if study.is_as_described else "",
        configuration=flat(config_of(study)),
    )


def _check_precision(study: Study) -> None:
    set_to = "float64" if jax.config.read("jax_enable_x64") else "float32"
    if study.precision != set_to:
        raise ValueError(
            f"precision: got {set_to}; {study.name} is computed in {study.precision}, so "
            f"jax_enable_x64 must be {study.precision == 'float64'} before anything is compiled"
        )
