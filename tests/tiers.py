"""The tests of the default tier and those that are slow; ``conftest.py`` holds the rules."""

import importlib.util
import os

import pytest

FUSION = "xla_cpu_use_fusion_emitters"
"""The flag of XLA without which programs compile in a quarter of the time."""

QUICKLY = f"--{FUSION}=false"
"""Among ``XLA_FLAGS`` while tests run."""


def as_users_compile():
    """Options of ``jax.jit`` for what must be optimised, or runs longer than it compiles."""
    optimised = {"xla_backend_optimization_level": 3, "xla_llvm_disable_expensive_passes": False}
    return optimised | ({FUSION: True} if QUICKLY in os.environ.get("XLA_FLAGS", "") else {})


def slowly(*cases):
    """Cases of a parametrised test that only the slow tier tries."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in cases
    ]


def with_package(name):
    """A mark for tests of what only an extra of the package brings."""
    missing = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"{name} is not installed")
