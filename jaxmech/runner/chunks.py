"""Several seeds of one designer as compiled programs: start, a chunk of updates, evaluation.

A chunk is one call into the device. How many updates it makes is an argument of the
compiled program, not part of it: whatever the chunk lengths, the same program makes
every update, so the results are the same bit for bit, and it compiles once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.runner.training import Loop, Metrics, Stop, Training, Written, begun
from jaxmech.runner.trees import check_same, check_scalars, strong

# fold_in(key, 0), fold_in(key, 1), ... are the very keys that split(key) gives a designer,
# so evaluation branches off at a number no designer splits up to.
_EVALUATION = 0x65766131

Evaluate = Callable[[Any, jax.Array], Metrics]


class Program:
    """A designer's functions over several seeds: traced when it is made, then compiled.

    Attributes:
      metrics, evaluation_metrics: names, in the order of the columns.
      compile_seconds: spent on tracing and compiling.
    """

    def __init__(
        self,
        designer: Any,
        keys: jax.Array,
        evaluate: Evaluate | None = None,
        stop: Stop | None = None,
    ):
        """
        Args:
          designer: has ``init`` and ``update``.
          keys: typed, [seeds], what each seed starts from.
          evaluate: (state, key) -> metrics of one seed.
          stop: metrics of one seed -> bool [], whether that was its last update.

        Raises:
          ValueError: ``designer`` lacks ``init`` or ``update``, its state changes shape or
            dtype from one update to the next, its metrics or those of ``evaluate`` are not
            a dictionary of scalars, or ``stop`` does not return a boolean.
        """
        started = time.perf_counter()
        init = _init_of(designer)

        def update(state: Any) -> tuple[Any, Metrics]:
            updated = designer.update(state)
            if not (isinstance(updated, tuple) and len(updated) == 2):
                raise ValueError("designer.update: must return (state, metrics)")
            return strong(updated[0]), updated[1]

        # Traced once for its shapes and, from the cache, once more inside the loop.
        update = jax.jit(update, inline=True)

        abstract_state = jax.eval_shape(init, keys[0])
        updated, metrics = update.eval_shape(abstract_state)
        check_same(abstract_state, updated)
        check_scalars("designer.update", metrics)
        if stop is not None:
            _check_stop(jax.eval_shape(stop, metrics))
        loop = Loop(update, metrics, stop, one_by_one=jax.default_backend() == "cpu")
        self.metrics = tuple(sorted(metrics))
        self._keys = keys
        self._start = jax.jit(_start_of(init, len(metrics))).trace(keys)
        abstract = self._start.out_info
        self._chunk = jax.jit(loop.chunk, donate_argnums=0).trace(abstract, np.int32(0))
        self.evaluation_metrics: tuple[str, ...] = ()
        self._evaluation: Any = None
        if evaluate is not None:
            check_scalars("evaluate", jax.eval_shape(evaluate, abstract_state, keys[0]))
            evaluation = jax.jit(_evaluation_of(evaluate))
            self._evaluation = evaluation.trace(abstract.state, keys, np.int32(0))
            self.evaluation_metrics = tuple(sorted(self._evaluation.out_info))
        self.compile_seconds = time.perf_counter() - started

    def compile(self, *, with_start: bool = True) -> None:
        """All of it, each function in a thread of its own; ``start`` can be left out."""
        started = time.perf_counter()
        traced = [self._start if with_start else None, self._chunk, self._evaluation]
        lowered = [function and function.lower() for function in traced]
        with ThreadPoolExecutor() as threads:
            compiled = threads.map(lambda function: function and function.compile(), lowered)
            self._start, self._chunk, self._evaluation = compiled
        self.compile_seconds += time.perf_counter() - started

    def start(self) -> Training:
        """The training before its first update."""
        return self._start(self._keys)

    def chunk(self, training: Training, count: int) -> tuple[Training, Written]:
        """Makes ``count`` updates, at most ``MAX_UPDATES``; ``training`` is donated.

        Returns:
          The training, on the device; what was written, as NumPy arrays.
        """
        training, written = self._chunk(training, np.int32(count))
        return training, jax.device_get(written)

    def evaluation(self, state: Any, update: int) -> dict[str, np.ndarray]:
        """What the evaluation function says of states [cells, seeds, ...], each alike.

        The key of each seed depends on the seed and the update alone.
        """
        return jax.device_get(self._evaluation(state, self._keys, np.int32(update)))


def abstract_training(designer: Any, keys: jax.Array, num_metrics: int) -> Training:
    """Shapes and dtypes of the training of ``designer``, without a look at its updates.

    Raises:
      ValueError: it lacks ``init`` or ``update``.
    """
    return jax.eval_shape(_start_of(_init_of(designer), num_metrics), keys)


def _init_of(designer: Any) -> Callable[[jax.Array], Any]:
    for method in ("init", "update"):
        if not callable(getattr(designer, method, None)):
            raise ValueError(f"designer: got {type(designer).__name__}, which has no {method}()")
    return jax.jit(lambda key: strong(designer.init(key)), inline=True)


def _start_of(
    init: Callable[[jax.Array], Any], num_metrics: int
) -> Callable[[jax.Array], Training]:
    def start(keys: jax.Array) -> Training:
        return begun(jax.tree.map(lambda leaf: leaf[None], _over_seeds(init, keys)), num_metrics)

    return start


def _evaluation_of(evaluate: Evaluate) -> Callable[[Any, jax.Array, jax.Array], Metrics]:
    def evaluation(state: Any, keys: jax.Array, update: jax.Array) -> Metrics:
        def one_seed(state_and_key: tuple[Any, jax.Array]) -> Metrics:
            state, key = state_and_key
            key = jax.random.fold_in(jax.random.fold_in(key, _EVALUATION), update)
            return evaluate(state, key)

        cell = jax.tree.map(lambda leaf: leaf[0], state)
        evaluated = _over_seeds(one_seed, (cell, keys))
        return jax.tree.map(lambda leaf: leaf[None], evaluated)

    return evaluation


def _over_seeds(function: Callable[[Any], Any], stacked: Any) -> Any:
    """``function`` of every seed's part of ``stacked`` [seeds, ...], with the results stacked.

    On an accelerator all seeds at once, on a CPU one after another: on two cores six seeds of
    PPO take .7 to 1 times as long so as in a batch, and compile sooner.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(function, stacked)
    return jax.vmap(function)(stacked)


def _check_stop(answer: Any) -> None:
    if getattr(answer, "shape", None) != () or answer.dtype != jnp.bool_:
        told = getattr(answer, "dtype", type(answer).__name__), getattr(answer, "shape", "")
        raise ValueError(f"stop: got {told[0]} {told[1]}; allowed is one boolean, bool []")
