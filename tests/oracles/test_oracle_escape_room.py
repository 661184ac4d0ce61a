"""Exact values of the Escape Room, against tabled ones and searches that know no formula."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.checks import InvalidValueError
from jaxmech.oracles.escape_room import OneShotResponse, Rooms


@pytest.mark.parametrize(
    ("num_agents", "num_holders", "num_steps", "best"),
    [(2, 1, 5, 9), (3, 2, 5, 8), (3, 1, 5, 19), (4, 2, 2, 18), (4, 3, 1, 7)],
)
def test_a_team_leaves_at_once(num_agents, num_holders, num_steps, best):
    """But for who holds the door: 10 (N - M) - M, with any number of steps."""
    room = Rooms(num_agents, num_holders)
    assert room.team_optimum(num_steps) == best == 10 * (num_agents - num_holders) - num_holders


@pytest.mark.slow
def test_a_team_of_five_leaves_at_once():
    assert Rooms(5, 3).team_optimum(5) == 17


def test_a_team_stays_where_leaving_costs_more_than_it_brings():
    assert Rooms(3, 2, escape_reward=1.9).team_optimum(3) == 0.0
    assert Rooms(3, 2, escape_reward=2.5).team_optimum(3) == 0.5


SYMMETRIC = [3.5, 6.704605, 7.696670, 8.116292, 8.359035]
"""Best of two agents who follow the same policy, by the number of steps."""


@pytest.mark.parametrize(("num_steps", "value"), list(enumerate(SYMMETRIC, start=1)))
def test_the_best_policy_for_both_of_two_agents(num_steps, value):
    assert Rooms().symmetric_optimum(num_steps) == pytest.approx(value, abs=5e-7)


def test_what_both_do_first():
    """Nobody goes to the door with five steps left: one at the lever is all that is needed."""
    np.testing.assert_allclose(Rooms().symmetric_policy(5), [0.274687, 0.725313, 0], atol=5e-7)
    np.testing.assert_allclose(Rooms().symmetric_policy(1), [0.5, 0, 0.5], atol=1e-12)


def test_no_policy_for_both_on_a_grid_is_better():
    """Backward induction on probabilities that are multiples of 1/60, written anew."""
    weights = np.array([(a, b, 60 - a - b) for a in range(61) for b in range(61 - a)]) / 60
    apart, alike = np.zeros((3, 3)), np.zeros(3)
    for value in SYMMETRIC[:4]:
        found = []
        for place in range(3):
            returns = np.zeros((3, 3))
            for one, other in product(range(3), repeat=2):
                if {one, other} == {0, 2}:
                    returns[one, other] = 10 - (place != 0)
                    continue
                after = alike[one] if one == other else apart[one, other]
                returns[one, other] = after - (one != place) - (other != place)
            found.append(np.max(np.einsum("ki,ij,kj->k", weights, returns, weights)))
        # Who stand apart leave at once: whoever is at the lever stays there.
        apart, alike = np.array([[0, 10, 10], [10, 0, 9], [10, 9, 0]]), np.array(found)
        assert found[1] <= value + 1e-6
        assert found[1] == pytest.approx(value, abs=3e-3)


@pytest.mark.parametrize(
    ("num_agents", "num_holders", "values", "best", "highest"),
    [
        (2, 1, [0.172028, 1.896632, 3.403680], 5.669, 3.453292),
        (3, 2, [-1.088409, -0.036135, 1.735393], 5.862, 1.818132),
    ],
)
def test_one_step_of_logit_agents_who_are_paid_alike(
    num_agents, num_holders, values, best, highest
):
    response = OneShotResponse(Rooms(num_agents, num_holders))
    found = [response.welfare(payment) for payment in (0.0, 2.0, 5.0)]
    np.testing.assert_allclose(found, values, atol=5e-7)
    payment = response.best_payment()
    assert payment == pytest.approx(best, abs=5e-4)
    assert response.welfare(payment) == pytest.approx(highest, abs=5e-7)
    on_grid = [response.welfare(other) for other in np.linspace(0, 10, 101)]
    assert 0 <= response.welfare(payment) - max(on_grid) < 1e-3


@settings(max_examples=30, deadline=None)
@given(
    num_agents=st.integers(2, 4),
    data=st.data(),
    payment=st.floats(0, 8),
    temperature=st.floats(0.2, 20),
)
def test_the_policy_is_a_logit_response_to_itself(num_agents, data, payment, temperature):
    num_holders = data.draw(st.integers(1, num_agents - 1))
    room = Rooms(num_agents, num_holders)
    policy = OneShotResponse(room, temperature).policy(payment)
    values, welfare = np.zeros(3), 0.0
    for actions in product(range(3), repeat=num_agents):
        is_open = actions.count(0) >= num_holders
        rewards = [10.0 if a == 2 and is_open else -float(a != 1) for a in actions]
        of_others = np.prod(policy[list(actions[1:])])
        values[actions[0]] += of_others * (rewards[0] + payment * (actions[0] == 0))
        welfare += of_others * policy[actions[0]] * sum(rewards)
    weights = np.exp((values - values.max()) / temperature)
    np.testing.assert_allclose(policy, weights / weights.sum(), atol=1e-9)
    response = OneShotResponse(room, temperature)
    assert response.welfare(payment) == pytest.approx(welfare, abs=1e-9)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"num_agents": 1}, "num_agents"),
        ({"num_holders": 2}, "num_holders"),
        ({"num_holders": 0}, "num_holders"),
        ({"escape_reward": -1.0}, "escape_reward"),
        ({"move_cost": float("nan")}, "move_cost"),
    ],
)
def test_bad_rooms_are_refused(fields, field):
    with pytest.raises(InvalidValueError) as refused:
        Rooms(**fields)
    assert refused.value.field == field


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidValueError, match="num_steps"):
        Rooms().team_optimum(0)
    with pytest.raises(InvalidValueError, match="num_steps"):
        Rooms().symmetric_policy(0)
    with pytest.raises(InvalidValueError, match="num_agents"):
        Rooms(3).symmetric_optimum(1)
    with pytest.raises(InvalidValueError, match="temperature"):
        OneShotResponse(Rooms(), 0.0)
    with pytest.raises(InvalidValueError, match="payment"):
        OneShotResponse(Rooms()).policy(float("inf"))
    with pytest.raises(InvalidValueError, match="bound"):
        OneShotResponse(Rooms()).best_payment(0.0)
