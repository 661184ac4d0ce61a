"""Compiling once and timing, of functions of arrays and of what is fixed when compiling."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np


class Timed(NamedTuple):
    """What a program returned, and the seconds spent on it."""

    value: Any
    seconds: float
    compile_seconds: float


class Programs:
    """Compiled programs, by function, static arguments, and shapes of the others."""

    def __init__(self) -> None:
        self._compiled: dict[Hashable, Any] = {}

    def shapes(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Shapes and dtypes of what the function returns; nothing is computed or compiled."""
        static, traced = split(arguments)
        return jax.eval_shape(partial(_called, function, static), traced)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Timed:
        """What ``function`` returns, compiled at the first call of its kind.

        Args:
          function: of a module, so that it is the same at every call; pure.
          arguments: those that are PyTrees of arrays and keys are traced, all others are
            constants of the program; see ``split``.

        Raises:
          ValueError: a function made anew at every call, or an argument that can be neither.
        """
        check_function(function)
        static, traced = split(arguments)
        started = time.perf_counter()
        shape = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(traced))
        asked = (function, static, jax.tree.structure(traced), shape)
        if asked not in self._compiled:
            lowered = jax.jit(partial(_called, function, static)).lower(traced)
            self._compiled[asked] = lowered.compile()
        ready = time.perf_counter()
        value = jax.block_until_ready(self._compiled[asked](traced))
        return Timed(value, time.perf_counter() - ready, ready - started)


Static = tuple[tuple[int, Any], ...]
"""Arguments that are constants of a program, each with its place."""


def split(arguments: tuple[Any, ...]) -> tuple[Static, dict[int, Any]]:
    """Arguments that are constants of the program, and those that are traced, by their place.

    Raises:
      ValueError: a constant that is not hashable, or a PyTree in which some leaves are
        arrays and others are not.
    """
    static, traced = [], {}
    for place, argument in enumerate(arguments):
        leaves = jax.tree.leaves(argument)
        arrays = [isinstance(leaf, jax.Array | np.ndarray | np.generic) for leaf in leaves]
        if leaves and all(arrays):
            traced[place] = argument
        elif any(arrays):
            others = {
                type(leaf).__name__ for leaf, array in zip(leaves, arrays, strict=True) if not array
            }
            raise ValueError(
                f"argument {place}: got a {type(argument).__name__} of arrays and of "
                f"{', '.join(sorted(others))}; allowed are arrays alone, which are traced, or "
                "none: jax.tree.map(jnp.asarray, ...) makes arrays of its numbers"
            )
        else:
            try:
                hash(argument)
            except TypeError as error:
                raise ValueError(
                    f"argument {place}: got a {type(argument).__name__}, which is neither made of "
                    "arrays nor hashable"
                ) from error
            static.append((place, argument))
    return tuple(static), traced


def check_function(function: Callable[..., Any]) -> None:
    """
    Raises:
      ValueError: the function is not one of a module, so that each call would compile anew and
        no other run would know it for the same.
    """
    name = getattr(function, "__qualname__", "")
    if isinstance(function, partial) or not name or "<" in name:
        raise ValueError(
            f"function: got {name or type(function).__name__}; allowed are functions of a module, "
            "with what they need as arguments"
        )


def _called(function: Callable[..., Any], static: Static, traced: dict[int, Any]) -> Any:
    arguments = dict(static) | traced
    return function(*(arguments[place] for place in sorted(arguments)))
