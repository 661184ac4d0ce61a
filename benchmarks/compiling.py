"""Compiling ahead of the first run, so that the two are timed apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from work import Contender, Ran


def compile_timed(
    function: Callable[..., Any], *arguments: Any, donate_argnums: tuple[int, ...] = ()
) -> tuple[Callable[..., Any], float]:
    """``function``, compiled for arguments like these, and the seconds that took.

    The seconds are those of tracing, lowering and compiling; nothing is run.
    """
    import jax

    start = time.perf_counter()
    compiled = jax.jit(function, donate_argnums=donate_argnums).lower(*arguments).compile()
    return compiled, time.perf_counter() - start


def repeat_compiled(
    run: Callable[[Any], tuple[Any, Any]],
    state: Any,
    summarise: Callable[[Any], Ran],
    *,
    compile_seconds: float = 0.0,
    updates_per_run: int = 0,
) -> Contender:
    """A contender that runs ``run(state) -> state, results`` over and over, compiled.

    Args:
      run: what to compile.
      state: where to start.
      summarise: from results on the device.
      compile_seconds: spent on compiling what made ``state``.
      updates_per_run: see ``Contender``.
    """
    import jax

    compiled, seconds = compile_timed(run, state)

    def once() -> Ran:
        nonlocal state
        state, results = compiled(state)
        return summarise(jax.block_until_ready(results))

    return Contender(
        once, updates_per_run=updates_per_run, compile_seconds=compile_seconds + seconds
    )
