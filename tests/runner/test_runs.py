"""What a run leaves and gives back, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import yaml
from descents import DESIGNER, Recorder, assert_same, rows
from noisy_descent import DescentState, NoisyDescent

from jaxmech import runner
from jaxmech.runner import checkpoints, record
from jaxmech.runner.progress import NoProgress


def test_a_run_is_what_updates_in_a_row_give(finished: runner.RunResult) -> None:
    """Against a plain loop over each seed alone: equal up to the order of rounding."""
    update = jax.jit(DESIGNER.update)
    logged = rows(finished.directory / "metrics.csv")
    for index, seed in enumerate(finished.seeds):
        state = DESIGNER.init(jax.random.key(seed))
        for number in range(1, 31):
            state, metrics = update(state)
            row = logged[(number - 1) * 3 + index]
            assert (row["update"], row["seed"]) == (str(number), str(seed))
            for name, value in metrics.items():
                np.testing.assert_allclose(float(row[name]), value, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(finished.states.position[index], state.position, rtol=1e-5)
        key = jax.random.key_data(finished.states.key[index])
        assert (key == jax.random.key_data(state.key)).all()


def test_the_result_says_where_the_run_stands(finished: runner.RunResult) -> None:
    assert (finished.seeds, finished.updates.tolist()) == ((0, 1, 2), [30, 30, 30])
    assert not finished.interrupted
    assert finished.compile_seconds > 0
    np.testing.assert_array_equal(finished.states.updates, [30, 30, 30])
    last = [row for row in rows(finished.directory / "metrics.csv") if row["update"] == "30"]
    assert finished.metrics["loss"].tolist() == [float(row["loss"]) for row in last]
    assert set(finished.metrics) == {"objective", "loss", "episode_return", "environment_steps"}


def test_the_folder_holds_config_logs_and_checkpoints(finished: runner.RunResult) -> None:
    folder = finished.directory
    assert yaml.safe_load((folder / "config.yaml").read_text()) == {
        "setting": "bowl",
        "sizes": [3, 4],
    }
    header = (folder / "metrics.csv").read_text().partition("\n")[0]
    assert header == "update,seed,environment_steps,episode_return,loss,objective"
    timing = rows(folder / "timing.csv")
    assert list(timing[0]) == ["update", "seconds"]
    seconds = [float(row["seconds"]) for row in timing]
    assert seconds == sorted(seconds)
    assert (timing[-1]["update"], seconds[-1]) == ("30", finished.seconds)
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["0", "30"]


def test_metrics_read_back_to_the_same_float32(finished: runner.RunResult) -> None:
    state = finished.states
    loss = np.sum(np.square(np.asarray(state.position)), axis=1) / 2
    np.testing.assert_allclose(finished.metrics["loss"], loss, rtol=1e-6)
    for value in finished.metrics["loss"]:
        assert np.float32(value) == np.float32(str(np.float32(value)))


def test_evaluations_come_at_fixed_updates(finished: runner.RunResult) -> None:
    logged = rows(finished.directory / "evaluation.csv")
    assert [(row["update"], row["seed"]) for row in logged] == [
        (str(update), str(seed)) for update in (7, 14, 21, 28) for seed in (0, 1, 2)
    ]
    loss = {(row["update"], row["seed"]): row for row in rows(finished.directory / "metrics.csv")}
    noise = [
        float(row["noisy_loss"]) - float(loss[row["update"], row["seed"]]["loss"]) for row in logged
    ]
    assert len({round(value, 4) for value in noise}) == len(noise), "a key was used twice"


def test_chunk_lengths_do_not_matter(finished: runner.RunResult, tmp_path: Any) -> None:
    for length in (1, 4, 30, 256):
        progress = Recorder()
        result = runner.run(
            DESIGNER,
            directory=tmp_path / str(length),
            seeds=3,
            updates=30,
            evaluate=DESIGNER.evaluate,
            evaluate_every=7,
            updates_per_chunk=length,
            progress=progress,
        )
        ends = {min(start + length, stop) for stop in (7, 14, 21, 28, 30) for start in range(30)}
        assert progress.ends[-1] == 30 and set(progress.ends) <= ends
        assert len(progress.compile_seconds) == progress.stopped == 1
        assert_same(result.states, finished.states)
        for name in ("metrics.csv", "evaluation.csv"):
            assert (result.directory / name).read_bytes() == (
                finished.directory / name
            ).read_bytes()


def test_it_compiles_one_chunk_whatever_the_number_of_updates(tmp_path: Any) -> None:
    traced = []

    class Counting(NoisyDescent):
        def update(self, state: DescentState) -> Any:
            traced.append(1)
            return super().update(state)

    progress = Recorder()
    runner.run(
        Counting(), directory=tmp_path / "a", seeds=1, updates=11, updates_per_chunk=4,
        progress=progress,
    )  # fmt: skip
    assert progress.ends == [4, 8, 11]
    assert len(traced) == 1


def test_a_seed_alone_and_among_others(finished: runner.RunResult, tmp_path: Any) -> None:
    """The same keys exactly, the same numbers up to the order of rounding."""
    alone = runner.run(DESIGNER, directory=tmp_path / "alone", seeds=[2], updates=30)
    among = jax.tree.map(lambda leaf: leaf[2:3], finished.states)
    assert (jax.random.key_data(alone.states.key) == jax.random.key_data(among.key)).all()
    np.testing.assert_allclose(alone.states.position, among.position, rtol=1e-6)
    np.testing.assert_allclose(alone.metrics["loss"], finished.metrics["loss"][2:], rtol=1e-6)


def test_load_gives_the_last_checkpoint(finished: runner.RunResult) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.directory.rglob("*")}
    loaded = runner.load(DESIGNER, directory=finished.directory)
    assert_same(loaded.states, finished.states)
    assert loaded.metrics.keys() == finished.metrics.keys()
    assert (loaded.updates.max(), loaded.seconds) == (30, finished.seconds)
    assert {path: path.stat().st_mtime_ns for path in finished.directory.rglob("*")} == before


def test_progress_starts_before_tracing(tmp_path: Any) -> None:
    events = []

    class Told(NoProgress):
        def start(self, update: int, updates: int) -> None:
            events.append((update, updates))

        def stop(self) -> None:
            events.append("stopped")

    class Failing(NoisyDescent):
        def init(self, key: jax.Array) -> Any:
            events.append("traced")
            raise ValueError("no start")

    with pytest.raises(ValueError, match="no start"):
        runner.run(Failing(), directory=tmp_path / "run", seeds=1, updates=5, progress=Told())
    assert events == [(0, 5), "traced", "stopped"]
    assert not (tmp_path / "run").exists()


def test_a_finished_run_resumes_to_itself(finished: runner.RunResult) -> None:
    again = runner.resume(
        DESIGNER, directory=finished.directory, evaluate=DESIGNER.evaluate, progress=Recorder()
    )
    assert again.compile_seconds == 0
    assert_same(again.states, finished.states)


def test_resume_for_longer_is_a_longer_run(finished: runner.RunResult, tmp_path: Any) -> None:
    runner.run(
        DESIGNER,
        directory=tmp_path / "short",
        seeds=3,
        updates=12,
        evaluate=DESIGNER.evaluate,
        evaluate_every=7,
    )
    result = runner.resume(
        DESIGNER, directory=tmp_path / "short", updates=30, evaluate=DESIGNER.evaluate
    )
    assert_same(result.states, finished.states)
    for name in ("metrics.csv", "evaluation.csv"):
        assert (result.directory / name).read_bytes() == (finished.directory / name).read_bytes()
    assert result.seconds == float(rows(result.directory / "timing.csv")[-1]["seconds"])


def test_checkpoints_come_by_the_clock_and_three_are_kept(tmp_path: Any) -> None:
    seen = []

    class Looking(Recorder):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            folder = tmp_path / "often" / "checkpoints"
            seen.append(sorted(int(path.name) for path in folder.iterdir()))

    runner.run(
        DESIGNER,
        directory=tmp_path / "often",
        seeds=1,
        updates=10,
        updates_per_chunk=2,
        checkpoint_seconds=0,
        progress=Looking(),
    )
    assert seen == [[0], [0, 2], [0, 2, 4], [2, 4, 6], [4, 6, 8]]


@pytest.mark.parametrize(
    ("cost", "pace", "expected"),
    [
        (1.0, {}, [0, 3, 6, 9, 12]),
        (12.0, {}, [0, 5, 10, 12]),
        (12.0, {"checkpoint_seconds": 60}, [0, 2, 4, 6, 8, 10, 12]),
    ],
)
def test_saving_takes_a_twentieth_of_the_time_at_most_unless_it_is_told_when(
    cost: float, pace: dict[str, Any], expected: list[int], tmp_path: Any, monkeypatch: Any
) -> None:
    """Updates of 50 seconds each, and checkpoints that cost some too."""
    clock, saved, save = [0.0], [], checkpoints.save

    def saving(folder: Any, update: int, *rest: Any) -> None:
        clock[0] += cost
        saved.append(update)
        save(folder, update, *rest)

    class Passing(NoProgress):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            clock[0] += 50.0

    monkeypatch.setattr(checkpoints, "save", saving)
    monkeypatch.setattr(record, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    runner.run(
        DESIGNER,
        directory=tmp_path / "run",
        seeds=1,
        updates=12,
        updates_per_chunk=1,
        progress=Passing(),
        **pace,
    )
    assert saved == expected


def test_an_existing_run_is_never_overwritten(finished: runner.RunResult, tmp_path: Any) -> None:
    with pytest.raises(FileExistsError, match="finished.*resume.*another name"):
        runner.run(DESIGNER, directory=finished.directory, seeds=1, updates=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file"):
        runner.run(DESIGNER, directory=tmp_path / "file", seeds=1, updates=1)
    assert runner.load(DESIGNER, directory=finished.directory).updates.max() == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds: got 0"),
        ({"seeds": [1, 1]}, r"seeds: got \[1, 1\]"),
        ({"seeds": [-1]}, r"seeds: got \[-1\]"),
        ({"seeds": "three"}, "seeds: got 'three'"),
        ({"seeds": 1.5}, "seeds: got 1.5"),
        ({"updates": 0}, "updates: got 0"),
        ({"updates": 2.5}, "updates: got 2.5"),
        ({"updates_per_chunk": 0}, "updates_per_chunk: got 0"),
        ({"updates_per_chunk": 10**6}, "updates_per_chunk: got 1000000"),
        ({"checkpoint_seconds": -1.0}, "checkpoint_seconds: got -1.0"),
        ({"checkpoint_seconds": float("nan")}, "checkpoint_seconds: got nan"),
        ({"evaluate": DESIGNER.evaluate}, "evaluate_every"),
        ({"evaluate_every": 3}, "evaluate_every"),
        ({"evaluate": DESIGNER.evaluate, "evaluate_every": 0}, "evaluate_every: got 0"),
        ({"evaluate": lambda s, k: s.position, "evaluate_every": 1}, "evaluate: .*dict"),
        ({"config": {"a": object()}}, "config: got <object"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    arguments: dict[str, Any], message: str, tmp_path: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        runner.run(
            DESIGNER, **{"directory": tmp_path / "run", "seeds": 1, "updates": 1, **arguments}
        )
    assert not (tmp_path / "run").exists()
