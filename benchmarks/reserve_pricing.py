"""How fast reserve prices are simulated and planned, beside a plain search and the limit.

    python benchmarks/reserve_pricing.py            one table, some minutes
    python benchmarks/reserve_pricing.py --quick    checks that everything runs

Every contender lives in a process of its own, and their repetitions take turns, so that other
load on the machine strikes all alike; medians are reported.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

import tyro
from measuring import Timing, measure
from reserve_contenders import RESERVE_CONTENDERS, ReserveWork
from rich.console import Console
from rich.table import Table

LIBRARIES = ("jaxmech", "jax", "mctx")

REFERENCE = "tree_search_max"
"""The row that the other searches are compared with."""

TITLES: Mapping[str, str] = {
    "tree_search_max": "jaxmech, back-up max",
    "tree_search_sarsa": "jaxmech, back-up sarsa_lambda",
    "tree_search_mctx": "jaxmech, back-up mean: mctx.search",
    "plain_python": "plain Python, model compiled",
    "plain_numpy": "plain Python, model in plain NumPy",
    "plain_python_op_by_op": "plain Python, model in JAX not compiled",
    "model_days_alone": "model and auctions alone, no tree",
    "model_alone": "the model's forward passes alone: the limit",
    "simulator_days": "environment, keyword-days/s",
}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run on tiny batches; its figures mean nothing."""
    repetitions: int = 7
    """Timed repetitions of each contender."""
    seconds: float = 1.0
    """Least time of one repetition; short runs are repeated within it."""
    keywords: int = 40
    """Keywords searched in one call."""
    at_once: int = 20
    """Of these, whose trees grow side by side; those of many do not fit the cache."""
    bidders: int = 5
    """Bidders on each keyword."""
    simulations: int = 200
    """Simulations of a search."""
    depth: int = 5
    """Days looked ahead."""


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: a contender failed.
    """
    console = Console(width=max(Console().width, 120))
    work = ReserveWork(
        num_keywords=options.keywords,
        num_at_once=options.at_once,
        num_bidders=options.bidders,
        num_simulations=options.simulations,
        depth=options.depth,
    )
    if options.quick:
        options = replace(options, repetitions=2, seconds=0.05)
        work = quick_work()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as cache, console.status("measuring"):
        timings = measure(
            tuple(RESERVE_CONTENDERS),
            work,
            options.repetitions,
            options.seconds,
            cache,
            RESERVE_CONTENDERS,
        )
    console.print(speed_table(timings))
    for line in (
        f"Work: {work.num_keywords} keywords, {work.num_at_once} at once, of {work.num_bidders} "
        f"bidders and {work.num_slots} slots; {work.num_simulations} simulations of "
        f"{2 * work.num_bidders + 1} moves to depth "
        f"{work.depth} for each; the recurrent bidder model of the usual size, 32 auctions a day. "
        "Plain Python searches keyword after keyword. Environment: "
        f"{work.num_simulated} keywords together, {work.days} days, random reserves.",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores; load average "
        f"{load:.1f} before, {os.getloadavg()[0]:.1f} after; {options.repetitions} repetitions of "
        f"at least {options.seconds:g} s.",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    ):
        console.print(line, highlight=False)
    failures = {name: timing.failure for name, timing in timings.items() if timing.failure}
    for name, failure in failures.items():
        console.print(f"n/a, {name}: {failure}", highlight=False)
    if failures:
        raise SystemExit(1)


def quick_work() -> ReserveWork:
    """A problem so small that its times mean nothing."""
    return ReserveWork(
        num_keywords=2,
        num_bidders=2,
        num_slots=1,
        num_simulations=8,
        depth=2,
        num_simulated=4,
        days=3,
        python_simulations=6,
        op_by_op_simulations=2,
    )


def speed_table(timings: Mapping[str, Timing]) -> Table:
    """Each contender's speed; searches also as multiples of the reference and the limit."""
    table = Table(title="Reserve pricing: simulations/s", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "per second\n(median)",
        "half the\nrange",
        "first row /\nthis row",
        "this row /\nlimit",
        "compile\ns",
        "peak\nMiB",
        "checksum",
    ):
        table.add_column(column, justify="right")
    reference = timings[REFERENCE].steps_per_second
    limit = timings["model_alone"].steps_per_second
    for name, title in TITLES.items():
        if name == "simulator_days":
            table.add_section()
        table.add_row(title, *_cells(name, timings[name], reference, limit))
    return table


def _cells(name: str, timing: Timing, reference: list[float], limit: list[float]) -> list[str]:
    if timing.failure:
        return ["n/a"]
    rates = timing.steps_per_second
    median = statistics.median(rates)
    is_search = name != "simulator_days"

    def ratio(above: list[float], below: list[float], form: str) -> str:
        # Within a round of repetitions, where the load was much the same.
        ratios = [one / other for one, other in zip(above, below, strict=False)]
        return format(statistics.median(ratios), form) if ratios and is_search else ""

    return [
        f"{median:,.0f}",
        f"{(max(rates) - min(rates)) / 2 / median:.0%}",
        ratio(reference, rates, ".3g"),
        ratio(rates, limit, ".0%"),
        f"{timing.compilation:.1f}",
        f"{timing.peak / 2**20:.0f}",
        f"{timing.checksum:.4g}",
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
