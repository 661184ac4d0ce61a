"""Curves drawn: figures of findings, and what was learned beside what it is compared with."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxmech.intervals import students_interval
from jaxmech.reports.findings import Figure, Findings, LearningCurves

_MARKERS = "ox+s^d"

_REFERENCE_STYLES: tuple[tuple[str, Any], ...] = (
    ("#000000", "-"),
    ("#555555", ":"),
    ("#b5651d", "--"),
    ("#d95f0e", "-."),
    ("#999999", (0, (1, 3))),
    ("#000000", (0, (6, 2))),
    ("#000000", (0, (3, 2))),
)


def drawn(findings: Findings) -> Iterator[tuple[str, str, Any]]:
    """Name of the files, caption and drawing of each figure, those of learning first."""
    for metric in dict.fromkeys(curves.metric for curves in findings.learning_curves):
        curves = [one for one in findings.learning_curves if one.metric == metric]
        caption = (
            f"Mean {metric} of what was learned so far, evaluated without exploration, by "
            "steps of the environment taken by a seed."
        )
        yield f"learning_{metric}", caption, draw_learning(curves)
    for figure in findings.figures:
        yield figure.name, figure.caption, draw(figure)


def files_of(canvas: Any) -> tuple[bytes, str]:
    """A figure as PNG and as SVG; the same figure gives the same files. It keeps its layout."""
    import matplotlib

    image, drawing = io.BytesIO(), io.StringIO()
    canvas.savefig(image, format="png", dpi=150, metadata={"Software": None})
    canvas.set_layout_engine("none")  # laid out once for both
    with matplotlib.rc_context({"svg.hashsalt": "jaxmech"}):
        canvas.savefig(drawing, format="svg", metadata={"Date": None})
    return image.getvalue(), drawing.getvalue()


def draw(figure: Figure) -> Any:
    """A figure's curves on common axes."""
    canvas, axes = _new_axes(figure.x_label, figure.y_label, figure.title)
    for number, curve in enumerate(figure.curves):
        marker = _MARKERS[number % len(_MARKERS)]
        line = {"color": f"C{number % 10}", "linewidth": 1.5}
        looks: dict[str, dict[str, Any]] = {
            "line": line,
            "points": line | {"linestyle": "none", "marker": marker, "fillstyle": "none"},
            "reference": {"color": "black", "linestyle": "--", "linewidth": 1.0},
        }
        axes.errorbar(
            curve.x,
            curve.y,
            yerr=curve.half_width,
            capsize=2,
            label=curve.label or None,
            **looks[curve.drawn],
        )
        for sign in (-1, 1) if curve.deviation is not None else ():
            beside = np.asarray(curve.y) + sign * np.asarray(curve.deviation)
            axes.plot(curve.x, beside, color=line["color"], linestyle="--", linewidth=0.8)
    return _finished(canvas, axes)


def draw_learning(several: Sequence[LearningCurves]) -> Any:
    """A line for each seed of what was trained; of several, their means and 95 % intervals."""
    from matplotlib.ticker import EngFormatter

    canvas, axes = _new_axes("environment steps", f"mean {several[0].metric} of an episode", "")
    if len(several) == 1:
        one = several[0]
        for seed, steps, values in zip(one.seeds, one.steps, one.values, strict=True):
            axes.plot(steps, values, linewidth=1.5, label=f"seed {seed}")
    bands = []
    for number, one in enumerate(several if len(several) > 1 else ()):
        # A seed that stopped early has fewer evaluations.
        length = min(map(len, one.values), default=0)
        of_seeds = np.array([of[:length] for of in one.values], np.float64).T
        places = np.mean([of[:length] for of in one.steps], axis=0)
        mean, half_width = of_seeds.mean(axis=1), students_interval(of_seeds)
        colour = f"C{number % 10}"
        axes.plot(places, mean, color=colour, linewidth=1.5, label=one.label)
        if half_width is not None:
            bands.append((places, mean - half_width, mean + half_width, colour))
    references = {name: value for one in several for name, value in one.references.items()}
    for number, (name, value) in enumerate(references.items()):
        colour, style = _REFERENCE_STYLES[number % len(_REFERENCE_STYLES)]
        axes.axhline(
            value, color=colour, linestyle=style, linewidth=1.2, label=f"{name}, {value:.4g}"
        )
    # Few seeds give wide intervals, which must not squeeze what they are about.
    limits = axes.get_ylim()
    for places, low, high, colour in bands:
        axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_ylim(limits)
    axes.xaxis.set_major_formatter(EngFormatter())
    return _finished(canvas, axes)


def _new_axes(x_label: str, y_label: str, title: str) -> tuple[Any, Any]:
    """A figure without a window, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(9, 4.6), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if title:
        axes.set_title(title, loc="left", fontsize=10)
    return canvas, axes


def _finished(canvas: Any, axes: Any) -> Any:
    axes.margins(x=0.01)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    canvas.legend(loc="outside right upper", fontsize=8, frameon=False)
    return canvas
