"""Runs that begin or go on, whichever it is, and only with what they were made with."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from descents import DESIGNER, Recorder, assert_same
from noisy_descent import NoisyDescent

from jaxmech import runner, struct
from jaxmech.runner.files import claim

ASKED: dict[str, Any] = {
    "seeds": 3, "updates": 30, "evaluate": DESIGNER.evaluate, "evaluate_every": 7,
    "made_with": {"ppo": {"gamma": 0.99, "hidden": (8, 8)}, "files": {"a.csv": 12}},
}  # fmt: skip


def ask(directory: Path, designer: Any = DESIGNER, **options: Any) -> runner.RunResult:
    return runner.run_or_resume(designer, directory=directory, **{**ASKED, **options})


@pytest.fixture(scope="module")
def begun_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after 10 updates."""

    class Stopping(Recorder):
        def advance(self, update: int, seconds: float, metrics: Any) -> None:
            if update == 10:
                raise RuntimeError("killed")

    directory = tmp_path_factory.mktemp("stages") / "begun"
    with pytest.raises(RuntimeError, match="killed"):
        ask(directory, updates_per_chunk=1, checkpoint_seconds=0, progress=Stopping())
    assert not runner.is_finished(directory, updates=30)
    return directory


@pytest.fixture
def begun(begun_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun_once, tmp_path / "stages" / "begun"))


def test_it_begins_goes_on_and_ends_as_a_run_does(
    begun: Path, finished: runner.RunResult, tmp_path: Path
) -> None:
    for directory in (begun, tmp_path / "new"):
        result = ask(directory)
        assert_same(result.states, finished.states)
        for name in ("metrics.csv", "evaluation.csv"):
            assert (directory / name).read_bytes() == (finished.directory / name).read_bytes()
        assert runner.is_finished(directory, updates=30)
        assert not runner.is_finished(directory, updates=31)
        progress = Recorder()
        again = ask(directory, progress=progress)
        assert (progress.compile_seconds, progress.ends) == ([], [])
        assert_same(again.states, finished.states)
        assert (again.seconds, again.compile_seconds) == (result.seconds, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 2}, r"seeds: got \[0, 1\]; .*begun was made with \[0, 1, 2\]"),
        ({"seeds": [0, 2, 1]}, r"seeds: got \[0, 2, 1\]"),
        ({"updates": 40}, "updates: got 40; .*with 30; .*by extending"),
        ({"updates": 20}, "updates: got 20; .*with 30"),
        ({"updates": 20, "extend": True}, "updates: got 20; .*with 30"),
        ({"evaluate_every": 6}, "evaluate_every: got 6; .*with 7"),
        ({"evaluate": lambda s, k: {"noisy_loss": s.lowest}}, "evaluate: got .*lambda"),
        ({"stop": lambda m: m["loss"] < 0}, "stop: got .*with None"),
        ({"keys": jax.random.split(jax.random.key(0), 3)}, "keys: got .*with None"),
        ({"designer": NoisyDescent(learning_rate=0.2)}, "designer.learning_rate: got 0.2; .*0.1"),
        ({"designer": NoisyDescent(break_what="state")}, "designer.break_what: got 'state'"),
        ({"made_with": {**ASKED["made_with"], "files": {"a.csv": 13}}}, "files.a.csv: got 13"),
        ({"made_with": {**ASKED["made_with"], "new": 1}}, "new: got 1; .*with 'nothing'"),
        ({"made_with": {"ppo": ASKED["made_with"]["ppo"]}}, "files.a.csv: got 'nothing'; .* 12"),
        (
            {"made_with": {"ppo": {"gamma": 0.9, "hidden": (8, 4)}, "files": {"a.csv": 12}}},
            r"^ppo.gamma: got 0.9; .*begun was made with 0.99 \(and 1 more differ\)",
        ),
    ],
)
def test_what_differs_is_refused_by_name(
    options: dict[str, Any], message: str, begun: Path
) -> None:
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=message):
        ask(begun, **options)
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before


def test_more_updates_are_made_where_it_is_said(begun: Path, tmp_path: Path) -> None:
    """What was set to the number of updates is then set to the new one."""
    longer = ask(begun, updates=40, extend=True)
    straight = ask(tmp_path / "straight", updates=40)
    assert_same(longer.states, straight.states)
    assert longer.evaluation_updates.tolist() == [7, 14, 21, 28, 35]

    made_with = {"anneal_updates": 2.0, "updates": 2}
    ask(tmp_path / "short", updates=2, evaluate_every=2, made_with=made_with)
    made_with = {"anneal_updates": 3.0, "updates": 3}
    result = ask(tmp_path / "short", updates=3, evaluate_every=2, made_with=made_with, extend=True)
    assert (result.updates == 3).all()
    made_with = {"anneal_updates": 5.0, "updates": 4}
    with pytest.raises(ValueError, match="anneal_updates: got 5.0"):
        ask(tmp_path / "short", updates=4, evaluate_every=2, made_with=made_with, extend=True)


