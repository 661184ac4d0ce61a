"""How fast sequential price mechanisms are simulated and learned, beside peers and the limit.

    python benchmarks/sequential_price.py                     one table, some minutes
    python benchmarks/sequential_price.py --time-to-optimum   also how long until 99 % of it
    python benchmarks/sequential_price.py --quick             checks that everything runs

Needs the extra ``bench``. Every contender lives in a process of its own, so that peak
memory is its own. Repetitions take turns, so that other load on the machine strikes all
alike; medians are reported.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import tyro
from contenders import HIDDEN, NUM_EPOCHS, NUM_MINIBATCHES, Work
from measuring import MISSING, Process, Timing, measure
from reaching import EPISODES, Reached
from rich.console import Console
from rich.table import Table

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
    """Longest training time of one seed, in seconds."""
    seeds: int = 1
    """Seeds of the time to the optimum; the median is reported."""
    torch_threads: int | None = None
    """Threads of torch; the faster of 1 and its own default where not given."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``rows`` counts transitions after an episode's end too."""

    title: str
    contender: str
    rows: bool = False


SECTIONS: Mapping[str, tuple[Row, ...]] = {
    "Environment, random policy": (
        Row("jaxmech, episodes started together", "jaxmech_episodes"),
        Row("jaxmech, reset where an episode ends", "jaxmech_steps"),
        Row("NumPy Gymnasium, vectorised", "gymnasium_vector_steps"),
        Row("NumPy Gymnasium, one environment", "gymnasium_single_steps"),
    ),
    "PPO end to end": (
        Row("jaxmech", "jaxmech_ppo"),
        Row("Stable-Baselines3, 8 Python environments", "stable_baselines_ppo"),
        Row("Stable-Baselines3, vectorised", "stable_baselines_ppo_vectorised"),
        Row("rejax on our environment", "rejax_ppo"),
    ),
    "Limit of PPO, same batches": (
        Row("jaxmech PPO, rows", "jaxmech_ppo", rows=True),
        Row("forward and backward passes, rows", "network_alone", rows=True),
        Row("random numbers, rows", "random_numbers_alone", rows=True),
    ),
}
"""The first row of a section is what the others are compared with."""

