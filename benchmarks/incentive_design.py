"""How fast incentives are designed through the agents' responses, beside NashOpt and known values.

    python benchmarks/incentive_design.py                    four tables, 8 minutes on two cores
    python benchmarks/incentive_design.py --parts markets    one of them
    python benchmarks/incentive_design.py --quick            checks that everything runs

How long each gradient takes to nearly all that a transfer can gain; what implicit and unrolled
gradients cost as the agents' inner loop grows; thousands of designs at once; and the games of
NashOpt's examples. NashOpt is of the extra ``bench``; without it its rows are missing. All of it
is in double precision and in one process, in which contenders take turns, so that other load on
the machine strikes all alike. Medians are reported, ratios are taken within a turn, and times are
without compiling, which stands in a column of its own. What each table says for a claim is in the
lines below it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

import jax
import numpy as np
import tyro
from designed_lanes import EPISODES, LaneWork, measure_lanes
from incentive_tables import games_table, lanes_table, loops_table, markets_table
from inner_loops import LoopSizes, measure_loops
from known_games import (
    BEST_GENERALISED,
    BEST_VARIATIONAL,
    COURNOT,
    EXAMPLE,
    OURS,
    PICKED,
    Answer,
    measure_games,
)
from rich.console import Console
from taxed_markets import BAR, CLOSE, Rates, measure_markets

LIBRARIES = ("jaxmech", "jax", "optimistix", "lineax", "numpy", "scipy", "nashopt")

Part = Literal["lanes", "loops", "markets", "games"]


@dataclass(frozen=True)
class Options:
    """What to measure."""

    quick: bool = False
    """A smoke run on tiny problems; its figures mean nothing."""
    parts: tuple[Part, ...] = ("lanes", "loops", "markets", "games")
    """Tables to make."""
    agents: tuple[int, ...] = (3, 10, 30, 100)
    """Numbers of agents in the lanes game."""
    seeds: int = 3
    """Seeds of gradients that are random; each is shown, and the median."""
    cap: float = 20.0
    """Longest training time of one seed, in seconds, compilation not included."""
    responses: tuple[int, ...] = (1, 3, 10, 30, 100, 300, 1000)
    """Lengths of the agents' inner loop."""
    designs: tuple[int, ...] = (1, 1000, 10_000)
    """Markets whose taxes are designed at once, in rising order."""
    repetitions: int = 7
    """Timed repetitions of gradients and of designs."""
    game_repetitions: int = 3
    """Timed repetitions of the games of NashOpt's examples."""


def main(options: Options) -> None:
    """Measures and prints.

    Raises:
      SystemExit: a solver found another equilibrium than it should, or, unless ``options.quick``,
        many designs at once are not as much faster than NashOpt's as is asked for.
    """
    jax.config.update("jax_enable_x64", True)
    console = Console(width=max(Console().width, 165))
    lane_work, loop_sizes = LaneWork(seeds=options.seeds, cap=options.cap), LoopSizes()
    if options.quick:
        options = quick_options(options)
        lane_work, loop_sizes = quick_lanes(), LoopSizes(3, 5, 9, 3)
    peer, load = find_spec("nashopt") is not None, os.getloadavg()[0]
    mistakes: list[str] = []
    if "lanes" in options.parts:
        lanes = {}
        for agents in options.agents:
            with console.status(f"{agents} agents"):
                lanes[agents] = measure_lanes(agents, lane_work)
        console.print(lanes_table(lanes))
    if "loops" in options.parts:
        with console.status("inner loops"):
            loops = measure_loops(loop_sizes, options.responses, options.repetitions)
        console.print(loops_table(loops))
    if "markets" in options.parts:
        with console.status("markets"):
            rates = measure_markets(options.designs, options.repetitions, peer)
        console.print(markets_table(rates))
        mistakes += mistakes_of_markets(rates)
        if not options.quick:
            mistakes += shortfalls_of_markets(rates)
    if "games" in options.parts:
        with console.status("games"):
            cournot, pricing = measure_games(options.game_repetitions, peer)
        console.print(games_table(cournot, pricing))
        mistakes += mistakes_of_games(cournot, pricing)
    for line in _remarks(options, lane_work, loop_sizes, peer, load):
        console.print(line, highlight=False)
    if mistakes:
        raise SystemExit("\n".join(mistakes))


def quick_options(options: Options) -> Options:
    """Options whose figures mean nothing."""
    return replace(
        options,
        agents=(3,),
        responses=(1, 4),
        designs=(1, 3),
        repetitions=2,
        game_repetitions=1,
    )


