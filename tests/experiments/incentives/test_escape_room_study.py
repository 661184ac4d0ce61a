"""The study of the Escape Room: what it finds is what the game and theory say."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.experiments.incentives.escape_room.configuration import ESCAPE_ROOM
from jaxmech.experiments.incentives.escape_room.findings import BEST_ALIKE, findings
from jaxmech.experiments.incentives.escape_room.rooms import RoomFound, judged_again
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles import escape_room_payments
from jaxmech.oracles.escape_room import Rooms
from jaxmech.reports.findings import LearningCurves

SMALL = replace(ESCAPE_ROOM, num_agents=(2,), num_holders=(1,), steps=2, updates=60, seeds=3)


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


@pytest.mark.slow
def test_payments_by_role_reach_the_optimum_and_equal_ones_do_not(tmp_path):
    found = computed(SMALL, tmp_path)
    learned, alike = (found.estimates[f"er_2_1/{name}"] for name in ("learned", "equal payments"))
    np.testing.assert_allclose(max(learned.per_seed), 9, atol=0.01)
    limit = found.oracles["er_2_1/best of agents who act alike"].value
    assert limit == pytest.approx(6.704605, abs=1e-6)
    assert max(alike.per_seed) < limit < 9
    assert found.estimates["er_2_1/no payments"].mean == pytest.approx(0, abs=0.01)
    for name in (
        "equilibrium",
        "principal branch",
        "exploitability",
        "individual rationality",
    ):
        assert found.certificates[name].holds, name
    assert found.certificates["two computations agree"].holds
    assert found.certificates["er_2_1/team optimum reached"].holds
    assert found.certificates["er_2_1/who are paid alike stay below"].holds
    assert not found.certificates["er_2_1/balanced budget"].holds
    budgets = [
        record.value
        for record in found.records
        if (record.scheme, record.metric) == ("learned", "budget")
    ]
    assert len(budgets) == 3 and 1 < found.estimates["er_2_1/budget"].mean <= 2 * 2 * 2
    assert found.estimates["er_2_1/budget"].mean in budgets


def paid_for_one_step(payments, actions):
    """One step of two agents with these payments, in which they surely choose these actions."""
    room, payments = Rooms(), np.asarray(payments, float)
    policies = np.broadcast_to(np.eye(3)[list(actions)], (1, 9, 2, 3))
    rewards = np.array(room.rewards((1, 1), tuple(actions)))
    utilities = rewards + payments[range(2), actions]
    outcomes = Outcomes(np.array([rewards.sum()]), utilities[None], np.zeros(1))
    curves = LearningCurves("objective", (0,), ((0.0,),), ((0.0,),))
    designed = Designed(payments.reshape(1, -1), outcomes, curves)
    return judged_again(room, designed, [payments[None]], [policies])


def found_of(by_role, alike):
    without = Outcomes(np.zeros(1), np.zeros((1, 2)), np.zeros(1))
    study = replace(SMALL, steps=1, seeds=1)
    return findings(study, [RoomFound(2, 1, 1, by_role, alike, without)])


LEVER = [1.5, 0.0, 0.0]
NOTHING = [0.0, 0.0, 0.0]


def test_one_who_is_paid_more_than_the_lever_costs_holds_the_door():
    """The exact facts: only 9 among rational agents, no gain, a slack of half, 1.5 paid."""
    by_role = paid_for_one_step([LEVER, NOTHING], [0, 2])
    alike = paid_for_one_step([LEVER, LEVER], [1, 1])
    found = found_of(by_role, alike)
    assert by_role.rational == ((9.0,),)
    np.testing.assert_array_equal(by_role.gains, 0)
    assert by_role.played[0].budget == pytest.approx(1.5)
    certificates = found.certificates
    assert certificates["er_2_1/team optimum reached"].holds
    assert certificates["er_2_1/in every restart"].holds
    assert certificates["er_2_1/rational agents"].holds
    assert certificates["individual rationality"].holds
    assert not certificates["er_2_1/balanced budget"].holds
    assert certificates["er_2_1/balanced budget"].value == pytest.approx(1.5)
    # To stay at the start is no best response where the lever is paid for.
    assert certificates["exploitability"].value == pytest.approx(0.5)
    assert not certificates["exploitability"].holds


def test_nobody_holds_the_door_who_is_not_paid():
    """And who does all the same is worse off: a gain of 1, a shortfall of 1."""
    forced = paid_for_one_step([NOTHING, NOTHING], [0, 2])
    found = found_of(forced, forced)
    assert forced.rational == ((0.0,),)
    assert found.certificates["exploitability"].value == pytest.approx(1)
    assert not found.certificates["exploitability"].holds
    assert found.certificates["individual rationality"].value == pytest.approx(-1)
    assert not found.certificates["individual rationality"].holds
    assert not found.certificates["er_2_1/rational agents"].holds
    assert found.certificates["er_2_1/balanced budget"].holds


def test_a_payment_of_just_the_cost_leaves_rational_agents_the_choice():
    found = paid_for_one_step([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [0, 2])
    assert found.rational == ((0.0, 9.0),)
    np.testing.assert_array_equal(found.gains, 0)


def test_outcomes_of_rational_agents_that_are_too_many_are_left_out(monkeypatch):
    monkeypatch.setattr(escape_room_payments, "MOST_OUTCOMES", 0)
    found = paid_for_one_step([LEVER, NOTHING], [0, 2])
    assert found.rational == (None,)
    certificates = found_of(found, found).certificates
    assert "er_2_1/rational agents" not in certificates
    assert certificates["er_2_1/team optimum reached"].holds


def test_what_else_is_refused_of_rational_agents_is_an_error(monkeypatch):
    def refuse(game):
        raise InvalidValueError("payments", game.payments, "others")

    monkeypatch.setattr(escape_room_payments.PaidRoom, "equilibrium_outcomes", refuse)
    with pytest.raises(InvalidValueError, match="others"):
        paid_for_one_step([LEVER, NOTHING], [0, 2])


def test_an_equilibrium_whose_branch_was_lost_is_reported():
    paid = paid_for_one_step([LEVER, NOTHING], [0, 2])
    assert found_of(paid, paid).certificates["principal branch"].holds
    outcomes = replace(paid.designed.outcomes, arrived=np.array([False]))
    lost = replace(paid, designed=replace(paid.designed, outcomes=outcomes))
    certificate = found_of(paid, lost).certificates["principal branch"]
    assert not certificate.holds and certificate.value == 1
    assert "Of 1 equilibria" in certificate.statement


@pytest.mark.parametrize("place", [0, 1])
def test_a_return_that_is_not_a_number_is_in_no_agreement(place):
    paid = paid_for_one_step([LEVER, NOTHING], [0, 2])
    assert found_of(paid, paid).certificates["two computations agree"].holds
    outcomes = replace(paid.designed.outcomes, objective=np.array([np.nan]))
    lost = replace(paid, designed=replace(paid.designed, outcomes=outcomes))
    schemes = [paid, paid]
    schemes[place] = lost
    certificate = found_of(*schemes).certificates["two computations agree"]
    assert not certificate.holds and np.isnan(certificate.value)


@pytest.mark.parametrize(
    ("lever", "note"),
    [
        (1.5, "from 0.00 to 9.00, and who pays from outside pays 1.50: no more than is gained."),
        (9.5, "from 0.00 to 9.00, and who pays from outside pays 9.50: more than is gained."),
    ],
)
def test_notes_say_what_outsiders_pay_beside_what_the_team_gains(lever, note):
    paid = paid_for_one_step([[lever, 0.0, 0.0], NOTHING], [0, 2])
    returns, _ = found_of(paid, paid).tables
    assert any(one.startswith("In ER(2, 1) ") and one.endswith(note) for one in returns.notes)


def test_tables_have_a_row_for_each_scheme_and_each_restart():
    by_role = paid_for_one_step([LEVER, NOTHING], [0, 2])
    returns, payments = found_of(by_role, by_role).tables
    assert len(payments.rows) == 1 and len(returns.rows) == 7
    one_step = next(row for row in returns.rows if "one step" in row[1])
    assert "5.669" in one_step[1] and one_step[2] == "3.453292"
    assert any("100,000 episodes" in row[-1] for row in returns.rows)
    limit = next(row for row in returns.rows if row[1] == BEST_ALIKE)
    assert limit[2] == "3.500000"
    assert any("no optimum" in note for note in returns.notes)


def test_the_study_is_registered():
    assert study_called("incentives/escape_room") == ESCAPE_ROOM
    assert ESCAPE_ROOM.rooms == ((2, 1), (3, 2))
    assert ESCAPE_ROOM.is_as_described and not SMALL.is_as_described
    assert ESCAPE_ROOM.precision == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_agents": (), "num_holders": ()}, "num_agents: got none"),
        ({"num_holders": (1,)}, "num_holders: .* one for each of 2 rooms"),
        ({"num_holders": (1, 3)}, "num_holders: got 3; allowed are integers from 1 to 2"),
        ({"num_agents": (2, 6)}, "num_agents: got 6"),
        ({"num_agents": (2, 2), "num_holders": (1, 1)}, "num_agents: .* each room once"),
        ({"steps": 0}, "steps: got 0"),
        ({"by_step": 1}, "by_step: got 1"),
        ({"bound": 0.0}, "bound: got 0.0"),
        ({"temperature": 0.0}, "temperature: got 0.0"),
        ({"first_temperature": 0.05}, "first_temperature: got 0.05"),
        ({"seeds": 0}, "seeds: got 0"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(ESCAPE_ROOM, **change)
