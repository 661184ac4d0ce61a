"""Several seeds of one designer as compiled programs: start, a chunk of updates, evaluation.

A chunk is one call into the device. How many updates it makes is an argument of the
compiled program, not part of it: whatever the chunk lengths, the same program makes
every update, so the results are the same bit for bit, and it compiles once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct

MAX_UPDATES = 256
"""The longest chunk: rows of metrics kept on the device before they are fetched."""

# fold_in(key, 0), fold_in(key, 1), ... are the very keys that split(key) gives a designer,
# so evaluation branches off at a number no designer splits up to.
_EVALUATION = 0x65766131

Evaluate = Callable[[Any, jax.Array], dict[str, jax.Array]]


@struct.dataclass
class Training:
    """What one chunk hands to the next, and what a checkpoint holds.

    Attributes:
      state: the designers' states, every array [seeds, ...].
      must_be_finite: bool [seeds, quantities], see ``Program.quantities``. A part of the
        state that starts out finite must stay so; a metric must from its first finite
        value on (a mean over episodes is NaN until one has ended).
    """

    state: Any
    must_be_finite: jax.Array


@dataclass(frozen=True)
class Program:
    """A designer's functions over several seeds, traced; compiled on request.

    Attributes:
      abstract: shapes and dtypes of ``Training``.
      metrics, evaluation_metrics: names, in the order of the columns.
      quantities: names of what is checked to be finite: float parts of the state, metrics.
      trace_seconds: spent on tracing.
    """

    seeds: tuple[int, ...]
    abstract: Training
    metrics: tuple[str, ...]
    evaluation_metrics: tuple[str, ...]
    quantities: tuple[str, ...]
    trace_seconds: float
    _start: Any
    _chunk: Any
    _evaluation: Any

    def compile(self, *, with_start: bool = True) -> Compiled:
        """All of it, each function in a thread of its own; ``start`` can be left out."""
        started = time.perf_counter()
        traced = [self._start if with_start else None, self._chunk, self._evaluation]
        lowered = [function and function.lower() for function in traced]
        with ThreadPoolExecutor() as threads:
            compiled = threads.map(lambda function: function and function.compile(), lowered)
            start, chunk, evaluation = compiled
        seconds = time.perf_counter() - started
        return Compiled(_keys(self.seeds), start, chunk, evaluation, seconds)


@dataclass(frozen=True)
class Compiled:
    """A program ready to run; ``seconds`` is how long compiling took."""

    _keys: jax.Array
    _start: Any
    _chunk: Any
    _evaluation: Any
    seconds: float

    def start(self) -> Training:
        """The training before its first update."""
        return self._start(self._keys)

    def chunk(self, training: Training, count: int) -> tuple[Training, Any, np.ndarray]:
        """Makes ``count`` updates, at most ``MAX_UPDATES``; ``training`` is donated.

        Returns:
          The training; the metrics, each [count, seeds]; and what became non-finite, bool
          [count, seeds, quantities].
        """
        training, *written = self._chunk(training, np.int32(count))
        metrics, broken = jax.tree.map(lambda rows: rows[:count], jax.device_get(written))
        return training, metrics, broken

    def evaluation(self, state: Any, update: int) -> dict[str, np.ndarray]:
        """What the evaluation function says, each [seeds].

        The key of each seed depends on the seed and the update alone.
        """
        return jax.device_get(self._evaluation(state, self._keys, np.int32(update)))


def trace(designer: Any, seeds: Sequence[int], evaluate: Evaluate | None = None) -> Program:
    """The programs of ``designer`` for ``seeds``; nothing is compiled yet.

    Raises:
      ValueError: ``designer`` lacks ``init`` or ``update``, its state changes shape or
        dtype from one update to the next, or its metrics or those of ``evaluate`` are not
        a dictionary of scalars.
    """
    for method in ("init", "update"):
        if not callable(getattr(designer, method, None)):
            raise ValueError(f"designer: got {type(designer).__name__}, which has no {method}()")
    started = time.perf_counter()
    num_seeds = len(seeds)

    @jax.jit
    def init(keys: jax.Array) -> Any:
        return _strong(_over_seeds(designer.init, keys))

    def update(state: Any) -> tuple[Any, dict[str, jax.Array]]:
        updated = _over_seeds(designer.update, state)
        if not (isinstance(updated, tuple) and len(updated) == 2):
            raise ValueError("designer.update: must return (state, metrics)")
        return _strong(updated[0]), updated[1]

    # Traced once for its shapes and, from the cache, once more inside the loop.
    update = jax.jit(update, inline=True)

    keys = _keys(seeds)
    abstract_state = init.trace(keys).out_info
    updated = update.eval_shape(abstract_state)
    _check_same(abstract_state, updated[0])
    _check_scalars("designer.update", updated[1], num_seeds)
    names = tuple(sorted(updated[1]))
    quantities = (*(name for name, _ in _floats({"state": abstract_state})), *names)

    def start(keys: jax.Array) -> Training:
        state = init(keys)
        finite = _all_finite([leaf for _, leaf in _floats(state)], num_seeds)
        nothing_yet = jnp.zeros((num_seeds, len(names)), bool)
        return Training(state, jnp.concatenate([finite, nothing_yet], axis=1))

    def one_update(training: Training) -> tuple[Training, dict[str, jax.Array], jax.Array]:
        state, metrics = update(training.state)
        state_finite = _all_finite([leaf for _, leaf in _floats(state)], num_seeds)
        metrics_finite = _all_finite([metrics[name] for name in names], num_seeds)
        finite = jnp.concatenate([state_finite, metrics_finite], axis=1)
        broken = training.must_be_finite & ~finite
        first_values = jnp.concatenate([jnp.zeros_like(state_finite), metrics_finite], axis=1)
        return Training(state, training.must_be_finite | first_values), metrics, broken

    def chunk(training: Training, count: jax.Array) -> tuple[Training, Any, jax.Array]:
        rows = {n: jnp.zeros((MAX_UPDATES, num_seeds), updated[1][n].dtype) for n in names}
        broken = jnp.zeros((MAX_UPDATES, num_seeds, len(quantities)), bool)

        def body(i: jax.Array, carry: Any) -> Any:
            training, *written = carry
            training, *row = one_update(training)
            written = jax.tree.map(lambda rows, row: rows.at[i].set(row), written, row)
            return training, *written

        return jax.lax.fori_loop(0, count, body, (training, rows, broken))

    traced_start = jax.jit(start).trace(keys)
    abstract = traced_start.out_info
    traced_chunk = jax.jit(chunk, donate_argnums=0).trace(abstract, np.int32(0))
    traced_evaluation, evaluation_metrics = None, ()
    if evaluate is not None:
        traced_evaluation = _trace_evaluation(evaluate, abstract.state, keys)
        evaluation_metrics = tuple(sorted(traced_evaluation.out_info))
    return Program(
        seeds=tuple(seeds),
        abstract=abstract,
        metrics=names,
        evaluation_metrics=evaluation_metrics,
        quantities=quantities,
        trace_seconds=time.perf_counter() - started,
        _start=traced_start,
        _chunk=traced_chunk,
        _evaluation=traced_evaluation,
    )


def _trace_evaluation(evaluate: Evaluate, abstract_state: Any, keys: jax.Array) -> Any:
    @jax.jit
    def evaluation(state: Any, keys: jax.Array, update: jax.Array) -> dict[str, jax.Array]:
        def one_seed(state_and_key: tuple[Any, jax.Array]) -> dict[str, jax.Array]:
            state, key = state_and_key
            key = jax.random.fold_in(jax.random.fold_in(key, _EVALUATION), update)
            return evaluate(state, key)

        return _over_seeds(one_seed, (state, keys))

    traced = evaluation.trace(abstract_state, keys, np.int32(0))
    _check_scalars("evaluate", traced.out_info, len(keys))
    return traced


def _over_seeds(function: Callable[[Any], Any], stacked: Any) -> Any:
    """``function`` of every seed's part of ``stacked`` [seeds, ...], with the results stacked.

    On an accelerator all seeds at once, on a CPU one after another: on two cores six seeds of
    PPO take .7 to 1 times as long so as in a batch, and compile sooner.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(function, stacked)
    return jax.vmap(function)(stacked)


