"""Updates in a row, of all cells and seeds of a training: what a compiled chunk does.

A seed whose rule of stopping says so is frozen from that update on: its state and its number
of updates no longer change. So how many updates a chunk is asked for decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.runner.trees import all_finite, floats

MAX_UPDATES = 256
"""The longest chunk: rows of metrics kept on the device before they are fetched."""

Metrics = dict[str, jax.Array]

Stop = Callable[[Metrics], jax.Array]


@struct.dataclass
class Training:
    """What one chunk hands to the next, and what a checkpoint holds.

    Attributes:
      state: the designers' states, every array [cells, seeds, ...].
      updates: int32 [cells, seeds], made so far.
      running: bool [cells, seeds], False of a seed that has stopped.
      state_must_be_finite: bool [cells, seeds, float arrays of the state]; what starts out
        finite must stay so.
      metrics_must_be_finite: bool [cells, seeds, metrics]; a metric must be finite from its
        first finite value on (a mean over episodes is NaN until one has ended).
    """

    state: Any
    updates: jax.Array
    running: jax.Array
    state_must_be_finite: jax.Array
    metrics_must_be_finite: jax.Array


@struct.dataclass
class Written:
    """What a chunk tells of its updates.

    Attributes:
      metrics: each [cells, seeds, MAX_UPDATES]; of a seed that made ``n`` updates in the
        chunk, the first ``n`` count.
      broken_metrics: bool [cells, seeds, metrics], not finite after one of the updates though
        they had to be.
      broken_state: bool [cells, seeds, float arrays of the state], the same at the end of the
        chunk.
    """

    metrics: Metrics
    broken_metrics: jax.Array
    broken_state: jax.Array


_Update = Callable[[jax.Array, Training, Written], tuple[Training, Written]]


def begun(states: Any, num_metrics: int) -> Training:
    """The training before its first update, from states [cells, seeds, ...]."""
    axes = jax.tree.leaves(states)[0].shape[:2]
    return Training(
        state=states,
        updates=jnp.zeros(axes, jnp.int32),
        running=jnp.ones(axes, bool),
        state_must_be_finite=jax.vmap(jax.vmap(_finite_parts))(states),
        metrics_must_be_finite=jnp.zeros((*axes, num_metrics), bool),
    )


@dataclass(frozen=True)
class Loop:
    """The loop over updates of one designer.

    Attributes:
      update: state -> (state, metrics), of one seed.
      metrics: shapes and dtypes of the metrics of one seed; arrays over them are in the order
        of their names.
      stop: of one seed's metrics -> bool [], whether that was its last update; or None.
      one_by_one: seeds one after another with the loop over updates inside; else all at once.
    """

    update: Callable[[Any], tuple[Any, Metrics]]
    metrics: dict[str, jax.ShapeDtypeStruct]
    stop: Stop | None
    one_by_one: bool

    def chunk(self, training: Training, count: jax.Array) -> tuple[Training, Written]:
        """``count`` updates, at most ``MAX_UPDATES``, of every seed that runs."""
        axes = training.updates.shape
        num_lanes = axes[0] * axes[1]
        lanes = jax.tree.map(lambda leaf: leaf.reshape(num_lanes, *leaf.shape[2:]), training)
        written = Written(
            metrics={
                name: jnp.zeros((num_lanes, MAX_UPDATES), metric.dtype)
                for name, metric in self.metrics.items()
            },
            broken_metrics=jnp.zeros_like(lanes.metrics_must_be_finite),
            broken_state=jnp.zeros_like(lanes.state_must_be_finite),
        )
        if self.one_by_one:
            # Each in its place, so that no second copy of all is needed.
            ended = jax.lax.fori_loop(
                0, num_lanes, partial(self._with_lane_updated, count), (lanes, written)
            )
        else:
            ended = self._updated(self._updates_at_once, lanes, written, count)
            ended = jax.vmap(_with_state_checked)(*ended)
        return jax.tree.map(lambda leaf: leaf.reshape(*axes, *leaf.shape[1:]), ended)

    def _with_lane_updated(
        self, count: jax.Array, index: jax.Array, lanes: tuple[Training, Written]
    ) -> tuple[Training, Written]:
        lane, written = jax.tree.map(lambda leaf: leaf[index], lanes)
        ended = _with_state_checked(*self._updated(self._one_update, lane, written, count))
        return jax.tree.map(lambda leaf, new: leaf.at[index].set(new), lanes, ended)

    def _updated(
        self, update: _Update, training: Training, written: Written, count: jax.Array
    ) -> tuple[Training, Written]:
        """Of one seed, or of [lanes, ...]: ``count`` times ``update``, or until none runs."""

        def goes_on(carry: tuple[jax.Array, Training, Written]) -> jax.Array:
            made, training, _ = carry
            return (made < count) & training.running.any()

        def body(carry: tuple[jax.Array, Training, Written]) -> Any:
            made, training, written = carry
            return made + 1, *update(made, training, written)

        start = jnp.int32(0), training, written
        _, training, written = jax.lax.while_loop(goes_on, body, start)
        return training, written

    def _updates_at_once(
        self, made: jax.Array, lanes: Training, written: Written
    ) -> tuple[Training, Written]:
        """Of [lanes, ...], as a batch; those that had stopped stay frozen.

        Without a rule of stopping a seed stops only where it has diverged, and its state is
        not used again: then nothing is selected, which would cost a pass over all states.
        """
        updated, told = jax.vmap(self._one_update, (None, 0, 0))(made, lanes, written)
        broken = jnp.where(lanes.running[:, None], told.broken_metrics, written.broken_metrics)
        before = replace(lanes, state=updated.state) if self.stop is None else lanes

        def chosen(ran: jax.Array, before: Training, after: Training) -> Training:
            return jax.tree.map(partial(jnp.where, ran), after, before)

        ended = jax.vmap(chosen)(lanes.running, before, updated)
        return ended, replace(told, broken_metrics=broken)

    def _one_update(
        self, made: jax.Array, lane: Training, written: Written
    ) -> tuple[Training, Written]:
        """Of one seed, after it has ``made`` some in this chunk."""
        state, metrics = self.update(lane.state)
        finite = all_finite([metrics[name] for name in sorted(metrics)])
        broken = lane.metrics_must_be_finite & ~finite
        ends = broken.any()
        if self.stop is not None:
            ends |= self.stop(metrics)
        lane = replace(
            lane,
            state=state,
            updates=lane.updates + 1,
            running=~ends,
            metrics_must_be_finite=lane.metrics_must_be_finite | finite,
        )
        rows = {name: rows.at[made].set(metrics[name]) for name, rows in written.metrics.items()}
        broken |= written.broken_metrics
        return lane, replace(written, metrics=rows, broken_metrics=broken)


def _with_state_checked(lane: Training, written: Written) -> tuple[Training, Written]:
    """Of one seed, at the end of a chunk; a state that is no longer finite stops it."""
    broken = lane.state_must_be_finite & ~_finite_parts(lane.state)
    lane = replace(lane, running=lane.running & ~broken.any())
    return lane, replace(written, broken_state=broken)


def _finite_parts(state: Any) -> jax.Array:
    """Which float arrays of one seed's state are finite, bool [float arrays]."""
    return all_finite([leaf for _, leaf in floats(state)])
