"""The study of four rooms: what it finds is what the game says, and above what is published."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.designers import TwoTimescale
from jaxmech.designers.two_timescale.mirror_descent import ShareSearch
from jaxmech.designers.two_timescale.problem import Problem
from jaxmech.environments.cournot import make as cournot
from jaxmech.environments.four_rooms import FourRooms, params_of
from jaxmech.experiments.incentives.designing import Designed, Outcomes
from jaxmech.experiments.incentives.followers import (
    FollowerCheck,
    follower_check,
    gains_as_another,
)
from jaxmech.experiments.incentives.four_rooms.configuration import FOUR_ROOMS
from jaxmech.experiments.incentives.four_rooms.findings import findings
from jaxmech.experiments.incentives.four_rooms.peers import Path, descent_of_weights, exact_value
from jaxmech.experiments.incentives.four_rooms.published import PUBLISHED
from jaxmech.experiments.incentives.four_rooms.search import Checked, polished
from jaxmech.experiments.incentives.four_rooms.study import GOALS, Cell
from jaxmech.experiments.incentives.four_rooms.trajectories import (
    TrajectoryGradient,
    frequencies,
    objective_nearby,
    walked,
)
from jaxmech.experiments.incentives.statements import (
    followers_act_well,
    no_worse,
    true_to_type,
)
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import LearningCurves

GAME = FourRooms()
UNIFORM = np.full(GAME.num_coefficients, 1 / GAME.num_coefficients)

SMALL = replace(
    FOUR_ROOMS,
    temperatures=(0.003,),
    spending_costs=(3.0,),
    steps=4,
    step_sizes=(20.0, 50.0),
    dealt_out=(0.1, 0.03),
    polish=3,
    peer_iterations=4,
    updates=4,
    walkers=5,
    steps_per_update=20,
    seeds=2,
)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def settled(shares, params):
    return jax.jit(GAME.equilibrium)(shares, params).point


checked_follower = jax.jit(follower_check)


def computed(study, directory):
    return Workspace(directory, say=[].append).run(study)


def values_of(found):
    return {(one.cell, one.scheme, one.metric, one.seed): one.value for one in found.records}


@pytest.mark.slow
def test_what_is_found_is_what_the_game_says(tmp_path):
    found = computed(SMALL, tmp_path)
    values = values_of(found)
    shares = np.array(
        [values["0.003_3", "learned", f"share_{place + 1}", None] for place in range(UNIFORM.size)]
    )
    params = params_of(GAME, temperature=0.003, spending_cost=3.0)
    earned = float(jax.jit(exact_value, static_argnums=0)(GAME, shares, params))
    assert found.estimates["0.003_3/learned"].mean == pytest.approx(earned, abs=1e-9)
    assert found.estimates["0.003_3/no penalty"].mean == pytest.approx(0.320986, abs=5.1e-7)
    assert values["0.003_3", "learned", "solves", None] == 2 * 4 + 3
    assert found.oracles["0.003_3/best found"].value == 0.798213
    for name in (
        "equilibrium",
        "Bellman equation",
        "exploitability, entropy counted",
        "exploitability",
        "individual rationality",
        "budget",
        "follower solves",
        "no penalty",
    ):
        assert found.certificates[name].holds, name
    # Four steps are too few, and the findings say so.
    assert not found.certificates["best found"].holds
    assert not found.certificates["above published numbers"].holds
    assert len(found.estimates["0.003_3/learned from trajectories"].per_seed) == 2
    (tmp_path / "summary.json").unlink()
    (tmp_path / "kept" / "0.003_3_restarts.npz").unlink()
    assert computed(SMALL, tmp_path) == found


@pytest.mark.slow
def test_the_registered_settings_reach_the_best_found_and_trajectories_pass_the_published(tmp_path):
    study = replace(FOUR_ROOMS, temperatures=(0.003,), spending_costs=(3.0,), seeds=1)
    found = computed(study, tmp_path)
    values = values_of(found)
    for name, certificate in found.certificates.items():
        assert certificate.holds, name
    assert found.estimates["0.003_3/learned"].mean > 0.798213 - 1e-4
    assert values["0.003_3", "learned", "single_solves", None] <= 2000
    # Small steps sit in the trap; mirror descent along sampled gradients does not.
    assert values["0.003_3", "small steps, exact gradient", "value", None] < 0.45
    assert study.environment_steps <= 1e8
    from_trajectories = found.estimates["0.003_3/learned from trajectories"].mean
    assert from_trajectories > PUBLISHED[0.003, 3].highest + 0.02


def test_followers_are_checked_from_every_cell_on():
    """What they gain by a best policy is what plain value iteration says in NumPy."""
    params = params_of(GAME, temperature=0.005)
    policy = settled(UNIFORM, params)[0]
    process = GAME.process(GAME.grid.goals[0], UNIFORM, params)
    found = checked_follower(process, policy, params.temperature)
    moves, rewards = np.asarray(process.transition), np.asarray(process.rewards)
    often, discounts = np.asarray(policy), np.asarray(process.discounts)
    best = np.zeros(len(rewards))
    for _ in range(1000):
        best = np.max(rewards + discounts[:, None] * (moves @ best), axis=1)
    chain = discounts[:, None] * np.einsum("sa,sat->st", often, moves)
    own = np.linalg.solve(np.eye(len(rewards)) - chain, np.sum(often * rewards, axis=1))
    assert float(found.gain) == pytest.approx(np.max(best - own), abs=1e-7)
    assert float(found.gain) > 1e-4
    certificates = followers_act_well([found], agent="follower", residual_tolerance=1e-9)
    assert all(one.holds for one in certificates.values()), certificates


def test_followers_who_move_at_random_are_found_out():
    params = params_of(GAME, temperature=0.001)
    process = GAME.process(GAME.grid.goals[0], UNIFORM, params)
    at_random = jnp.full(process.rewards.shape, 1 / process.num_actions)
    found = checked_follower(process, at_random, params.temperature)
    certificates = followers_act_well([found], agent="follower", residual_tolerance=1e-9)
    holds = {name: one.holds for name, one in certificates.items()}
    assert holds == {
        "Bellman equation": True,
        "exploitability, entropy counted": False,
        "exploitability": False,
    }
    assert float(found.smoothed_gain) > 0.1
    assert float(found.gain) > float(found.allowance) == pytest.approx(0.001 * np.log(4) / 0.01)


def test_followers_act_as_with_another_goal_at_a_loss():
    """One that goes where the other would go arrives late or never, as plain sums say."""
    params = params_of(GAME, temperature=0.001)
    policies = settled(UNIFORM, params)
    found = jax.jit(gains_as_another, static_argnums=0)(GAME, policies, UNIFORM, params)
    expected = []
    for goal, own, other in zip(GAME.grid.goals, policies, policies[::-1], strict=True):
        process = GAME.process(goal, UNIFORM, params)
        worth = []
        for policy in (np.asarray(own), np.asarray(other)):
            values = np.zeros(len(process.rewards))
            moves = np.einsum("sa,sat->st", policy, process.transition)
            earned = np.sum(policy * process.rewards, axis=1)
            for _ in range(3000):
                values = earned + process.discounts * (moves @ values)
            worth.append(values[GAME.grid.start])
        expected.append(worth[1] - worth[0])
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.all(np.asarray(found) < -0.1)


def test_who_gains_by_acting_as_another_more_than_entropy_is_worth_is_found():
    zeros = np.zeros((1, 2))
    checks = [FollowerCheck(zeros, zeros, zeros, zeros + allowed) for allowed in (0.1, 1.0)]
    for gains, holds, said in (
        ((-0.3, -0.2), True, "would lose 0.3 at least"),
        ((0.05, 0.2), True, "would gain 0.05 at most; its entropy can be worth 0.1"),
        ((0.2, 0.2), False, "would gain 0.2 at most; its entropy can be worth 0.1"),
        ((0.05, np.nan), False, "nan"),
    ):
        certificate = true_to_type(
            *(zeros + gain for gain in gains), checked=checks, agent="follower", type_word="goal"
        )
        assert certificate.holds is holds and said in certificate.statement, certificate


def test_a_best_known_value_that_is_beaten_is_said_to_be():
    for value, rounding, holds, said in (
        (0.9, 1e-9, False, ": 1.0e-01 less."),
        (1.0, 1e-9, True, ": no less."),
        (1.0001, 5e-4, True, ": no less."),
        (1.001, 5e-4, True, ": 1.0e-03 more, so that it is beaten."),
    ):
        certificate = no_worse("What is designed", value, 1.0, 0.02, rounding=rounding)
        assert certificate.holds is holds and certificate.statement.endswith(said)


def test_slopes_of_what_is_nearby_are_those_of_the_equilibrium():
    """Where moves lead is known here; the gradient is then the exact one, to rounding."""
    params = params_of(GAME, temperature=0.003, spending_cost=3.0)
    transition = GAME.process(0, UNIFORM, params).transition
    policies = settled(UNIFORM, params)
    nearby = jax.jit(jax.grad(objective_nearby, argnums=3), static_argnums=0)
    exact = jax.jit(jax.grad(exact_value, argnums=1), static_argnums=0)
    expected = exact(GAME, UNIFORM, params)
    assert float(jnp.max(jnp.abs(expected))) > 1
    found = nearby(GAME, policies, transition, UNIFORM, params)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_walkers_see_where_moves_lead():
    params = params_of(GAME, temperature=0.3)
    policies = settled(UNIFORM, params)
    before = TrajectoryGradient(walkers=200).init(Problem(GAME, params))
    after = jax.jit(walked, static_argnums=(0, 3))(
        GAME, policies, before, 500, params, jax.random.key(0)
    )
    transition = np.asarray(GAME.process(0, UNIFORM, params).transition)
    seen = np.asarray(after.seen)
    often = seen.sum(axis=-1) > 400
    assert often.sum() > 50
    shares = seen[often] / seen[often].sum(axis=-1, keepdims=True)
    error = np.sqrt(transition[often] * (1 - transition[often]) / seen[often].sum(-1)[:, None])
    assert np.all(np.abs(shares - transition[often]) <= 5 * error + 1e-12)
    # Whoever has arrived sets out anew, which teaches nothing of moves.
    assert seen.sum() < 200 * 500
    estimated = np.asarray(frequencies(after.seen))
    assert np.all(estimated >= 0) and np.all(estimated.sum(axis=-1) < 1)
    np.testing.assert_allclose(estimated[often], transition[often], atol=0.15)


def test_moves_that_were_never_seen_lead_where_the_others_do_and_unknown_cells_nowhere():
    seen = jnp.zeros((3, 2, 3)).at[0, 0].set(jnp.array([0.0, 3.0, 1.0]))
    found = frequencies(seen)
    np.testing.assert_allclose(found[0, 0], [0, 3.6 / 5, 1.2 / 5])
    np.testing.assert_allclose(found[0, 1], [0, 0.6, 0.2])
    assert not np.any(found[1:])
    # Who stayed once is not taken to stay for ever.
    once = frequencies(jnp.zeros((2, 1, 2)).at[0, 0, 0].set(1))
    np.testing.assert_allclose(once[0, 0], [0.75, 0])


def test_descent_of_weights_is_gradient_descent_of_what_the_softmax_gives():
    weights, target = jnp.array([0.3, -1.0, 0.5, 0.0]), jnp.array([1.0, -2.0, 0.5, 3.0])
    shares = jax.nn.softmax(weights)
    by_weights = jax.grad(lambda weights: jax.nn.softmax(weights) @ target)(weights)
    for clip in (100.0, 0.1):
        descent = descent_of_weights(0.5, clip)
        updates, _ = descent.update(target, descent.init(shares), shares)
        expected = weights - 0.5 * by_weights * min(1, clip / jnp.linalg.norm(by_weights))
        moved = optax.apply_updates(shares, updates)
        np.testing.assert_allclose(moved, jax.nn.softmax(expected), rtol=1e-12)
    with pytest.raises(InvalidValueError, match="shares"):
        descent.update(target, descent.init(shares))


def test_the_polish_spends_no_more_than_it_may():
    params = jax.tree.map(np.asarray, params_of(GAME, temperature=0.003, spending_cost=3.0))
    found = polished(GAME, params, UNIFORM, 4)
    assert found["solves"] == 4
    assert found["value"] > -0.067868 + 0.01
    np.testing.assert_allclose(found["shares"].sum(), 1, rtol=1e-12)
    assert np.all(found["shares"] >= 0)


def cell_of_numbers(cost, no_penalty):
    """A cell that was not computed, with a published one of its cost."""
    none, mechanisms = np.zeros((2, 2)), np.zeros(2)
    path, curves = Path(UNIFORM, np.ones(1)), LearningCurves("", (0,), ((0.0,),), ((0.0,),))
    outcomes = Outcomes(np.ones(1), np.zeros((1, 2)), np.zeros(1))
    return Cell(
        0.003,
        cost,
        ShareSearch(UNIFORM[None], np.ones(1), np.ones((1, 1))),
        {"shares": UNIFORM, "value": 2.0, "solves": 1},
        Checked(
            value=np.array([2.0, no_penalty]),
            follower=FollowerCheck(none, none, none, none),
            utilities=none,
            as_another=none,
            policy_residual=mechanisms,
            slope_residual=mechanisms,
            spent=mechanisms,
        ),
        path,
        path,
        path,
        Designed(UNIFORM[None], outcomes, curves),
        PUBLISHED[0.003, cost],
    )


@pytest.mark.parametrize("place", [0, 1])
def test_what_no_penalty_earns_is_not_known_where_it_is_no_number(place):
    """Of two cells that are made up, whichever of them has lost its number."""
    cells = [cell_of_numbers(3.0, 0.320986), cell_of_numbers(5.0, 0.320986)]
    certificate = findings(FOUR_ROOMS, cells).certificates["no penalty"]
    assert certificate.holds
    cells[place] = cell_of_numbers(cells[place].cost, np.nan)
    certificate = findings(FOUR_ROOMS, cells).certificates["no penalty"]
    assert not certificate.holds and np.isnan(certificate.value)


def test_another_game_is_refused():
    env, params = cournot()
    designer = TwoTimescale(env, params, gradient=TrajectoryGradient())
    with pytest.raises(InvalidValueError, match="FourRooms"):
        designer.init(jax.random.key(0))


def test_the_study_is_registered_and_has_the_nine_cells():
    assert study_called("incentives/four_rooms") == FOUR_ROOMS
    assert FOUR_ROOMS.is_as_described and not SMALL.is_as_described
    assert replace(FOUR_ROOMS, peer_iterations=10_000, seeds=10).is_as_described
    assert set(FOUR_ROOMS.cells) == set(PUBLISHED)
    assert not replace(FOUR_ROOMS, peer_iterations=999).is_as_described
    assert not replace(FOUR_ROOMS, updates=339).is_as_described
    # Of both goals; 2,000 with a single one.
    assert len(FOUR_ROOMS.step_sizes) * FOUR_ROOMS.steps + FOUR_ROOMS.polish <= 1000
    assert len(GAME.grid.goals) == GOALS
    assert FOUR_ROOMS.environment_steps <= 1e8
    assert FOUR_ROOMS.precision == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperatures": ()}, "temperatures: got none"),
        ({"temperatures": (0.001, 0.001)}, "temperatures: got .* allowed are each of them once"),
        ({"spending_costs": (0.0,)}, "spending_costs: got 0.0; allowed are finite numbers above 0"),
        ({"dealt_out": (0.1,)}, "dealt_out: got .* allowed are one for each of step_sizes"),
        ({"steps": 1}, "steps: got 1; allowed are integers from 2"),
        ({"walkers": 0}, "walkers: got 0; allowed are integers from 1"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(FOUR_ROOMS, **change)


@pytest.mark.parametrize("change", [{"walkers": 0}, {"steps": 0}, {"remembers": 2}])
def test_estimators_out_of_range_are_refused(change):
    with pytest.raises(InvalidValueError):
        TrajectoryGradient(**change)
