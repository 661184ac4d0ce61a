"""The tests of the default tier and those that are slow; ``conftest.py`` holds the rules."""

import pytest


def slowly(*cases):
    """Cases of a parametrised test that only the slow tier tries."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in cases
    ]
