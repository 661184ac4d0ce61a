"""Every contender of the reserve-pricing benchmark runs, and the table shows its ratios."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiers import slowly

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("contender", "count", "compiled"),
    [
        *slowly(
            ("tree_search_max", 16, True),
            ("tree_search_sarsa", 16, True),
            ("tree_search_mctx", 16, True),
            ("plain_python_op_by_op", 2, False),
            ("plain_python", 6, True),
            ("model_days_alone", 16, True),
        ),
        ("plain_numpy", 6, True),
        ("model_alone", 16, True),
        ("simulator_days", 12, True),
    ],
)
def test_contender_runs(contender: str, count: int, compiled: bool) -> None:
    from reserve_contenders import RESERVE_CONTENDERS
    from reserve_pricing import quick_work

    subject = RESERVE_CONTENDERS[contender](quick_work())
    first, second = subject.run(), subject.run()
    assert first.steps == first.rows == count
    assert np.isfinite(first.checksum) and first.checksum != second.checksum
    assert subject.compile_seconds > 0 or not compiled


@pytest.mark.slow
def test_numpy_model_foresees_what_the_simulator_does() -> None:
    """Some days in a row; with parameters far from those at the start, so that all count."""
    import jax
    import jax.numpy as jnp
    from numpy_bidder_model import numpy_keyword
    from reserve_contenders import ReserveWork, _problem

    planning, plans, _ = _problem(ReserveWork(num_keywords=3, num_bidders=4, num_slots=2))
    simulator = planning.simulator
    leaves, tree = jax.tree.flatten(simulator.parameters)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    moved = [
        leaf + 0.3 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    simulator = simulator.replace(parameters=jax.tree.unflatten(tree, moved))
    step = jax.jit(simulator.step)
    for number in range(3):
        plan = jax.tree.map(lambda rows, number=number: rows[number], plans)
        keyword, kept, reserves = numpy_keyword(simulator, plans, number)
        state = plan.simulated
        for day in range(4):
            # The second bidder's reserve rises above all its bids, the third's is 0.
            asked = reserves * np.array([1.05**day, 4.0**day, 0, 0.9])
            state, revenue = step(state, jnp.asarray(asked, jnp.float32), jax.random.key(0))
            kept, found = keyword.step(kept, asked)
            last, summary = state.kept.last_day, state.kept.last_day.summary
            assert found == pytest.approx(float(revenue), rel=1e-4, abs=1e-6)
            for array, expected in (
                (kept.histogram, last.histograms),
                (kept.features, last.features),
                (kept.output, state.kept.output),
                (kept.cell, state.kept.cell),
                (kept.mean_histogram, summary.histogram),
                (kept.spread, summary.spread),
            ):
                np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-4)


def test_every_contender_has_a_row() -> None:
    from reserve_contenders import RESERVE_CONTENDERS
    from reserve_pricing import REFERENCE, TITLES

    assert set(TITLES) == set(RESERVE_CONTENDERS)
    assert REFERENCE in TITLES


def test_table_compares_with_the_first_row_and_the_limit() -> None:
    pytest.importorskip("rich")
    from measuring import Timing
    from reserve_pricing import TITLES, speed_table
    from rich.console import Console

    rates = {name: [10.0, 12.0] for name in TITLES}
    rates["plain_python"] = [1.0, 4.0]
    rates["model_alone"] = [20.0, 24.0]
    timings = {name: Timing(steps_per_second=rate) for name, rate in rates.items()}
    timings["tree_search_mctx"] = Timing(failure="lost")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(speed_table(timings))
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in console.export_text().splitlines()
        if line.startswith("│")
        for cells in [line.split("│")[1:-1]]
    }
    assert rows[TITLES["tree_search_max"]][2:4] == ["1", "50%"]
    assert rows[TITLES["plain_python"]][2] == "6.5"
    assert rows[TITLES["tree_search_mctx"]][0] == "n/a"
    assert rows[TITLES["simulator_days"]][2:4] == ["", ""]
