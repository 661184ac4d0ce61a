"""Compiled programs are kept between runs and shared with the commands that tests start."""

import os
import tempfile
from pathlib import Path

_CACHE = Path(tempfile.gettempdir()) / f"jaxmech-test-cache-{os.getuid()}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
