"""Learning curves drawn beside baselines and exact values: of a run, and of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech import drawing, results
from jaxmech.curves import Curves
from jaxmech.intervals import students_interval

_REFERENCE_STYLES: dict[str, tuple[str, Any]] = {
    "offline_optimum": ("#555555", ":"),
    "known_centre_upper_bound": ("#000000", (0, (6, 2))),
    "optimum": ("#000000", "-"),
    "purchase_history_lower_bound": ("#000000", (0, (3, 2))),
    "personalised_static_prices": ("#b5651d", "--"),
    "anonymous_static_prices": ("#d95f0e", "-."),
    "random_serial_dictatorship": ("#999999", (0, (1, 3))),
}


@dataclass(frozen=True)
class Learned:
    """A mechanism of a comparison.

    Attributes:
      label: what it is called.
      curves: of its run.
      shown: the seeds to average.
      value: what they are worth on average, evaluated.
    """

    label: str
    curves: Curves
    shown: tuple[int, ...]
    value: float


def draw_seeds(curves: Curves, objective: str, references: Mapping[str, float], path: Path) -> None:
    """Draws the curve of every seed to ``path`` with the endings .png and .svg."""
    figure, axes = _axes(objective)
    colours = [f"C{place % 10}" for place in range(len(curves.seeds))]
    for place, (seed, colour) in enumerate(zip(curves.seeds, colours, strict=True)):
        steps, values = curves.steps[:, place], curves.objective[:, place]
        axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
        axes.plot(steps, smoothed(values), color=colour, linewidth=1.5, label=f"seed {seed}")
    _add_references(axes, references)
    drawing.write(figure, axes, path)


def draw_comparison(
    mechanisms: list[Learned],
    objective: str,
    references: Mapping[str, float],
    path: Path,
    *,
    title: str,
) -> None:
    """Draws the mean curve of each mechanism, with a 95 % interval over the seeds shown.

    As in the paper, where the seeds shown are the best ones; an interval over selected seeds
    is too narrow.

    A dot at the end of a curve is what the mechanism is worth when evaluated, without the
    exploration it learns with. To ``path`` with the endings .png and .svg.
    """
    figure, axes = _axes(objective)
    axes.set_title(title, loc="left", fontsize=10)
    bands = []
    for number, mechanism in enumerate(mechanisms):
        curves, colour = mechanism.curves, f"C{number % 10}"
        places = [curves.seeds.index(seed) for seed in mechanism.shown]
        steps = curves.steps[:, places].mean(axis=1)
        values = np.stack([smoothed(curves.objective[:, place]) for place in places], axis=1)
        mean, half_width = values.mean(axis=1), students_interval(values)
        label = f"{mechanism.label}, {mechanism.value:.4g}"
        axes.plot(steps, mean, color=colour, linewidth=1.5, label=label)
        if half_width is not None:
            bands.append((steps, mean - half_width, mean + half_width, colour))
        axes.plot(steps[-1:], [mechanism.value], "o", color=colour, markersize=4, clip_on=False)
    _add_references(axes, references)
    # Few seeds give wide intervals, which must not squeeze what they are about.
    limits = axes.get_ylim()
    for steps, low, high, colour in bands:
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_ylim(limits)
    drawing.write(figure, axes, path)


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred running mean over a thirtieth of the curve, as far as there is one."""
    half = len(values) // 60
    total = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first))


def _axes(objective: str) -> tuple[Any, Any]:
    from matplotlib.ticker import EngFormatter

    figure, axes = drawing.new_axes("environment steps", f"mean {objective} of an episode")
    axes.xaxis.set_major_formatter(EngFormatter())
    return figure, axes


def _add_references(axes: Any, references: Mapping[str, float]) -> None:
    for name, value in references.items():
        colour, style = _REFERENCE_STYLES[name]
        label = f"{results.LABELS[name]}, {value:.4g}"
        axes.axhline(value, color=colour, linestyle=style, linewidth=1.2, label=label)
