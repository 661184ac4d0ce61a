"""How fast sequential price mechanisms are simulated and learned, beside peers and the limit.

    python benchmarks/sequential_price.py                     one table, some minutes
    python benchmarks/sequential_price.py --time-to-optimum   also how long learning takes
    python benchmarks/sequential_price.py --quick             checks that everything runs

Needs the extra ``bench``. Every contender lives in a process of its own, so that peak
memory is its own. Repetitions take turns, so that other load on the machine strikes all
alike; medians are reported.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import tyro
from contenders import CONTENDERS
from measuring import MISSING, Process, Timing, measure
from reaching import EPISODES, Reached
from rich.console import Console
from tables import optimum_table, speed_table
from work import HIDDEN, NUM_EPOCHS, NUM_MINIBATCHES, Work

LIBRARIES = ("jaxmech", "jax", "numpy", "gymnasium", "torch", "stable-baselines3", "rejax")

OPTIMUM = 4.129283
"""Welfare of the best mechanism for 20 agents, 5 units, values iid U[0, 1]: exact."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run on tiny batches; its figures mean nothing."""
    repetitions: int = 7
    """Timed repetitions of each contender."""
    seconds: float = 1.0
    """Least time of one repetition; short runs are repeated within it."""
    num_environments: int = 1024
    """Environments stepped together."""
    agents: tuple[int, ...] = (5, 20, 100, 500)
    """Numbers of agents to compare, with a quarter as many units."""
    time_to_optimum: bool = False
    """Also train until 99 % of the exact optimum."""
    cap: float = 300.0
    """Longest training time of one seed, in seconds, compilation not included."""
    seeds: int = 3
    """Seeds of the time to the optimum; each is shown, and the median."""
    torch_threads: int | None = None
    """Threads of torch; the faster of 1 and its own default where not given."""


TRAINERS = (
    "jaxmech_ppo",
    "jaxmech_symmetric_ppo",
    "stable_baselines_ppo",
    "stable_baselines_ppo_vectorised",
)


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: a contender failed for another reason than a missing library.
    """
    # Wide enough for the table where the output is a file.
    console = Console(width=max(Console().width, 150))
    work = Work(num_environments=options.num_environments, torch_threads=options.torch_threads)
    if options.quick:
        options = replace(options, repetitions=2, seconds=0.05, agents=(5, 8), cap=1.0, seeds=2)
        work = replace(work, num_environments=64, updates_per_run=2, python_rollout_length=64)

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as cache, console.status("measuring"):
        timings = measure(tuple(CONTENDERS), work, options.repetitions, options.seconds, cache)
        warm = measure(("jaxmech_ppo",), work, 1, options.seconds, cache)["jaxmech_ppo"]
    by_agents = {}
    for num_agents in options.agents:
        scaled = _scaled(work, num_agents)
        with tempfile.TemporaryDirectory() as cache, console.status(f"{num_agents} agents"):
            names = ("jaxmech_episodes", "jaxmech_ppo")
            by_agents[scaled] = measure(names, scaled, options.repetitions, options.seconds, cache)
    failures = {name: timing.failure for name, timing in timings.items()}
    failures["jaxmech_ppo, warm"] = warm.failure
    for scaled, pair in by_agents.items():
        for name, timing in pair.items():
            failures[f"{name}, {scaled.num_agents} agents"] = timing.failure
    times: dict[str, list[Reached]] = {}
    if options.time_to_optimum:
        for trainer in TRAINERS:
            with console.status(f"time to the optimum: {trainer}"):
                times[trainer] = []
                for seed in range(options.seeds):
                    answer, failure = _time_to_optimum(trainer, replace(work, seed=seed), options)
                    times[trainer] += [answer] if answer else []
                    failures[f"{trainer}, seed {seed}"] = failure

    console.print(speed_table(timings, warm, by_agents))
    if times:
        console.print(optimum_table(times))
    for line in _remarks(work, timings, load, options):
        console.print(line, highlight=False)
    failures = {name: failure for name, failure in failures.items() if failure}
    for name, failure in failures.items():
        console.print(f"n/a, {name}: {failure}", highlight=False)
    if not all(failure.startswith(MISSING) for failure in failures.values()):
        raise SystemExit(1)


def _scaled(work: Work, num_agents: int) -> Work:
    """As many transitions a rollout, shared among fewer or more environments."""
    environments = work.rows // num_agents // NUM_MINIBATCHES * NUM_MINIBATCHES
    return replace(
        work,
        num_agents=num_agents,
        num_units=max(1, num_agents // 4),
        num_environments=max(NUM_MINIBATCHES, environments),
    )


def _time_to_optimum(trainer: str, work: Work, options: Options) -> tuple[Reached | None, str]:
    """How training went, or why it failed."""
    # A cache of its own: every seed pays for compilation. One update a run, so that the time
    # is not rounded up to several.
    with tempfile.TemporaryDirectory() as cache:
        process = Process(trainer, replace(work, updates_per_run=1), cache)
        answer = process.reach(0.99 * OPTIMUM, options.cap)
        process.close()
    return answer, process.timing.failure


def _remarks(
    work: Work,
    timings: Mapping[str, Timing],
    load: float,
    options: Options,
) -> list[str]:
    """What a reader must know to judge the figures."""
    versions = []
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions.append(f"{library} {version(library)}")
    notes = sorted({timing.note for timing in timings.values() if timing.note})
    widths = "-".join(str(width) for width in (work.num_features, *HIDDEN))
    return [
        f"Work: {work.num_agents} agents, {work.num_units} units, statistic prices, reward "
        f"welfare less offline optimum; actor {widths}-{work.num_agents + 1}, critic "
        f"{widths}-1, tanh; {work.num_environments:,} environments, {work.rows:,} rows a "
        f"rollout, {NUM_EPOCHS} epochs, minibatches of {work.minibatch_rows:,} rows. "
        f"Stable-Baselines3 on 8 Python environments has the defaults of the paper's library: "
        f"{work.python_rollout_length} steps each, 4 epochs of 4 minibatches (with its own "
        "defaults, 10 epochs of minibatches of 64, it makes about a third of the steps/s); "
        "vectorised, it has our batches, epochs, discount 1 and constant learning rate 0.001.",
        "Counted: steps inside episodes. Where episodes start together, rows after an "
        "episode's end are computed but not counted ('live / rows'); contenders that reset "
        "have no such rows. rejax has no environment of its own to compare.",
        "compile: tracing, lowering and compiling ahead of the first run, from the cache that "
        "the contenders above left, empty at the first, but where said; 0.0 where nothing is "
        "compiled. set-up: imports, environments and networks; for Stable-Baselines3 also a "
        "trial of its number of threads. peak: the whole process, libraries included. Agents: "
        "a quarter as many units, and environments so that a rollout has about "
        f"{work.rows:,} rows.",
        "to 99 %: training seconds until the deterministic policy first has a mean welfare of "
        f"{0.99 * OPTIMUM:.4f} over {EPISODES:,} fresh episodes. In total: from an empty cache, "
        "with compilation and the first run, without set-up and evaluation. "
        f"{options.seeds} seed(s), at most {options.cap:.0f} s of training each; '>': not "
        "reached in the time given."
        if options.time_to_optimum
        else "to 99 % of the optimum: measured with --time-to-optimum.",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores"
        + "".join(f", {note}" for note in notes)
        + f"; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after; "
        f"{options.repetitions} repetitions of at least {options.seconds:g} s.",
        f"Python {platform.python_version()}, " + ", ".join(versions),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
