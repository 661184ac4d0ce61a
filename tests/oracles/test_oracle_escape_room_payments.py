"""Rational agents who are paid in the Escape Room, against known facts and plain enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.oracles import escape_room_payments
from jaxmech.oracles.escape_room import Rooms
from jaxmech.oracles.escape_room_payments import PaidRoom

ROOMS = [Rooms(2, 1), Rooms(3, 2)]


def for_lever(room, num_steps, payment, agents=None):
    """The room in which agents, all unless given, are paid for choosing the lever in each step."""
    payments = np.zeros((num_steps, room.num_agents, 3))
    payments[:, range(room.num_agents) if agents is None else agents, 0] = payment
    return PaidRoom(room, payments)


def welfare_of(paid):
    return sorted(set(paid.equilibrium_outcomes().welfare.tolist()))


def random_policies(room, num_steps, seed):
    shape = (num_steps, 3**room.num_agents, room.num_agents)
    return np.random.default_rng(seed).dirichlet(np.ones(3), shape)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("num_steps", [1, 2, 5])
def test_nobody_moves_who_is_not_paid(room, num_steps):
    assert welfare_of(for_lever(room, num_steps, 0.0)) == [0]


@pytest.mark.parametrize(
    ("room", "payment", "welfare"),
    [(Rooms(2, 1), payment, value) for payment, value in ((0.9, [0]), (1, [0, 9]))]
    + [(Rooms(3, 2), payment, value) for payment, value in ((0.9, [0]), (1, [-1, 0, 8]))]
    + [(Rooms(2, 1), payment, [9]) for payment in (1.01, 2.0, 10.99)]
    + [(Rooms(3, 2), payment, [8]) for payment in (1.01, 2.0, 10.99)],
)
def test_in_one_step_a_payment_above_the_cost_of_the_lever_leads_to_the_optimum(
    room, payment, welfare
):
    paid = for_lever(room, 1, payment)
    assert welfare_of(paid) == welfare
    best = paid.equilibrium_outcomes()
    leave = best.welfare == np.max(welfare)
    if max(welfare) > 0:
        np.testing.assert_allclose(best.budgets[leave], payment * room.num_holders)


@pytest.mark.parametrize("payment", [1.01, 1.5, 2.0])
def test_in_five_steps_agents_who_are_paid_alike_may_wait_for_each_other(payment):
    assert welfare_of(for_lever(Rooms(), 5, payment)) == [5, 6, 7, 8, 9]


def test_half_of_the_cost_in_each_of_five_steps_can_be_enough():
    """Who stays at the lever is paid often for having come once."""
    assert 9 in welfare_of(for_lever(Rooms(), 5, 0.5))


def test_who_alone_is_paid_and_has_one_step_takes_the_role():
    paid = for_lever(Rooms(3, 2), 1, 1.5, agents=[0, 2])
    found = paid.equilibrium_outcomes()
    np.testing.assert_allclose(found.utilities, [[0.5, 10, 0.5]])
    np.testing.assert_allclose(found.welfare, [8])
    np.testing.assert_allclose(found.budgets, [3])


def plain_equilibria(room, payments, joint, following):
    """Utilities in each pure equilibrium of one step from ``joint``, by trying everything."""

    def worth(actions):
        after = 0 if room.ends(actions) else following[actions]
        paid = payments[range(room.num_agents), actions]
        return np.array(room.rewards(joint, actions)) + paid + after

    def gain(actions, agent, other):
        changed = (*actions[:agent], other, *actions[agent + 1 :])
        return worth(changed)[agent] - worth(actions)[agent]

    return [
        worth(actions)
        for actions in product(range(3), repeat=room.num_agents)
        if all(
            gain(actions, agent, other) <= 1e-9
            for agent, other in product(range(room.num_agents), range(3))
        )
    ]


@pytest.mark.parametrize("seed", range(3))
def test_pure_equilibria_of_one_step_are_the_profiles_from_which_nobody_gains(seed):
    room = Rooms(3, 1)
    payments = np.random.default_rng(seed).uniform(0, 12, (3, 3))
    nothing = dict.fromkeys(product(range(3), repeat=3), 0.0)
    expected = plain_equilibria(room, payments, (1,) * 3, nothing)
    found = PaidRoom(room, payments[None]).equilibrium_outcomes().utilities
    np.testing.assert_allclose(found, np.unique(np.round(expected, 9), axis=0), atol=1e-8)


def plain_equilibria_of_two_steps(room, payments, joint):
    """Every choice of an equilibrium after each first step, and those of the first step then."""
    joints = list(product(range(3), repeat=2))
    nothing = dict.fromkeys(joints, 0.0)
    last = [
        [0] if room.ends(other) else plain_equilibria(room, payments, other, nothing)
        for other in joints
    ]
    return [
        utilities
        for chosen in product(*last)
        for utilities in plain_equilibria(
            room, payments, joint, dict(zip(joints, chosen, strict=True))
        )
    ]


@pytest.mark.parametrize(
    "payments",
    [
        [[1.4, 1.7, 3.9], [2.2, 1.0, 1.0]],
        [[1.5, 0.0, 0.0], [1.5, 0.0, 0.0]],
        [[0.0, 1.0, 2.0], [2.0, 0.0, 0.0]],
    ],
)
def test_pure_equilibria_of_two_steps_are_those_of_plain_enumeration(payments):
    room, payments = Rooms(), np.array(payments)
    found = PaidRoom(room, np.stack([payments] * 2)).equilibrium_outcomes().utilities
    expected = plain_equilibria_of_two_steps(room, payments, (1, 1))
    distinct = np.unique(np.round(expected, 9), axis=0)
    np.testing.assert_allclose(np.unique(found, axis=0), distinct, atol=1e-8)


def test_where_a_place_has_no_pure_equilibrium_there_is_no_outcome():
    room, payments = Rooms(), np.array([[3.1, 1.1, 0.3], [0.1, 0.5, 3.8]])
    after_one_step = [
        plain_equilibria_of_two_steps(room, payments, joint)
        for joint in product(range(3), repeat=2)
        if not room.ends(joint)
    ]
    assert not all(after_one_step)
    assert len(PaidRoom(room, np.stack([payments] * 3)).equilibrium_outcomes().welfare) == 0


def test_pure_policies_of_an_equilibrium_leave_nobody_a_gain():
    """One is paid for the lever and goes there, the other leaves: at once, with one step left."""
    policies = np.broadcast_to(np.eye(3)[[0, 2]], (1, 9, 2, 3))
    found = for_lever(Rooms(), 1, 1.5).play(policies)
    np.testing.assert_allclose(found.utilities, [0.5, 10])
    np.testing.assert_array_equal(found.gains, 0)
    assert found.welfare == 9 and found.budget == pytest.approx(1.5)
    # Unpaid, who holds the door would rather stay.
    np.testing.assert_allclose(for_lever(Rooms(), 1, 0.0).play(policies).gains, [1, 0])


@pytest.mark.parametrize("seed", range(3))
def test_gains_are_those_of_the_best_of_all_pure_policies(seed):
    """Of two steps: what to do first, and then wherever the other may have gone."""
    room = Rooms()
    payments = np.random.default_rng(seed).uniform(0, 5, (2, 2, 3))
    paid, policies = PaidRoom(room, payments), random_policies(room, 2, seed)
    found = paid.play(policies)
    for agent in range(2):
        highest = -np.inf
        for first, *then in product(range(3), repeat=4):
            pure = policies.copy()
            pure[0, 4, agent] = np.eye(3)[first]
            for other, action in enumerate(then):
                state = 3 * first + other if agent == 0 else 3 * other + first
                pure[1, state, agent] = np.eye(3)[action]
            highest = max(highest, paid.play(pure).utilities[agent])
        assert found.utilities[agent] + found.gains[agent] == pytest.approx(highest, abs=1e-12)


def test_what_is_paid_is_what_agents_get_more_than_their_rewards():
    room = Rooms(3, 2)
    policies, nothing = random_policies(room, 3, 0), np.zeros((3, 3, 3))
    paid = nothing + [[0.5, 0, 0]] + np.eye(3)[:, :, None]
    found, without = PaidRoom(room, paid).play(policies), PaidRoom(room, nothing).play(policies)
    assert found.welfare == pytest.approx(without.welfare)
    assert without.budget == pytest.approx(0, abs=1e-12)
    assert found.budget == pytest.approx(np.sum(found.utilities - without.utilities))


@pytest.mark.parametrize(
    "payments", [np.zeros((2, 3)), np.zeros((2, 3, 3)), np.full((1, 2, 3), np.nan)]
)
def test_bad_payments_are_refused(payments):
    with pytest.raises(InvalidValueError, match="payments"):
        PaidRoom(Rooms(), payments)


def test_what_does_not_fit_is_refused(monkeypatch):
    with pytest.raises(InvalidValueError, match="policies"):
        for_lever(Rooms(), 2, 1.0).play(np.zeros((1, 9, 2, 3)))
    monkeypatch.setattr(escape_room_payments, "MOST_OUTCOMES", 5)
    with pytest.raises(escape_room_payments.TooManyOutcomesError, match="payments"):
        for_lever(Rooms(), 5, 1.5).equilibrium_outcomes()
