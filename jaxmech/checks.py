"""What input must satisfy."""

from __future__ import annotations

import math


def problem_with(number: float) -> str:
    """Why a number is no value, or nothing."""
    if math.isnan(number):
        return "NaN is not allowed"
    if math.isinf(number):
        return "values must be finite"
    return "values must not be negative" if number < 0 else ""
