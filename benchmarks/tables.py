"""The tables that ``sequential_price.py`` prints."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from measuring import Timing
from reaching import Reached
from rich.table import Table
from work import Work


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    contender: str


SECTIONS: Mapping[str, tuple[Row, ...]] = {
    "Environment, random policy": (
        Row("jaxmech, episodes started together", "jaxmech_episodes"),
        Row("jaxmech, env.step: draws an economy a step", "jaxmech_steps"),
        Row("NumPy Gymnasium, vectorised", "gymnasium_vector_steps"),
        Row("NumPy Gymnasium, one environment", "gymnasium_single_steps"),
    ),
    "PPO end to end": (
        Row("jaxmech", "jaxmech_ppo"),
        Row("jaxmech, symmetric network", "jaxmech_symmetric_ppo"),
        Row("Stable-Baselines3, 8 Python environments", "stable_baselines_ppo"),
        Row("Stable-Baselines3, vectorised", "stable_baselines_ppo_vectorised"),
        Row("rejax on our environment", "rejax_ppo"),
    ),
    "Parts alone, same batches": (
        Row("jaxmech PPO", "jaxmech_ppo"),
        Row("the network's passes alone: the limit", "network_alone"),
        Row("random numbers of a box policy", "random_numbers_alone"),
    ),
}
"""The first row of a section is what the others are compared with."""


def speed_table(
    timings: Mapping[str, Timing],
    warm: Timing,
    by_agents: Mapping[Work, Mapping[str, Timing]],
) -> Table:
    """Every contender's speed, start-up times and memory.

    Args:
      timings: by contender, from an empty compilation cache.
      warm: our PPO once more, from the cache that ``timings`` left.
      by_agents: timings of our environment and PPO, by size.
    """
    table = Table(title="Sequential price mechanisms: correlated, delta 0", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "steps/s\n(median)",
        "half the\nrange",
        "first row /\nthis row",
        "live /\nrows",
        "ms per\nupdate",
        "set-up\ns",
        "compile\ns",
        "first\nrun s",
        "peak\nMiB",
        "checksum",
    ):
        table.add_column(column, justify="right")
    for title, rows in SECTIONS.items():
        table.add_section()
        table.add_row(f"[bold]{title}")
        reference = timings[rows[0].contender].steps_per_second
        for row in rows:
            timing = timings[row.contender]
            table.add_row(f"  {row.title}", *_cells(timing, reference))
            if row.title == "jaxmech":
                table.add_row("  jaxmech, warm compilation cache", *_cells(warm))
    table.add_section()
    table.add_row("[bold]Cost against agents")
    for work, pair in by_agents.items():
        size = f"{work.num_agents} agents, {work.num_units} units, {work.num_environments} env."
        table.add_row(f"  environment, {size}", *_cells(pair["jaxmech_episodes"]))
        table.add_row(f"  PPO, {size}", *_cells(pair["jaxmech_ppo"]))
    return table


def optimum_table(times: Mapping[str, Sequence[Reached]]) -> Table:
    """Seconds until the policy is good enough, by trainer and seed; the median leads.

    A seed that did not get there is marked by ``>`` and counts as never.
    """
    table = Table(title="Seconds of training to 99 % of the exact optimum", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in (
        "median,\nin total",
        "this row /\nfirst row",
        "each seed,\nin total",
        "median without\ncompilation",
        "this row /\nfirst row",
        "each seed without\ncompilation",
    ):
        table.add_column(column, justify="right")
    titles = {row.contender: row.title for row in SECTIONS["PPO end to end"]}
    references: list[float] = []
    for trainer, answers in times.items():
        totals = [(answer.reached, answer.seconds) for answer in answers]
        trainings = [(answer.reached, answer.training) for answer in answers]
        medians = [_median_of_reached(seconds) for seconds in (totals, trainings)]
        references = references or medians
        cells = []
        for seeds, median, reference in zip((totals, trainings), medians, references, strict=True):
            known = math.isfinite(median) and math.isfinite(reference)
            cells += [
                f"{median:.1f}" if math.isfinite(median) else "not reached" if answers else "n/a",
                f"{median / reference:.1f}" if known else "",
                "  ".join(f"{'' if reached else '> '}{value:.1f}" for reached, value in seeds),
            ]
        table.add_row(titles[trainer], *cells)
    return table


def _median_of_reached(seconds: Sequence[tuple[bool, float]]) -> float:
    return statistics.median(
        [value if reached else math.inf for reached, value in seconds] or [math.inf]
    )


def _cells(timing: Timing, reference: Sequence[float] = ()) -> list[str]:
    """One contender's figures."""
    if timing.failure:
        return ["n/a"]
    rates = timing.steps_per_second
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
        f"{timing.compilation:.1f}",
        f"{timing.first:.1f}",
        f"{timing.peak / 2**20:.0f}",
        f"{timing.checksum:.4g}",
    ]
