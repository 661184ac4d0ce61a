"""Runs that become NaN or infinite."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from descents import assert_same, rows
from noisy_descent import NoisyDescent

from jaxmech import runner, struct


@pytest.mark.parametrize("what", ["metric", "state", "infinite"])
def test_divergence_is_named_and_the_last_good_state_kept(what: str, tmp_path: Any) -> None:
    designer = NoisyDescent(break_at=17, break_seed=5, break_what=what)
    with pytest.raises(
        runner.TrainingDivergedError, match=r"update 17, seed 5.*update 16"
    ) as caught:
        runner.run(
            designer, directory=tmp_path / "run", seeds=[4, 5, 6], updates=40, updates_per_chunk=10
        )
    error = caught.value
    expected = "loss" if what == "metric" else "state.position"
    assert (error.update, error.seed) == (17, 5)
    assert expected in error.quantities
    kept = runner.load(designer, directory=tmp_path / "run")
    assert (kept.updates == 16).all()
    assert jnp.isfinite(kept.states.position).all()
    logged = rows(tmp_path / "run" / "metrics.csv")
    assert logged[-1]["update"] == "17"

    straight = runner.run(
        NoisyDescent(break_at=17, break_seed=5, break_what=what),
        directory=tmp_path / "straight", seeds=[4, 5, 6], updates=16,
    )  # fmt: skip
    assert_same(kept.states, straight.states)
    with pytest.raises(runner.TrainingDivergedError, match=r"update 17, seed 5"):
        runner.resume(designer, directory=tmp_path / "run")
    with pytest.raises(ValueError, match=r"designer.break_at: got -1; .*run was made with 17"):
        runner.resume(NoisyDescent(break_seed=5, break_what=what), directory=tmp_path / "run")


@pytest.mark.parametrize("length", [1, 3, 40])
def test_chunk_lengths_do_not_decide_where_it_diverges(length: int, tmp_path: Any) -> None:
    designer = NoisyDescent(break_at=8, break_seed=1, break_what="state")
    with pytest.raises(runner.TrainingDivergedError) as caught:
        runner.run(
            designer, directory=tmp_path / "run", seeds=2, updates=40, updates_per_chunk=length
        )
    assert (caught.value.update, caught.value.seed) == (8, 1)
    logged = rows(tmp_path / "run" / "metrics.csv")
    assert [row["update"] for row in logged] == [str(n) for n in range(1, 9) for _ in range(2)]


def test_divergence_at_the_first_update(tmp_path: Any) -> None:
    """A metric must have been finite once to count as diverged, the state at once."""
    designer = NoisyDescent(break_at=1, break_what="state")
    with pytest.raises(runner.TrainingDivergedError, match=r"update 1, seed 0.*update 0"):
        runner.run(designer, directory=tmp_path / "run", seeds=1, updates=4)
    assert runner.load(designer, directory=tmp_path / "run").updates.max() == 0


def test_fields_that_are_not_to_be_looked_at_may_be_infinite_and_are_stored(tmp_path: Any) -> None:
    @struct.dataclass
    class Filled:
        rows: jax.Array = struct.field(metadata={"check_finite": False})
        total: jax.Array

    @struct.dataclass
    class Filling:
        broken: str = struct.field(pytree_node=False)

        def init(self, key: jax.Array) -> dict[str, Any]:
            return {"buffer": Filled(jnp.zeros(4), jnp.zeros(())), "key": key}

        def update(self, state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, jax.Array]]:
            values = {"rows": state["buffer"].rows, "total": state["buffer"].total}
            values[self.broken] = values[self.broken] + jnp.nan
            return {**state, "buffer": Filled(**values)}, {"loss": jnp.zeros(())}

    result = runner.run(Filling("rows"), directory=tmp_path / "rows", seeds=1, updates=2)
    assert jnp.isnan(result.states["buffer"].rows).all()
    assert jnp.isnan(
        runner.load(Filling("rows"), directory=tmp_path / "rows").states["buffer"].rows
    ).all()
    with pytest.raises(runner.TrainingDivergedError, match=r"state\.buffer\.total"):
        runner.run(Filling("total"), directory=tmp_path / "total", seeds=1, updates=2)
