"""Timing what takes turns in one process, so that other load on the machine strikes all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax


def in_turns(
    contenders: Mapping[str, Callable[[], Any]], repetitions: int, least: float = 0.0
) -> dict[str, list[float]]:
    """Seconds of a call of each, one mean for each repetition after a first that warms up.

    Args:
      least: seconds of a repetition, in which calls follow one another without a pause.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for repetition in range(repetitions + 1):
        for name, run in contenders.items():
            taken = seconds_of_a_call(run, least)
            if repetition:
                seconds[name].append(taken)
    return seconds


def seconds_of_a_call(run: Callable[[], Any], least: float = 0.0) -> float:
    """The mean over calls that follow one another for at least so many seconds."""
    start, calls, elapsed = time.perf_counter(), 0, 0.0
    while not calls or elapsed < least:
        jax.block_until_ready(run())
        calls += 1
        elapsed = time.perf_counter() - start
    return elapsed / calls


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Of pairs of one repetition each, in which the load was much the same."""
    return statistics.median(one / other for one, other in zip(above, below, strict=False))


def half_range(values: Sequence[float]) -> str:
    """Of the median."""
    return f"{(max(values) - min(values)) / 2 / statistics.median(values):.0%}"
