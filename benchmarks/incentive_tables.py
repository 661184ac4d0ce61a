"""The tables of ``incentive_design.py``."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from designed_lanes import Attainable, DesignedBy, Training
from inner_loops import IMPLICIT, UNROLLED, Gradient
from known_games import BEST_VARIATIONAL, COURNOT, OURS, Answer
from rich.table import Table
from taxed_markets import BAR, CLOSE, MANY, Rates
from turns import half_range, median_ratio

MEBIBYTE = 2**20


def lanes_table(lanes: Mapping[int, tuple[Attainable, Mapping[str, DesignedBy]]]) -> Table:
    """Time to the target, by the number of agents and the gradient.

    A seed that did not get there is marked by ``>`` and counts as never.
    """
    table = _table(
        "To 95 % of what a transfer can gain: multilane, logit agents",
        "agents",
        "updates\n(median)",
        "episodes\n(median)",
        "ms an\nupdate",
        "seconds\n(median)",
        "this row /\nimplicit",
        "seconds of\neach seed",
        "share\nreached",
        "compile\ns",
    )
    for agents, (_, of_gradients) in lanes.items():
        reference = _median(of_gradients["implicit"].trainings, "seconds")
        for name, one in of_gradients.items():
            seconds = _median(one.trainings, "seconds")
            spent = [training.seconds / training.updates for training in one.trainings]
            table.add_row(
                name,
                f"{agents}",
                _count(_median(one.trainings, "updates")),
                _count(_median(one.trainings, "episodes")),
                f"{1000 * statistics.median(spent):.2f}",
                f"{seconds:.2f}" if math.isfinite(seconds) else "never",
                f"{seconds / reference:.2g}" if math.isfinite(seconds) else "",
                "  ".join(
                    f"{'' if training.reached else '> '}{training.seconds:.2f}"
                    for training in one.trainings
                ),
                f"{min(training.share for training in one.trainings):.3f}",
                f"{one.compile_seconds:.1f}",
            )
        table.add_section()
    table.caption = "\n".join(
        f"{agents} agents: welfare {known.without:.5f} without, {known.best.value:.5f} with the "
        f"best transfer ({', '.join(f'{w:.2f}' for w in known.best.mechanism)}); highest of the "
        f"scan {known.scanned:.5f}, climbs from none and from there differ by "
        f"{abs(known.best.values[0] - known.best.values[1]):.0e}"
        for agents, (known, _) in lanes.items()
    )
    return table


def loops_table(loops: Mapping[str, Mapping[int, Mapping[str, Gradient]]]) -> Table:
    """Time and memory of a gradient by the length of the inner loop."""
    table = _table(
        "A gradient as the inner loop grows: unrolled beside implicit",
        "responses",
        "unrolled\nms",
        "implicit\nms",
        "unrolled /\nimplicit",
        "unrolled\nMiB",
        "implicit\nMiB",
        "unrolled /\nimplicit",
        "error of\nunrolled",
        "error of\nimplicit",
        "compile s,\nunrolled",
        "compile s,\nimplicit",
    )
    claims = []
    for game, by_responses in loops.items():
        for responses, of_both in by_responses.items():
            unrolled, implicit = of_both[UNROLLED], of_both[IMPLICIT]
            time, memory = _times_implicit(of_both)
            table.add_row(
                game,
                f"{responses:,}",
                *(f"{1000 * statistics.median(g.seconds):.3g}" for g in (unrolled, implicit)),
                f"{time:.2f}",
                *(f"{g.temporary_bytes / MEBIBYTE:.3g}" for g in (unrolled, implicit)),
                f"{memory:.3g}",
                *(f"{g.error:.1e}" for g in (unrolled, implicit)),
                *(f"{g.compile_seconds:.1f}" for g in (unrolled, implicit)),
            )
        table.add_section()
        least, most = min(by_responses), max(by_responses)
        (time, memory), (first_time, first_memory) = (
            _times_implicit(by_responses[responses]) for responses in (most, least)
        )
        claims.append(
            f"{game}: at {most:,} responses unrolled takes {time:.2g} times the time of implicit "
            f"and {memory:.2g} times its memory; at {least:,}, {first_time:.2g} and "
            f"{first_memory:.2g} times"
        )
    table.caption = "\n".join(claims)
    return table


def _times_implicit(of_both: Mapping[str, Gradient]) -> tuple[float, float]:
    """How many times the time and the memory of implicit unrolled takes."""
    unrolled, implicit = of_both[UNROLLED], of_both[IMPLICIT]
    memory = unrolled.temporary_bytes / max(implicit.temporary_bytes, 1)
    return median_ratio(unrolled.seconds, implicit.seconds), memory


def markets_table(rates: Rates) -> Table:
    """Designs a second of ours in batches and of NashOpt one after another."""
    table = _table(
        "Emission taxes of Cournot markets: designs/s, without compiling",
        "designs\nat once",
        "per second\n(median)",
        "half the\nrange",
        "this row /\nNashOpt",
        "compile\ns",
    )
    for number, of_ours in rates.ours.items():
        table.add_row(
            OURS,
            f"{number:,}",
            f"{statistics.median(of_ours):,.0f}",
            half_range(of_ours),
            _ratio(of_ours, rates.theirs_compiled),
            f"{rates.compile_seconds[number]:.1f}",
        )
    if not rates.theirs:
        table.add_row("NashOpt", "1", "n/a")
    else:
        table.add_row(
            "NashOpt",
            "1",
            f"{statistics.median(rates.theirs_compiled):.3g}",
            half_range(rates.theirs_compiled),
            "1",
            f"{statistics.median(rates.their_compile_seconds):.1f} a market",
        )
    table.caption = "\n".join(_claims_of_markets(rates))
    return table


def _claims_of_markets(rates: Rates) -> list[str]:
    found = [
        f"Taxes and quantities of ours are within {rates.our_error:.0e} of the closed form in all "
        f"of {rates.markets:,} markets; {CLOSE:.0e} is allowed."
    ]
    if not rates.theirs:
        return found
    found += [
        f"NashOpt's taxes are within {rates.tax_distance:.0e} of ours, its quantities within "
        f"{rates.quantity_distance:.0e}, in the {len(rates.theirs)} of these that it is given, one "
        f"in each repetition; {CLOSE:.0e} is allowed."
    ]
    asked = f"at least {BAR:g} times are asked for where {MANY:,} or more are designed at once"
    if rates.times_theirs is None:
        return [*found, f"So many were not designed at once: {asked}."]
    return [
        *found,
        f"{rates.many:,} designs at once are {_times(rates.times_theirs)} times as many a second "
        f"as NashOpt's one after another; {asked}.",
    ]


def games_table(cournot: Mapping[str, Answer], pricing: Mapping[str, Answer]) -> Table:
    """NashOpt's games, by solver."""
    table = _table(
        "Games of NashOpt's examples",
        "solver",
        "leader's\ncost",
        "above the best\nvariational",
        "error of\ndecisions",
        "most that a\nplayer gains",
        "search\ns",
        "compile\ns",
    )
    for game, answers in (
        ("linear Cournot, 10 firms", cournot),
        ("Stackelberg pricing, 8 followers", pricing),
    ):
        for solver, answer in answers.items():
            of_leader = answers is pricing
            table.add_row(
                game,
                solver,
                f"{answer.cost:.6f}" if of_leader else "",
                f"{answer.cost - BEST_VARIATIONAL:.6f}" if of_leader else "",
                "" if of_leader else f"{np.max(np.abs(answer.decisions - COURNOT)):.0e}",
                f"{answer.gain:.0e}",
                f"{answer.seconds:.4f}",
                f"{answer.compile_seconds:.2f}",
            )
        table.add_section()
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _median(trainings: Sequence[Training], of: str) -> float:
    """Infinite where too few reached the target."""
    return statistics.median(
        getattr(training, of) if training.reached else math.inf for training in trainings
    )


def _count(number: float) -> str:
    return f"{number:,.0f}" if math.isfinite(number) else "never"


def _ratio(above: Sequence[float], below: Sequence[float]) -> str:
    return _times(median_ratio(above, below)) if above and below else ""


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