def _keys(seeds: Sequence[int]) -> jax.Array:
    return jnp.stack([jax.random.key(seed) for seed in seeds])


def _strong(tree: Any) -> Any:
    """``tree`` as arrays without weak types, which a loop could not carry."""

    def strong(leaf: Any) -> jax.Array:
        leaf = jnp.asarray(leaf)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
            return leaf
        return jax.lax.convert_element_type(leaf, leaf.dtype)

    return jax.tree.map(strong, tree)


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """The leaves of a PyTree, each with the path to it joined by dots."""
    return [
        (jax.tree_util.keystr(path, simple=True, separator="."), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _floats(tree: Any) -> list[tuple[str, Any]]:
    return [
        (name, leaf) for name, leaf in named_leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]


def _all_finite(leaves: Sequence[jax.Array], num_seeds: int) -> jax.Array:
    """Whether each of ``leaves`` [seeds, ...] is finite throughout, bool [seeds, leaves]."""
    if not leaves:
        return jnp.zeros((num_seeds, 0), bool)
    finite = [jnp.isfinite(leaf).reshape(num_seeds, -1).all(axis=1) for leaf in leaves]
    return jnp.stack(finite, axis=1)


def _check_same(before: Any, after: Any) -> None:
    given, returned = str(jax.tree.structure(before)), str(jax.tree.structure(after))
    if given != returned:
        raise ValueError(
            "designer.update: the state it returns is not built like the one it was given; "
            f"got {returned}, allowed is {given}"
        )
    leaves = (named_leaves({"state": tree}) for tree in (before, after))
    for (name, old), (_, new) in zip(*leaves, strict=True):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            raise ValueError(
                f"designer.update: {name} goes from {old.dtype} {list(old.shape[1:])} "
                f"to {new.dtype} {list(new.shape[1:])}; shape and dtype must stay the same"
            )


def _check_scalars(what: str, metrics: Any, num_seeds: int) -> None:
    if not isinstance(metrics, dict) or not metrics:
        raise ValueError(
            f"{what}: metrics must be a dict of at least one scalar, got {type(metrics).__name__}"
        )
    for name, value in metrics.items():
        if name in ("update", "seed") or not isinstance(name, str) or "," in name:
            raise ValueError(
                f"{what}: metric {name!r}; 'update', 'seed' and commas are not allowed"
            )
        if getattr(value, "shape", None) != (num_seeds,):
            shape = list(getattr(value, "shape", [])[1:])
            raise ValueError(f"{what}: metric {name!r} has shape {shape}; it must be a scalar")
