"""How fast impressions are allocated and IA(GRU) learns, beside NumPy, DDPG and the limit.

    python benchmarks/impression_allocation.py            two tables, some minutes
    python benchmarks/impression_allocation.py --quick    checks that everything runs
    taskset -c 0 python benchmarks/impression_allocation.py    all on one core, as NumPy is

Every contender lives in a process of its own, and their repetitions take turns, so that other
load on the machine strikes all alike; medians are reported, and ratios are taken within a turn.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import tyro
from allocation_contenders import LEARNERS, MARKETS, LearningWork, MarketWork, state_bytes
from measuring import Timing, measure
from rich.console import Console
from rich.table import Table

LIBRARIES = ("jaxmech", "jax", "numpy", "scipy")

LIMIT = "limit"
"""The row that is the sum of its parts."""

LIMIT_PARTS = ("random_numbers", "state_moved")

MARKET_TITLES: Mapping[str, str] = {
    "jaxmech_rounds": "jaxmech",
    "jaxmech_observed_rounds": "jaxmech, observations written to memory",
    "numpy_rounds": "NumPy, one population after another",
    "numpy_rounds_together": "NumPy, all populations at once",
    "random_numbers": "a random number per seller",
    "state_moved": "the state read and written once",
    LIMIT: "both: the limit",
}

LEARNER_TITLES: Mapping[str, str] = {
    "ia_gru_steps": "IA(GRU)",
    "ddpg_steps": "DDPG, dense 400-300",
}

SLOPE_FROM = 200
"""The least number of sellers of the slopes; below, what does not grow with them counts."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run on tiny problems; its figures mean nothing."""
    repetitions: int = 9
    """Timed repetitions of each contender of the environment."""
    learning_repetitions: int = 3
    """Timed repetitions of each learner."""
    seconds: float = 0.5
    """Least time of one repetition; short runs are repeated within it."""
    populations: int = 1024
    """Populations simulated together."""
    sellers: int = 50
    """Sellers of each."""
    learning_sellers: tuple[int, ...] = (50, 200, 1000, 10_000)
    """Sellers of the markets that are learned on."""
    batch_size: int = 8
    """Transitions of a gradient step."""


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: a contender failed.
    """
    console = Console(width=max(Console().width, 120))
    market = MarketWork(num_populations=options.populations, num_sellers=options.sellers)
    if options.quick:
        options = quick_options(options)
        market = quick_market()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as cache, console.status("measuring"):
        of_market = measure(
            tuple(MARKETS), market, options.repetitions, options.seconds, cache, MARKETS
        )
        console.print(market_table(of_market))
        of_learners = {
            sellers: measure(
                tuple(LEARNERS),
                LearningWork(sellers, batch_size=options.batch_size),
                options.learning_repetitions,
                options.seconds,
                cache,
                LEARNERS,
            )
            for sellers in options.learning_sellers
        }
    console.print(learning_table(of_learners))
    for line in _remarks(options, market, load):
        console.print(line, highlight=False)
    failures = {name: timing.failure for name, timing in of_market.items()}
    for sellers, timings in of_learners.items():
        failures |= {f"{name} of {sellers}": timing.failure for name, timing in timings.items()}
    failures = {name: failure for name, failure in failures.items() if failure}
    for name, failure in failures.items():
        console.print(f"n/a, {name}: {failure}", highlight=False)
    if failures:
        raise SystemExit(1)


def quick_options(options: Options) -> Options:
    """Options whose figures mean nothing."""
    return replace(
        options,
        repetitions=2,
        learning_repetitions=2,
        seconds=0.0,
        learning_sellers=(200, 400),
        batch_size=2,
    )


def quick_market() -> MarketWork:
    """Populations so few that their times mean nothing."""
    return MarketWork(num_populations=4, num_sellers=6, num_rounds=5, looped_populations=2)


def market_table(timings: Mapping[str, Timing]) -> Table:
    """Population-rounds a second of each contender, beside those of the first row."""
    table = Table(title="Environment alone: population-rounds/s", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "per second\n(median)",
        "half the\nrange",
        "first row /\nthis row",
        "time over\nthe limit's",
        "compile\ns",
        "peak\nMiB",
    ):
        table.add_column(column, justify="right")
    rates = {name: timing.steps_per_second for name, timing in timings.items()}
    # A round takes as long as its parts together.
    parts = zip(*(rates[name] for name in LIMIT_PARTS), strict=True)
    rates[LIMIT] = [1 / sum(1 / rate for rate in of_turn) for of_turn in parts]
    for name, title in MARKET_TITLES.items():
        if name == LIMIT_PARTS[0]:
            table.add_section()
        timing = timings.get(name)
        if not rates[name]:
            table.add_row(title, "n/a")
            continue
        of_process = (
            [f"{timing.compilation:.1f}", f"{timing.peak / 2**20:.0f}"] if timing else ["", ""]
        )
        table.add_row(
            title,
            f"{statistics.median(rates[name]):,.0f}",
            _half_range(rates[name]),
            _ratio(rates["jaxmech_rounds"], rates[name], ".3g"),
            _ratio(rates[LIMIT], rates[name], ".2f"),
            *of_process,
        )
    return table


def learning_table(timings: Mapping[int, Mapping[str, Timing]]) -> Table:
    """Gradient steps a second and memory by the number of sellers, with slopes.

    Args:
      timings: by the number of sellers and the name of the learner.
    """
    table = Table(title="Learning: gradient steps/s", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "sellers",
        "per second\n(median)",
        "half the\nrange",
        "DDPG's time /\nthis one's",
        "ms a seller",
        "memory of an\nupdate, MiB",
        "compile\ns",
    ):
        table.add_column(column, justify="right")
    slopes = []
    for name, title in LEARNER_TITLES.items():
        seconds, memory = {}, {}
        for sellers, of_all in timings.items():
            timing, ddpg = of_all[name], of_all["ddpg_steps"]
            rates = timing.steps_per_second
            if not rates:
                table.add_row(title, f"{sellers:,}", "n/a")
                continue
            seconds[sellers] = 1 / statistics.median(rates)
            memory[sellers] = timing.compiled_bytes
            table.add_row(
                title,
                f"{sellers:,}",
                f"{1 / seconds[sellers]:,.3g}",
                _half_range(rates),
                _ratio(rates, ddpg.steps_per_second, ".3g"),
                f"{1000 * seconds[sellers] / sellers:.3g}",
                f"{memory[sellers] / 2**20:,.1f}",
                f"{timing.compilation:.1f}",
            )
        table.add_section()
        slopes.append((title, slope(seconds), slope(memory)))
    table.caption = "\n".join(
        f"{title}: slope of log time over log sellers {of_time:.2f}, of log memory {of_memory:.2f}"
        f", from {SLOPE_FROM} sellers"
        for title, of_time, of_memory in slopes
    )
    table.caption_justify = "left"
    return table


def slope(costs: Mapping[int, float]) -> float:
    """Of the logarithm of costs over that of the number of sellers, by least squares; NaN where
    fewer than two numbers are large enough.

    Args:
      costs: by the number of sellers.
    """
    large = {sellers: cost for sellers, cost in costs.items() if sellers >= SLOPE_FROM}
    if len(large) < 2:
        return math.nan
    logarithms = [[math.log(number) for number in of_all] for of_all in (large, large.values())]
    return statistics.linear_regression(*logarithms).slope


def _half_range(rates: Sequence[float]) -> str:
    return f"{(max(rates) - min(rates)) / 2 / statistics.median(rates):.0%}"


def _ratio(above: Sequence[float], below: Sequence[float], form: str) -> str:
    # Within a round of repetitions, where the load was much the same.
    ratios = [one / other for one, other in zip(above, below, strict=False)]
    return format(statistics.median(ratios), form) if ratios else ""


def _remarks(options: Options, market: MarketWork, load: float) -> list[str]:
    """What a reader must know to judge the figures."""
    return [
        f"Environment: {market.num_populations:,} populations of {market.num_sellers} sellers, "
        f"whole episodes of {market.num_rounds} rounds, shares in proportion to what sellers "
        "earned last, options at their defaults. NumPy: the same model, float32, "
        "arrays made once; one population after another, "
        f"{market.looped_populations} a run, counted by population and round. Its populations' "
        "observations are not put together, nor are ours in the first row.",
        "Limit: one uniform number of each seller and round by jax.random, and the "
        f"{state_bytes(market):,} bytes of each population's state read and written once a round, "
        "each in a program of its own; their times added.",
        f"Learning: an iteration has as many gradient steps as environment steps, batches of "
        f"{options.batch_size} transitions, rollouts included; memory: what the compiled "
        "iteration is given, gives back and needs besides, the replay of 64 transitions included.",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, of which "
        f"NumPy uses one; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after; "
        f"{options.repetitions} and {options.learning_repetitions} repetitions of at least "
        f"{options.seconds:g} s.",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
