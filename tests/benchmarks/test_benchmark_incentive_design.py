"""What the benchmark of incentive design compares is the same: gradients, designs, equilibria."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly, with_package

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    # NashOpt turns on double precision for everybody when it is imported.
    precise = jax.config.jax_enable_x64
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_enable_x64", precise)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


def test_contenders_take_turns_and_the_first_turn_warms_up() -> None:
    from turns import half_range, in_turns, median_ratio, seconds_of_a_call

    called = []
    seconds = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 2)
    assert called == ["a", "b"] * 3
    assert all(len(of_one) == 2 and min(of_one) >= 0 for of_one in seconds.values())
    called.clear()
    assert seconds_of_a_call(lambda: called.append("a"), least=0.01) >= 0
    assert len(called) > 1
    assert median_ratio([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == 2
    assert half_range([1.0, 2.0, 4.0]) == "75%"


def test_taxes_designed_at_once_are_those_of_the_closed_form() -> None:
    from taxed_markets import Markets, best_taxes, known_designs

    drawn = Markets.drawn(30)
    # And two whose best taxes are known to 7 digits.
    markets = Markets(
        np.concatenate([[[1.0, 2.0, 3.0]] * 2, drawn.costs]),
        np.concatenate([[2.0, 0.5], drawn.damage]),
    )
    taxes, quantities = jax.jit(best_taxes)(*map(jnp.asarray, (markets.costs, markets.damage)))
    known = known_designs(markets)
    np.testing.assert_allclose(taxes, known.taxes, atol=1e-10)
    np.testing.assert_allclose(quantities, known.quantities, atol=1e-10)
    np.testing.assert_allclose(taxes[:2], [3.4662414, -0.6114398], atol=5e-8)


@with_package("nashopt")
@pytest.mark.parametrize("design", [0, *slowly(1, 2)])
def test_nashopt_designs_the_same_taxes(design: int) -> None:
    from nashopt_games import design_tax
    from taxed_markets import Markets, known_designs

    markets = Markets.drawn(design + 1)
    known = known_designs(markets)
    found = design_tax(markets.costs[design], float(markets.damage[design]))
    np.testing.assert_allclose(found.parameters, known.taxes[design:], atol=1e-5)
    np.testing.assert_allclose(found.decisions, known.quantities[design], atol=1e-5)
    assert found.residual < 1e-5
    assert 0 < found.compile_seconds < found.seconds
    assert found.search_seconds == found.seconds - found.compile_seconds
    with pytest.raises(RuntimeError, match="leave none"):
        _ = replace(found, seconds=found.compile_seconds).search_seconds


@with_package("nashopt")
def test_no_second_of_compiling_counts_twice() -> None:
    from nashopt_games import Watch

    ends = iter([2.0, 3.0, 4.0, 9.0])
    watch = Watch(lambda: next(ends))
    # From 1 to 2 and from 2.5 to 3, both within from .5 to 4; then from 8 to 9.
    for kind, seconds in (("trace", 1.0), ("trace", 0.5), ("lower", 3.5), ("backend", 1.0)):
        watch.heard(f"/jax/core/compile/{kind}", seconds)
    watch.heard("/jax/other", 100.0)
    assert watch.compile_seconds == 4.5


def test_the_known_equilibrium_of_linear_cournot() -> None:
    from known_games import COURNOT, cournot_gain, our_cournot

    answer = our_cournot()
    np.testing.assert_allclose(answer.decisions, COURNOT, atol=1e-9)
    np.testing.assert_allclose(COURNOT, 74.090909 - 5 * np.arange(10), atol=1e-6)
    assert answer.gain < 1e-8
    # Each firm's profit falls by the square of the distance from its best quantity.
    away = COURNOT.copy()
    away[3] += 1
    assert cournot_gain(away) == pytest.approx(1, abs=0.01)


def test_our_leader_reaches_the_best_variational_equilibrium() -> None:
    from known_games import BEST_VARIATIONAL, PRICED, our_pricing, pricing_gain

    assert PRICED.best_variational_equilibrium().loss == pytest.approx(BEST_VARIATIONAL, abs=1e-6)
    answer = our_pricing(starts=2)
    assert answer.cost == pytest.approx(BEST_VARIATIONAL, abs=1e-6)
    expected = [0.14018, 0.10832, 0.16006, 0.12517, 0.08898, 0.14936, 0.09575, 0.13219]
    np.testing.assert_allclose(answer.decisions, expected, atol=2e-4)
    assert answer.gain < 1e-8
    # Who takes less than it wishes, while some is left, gains by taking more.
    mechanism = np.append(np.full(8, -2.0), 0.1)
    assert pricing_gain(mechanism, answer.decisions / 2) > 0.01


def test_a_leader_who_picks_among_generalised_equilibria_does_better() -> None:
    from known_games import BEST_GENERALISED, BEST_VARIATIONAL, picked_pricing

    answer = picked_pricing()
    assert answer.cost == pytest.approx(BEST_GENERALISED, abs=1e-6)
    assert answer.cost < BEST_VARIATIONAL - 0.08
    # Two followers take all of the capacity.
    np.testing.assert_allclose(answer.decisions[[2, 5]], [0.522581, 0.477419], atol=1e-4)
    assert np.sum(answer.decisions) == pytest.approx(1, abs=1e-9)
    assert answer.gain < 1e-8


@with_package("nashopt")
@pytest.mark.slow
def test_nashopt_finds_equilibria_of_its_examples_and_a_dearer_one_for_the_leader() -> None:
    from known_games import BEST_VARIATIONAL, COURNOT, their_cournot, their_pricing

    cournot = their_cournot()
    np.testing.assert_allclose(cournot.decisions, COURNOT, atol=1e-6)
    assert cournot.gain < 1e-8
    pricing = their_pricing(1e8, 200)
    assert pricing.gain < 1e-6
    assert np.sum(pricing.decisions) == pytest.approx(1, abs=1e-6)
    assert pricing.cost > BEST_VARIATIONAL + 0.01


def small_games() -> list[Any]:
    from inner_loops import LoopSizes, games

    return list(games(LoopSizes(lanes=3, positions=5, actions=9, matrix_actions=3)).values())


@pytest.mark.parametrize("game", [0, *slowly(1)])
def test_both_gradients_near_the_exact_one_as_the_loop_grows(game: int) -> None:
    from inner_loops import IMPLICIT, UNROLLED, exact_gradient, programs

    env, params = small_games()[game]
    places = jnp.full(env.action_space(params).shape, 0.01)
    exact = jax.jit(exact_gradient(env, params))(places)
    assert np.linalg.norm(exact) > 0
    errors: dict[str, list[float]] = {UNROLLED: [], IMPLICIT: []}
    memory: dict[str, list[int]] = {UNROLLED: [], IMPLICIT: []}
    for responses in (2, 40):
        for name, program in programs(env, params, responses).items():
            compiled = jax.jit(program).lower(places).compile()
            errors[name].append(float(np.linalg.norm(compiled(places) - exact)))
            memory[name].append(compiled.memory_analysis().temp_size_in_bytes)
    for first, last in errors.values():
        assert last < 1e-6 * np.linalg.norm(exact) and last < first
    assert memory[UNROLLED][1] > 3 * memory[UNROLLED][0]
    assert memory[IMPLICIT][1] < 1.1 * memory[IMPLICIT][0]


def test_the_attainable_gain_is_that_of_the_best_of_all_tried() -> None:
    from designed_lanes import LaneWork, attainable, make_lanes

    env, params = make_lanes(5, LaneWork(positions=11, actions=21))
    known = attainable(env, params, scan=5)
    assert known.best.value >= known.scanned > known.without
    # From no transfer and from the best of the scan.
    assert known.best.values[0] == pytest.approx(known.best.values[1], abs=1e-6)
    assert known.share(known.without) == 0 and known.share(known.best.value) == 1
    # On fine grids -4.0516 without, -1.3887 with the best one.
    assert known.without == pytest.approx(-4.0516, abs=0.1)
    assert known.best.value == pytest.approx(-1.3887, abs=0.1)


def test_a_run_ends_at_the_first_of_two_evaluations_at_the_target() -> None:
    from designed_lanes import UPDATES_PER_CALL, Run

    shares = iter([0.2, 0.96, 0.5, 0.97, 0.99, 1.0])
    run = Run(lambda state: state + 1, lambda state: next(shares), 0, 3, cap=60.0)
    evaluations = 0
    while run.ended is None:
        run.go_on()
        evaluations += 1
    assert evaluations == 5
    assert run.ended.reached and run.ended.share == 0.97
    assert run.ended.updates == 4 * UPDATES_PER_CALL and run.ended.episodes == 3 * 20
    assert run.state == 5
    late = Run(lambda state: state, lambda state: 0.9, 0, 0, cap=0.0)
    late.go_on()
    assert late.ended is not None and not late.ended.reached and late.ended.share == 0.9


@pytest.mark.slow
def test_every_gradient_reaches_what_a_transfer_can_gain() -> None:
    from designed_lanes import GRADIENTS, LaneWork, measure_lanes

    _, designed = measure_lanes(3, LaneWork(positions=11, actions=21, seeds=2, cap=10))
    assert set(designed) == set(GRADIENTS)
    for name, one in designed.items():
        assert len(one.trainings) == (2 if "point" in name else 1)
        for training in one.trainings:
            assert training.reached and 0.95 <= training.share <= 1 + 1e-9
            assert (training.episodes > 0) == ("episodes" in name)


def rows_of(table: Any) -> list[list[str]]:
    from rich.console import Console

    console = Console(width=250, record=True, file=io.StringIO())
    console.print(table)
    text = console.export_text()
    rows = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    return [*([cell.strip() for cell in cells] for cells in rows), [text]]


def test_lanes_table_compares_with_the_implicit_gradient() -> None:
    pytest.importorskip("rich")
    from designed_lanes import Attainable, DesignedBy, Training
    from incentive_tables import lanes_table
    from leaders import Led

    known = Attainable(
        -4.0, -1.5, Led(np.array([97.0, -100.0]), -1.0, 9, 0.1, 0.2, (-1.0, -1.0001))
    )
    designed = {
        "implicit": DesignedBy(3.0, [Training(2.0, 100, 0, 0.96, True)]),
        "one-point": DesignedBy(
            1.0,
            [
                Training(9.0, 1000, 3000, 0.99, True),
                Training(20.0, 2000, 6000, 0.5, False),
                Training(6.0, 500, 1500, 0.95, True),
            ],
        ),
        "two-point": DesignedBy(1.0, [Training(20.0, 2000, 0, 0.5, False)]),
    }
    implicit, one_point, two_point, (text,) = rows_of(lanes_table({5: (known, designed)}))
    assert implicit[:6] == ["implicit", "5", "100", "0", "20.00", "2.00"]
    assert implicit[6:] == ["1", "2.00", "0.960", "3.0"]
    assert one_point[2:7] == ["1,000", "3,000", "10.00", "9.00", "4.5"]
    assert one_point[7] == "9.00  > 20.00  6.00" and one_point[8] == "0.500"
    assert two_point[2] == two_point[5] == "never" and two_point[6] == ""
    assert "welfare -4.00000 without, -1.00000 with" in text and "97.00, -100.00" in text


def test_loops_table_has_ratios_of_time_and_memory() -> None:
    pytest.importorskip("rich")
    from incentive_tables import loops_table
    from inner_loops import IMPLICIT, UNROLLED, Gradient

    of_both = {
        UNROLLED: Gradient([0.2, 0.4], 4.0, 3 * 2**20, 0.5),
        IMPLICIT: Gradient([0.1, 0.1], 1.0, 2**19, 1e-9),
    }
    alike = dict.fromkeys((UNROLLED, IMPLICIT), of_both[IMPLICIT])
    _, row, (text,) = rows_of(loops_table({"lanes": {1: alike, 1000: of_both}}))
    assert row == [
        *("lanes", "1,000", "300", "100", "3.00", "3", "0.5", "6", "5.0e-01", "1.0e-09"),
        *("4.0", "1.0"),
    ]
    claim = " ".join(text.split())
    assert "at 1,000 responses unrolled takes 3 times the time of implicit and 6 times" in claim
    assert "at 1, 1 and 1 times" in claim


def test_markets_table_compares_with_nashopt_where_it_is_there() -> None:
    pytest.importorskip("rich")
    from incentive_design import mistakes_of_markets, shortfalls_of_markets
    from incentive_tables import markets_table
    from taxed_markets import Rates

    rates = Rates(
        ours={1: [100.0, 300.0], 1000: [2000.0, 4000.0], 5000: [8000.0, 8000.0]},
        compile_seconds={1: 1.0, 1000: 2.0, 5000: 2.0},
        theirs=[0.5, 1.0],
        theirs_compiled=[4.0, 8.0],
        markets=5000,
        our_error=1e-12,
        tax_distance=2e-6,
        quantity_distance=1e-6,
    )
    one, many, _, theirs, (text,) = rows_of(markets_table(rates))
    assert one == ["jaxmech", "1", "200", "50%", "31.2", "1.0"]
    assert many[:5] == ["jaxmech", "1,000", "3,000", "33%", "500"]
    assert theirs == ["NashOpt", "1", "6", "33%", "1", "1.3 a market"]
    assert mistakes_of_markets(rates) == []
    assert len(mistakes_of_markets(replace(rates, tax_distance=2e-5, our_error=1.0))) == 2
    assert len(mistakes_of_markets(replace(rates, our_error=math.nan))) == 1
    assert len(mistakes_of_markets(replace(rates, quantity_distance=math.nan))) == 1
    caption = " ".join(text.split())
    assert "of the closed form in all of 5,000 markets" in caption
    assert "in the 2 of these that it is given" in caption
    assert "50 times" in caption and "1,000 designs at once are 500 times" in caption
    assert shortfalls_of_markets(rates) == []
    slow = replace(rates, ours=rates.ours | {1000: [40.0, 80.0]})
    assert "1,000 designs at once: 10 times" in shortfalls_of_markets(slow)[0]
    few = replace(slow, ours={1: [1.0, 2.0]})
    assert few.times_theirs is None and shortfalls_of_markets(few) == []
    alone = replace(
        rates, theirs=[], theirs_compiled=[], tax_distance=math.nan, quantity_distance=math.nan
    )
    one, _, _, theirs, _ = rows_of(markets_table(alone))
    assert one[4] == "" and theirs[2] == "n/a"
    assert mistakes_of_markets(alone) == shortfalls_of_markets(alone) == []


def test_games_table_and_what_counts_as_a_mistake() -> None:
    pytest.importorskip("rich")
    from incentive_design import mistakes_of_games
    from incentive_tables import games_table
    from known_games import COURNOT, EXAMPLE, OURS, PICKED, Answer

    good = Answer(COURNOT, 0.0, 1e-12, 0.01, 1.0)
    led = Answer(np.full(8, 1 / 8), 0.5209653, 0.0, 0.02, 2.0)
    theirs = replace(led, cost=0.5637, gain=1e-9)
    picked = replace(led, cost=0.4373549)
    cournot = {OURS: good, EXAMPLE: good}
    pricing = {OURS: led, EXAMPLE: theirs, PICKED: picked}
    first, _, third, fourth, _, _ = rows_of(games_table(cournot, pricing))
    assert first == [
        *("linear Cournot, 10 firms", OURS, "", "", "0e+00", "1e-12", "0.0100", "1.00"),
    ]
    assert third[2:4] == ["0.520965", "0.000000"] and fourth[2:4] == ["0.563700", "0.042735"]
    assert mistakes_of_games(cournot, pricing) == []
    wrong = mistakes_of_games(
        {OURS: replace(good, decisions=COURNOT + 1)},
        {OURS: replace(led, cost=0.53), EXAMPLE: replace(theirs, gain=0.1), PICKED: picked},
    )
    assert len(wrong) == 3
    unknown = replace(led, cost=math.nan, gain=math.nan)
    lost = replace(good, decisions=np.full_like(COURNOT, math.nan))
    assert len(mistakes_of_games({OURS: lost}, {OURS: unknown, PICKED: picked})) == 3


@pytest.mark.slow
def test_the_benchmark_runs_from_end_to_end() -> None:
    pytest.importorskip("rich")
    # The benchmark's modules lie beside it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    ran = subprocess.run(
        [sys.executable, str(BENCHMARKS / "incentive_design.py"), "--quick"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    for title in ("To 95 %", "A gradient as", "designs/s", "Games of NashOpt's"):
        assert title in ran.stdout