def test_evaluations_may_come_further_apart_where_more_updates_are_made(
    begun: Path, tmp_path: Path
) -> None:
    longer = ask(begun, updates=40, evaluate_every=10, extend=True)
    assert longer.evaluation_updates.tolist() == [7, 10, 20, 30, 40]
    assert_same(longer.states, ask(tmp_path / "straight", updates=40).states)
    again = ask(begun, updates=40, evaluate_every=10)
    assert_same(longer.states, again.states)


def test_an_extension_stopped_before_its_first_checkpoint_is_gone_on_with(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("jaxmech.runner.running.train", stopped)
        with pytest.raises(KeyboardInterrupt):
            ask(begun, updates=40, evaluate_every=8, extend=True)
    with pytest.raises(ValueError, match="updates: got 41"):
        ask(begun, updates=41, evaluate_every=8)
    assert (ask(begun, updates=40, evaluate_every=8).updates == 40).all()


def test_what_came_to_no_checkpoint_begins_anew(tmp_path: Path, finished: runner.RunResult) -> None:
    directory = tmp_path / "stage"
    (directory / "checkpoints" / "0.orbax-checkpoint-tmp").mkdir(parents=True)
    (directory / "metrics.csv").write_text("update,seed,oth")
    (directory / "plan.json").write_text("{")
    (directory / "note.txt").write_text("mine")
    assert_same(ask(directory).states, finished.states)
    assert (directory / "note.txt").read_text() == "mine"


def test_one_process_at_a_time(begun: Path) -> None:
    with claim(begun), pytest.raises(ValueError, match=r"directory: got .*begun, where another"):
        ask(begun)


def test_keys_in_place_of_those_of_the_seeds(finished: runner.RunResult, tmp_path: Path) -> None:
    keys = [jax.random.key(seed) for seed in (2, 0, 1)]
    options = {"updates": 30, "evaluate": DESIGNER.evaluate, "evaluate_every": 7}
    result = runner.run(DESIGNER, directory=tmp_path / "a", seeds=[7, 8, 9], keys=keys, **options)
    assert result.seeds == (7, 8, 9)
    among = jax.tree.map(lambda leaf: leaf[jnp.array([2, 0, 1])], finished.states)
    assert_same(result.states, among)
    noisy_loss = finished.evaluations["noisy_loss"]
    np.testing.assert_array_equal(result.evaluations["noisy_loss"], noisy_loss[:, [2, 0, 1]])
    # A resume has them from the run, and ``run_or_resume`` compares them.
    longer = runner.resume(
        DESIGNER, directory=tmp_path / "a", updates=35, evaluate=DESIGNER.evaluate
    )
    assert longer.evaluation_updates[-1] == 35
    ask(tmp_path / "b", keys=keys)
    ask(tmp_path / "b", keys=jnp.stack(keys))
    with pytest.raises(ValueError, match="keys: got"):
        ask(tmp_path / "b", keys=keys[::-1])


@pytest.mark.parametrize(
    "keys", [3, [jax.random.key(0)], [0, 1, 2], jax.random.key_data(jax.random.key(0))]
)
def test_keys_are_typed_and_one_for_each_seed(keys: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keys: got .*allowed are 3 typed keys"):
        ask(tmp_path / "run", keys=keys)
    assert not (tmp_path / "run").exists()


@struct.dataclass
class Scaled:
    """A designer around another, with an array and a frozen configuration."""

    inner: NoisyDescent
    scale: jax.Array
    how: Any = struct.field(pytree_node=False)

    def init(self, key: jax.Array) -> Any:
        return self.inner.init(key)

    def update(self, state: Any) -> Any:
        state, metrics = self.inner.update(state)
        return state, {**metrics, "scaled": metrics["loss"] * self.scale.sum()}


@dataclasses.dataclass(frozen=True)
class How:
    rule: Any = jnp.tanh
    name: str = "plain"


def test_what_lies_within_a_designer_is_compared(tmp_path: Path) -> None:
    def trained(**changes: Any) -> None:
        fields = {"inner": NoisyDescent(), "scale": jnp.ones(2), "how": How(), **changes}
        runner.run_or_resume(Scaled(**fields), directory=tmp_path / "run", seeds=1, updates=1)

    trained()
    trained(scale=np.ones(2, np.float32))
    for changes, field in (
        ({"inner": NoisyDescent(size=4)}, "designer.inner.size"),
        ({"scale": jnp.array([1.0, 2.0])}, "designer.scale"),
        ({"scale": jnp.ones(3)}, "designer.scale"),
        ({"how": How(rule=jnp.sin)}, "designer.how.rule"),
        ({"how": How(name="other")}, "designer.how.name"),
        ({"how": None}, "designer.how"),
    ):
        with pytest.raises(ValueError, match=f"^{field}: got "):
            trained(**changes)
