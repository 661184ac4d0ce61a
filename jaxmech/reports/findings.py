"""What a study found, as plain data: numbers, tables, curves and pictures.

Nothing here imports jax. No finding holds a time, so that the findings of a study that was
stopped and gone on with are those of one that was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jaxmech.intervals import Mean


@dataclass(frozen=True)
class Estimate:
    """A mean that was measured.

    Attributes:
      mean: in the units of the study.
      half_width: of its 95 % interval; None where a single sample gives none.
      per_seed: the mean of each seed, where several seeds were trained.
      per_seed_half_width: of the 95 % interval of each of these.
      over: what the interval is over, such as seeds, episodes or keywords.
    """

    mean: float
    half_width: float | None = None
    per_seed: tuple[float, ...] = ()
    per_seed_half_width: tuple[float | None, ...] = ()
    over: str = ""


@dataclass(frozen=True)
class Oracle:
    """A value that theory gives.

    Attributes:
      value: the value; None where theory gives none.
      exact: whether it is exact; otherwise a numerical search found it.
      missing: why there is no value.
    """

    value: float | None
    exact: bool = True
    missing: str = ""


@dataclass(frozen=True)
class Certificate:
    """What can be proved or bounded about a mechanism.

    Attributes:
      holds: whether the statement does; None where that is not decided.
      statement: in words, with what it was tried on.
      value: the number behind it, such as the largest gain found.
      tolerance: up to which the number counts as nothing.
    """

    holds: bool | None
    statement: str
    value: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True)
class LearningCurves:
    """What was learned, evaluated again and again while learning.

    Attributes:
      metric: what is evaluated.
      seeds: in the order of the curves.
      steps: [seeds][evaluations], steps of the environment taken before each evaluation.
      values: [seeds][evaluations].
      label: what was trained, where there are several.
      references: values to draw beside the curves, by what they are called.
    """

    metric: str
    seeds: tuple[int, ...]
    steps: tuple[tuple[float, ...], ...]
    values: tuple[tuple[float, ...], ...]
    label: str = ""
    references: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table as it is shown.

    Attributes:
      title: what it is about.
      columns: the heads; soft hyphens say where their words may be broken.
      rows: the cells of each row, as text.
      notes: what its reader must know; what intervals are over, for one.
      emphasised: numbers of the rows that stand out, from 0.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    emphasised: tuple[int, ...] = ()


@dataclass(frozen=True)
class Curve:
    """Points of a figure.

    Attributes:
      label: what the legend calls them; nothing where empty.
      x, y: of each point.
      half_width: of the 95 % interval of each y, if there are any.
      deviation: standard deviation of what each y is the mean of, if it is to be seen; drawn as
        dashed lines on either side.
      drawn: as a line, as points alone, or as what others are to be compared with.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half_width: tuple[float, ...] | None = None
    drawn: Literal["line", "points", "reference"] = "line"
    deviation: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Figure:
    """Curves on common axes.

    Attributes:
      name: of its files, in lower case letters, digits and underscores.
      caption: what there is to see.
      x_label, y_label: what is along the axes, with units.
      curves: in the order of the legend.
      title: above the axes; none where empty.
    """

    name: str
    caption: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    title: str = ""


@dataclass(frozen=True)
class HeatMap:
    """Numbers in a table, the darker the larger.

    Attributes:
      title, caption: what there is to see.
      row_head: what the rows are.
      rows, columns: their heads.
      cells: [rows][columns], text; empty where there is nothing.
      shades: [rows][columns], how dark each is, from 0 to 1.
    """

    title: str
    caption: str
    row_head: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    shades: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Node:
    """A place in a tree.

    Attributes:
      lines: what stands in its box; of a leaf, beside its mark.
      share: of all that reach it, from 0 to 1.
      branches: what may happen there.
      ends: whether all is over there; otherwise a place without branches goes on unseen.
    """

    lines: tuple[str, ...]
    share: float
    branches: tuple[Branch, ...] = ()
    ends: bool = False


@dataclass(frozen=True)
class Branch:
    """What may happen at a place of a tree.

    Attributes:
      label: in words.
      advances: whether it is drawn to the right, as what was hoped for, or downwards.
      after: the place it leads to.
    """

    label: str
    advances: bool
    after: Node


@dataclass(frozen=True)
class Tree:
    """A tree of what happens one after another, drawn from its first place."""

    title: str
    caption: str
    root: Node


@dataclass(frozen=True)
class Record:
    """A number of ``records.csv``.

    Attributes:
      scheme: what it is of: a mechanism, a rule, a model.
      metric: what was measured.
      value: the number; None where there is none.
      half_width: of its 95 % interval, if it has one.
      cell: the part of the study it belongs to, such as the setting of a sweep.
      seed: that of a single training; None for all together.
    """

    scheme: str
    metric: str
    value: float | None
    half_width: float | None = None
    cell: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes:
      headline: the result in a sentence or two.
      estimates: what was measured, by scheme; what the study learned is called ``learned``.
      oracles: what theory gives, by name.
      certificates: what can be said for certain, by name.
      learning_curves: what was learned, while it was learned.
      tables, figures, heat_maps, trees: to show, in this order.
      records: all numbers, as tidy rows.
    """

    headline: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    oracles: Mapping[str, Oracle] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    learning_curves: tuple[LearningCurves, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    heat_maps: tuple[HeatMap, ...] = ()
    trees: tuple[Tree, ...] = ()
    records: tuple[Record, ...] = ()


def with_interval(found: Mean | Estimate, form: str = ".4f") -> str:
    """A mean and the half-width of its interval, if it has one, as text.

    Args:
      found: both numbers.
      form: how numbers are written; a sign is that of the mean alone.
    """
    if found.half_width is None:
        return f"{found.mean:{form}}"
    return f"{found.mean:{form}} ± {found.half_width:{form.removeprefix('+')}}"


def curves_of(
    points: Iterable[tuple[str, float, Mean]], drawn: Literal["line", "points"] = "line"
) -> tuple[Curve, ...]:
    """A curve for each label.

    Args:
      points: label, x and y of each; y of one label all with an interval or all without.
      drawn: see ``Curve``.
    """
    by_label: dict[str, list[tuple[float, Mean]]] = {}
    for label, x, y in points:
        by_label.setdefault(label, []).append((x, y))
    return tuple(
        Curve(
            label,
            x=tuple(x for x, _ in of_label),
            y=tuple(y.mean for _, y in of_label),
            half_width=tuple(y.half_width for _, y in of_label if y.half_width is not None) or None,
            drawn=drawn,
        )
        for label, of_label in by_label.items()
    )