def quick_lanes() -> LaneWork:
    """A game so small that its times mean nothing."""
    return LaneWork(positions=5, actions=9, seeds=2, cap=0.05, scan=3)


def mistakes_of_markets(rates: Rates) -> list[str]:
    """Where taxes or quantities are further apart than the benchmark allows."""
    distances = {"ours from the closed form": rates.our_error}
    if rates.theirs:
        distances |= {
            "taxes of NashOpt from ours": rates.tax_distance,
            "quantities of NashOpt from ours": rates.quantity_distance,
        }
    # NaN is a mistake too, and above nothing.
    return [
        f"{name}: {distance:.1e} apart"
        for name, distance in distances.items()
        if not distance <= CLOSE
    ]


def shortfalls_of_markets(rates: Rates) -> list[str]:
    """Where many designs at once are not as much faster than NashOpt's as is asked for."""
    times = rates.times_theirs
    if times is None or times >= BAR:
        return []
    return [
        f"{rates.many:,} designs at once: {times:.3g} times NashOpt without compiling, "
        f"{BAR:g} are asked for"
    ]


def mistakes_of_games(cournot: Mapping[str, Answer], pricing: Mapping[str, Answer]) -> list[str]:
    """Where solvers do not find the known equilibria, or a player has a better decision."""
    mistakes = [
        f"{solver}: decisions {distance:.1e} from the closed form"
        for solver, answer in cournot.items()
        if not (distance := float(np.max(np.abs(answer.decisions - COURNOT)))) <= 1e-6
    ]
    mistakes += [
        f"{solver}: a player gains {answers[solver].gain:.1e}"
        for answers in (cournot, pricing)
        for solver in (OURS, PICKED, EXAMPLE)
        if solver in answers and not answers[solver].gain <= 1e-6
    ]
    return mistakes + [
        f"{solver}: the leader's cost is {pricing[solver].cost:.6f}, the least known {least}"
        for solver, least in ((OURS, BEST_VARIATIONAL), (PICKED, BEST_GENERALISED))
        if not pricing[solver].cost <= least + 1e-6
    ]


def _remarks(
    options: Options, lanes: LaneWork, loops: LoopSizes, peer: bool, load: float
) -> list[str]:
    """What a reader must know to judge the figures."""
    versions = []
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions.append(f"{library} {version(library)}")
    of_parts: dict[Part, str] = {
        "lanes": f"Lanes: grids of {lanes.positions} positions and {lanes.actions} moves, "
        "transfers of degree 2 with coefficients up to 100, temperature 1; the designer with its "
        "defaults: Adam, and 2 responses between two updates. The attainable gain is that of the "
        f"best transfer in equilibrium, by a scan of {lanes.scan} x {lanes.scan} and L-BFGS-B "
        "along implicit gradients. Seconds are of training, evaluations and compilation not "
        "included; reached is what two evaluations in a row find. Gradients without episodes know "
        f"the game and compute expectations; the others draw {EPISODES} episodes for each "
        f"mechanism played. At most {lanes.cap:g} s a seed; '>': not reached in that time.",
        "loops": "Inner loops: gradients in the middle of the space of mechanisms, after so many "
        f"responses; {loops.lanes} agents on the same grids, and a normal form of normal payoffs. "
        "MiB: what the compiled program needs besides what it is given and gives back. Error: "
        "distance to the gradient in equilibrium over its length.",
        "markets": "Markets: three firms, costs and damage drawn; the best tax by Newton's method "
        "on the implicit gradient, in batches of so many; one program serves all batches of its "
        "size. NashOpt: ParametricGNEP.solve, one of these markets after another, with weight 1e6 "
        "and tolerance 1e-14, with which its taxes are good to 1e-5. It compiles every market "
        "anew; its times are what is left of the total when what JAX says of compiling is "
        "subtracted: seconds in which it traced, lowered or compiled, none of them twice.",
        "games": "Games: the most that a player gains by another decision is found in one way for "
        "all. In NashOpt's equilibria, the generalised ones, followers may have prices of "
        "capacity of their own; in the variational one, ours but where it is said, they have the "
        "same one. Best variational: by sequential quadratic programming on all unknowns.",
    }
    return [
        *(remark for part, remark in of_parts.items() if part in options.parts),
        *([] if peer else ["NashOpt is not installed: pip install 'jaxmech[bench]'."]),
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, on "
        f"{jax.devices()[0].device_kind}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} "
        f"after; {options.repetitions} repetitions, {options.game_repetitions} of the games.",
        f"Python {platform.python_version()}, " + ", ".join(versions),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
