"""Intervals for means of independent values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

NORMAL_QUANTILE_95 = 1.959964
"""Half-width of a 95 % interval of a normal variable, in standard deviations."""


def students_interval(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Half-width of the 95 % interval of the mean over the last axis; none for one value."""
    count = values.shape[-1]
    if count == 1:
        return None
    quantile = stdtrit(count - 1, 0.975)
    return np.asarray(quantile * values.std(axis=-1, ddof=1) / np.sqrt(count))