CONTENDERS = tuple(dict.fromkeys(row.contender for rows in SECTIONS.values() for row in rows))
TRAINERS = ("jaxmech_ppo", "stable_baselines_ppo", "stable_baselines_ppo_vectorised")


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: a contender failed for another reason than a missing library.
    """
    # Wide enough for the table where the output is a file.
    console = Console(width=max(Console().width, 150))
    work = Work(num_environments=options.num_environments, torch_threads=options.torch_threads)
    if options.quick:
        options = replace(options, repetitions=2, seconds=0.05, agents=(5, 8), cap=1.0)
        work = replace(work, num_environments=64, updates_per_run=2, python_rollout_length=64)

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as cache, console.status("measuring"):
        timings = measure(CONTENDERS, work, options.repetitions, options.seconds, cache)
        warm = measure(("jaxmech_ppo",), work, 1, options.seconds, cache)["jaxmech_ppo"]
    by_agents = {}
    for num_agents in options.agents:
        scaled = _scaled(work, num_agents)
        with tempfile.TemporaryDirectory() as cache, console.status(f"{num_agents} agents"):
            names = ("jaxmech_episodes", "jaxmech_ppo")
            by_agents[scaled] = measure(names, scaled, options.repetitions, options.seconds, cache)
    times = {}
    if options.time_to_optimum:
        for trainer in TRAINERS:
            with console.status(f"time to the optimum: {trainer}"):
                times[trainer] = _time_to_optimum(trainer, work, options)

    console.print(_table(timings, warm, by_agents, times))
    for line in _remarks(work, timings, load, options):
        console.print(line, highlight=False)
    for trainer, answers in times.items():
        for seed, answer in enumerate(answers):
            console.print(f"{trainer}, seed {seed}: {answer}", highlight=False)
    failures = {name: timing.failure for name, timing in timings.items() if timing.failure}
    for work, pair in by_agents.items():
        for name, timing in pair.items():
            if timing.failure:
                failures[f"{name}, {work.num_agents} agents"] = timing.failure
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


def _time_to_optimum(trainer: str, work: Work, options: Options) -> list[Reached | None]:
    """One answer per seed."""
    answers = []
    for seed in range(options.seeds):
        # A cache of its own for each seed: all pay for compilation.
        with tempfile.TemporaryDirectory() as cache:
            process = Process(trainer, replace(work, seed=seed), cache)
            answers.append(process.reach(0.99 * OPTIMUM, options.cap))
            process.close()
    return answers


def _table(
    timings: Mapping[str, Timing],
    warm: Timing,
    by_agents: Mapping[Work, Mapping[str, Timing]],
    times: Mapping[str, Sequence[Reached | None]],
) -> Table:
    table = Table(title="Sequential price mechanisms: correlated, delta 0", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "steps/s\n(median)",
        "half the\nrange",
        "first row /\nthis row",
        "live /\nrows",
        "ms per\nupdate",
        "set-up\ns",
        "first\nrun s",
        "peak\nMiB",
        "checksum",
        "s to 99 %\nof optimum",
    ):
        table.add_column(column, justify="right")
    for title, rows in SECTIONS.items():
        table.add_section()
        table.add_row(f"[bold]{title}")
        reference = _rates(timings[rows[0].contender], rows[0].rows)
        for row in rows:
            timing = timings[row.contender]
            answers = () if row.rows else times.get(row.contender, ())
            cells = _cells(timing, reference, row.rows)
            table.add_row(f"  {row.title}", *cells, _seconds_to_optimum(answers))
            if row.contender == "jaxmech_ppo" and not row.rows:
                table.add_row("  jaxmech, warm compilation cache", *_cells(warm))
    table.add_section()
    table.add_row("[bold]Cost against agents")
    for work, pair in by_agents.items():
        size = f"{work.num_agents} agents, {work.num_units} units, {work.num_environments} env."
        table.add_row(f"  environment, {size}", *_cells(pair["jaxmech_episodes"]))
        table.add_row(f"  PPO, {size}", *_cells(pair["jaxmech_ppo"]))
    return table


def _rates(timing: Timing, rows: bool) -> list[float]:
    return timing.rows_per_second if rows else timing.steps_per_second


def _cells(timing: Timing, reference: Sequence[float] = (), rows: bool = False) -> list[str]:
    """One contender's figures, up to the checksum."""
    if timing.failure:
        return ["n/a"] + [""] * 8
    rates = _rates(timing, rows)
    # Ratios are taken within a round of repetitions, where the load was much the same.
    ratios = [ours / theirs for ours, theirs in zip(reference, rates, strict=False)]
    updates = timing.seconds_per_update
    median = statistics.median(rates)
    return [
        f"{median:,.0f}",
        f"{(max(rates) - min(rates)) / 2 / median:.0%}",
        f"{statistics.median(ratios):.2f}" if ratios else "",
        f"{timing.live:.0%}",
        f"{1000 * statistics.median(updates):.1f}" if updates else "",
        f"{timing.setup:.1f}",
        f"{timing.first:.1f}",
        f"{timing.peak / 2**20:.0f}",
        f"{timing.checksum:.4g}",
    ]


def _seconds_to_optimum(answers: Sequence[Reached | None]) -> str:
    """Median over seeds; a seed that did not get there counts as the longest time."""
    if not answers:
        return ""
    if None in answers:
        return "n/a"
    seconds = [a.seconds if a is not None and a.reached else math.inf for a in answers]
    median = statistics.median_high(seconds)
    return f"{median:.1f}" if median < math.inf else "not within\nthe cap"


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
        "vectorised, it has our batches, epochs, discount 1 and learning rate 0.001.",
        "Counted: steps inside episodes. Where episodes start together, rows after an "
        "episode's end are computed but not counted ('live / rows', of the "
        "last repetition: the share grows as prices are learned); contenders that reset "
        "have no such rows. Lines that say 'rows' count all of them. rejax has no "
        "environment of its own to compare.",
        "first run: with compilation, from an empty cache but where said. peak: the whole "
        "process, libraries included. Agents: a quarter as many units, and environments so "
        f"that a rollout keeps {work.rows:,} rows.",
        "to 99 %: training seconds until the deterministic policy first has a mean welfare of "
        f"{0.99 * OPTIMUM:.4f} over {EPISODES:,} fresh episodes, first run and compilation "
        f"included, evaluation not; {options.seeds} seed(s), at most {options.cap:.0f} s each."
        if options.time_to_optimum
        else "to 99 %: measured with --time-to-optimum.",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores"
        + "".join(f", {note}" for note in notes)
        + f"; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after; "
        f"{options.repetitions} repetitions of at least {options.seconds:g} s.",
        f"Python {platform.python_version()}, " + ", ".join(versions),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
