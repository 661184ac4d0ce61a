"""The peers of the impression-allocation benchmark play the same market, and it runs."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

import jaxmech
from jaxmech.agents import seller_observation

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
POPULATIONS, SELLERS, ROUNDS = 3, 20, 45


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.mark.parametrize("together", [True, False])
def test_numpy_plays_the_rounds_of_the_environment(together: bool) -> None:
    """Given the same draws; populations side by side, or one of them."""
    from numpy_impression_allocation import NumpyMarket

    env, params = jaxmech.make(
        "impression_allocation", num_sellers=SELLERS, num_rounds=ROUNDS, action_form="shares"
    )
    count = POPULATIONS if together else 1
    keys = jax.random.split(jax.random.key(0), count)
    _, state = jax.vmap(env.reset, in_axes=(0, None))(keys, params)
    market = NumpyMarket(count, SELLERS, num_rounds=ROUNDS)
    costs = np.moveaxis(np.asarray(state.costs), 1, 0).reshape(market.num_costs, -1)
    market.start(np.array(state.prices).reshape(-1), costs)
    step = jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))
    draw = jax.jit(jax.vmap(lambda key: jax.random.uniform(key, (SELLERS,))))
    random = np.random.default_rng(0)
    for number in range(ROUNDS):
        keys = jax.random.split(jax.random.key(number), count)
        shares = random.dirichlet(np.full(SELLERS, 0.3), count).astype(np.float32)
        # Each starts from where the environment is, so that no rounding adds up.
        market.prices[:] = np.asarray(state.prices).reshape(-1)
        window = slice(market.latest, market.latest + market.num_records)
        for past, now in (
            (market.past_prices, state.records.prices),
            (market.past_sales, state.records.transactions),
        ):
            newest_first = np.moveaxis(np.asarray(now), 1, 0)[::-1]
            if number:
                np.testing.assert_allclose(
                    past[window], newest_first.reshape(market.num_records, -1), atol=1e-6
                )
            past[window] = newest_first.reshape(market.num_records, -1)
        rewards = market.play(shares, np.asarray(draw(keys)).reshape(-1))
        observations, state, expected, _, _ = step(keys, state, jnp.asarray(shares), params)
        np.testing.assert_allclose(rewards, expected, rtol=1e-5)
        np.testing.assert_allclose(market.prices, np.ravel(state.prices), atol=2e-6)
        seen = seller_observation(observations)
        np.testing.assert_allclose(market.revenue, seen.records[:, -1, :, 3], rtol=1e-4, atol=1e-8)


def test_numpy_earns_what_the_environment_earns() -> None:
    """On average, with draws of its own, populations one after another and together."""
    from allocation_contenders import MarketWork, jaxmech_rounds
    from numpy_impression_allocation import NumpyMarket, play_episode

    work = MarketWork(num_populations=256, num_sellers=SELLERS, num_rounds=ROUNDS)
    random = np.random.default_rng(1)
    one, together = (
        NumpyMarket(count, SELLERS, num_rounds=ROUNDS) for count in (1, work.num_populations)
    )
    alone = np.concatenate([play_episode(one, random) for _ in range(work.num_populations)])
    ran = jaxmech_rounds(work).run()
    ours = ran.checksum / ran.steps
    for earned in (alone / ROUNDS, play_episode(together, random) / ROUNDS):
        # Ours has as many populations, of as much spread.
        error = np.std(earned) * math.sqrt(2 / work.num_populations)
        assert abs(np.mean(earned) - ours) <= 3 * error
        assert error < 0.002


@pytest.mark.parametrize(
    ("contender", "count", "compiled"),
    [
        ("jaxmech_rounds", 20, True),
        *slowly(("jaxmech_observed_rounds", 20, True)),
        ("numpy_rounds", 10, False),
        ("numpy_rounds_together", 20, False),
        ("random_numbers", 20, True),
        ("state_moved", 20, True),
    ],
)
def test_market_contender_runs(contender: str, count: int, compiled: bool) -> None:
    from allocation_contenders import MARKETS
    from impression_allocation import quick_market

    subject = MARKETS[contender](quick_market())
    first, second = subject.run(), subject.run()
    assert first.steps == first.rows == count
    assert np.isfinite(first.checksum) and first.checksum != second.checksum
    assert (subject.compile_seconds > 0) == compiled


def test_the_limit_moves_the_whole_state() -> None:
    from allocation_contenders import MarketWork, state_bytes

    # Records of three fields and five rounds, five costs, prices, choices, appeal and age of 4
    # bytes; presence; what is earned and the time of the population.
    assert state_bytes(MarketWork(num_sellers=50)) == 50 * (4 * (3 * 5 + 5 + 4) + 1) + 8


@pytest.mark.slow
@pytest.mark.parametrize("contender", ["ia_gru_steps", "ddpg_steps"])
def test_learner_runs_in_memory_linear_in_the_sellers(contender: str) -> None:
    from allocation_contenders import LEARNERS, LearningWork
    from impression_allocation import slope

    learners = {
        sellers: LEARNERS[contender](LearningWork(sellers, batch_size=2)) for sellers in (200, 400)
    }
    small = learners[200]
    first, second = small.run(), small.run()
    assert first.steps == first.rows == small.updates_per_run == 4
    assert np.isfinite(first.checksum) and first.checksum != second.checksum
    memory = {sellers: learner.compiled_bytes for sellers, learner in learners.items()}
    assert 0.9 < slope(memory) <= 1.05


def test_every_contender_has_a_row() -> None:
    from allocation_contenders import LEARNERS, MARKETS
    from impression_allocation import LEARNER_TITLES, LIMIT, LIMIT_PARTS, MARKET_TITLES

    assert set(MARKET_TITLES) == {*MARKETS, LIMIT} and set(LIMIT_PARTS) <= set(MARKETS)
    assert set(LEARNER_TITLES) == set(LEARNERS)


def rows_of(table: object) -> list[list[str]]:
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    text = console.export_text()
    rows = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    return [*([cell.strip() for cell in cells] for cells in rows), [text]]


def test_market_table_adds_the_parts_of_the_limit() -> None:
    pytest.importorskip("rich")
    from impression_allocation import MARKET_TITLES, market_table
    from measuring import Timing

    rates = {name: [10.0, 12.0] for name in MARKET_TITLES}
    rates["numpy_rounds"] = [1.0, 4.0]
    rates["random_numbers"], rates["state_moved"] = [40.0, 48.0], [120.0, 144.0]
    timings = {name: Timing(steps_per_second=rate) for name, rate in rates.items()}
    del timings["limit"]
    timings["numpy_rounds_together"] = Timing(failure="lost")
    rows = {cells[0]: cells[1:] for cells in rows_of(market_table(timings))}
    # A round takes 1/40 + 1/120 = 1/30 of a second at the least.
    assert rows[MARKET_TITLES["limit"]][:4] == ["33", "9%", "0.333", "1.00"]
    assert rows[MARKET_TITLES["jaxmech_rounds"]][2:4] == ["1", "3.00"]
    assert rows[MARKET_TITLES["numpy_rounds"]][2] == "6.5"
    assert rows[MARKET_TITLES["numpy_rounds_together"]][0] == "n/a"


def test_learning_table_has_the_slopes_of_large_markets() -> None:
    pytest.importorskip("rich")
    from impression_allocation import learning_table, slope
    from measuring import Timing

    def timing(rate: float, memory: float) -> Timing:
        return Timing(steps_per_second=[rate], compiled_bytes=memory)

    timings = {
        sellers: {
            "ia_gru_steps": timing(1000 / sellers, 2**20 * sellers**2),
            "ddpg_steps": timing(100 / sellers, 2**20),
        }
        for sellers in (200, 1000, 10_000)
    }
    timings[50] = {name: timing(1.0, 1.0) for name in ("ia_gru_steps", "ddpg_steps")}
    *rows, (text,) = rows_of(learning_table(timings))
    assert rows[1][:6] == ["IA(GRU)", "1,000", "1", "0%", "10", "1"]
    assert "IA(GRU): slope of log time over log sellers 1.00, of log memory 2.00" in text
    assert (
        "DDPG, dense 400-300: slope of log time over log sellers 1.00, of log memory 0.00" in text
    )
    assert slope({100: 1.0, 200: 1.0, 400: 2**0.5}) == pytest.approx(0.5)
    assert math.isnan(slope({50: 1.0, 200: 1.0}))
