"""The one training loop for people.

Any designer, that is any object with pure ``init(key) -> state`` and ``update(state) ->
(state, metrics)``, for several seeds, in compiled chunks of updates, with its numbers on
disk, checkpoints, and a resume that goes on bit for bit: on the same machine and software
the files and states are those of the uninterrupted run. (On a GPU this needs XLA's
deterministic operations, ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.)

A run is a folder:

    config.yaml      what it was asked to do, as given
    metrics.csv      update, seed, and the designer's metrics; one line per update and seed
    timing.csv       update, and the seconds spent on updates so far, compiling excluded
    evaluation.csv   update, seed, and what ``evaluate`` returned
    checkpoints/     the last three
"""

from jaxmech.runner.loop import RunResult, TrainingDiverged, load, resume, run
from jaxmech.runner.run_folder import has_checkpoint

__all__ = ["RunResult", "TrainingDiverged", "has_checkpoint", "load", "resume", "run"]
