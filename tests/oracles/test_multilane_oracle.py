"""Closed forms of the multi-lane game, against tabled values and plain numerical searches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.checks import InvalidValueError
from jaxmech.oracles.multilane import UniformLanes

GAMES = st.builds(
    UniformLanes,
    num_agents=st.integers(2, 40),
    mismatch_cost=st.floats(0.1, 50),
    move_cost=st.floats(0, 30),
    length=st.floats(0.2, 5),
)


@pytest.mark.parametrize(
    ("num_agents", "still", "longest", "equilibrium", "first_best"),
    [
        (5, -8.3333333, -8.5833333, -0.119107, -0.116823),
        (10, -37.5, -38.0, -0.242143, -0.239028),
        (20, -158.333333, -159.333333, -0.489185, -0.484837),
    ],
)
def test_values_of_length_1_and_costs_of_10_and_a_tenth(
    num_agents, still, longest, equilibrium, first_best
):
    game = UniformLanes(num_agents)
    np.testing.assert_allclose(game.welfare_without_moves, still, rtol=1e-6)
    np.testing.assert_allclose(game.welfare_of_longest_moves, longest, rtol=1e-6)
    np.testing.assert_allclose(game.welfare_of_equilibrium, equilibrium, atol=6e-7)
    np.testing.assert_allclose(game.welfare_of_first_best, first_best, atol=6e-7)


def starts(game, count=4001):
    """Midpoints of equal cells of the initial positions."""
    return (np.arange(count) + 0.5) / count * game.length / 2


@settings(max_examples=20, deadline=None)
@given(game=GAMES, share=st.floats(0, 1))
def test_welfare_of_a_threshold_is_its_expectation(game, share):
    threshold = share * game.length / 2
    start = starts(game)
    end = np.maximum(start, threshold)
    apart = 2 * game.mismatch_cost * (game.num_agents - 1) * np.var(end)
    expected = -game.num_agents * (apart + game.move_cost * np.mean(end - start))
    np.testing.assert_allclose(game.welfare(threshold), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("num_agents", [2, 5, 20])
@pytest.mark.parametrize("move_cost", [0.1, 3.0])
def test_the_equilibrium_is_where_best_replies_on_a_grid_settle(num_agents, move_cost):
    game = UniformLanes(num_agents, move_cost=move_cost)
    start, moves = starts(game, 100), np.linspace(0, game.length / 2, 8001)
    end = start[:, None] + moves
    mean, seen = 0.0, None
    while mean != seen:
        seen = mean
        loss = game.mismatch_cost * (num_agents - 1) * (end - mean) ** 2 + move_cost * moves
        # Every reply is a function of the mean alone, and rises with it: the sequence settles.
        replies = end[np.arange(100), np.argmin(loss, axis=1)]
        mean = np.mean(replies)
    np.testing.assert_allclose(np.min(replies), game.bayes_nash_threshold, atol=1.2e-3)
    assert game.first_best_threshold - game.bayes_nash_threshold > 4e-3
    # Nobody who starts above the threshold moves, and all others stop at it.
    moved = replies > start + 1e-9
    assert np.ptp(replies[moved]) < 2 * (moves[1] - moves[0])


@settings(max_examples=30, deadline=None)
@given(game=GAMES)
def test_no_threshold_is_better_than_the_first_best(game):
    best = game.welfare_of_first_best
    others = [game.welfare(t) for t in np.linspace(0, game.length / 2, 401)]
    assert max(others) <= best + 1e-9 * abs(best)
    assert game.welfare_of_equilibrium <= best + 1e-9 * abs(best)
    # Agents leave out the others' loss, and so stop too soon.
    assert 0 <= game.bayes_nash_threshold <= game.first_best_threshold <= game.length / 2


def test_nobody_moves_where_moves_are_too_dear():
    game = UniformLanes(5, move_cost=25.0)  # the others' mean less .3125
    assert game.bayes_nash_threshold == 0 < game.first_best_threshold
    assert game.welfare_of_equilibrium == game.welfare_without_moves
    assert UniformLanes(5, move_cost=45.0).first_best_threshold == 0


@settings(max_examples=30, deadline=None)
@given(game=GAMES)
def test_half_the_cost_of_moves_makes_the_equilibrium_the_first_best(game):
    # A linear transfer on the terminal position is a cut in the cost of moves.
    (paid,) = game.transfer_for_rational
    with_transfer = replace(game, move_cost=game.move_cost - paid)
    np.testing.assert_allclose(
        with_transfer.bayes_nash_threshold, game.first_best_threshold, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("curvature", [0.1, 1.0, 300.0])
@pytest.mark.parametrize("num_agents", [5, 20])
def test_blind_agents_stop_at_the_first_best_threshold(curvature, num_agents):
    game = UniformLanes(num_agents)
    slope, quadratic = game.transfer_for_blind(curvature)
    start = starts(game, 500)
    # Ends with the threshold among them.
    end = np.append(np.linspace(0, game.length, 2000), game.first_best_threshold)
    gain = slope * end + quadratic * end**2 - game.move_cost * (end - start[:, None])
    can_reach = (end >= start[:, None]) & (end <= start[:, None] + game.length / 2)
    reached = end[np.argmax(np.where(can_reach, gain, -np.inf), axis=1)]
    wanted = np.maximum(start, game.first_best_threshold)
    np.testing.assert_allclose(reached, wanted, atol=6e-4)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"num_agents": 1}, "num_agents"),
        ({"mismatch_cost": 0.0}, "mismatch_cost"),
        ({"move_cost": -0.1}, "move_cost"),
        ({"length": float("inf")}, "length"),
    ],
)
def test_bad_games_are_refused(fields, field):
    with pytest.raises(InvalidValueError) as refused:
        UniformLanes(**{"num_agents": 5} | fields)
    assert refused.value.field == field


def test_bad_arguments_are_refused():
    game = UniformLanes(5)
    with pytest.raises(InvalidValueError, match="threshold"):
        game.welfare(0.51)
    with pytest.raises(InvalidValueError, match="curvature"):
        game.transfer_for_blind(0.0)
