"""A rule of stopping, asked of every seed after every update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from descents import DESIGNER, Recorder, assert_same, rows

from jaxmech import runner
from jaxmech.runner.training import Loop, begun

SEEDS = [0, 1, 2]


def low_loss(metrics: dict[str, jax.Array]) -> jax.Array:
    return metrics["loss"] < 0.02


def trained(directory: Path, **options: Any) -> runner.RunResult:
    return runner.run(
        DESIGNER, directory=directory, seeds=SEEDS, updates=30, stop=low_loss,
        evaluate=DESIGNER.evaluate, evaluate_every=7, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> runner.RunResult:
    return trained(tmp_path_factory.mktemp("runs") / "stopped")


def test_each_seed_stops_at_its_first_update_with_a_low_loss(
    stopped: runner.RunResult, finished: runner.RunResult
) -> None:
    """By the log of a run without the rule, of which each seed's part is a beginning."""
    free = runner.read_log(finished.directory / "metrics.csv")
    with_rule = runner.read_log(stopped.directory / "metrics.csv")
    expected = []
    for seed in SEEDS:
        loss = free["loss"][free["seed"] == seed]
        last = int(np.argmax(loss < 0.02)) + 1 if (loss < 0.02).any() else 30
        expected.append(last)
        of_seed = with_rule["seed"] == seed
        np.testing.assert_array_equal(with_rule["loss"][of_seed], loss[:last])
        np.testing.assert_array_equal(with_rule["update"][of_seed], np.arange(1, last + 1))
    assert min(expected) < max(expected) < 30, "the rule should tell the seeds apart"
    assert stopped.updates.dtype == np.int32
    assert stopped.updates.tolist() == expected == stopped.states.updates.tolist()
    assert (stopped.metrics["loss"] < 0.02).all()


@pytest.mark.parametrize("length", [1, 4, 256])
def test_chunk_lengths_do_not_matter(
    length: int, stopped: runner.RunResult, tmp_path: Path
) -> None:
    result = trained(tmp_path / "run", updates_per_chunk=length)
    assert_same(result.states, stopped.states)
    np.testing.assert_array_equal(result.updates, stopped.updates)
    for name in ("metrics.csv", "evaluation.csv"):
        assert (result.directory / name).read_bytes() == (stopped.directory / name).read_bytes()


def test_a_seed_that_has_stopped_is_not_evaluated(stopped: runner.RunResult) -> None:
    updates = stopped.evaluation_updates
    assert updates.tolist() == [update for update in (7, 14, 21, 28) if update in updates]
    noisy_loss = stopped.evaluations["noisy_loss"]
    assert noisy_loss.shape == (len(updates), len(SEEDS))
    np.testing.assert_array_equal(np.isnan(noisy_loss), updates[:, None] > stopped.updates)
    logged = [float(row["noisy_loss"]) for row in rows(stopped.directory / "evaluation.csv")]
    assert noisy_loss[~np.isnan(noisy_loss)].tolist() == logged


def test_a_run_goes_on_with_those_that_have_not_stopped(
    stopped: runner.RunResult, tmp_path: Path
) -> None:
    class Interrupting(Recorder):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            assert np.isnan(metrics["loss"]).any(axis=0).sum() < len(SEEDS)
            if update >= min(stopped.updates) + 1:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        trained(
            tmp_path / "run", updates_per_chunk=2, checkpoint_seconds=0, progress=Interrupting()
        )
    before = runner.load(DESIGNER, directory=tmp_path / "run")
    assert before.updates.max() < stopped.updates.max()
    result = runner.resume(
        DESIGNER, directory=tmp_path / "run", evaluate=DESIGNER.evaluate, stop=low_loss
    )
    assert_same(result.states, stopped.states)
    for name in ("metrics.csv", "evaluation.csv"):
        assert (result.directory / name).read_bytes() == (stopped.directory / name).read_bytes()


def test_a_run_whose_seeds_have_all_stopped_is_finished(stopped: runner.RunResult) -> None:
    assert runner.is_finished(stopped.directory, updates=30)
    again = runner.resume(
        DESIGNER, directory=stopped.directory, evaluate=DESIGNER.evaluate, stop=low_loss
    )
    assert again.compile_seconds == 0
    np.testing.assert_array_equal(again.updates, stopped.updates)


def test_another_rule_is_refused(stopped: runner.RunResult) -> None:
    with pytest.raises(ValueError, match=r"stop: got None; .*made with 'test_stop:low_loss'"):
        runner.resume(DESIGNER, directory=stopped.directory, evaluate=DESIGNER.evaluate)


@pytest.mark.parametrize(
    "stop", [lambda metrics: metrics["loss"], lambda metrics: jnp.array([True])]
)
def test_a_rule_answers_with_one_boolean(stop: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop: got .*allowed is one boolean"):
        runner.run(DESIGNER, directory=tmp_path / "run", seeds=1, updates=1, stop=stop)


@pytest.mark.parametrize("stop", [None, low_loss])
def test_seeds_at_once_are_as_one_by_one(stop: Any) -> None:
    """As accelerators have them, on two cells: the same updates, up to the order of rounding."""
    keys = jax.random.split(jax.random.key(0), (2, 3))
    states = jax.vmap(jax.vmap(DESIGNER.init))(keys)
    metrics = jax.eval_shape(DESIGNER.update, jax.tree.map(lambda leaf: leaf[0, 0], states))[1]
    ended, written = zip(
        *(
            jax.jit(loop.chunk)(begun(states, len(metrics)), jnp.int32(25))
            for loop in (Loop(DESIGNER.update, metrics, stop, one) for one in (True, False))
        ),
        strict=True,
    )
    made = np.asarray(ended[0].updates)
    assert (made.min() < 25) == (stop is not None)
    np.testing.assert_array_equal(made, ended[1].updates)
    np.testing.assert_array_equal(made, ended[1].state.updates)
    np.testing.assert_array_equal(ended[0].running, ended[1].running)
    np.testing.assert_allclose(ended[0].state.position, ended[1].state.position, rtol=1e-5)
    np.testing.assert_array_equal(written[0].broken_metrics, written[1].broken_metrics)
    for cell, seed in np.ndindex(made.shape):
        left, right = (one.metrics["loss"][cell, seed, : made[cell, seed]] for one in written)
        np.testing.assert_allclose(left, right, rtol=1e-5)


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_a_stopped_seed_would_have_become_is_no_divergence(one_by_one: bool) -> None:
    """The second update ends one seed, whose third would have an infinite metric."""

    def update(count: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        return count + 1, {"value": 1 / (2 - count), "count": count}

    metrics = jax.eval_shape(update, jnp.float32(0))[1]
    loop = Loop(update, metrics, lambda of_seed: of_seed["count"] == 1, one_by_one)
    starts = jnp.asarray([[0.0, -9.0]])
    ended, written = jax.jit(loop.chunk)(begun(starts, len(metrics)), jnp.int32(5))
    assert ended.updates.tolist() == [[2, 5]]
    assert not written.broken_metrics.any()
