"""Intervals for means of independent values, and what two means say of each other.

All are of 95 %. A single value tells nothing of how far its mean may be off, so that there is
no interval: the half-width is None then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

NORMAL_QUANTILE_95 = 1.959964
"""Half-width of a 95 % interval of a normal variable, in standard deviations."""

_ROUNDING = 1e-6
"""Share of a value that a difference is to exceed to be one."""

Floats = NDArray[np.float64]

HalfWidth = Callable[[Floats], Floats | None]
"""Of the interval of the mean over the last axis, by values float [..., values]."""


def standard_error(values: Floats) -> Floats | None:
    """Of the mean over the last axis, float [...]; None for one value."""
    count = values.shape[-1]
    if count == 1:
        return None
    error: Floats = values.std(axis=-1, ddof=1) / np.sqrt(count)
    return error


def students_interval(values: Floats) -> Floats | None:
    """Half-width of the interval of the mean over the last axis by Student's t.

    For few values, such as those of seeds.

    Args:
      values: float [..., values].

    Returns:
      float [...], or None for one value.
    """
    count = values.shape[-1]
    if count == 1:
        return None
    quantile = stdtrit(count - 1, 0.975)
    return np.asarray(quantile * values.std(axis=-1, ddof=1) / np.sqrt(count))


def normal_interval(values: Floats) -> Floats | None:
    """Half-width of the interval of the mean over the last axis by the normal approximation.

    For many values, such as those of episodes.

    Args:
      values: float [..., values]; of JAX too, where the interval is computed as part of a program.

    Returns:
      float [...], or None for one value.
    """
    error = standard_error(values)
    return None if error is None else NORMAL_QUANTILE_95 * error


def simultaneous_intervals(values: Floats) -> Floats:
    """Half-widths of intervals of all means that hold together with 95 %, float [means].

    By the normal approximation and Bonferroni's inequality.

    Args:
      values: float [means, values], at least 2 of each.
    """
    means, count = values.shape
    error = values.std(axis=-1, ddof=1) / np.sqrt(count)
    return np.asarray(ndtri(1 - 0.025 / means) * error)


@dataclass(frozen=True)
class Mean:
    """A mean, and how far it may be off.

    Attributes:
      mean: of the values.
      half_width: of its interval; None where one value gives none.
    """

    mean: float
    half_width: float | None


def mean_of(values: Floats, half_width: HalfWidth = students_interval) -> Mean:
    """Mean of values float [values] and its interval."""
    width = half_width(values)
    return Mean(float(values.mean()), None if width is None else float(width))


def ratio_of_means(
    values: Floats, others: Floats, half_width: HalfWidth = students_interval
) -> Mean:
    """The mean of ``values`` over that of ``others``, which are paired with them.

    The interval is by the delta method, as both means are uncertain.

    Args:
      values, others: float [values], the mean of ``others`` not 0.
    """
    of_others = float(others.mean())
    ratio = float(values.mean() / of_others)
    width = half_width(values - ratio * others)
    return Mean(ratio, None if width is None else float(width) / abs(of_others))


@dataclass(frozen=True)
class PairedComparison:
    """Values less others, pair by pair.

    Attributes:
      difference: mean of the differences.
      percent: the same as a share of the mean of the others; None where that is 0.
      ahead: pairs of which the first is more, beyond rounding.
      behind: pairs of which it is less.
    """

    difference: Mean
    percent: Mean | None
    ahead: int
    behind: int

    @property
    def verdict(self) -> str:
        """Whether the first is ``"more"``, ``"less"`` or ``"not told apart"``, in words."""
        if self.difference.half_width is None:
            return "not known from one pair"
        if self.difference.mean > self.difference.half_width:
            return "more"
        if self.difference.mean < -self.difference.half_width:
            return "less"
        return "not told apart"


def paired_comparison(
    values: Floats, others: Floats, half_width: HalfWidth = students_interval
) -> PairedComparison:
    """Compares values with others, pair by pair.

    Args:
      values, others: float [pairs].
    """
    differences = values - others
    percent = None
    if others.mean() != 0:
        ratio = ratio_of_means(values, others, half_width)
        width = None if ratio.half_width is None else 100 * ratio.half_width
        percent = Mean(100 * (ratio.mean - 1), width)
    margin = _ROUNDING * np.abs(others)
    return PairedComparison(
        difference=mean_of(differences, half_width),
        percent=percent,
        ahead=int(np.sum(differences > margin)),
        behind=int(np.sum(differences < -margin)),
    )
