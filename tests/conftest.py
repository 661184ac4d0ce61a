"""Compiled programs are kept for the length of a run, and shared with the commands that tests
start."""

import os
import tempfile

_CACHE = tempfile.TemporaryDirectory(prefix="jaxmech-test-cache-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _CACHE.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# The commands import the installed package, not a checkout they happen to start in.
os.environ.setdefault("PYTHONSAFEPATH", "1")
