"""The one training loop for people.

Any designer, that is any object with pure ``init(key) -> state`` and ``update(state) ->
(state, metrics)``, for several seeds, in compiled chunks of updates, with its numbers on
disk, checkpoints, and a resume that goes on bit for bit: on the same machine and software
the files and states are those of the uninterrupted run. (On a GPU this needs XLA's
deterministic operations, ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.)

A run is a folder:

    config.yaml      what it was asked to do, as given
    plan.json        what a resume must know: seeds, updates, what the designer was
    metrics.csv      update, seed, and the designer's metrics; one line per update and seed
    timing.csv       update, and the seconds spent on updates so far, compiling excluded
    evaluation.csv   update, seed, and what ``evaluate`` returned
    checkpoints/     the last three
    lock             locked while a process trains

Nothing is imported before it is asked for: ``jaxmech.runner.interruption`` and ``files`` are
there without JAX and NumPy.
"""

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.runner.checkpoints import StructureMismatchError
    from jaxmech.runner.files import DiskFullError
    from jaxmech.runner.logs import read_log
    from jaxmech.runner.loop import RunResult, TrainingDivergedError
    from jaxmech.runner.record import has_checkpoint
    from jaxmech.runner.running import is_finished, load, resume, run, run_or_resume

__all__ = [
    "DiskFullError",
    "RunResult",
    "StructureMismatchError",
    "TrainingDivergedError",
    "has_checkpoint",
    "is_finished",
    "load",
    "read_log",
    "resume",
    "run",
    "run_or_resume",
]

__getattr__ = exports(
    __name__,
    {
        "checkpoints": ("StructureMismatchError",),
        "files": ("DiskFullError",),
        "logs": ("read_log",),
        "loop": ("RunResult", "TrainingDivergedError"),
        "record": ("has_checkpoint",),
        "running": ("is_finished", "load", "resume", "run", "run_or_resume"),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
