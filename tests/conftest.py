"""Compiled programs are kept for the length of a run, and shared with the commands that tests
start."""

import os
import tempfile

import pytest

_CACHE = tempfile.TemporaryDirectory(prefix="jaxmech-test-cache-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _CACHE.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# The commands import the installed package, not a checkout they happen to start in.
os.environ.setdefault("PYTHONSAFEPATH", "1")


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """A process may have 65,530 memory maps on Linux, a program of a CPU takes a few, and a
    compiler that gets no more of them crashes."""
    yield
    import jax

    jax.clear_caches()


@pytest.fixture(scope="module")
def leave_jax_as_it_is():
    """Commands called in this process do not change what its other tests compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxmech.cli.commands._set_up_jax", lambda: None)
        yield


@pytest.fixture(scope="module")
def compile_quickly():
    """For programs that run for a moment, but take long to be optimised."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
