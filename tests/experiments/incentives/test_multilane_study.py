"""The studies of agents in lanes: what they find is what the game and theory say."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command_line import command

from jaxmech.agents import LearningAgents, equilibrium
from jaxmech.experiments.incentives.climbing import highest_climbed
from jaxmech.experiments.incentives.multilane.certified import (
    EXACT_MARGIN,
    MARGINS,
    beside_first_best,
    beside_nothing,
    compared,
    lost_on_grid,
)
from jaxmech.experiments.incentives.multilane.computing import designed_in
from jaxmech.experiments.incentives.multilane.configuration import (
    STUDIES,
    AgentModel,
    Gradient,
    PaidPosition,
    TransferName,
)
from jaxmech.experiments.incentives.multilane.outcomes import (
    learners_outcomes,
    learners_outcomes_at_rest,
)
from jaxmech.experiments.incentives.multilane.transfers import starting_transfers, transfer_called
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.multilane import UniformLanes

MULTILANE = STUDIES["mguni2018/multilane"]

SMALL = replace(
    MULTILANE,
    num_agents=(3, 5),
    num_positions=11,
    num_actions=21,
    bound=20.0,
    updates=50,
    values=400,
    seeds=2,
)


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


def values_of(found):
    return {
        (record.cell, record.scheme, record.metric, record.seed): record.value
        for record in found.records
    }


@pytest.mark.slow
def test_what_is_found_is_what_the_game_says(tmp_path):
    found = computed(SMALL, tmp_path)
    values = values_of(found)
    for number in SMALL.num_agents:
        cell = f"{number}_agents_quadratic_implicit"
        learned = found.estimates[f"{cell}/learned"]
        without = found.estimates[f"{number}_agents/no mechanism"]
        assert learned.mean > without.mean + 0.5
        assert learned.mean == pytest.approx(np.mean(learned.per_seed))
        with jax.enable_x64(True):
            env, params = SMALL.build(number, "quadratic")
            for seed, welfare in enumerate(learned.per_seed):
                mechanism = jnp.array(
                    [values[cell, "learned", f"coefficient_{j}", seed] for j in (1, 2)]
                )
                policies = equilibrium(env.game, mechanism, params.game).point
                again = env.game.objective(policies, mechanism, params.game)
                assert welfare == pytest.approx(float(again), abs=1e-9)
                deviation = values[cell, "learned", "deviation", seed]
                assert deviation == pytest.approx(float(env.game.deviation(policies, params.game)))
                assert np.all(np.abs(mechanism) <= 20)
        oracles = found.oracles
        lanes = UniformLanes(number)
        rational = oracles[f"{number}_agents/rational agents, no mechanism"].value
        assert rational == lanes.welfare_of_equilibrium
        assert oracles[f"{number}_agents/first best"].value == lanes.welfare_of_first_best
        best = oracles[f"{number}_agents/quadratic, best found"]
        assert not best.exact and best.value > max(learned.per_seed) - 1e-9
        certificate = found.certificates[f"best transfer found, {number} agents"]
        assert certificate.tolerance == EXACT_MARGIN
        assert certificate.value == pytest.approx(best.value - min(learned.per_seed))
        with jax.enable_x64(True):
            climbed = jnp.array(
                [values[cell, "best found", f"coefficient_{j}", None] for j in (1, 2)]
            )
            policies = equilibrium(env.game, climbed, params.game).point
            again = env.game.objective(policies, climbed, params.game)
        assert best.value == pytest.approx(float(again), abs=1e-12)
    holds = {name: certificate.holds for name, certificate in found.certificates.items()}
    assert holds == {
        "best transfer found, 3 agents": True,
        "best transfer found, 5 agents": True,
        "no worse than no mechanism, 3 agents": True,
        "no worse than no mechanism, 5 agents": True,
        "equilibrium": True,
        "best responses": True,
        "incentive compatibility": False,
        "individual rationality": True,
        "individual rationality, no mechanism": False,
        "individual rationality with the subsidy": True,
        "welfare with the subsidy": True,
    }
    assert [curves.label for curves in found.learning_curves] == ["3 agents", "5 agents"]
    figure = found.figures[0]
    assert figure.name == "welfare_3_agents"
    assert [curve.label for curve in figure.curves] == ["designed", "no mechanism"]
    designed, before = figure.curves
    assert designed.y[-1] == pytest.approx(
        np.mean(found.estimates["3_agents_quadratic_implicit/learned"].per_seed), abs=1e-9
    )
    assert designed.deviation[-1] < before.deviation[-1] and len(set(before.y)) == 1


@pytest.mark.slow
def test_a_part_that_is_lost_is_computed_again_to_the_same(tmp_path):
    first = computed(SMALL, tmp_path)
    (tmp_path / "summary.json").unlink()
    (tmp_path / "kept" / "5_agents_quadratic_implicit_outcomes.npz").unlink()
    assert computed(SMALL, tmp_path) == first


@pytest.mark.slow
def test_what_is_paid_for_initial_positions_is_shown_to_change_nothing(tmp_path):
    found = computed(replace(SMALL, num_agents=(3,), paid_position="initial"), tmp_path)
    values = values_of(found)
    cell = "3_agents_quadratic_implicit"
    sizes = [abs(values[cell, "learned", "coefficient_1", seed]) for seed in (0, 1)]
    assert max(sizes) > 1
    certificate = found.certificates["payment for initial positions"]
    assert certificate.holds and certificate.value < 1e-12
    learned = found.estimates[f"{cell}/learned"].per_seed
    without = found.estimates["3_agents/no mechanism"].mean
    np.testing.assert_allclose(learned, without, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_all_gradients_and_ppo_climb_the_same_welfare(tmp_path):
    study = replace(
        STUDIES["mguni2018/gradients"],
        num_agents=(3,),
        num_positions=11,
        num_actions=21,
        updates=80,
        values=2000,
        seeds=1,
        ppo_updates=60,
    )
    found = computed(study, tmp_path)
    welfare = {
        name.split("_")[-1].split("/")[0]: estimate.mean
        for name, estimate in found.estimates.items()
        if name.endswith("learned")
    }
    assert set(welfare) == {"implicit", "unrolled", "social", "point", "ppo"}
    table = found.tables[0]
    shown = {row[0]: float(row[3]) for row in table.rows}
    assert [row[7] for row in table.rows] == ["derivatives"] * 3 + ["2,000", "2,000", "3,840"]
    best = shown["implicit"]
    assert shown["unrolled"] == pytest.approx(best, abs=0.002)
    assert shown["two-point"] == pytest.approx(best, abs=0.02)
    assert shown["one-point"] == pytest.approx(best, abs=0.02)
    best_found = found.oracles["3_agents/quadratic, best found"].value
    for name, margin in (
        *((gradient, 1e-3) for gradient in ("implicit", "unrolled", "social")),
        *((gradient, 0.02) for gradient in ("two-point", "one-point", "PPO")),
    ):
        certificate = found.certificates[f"best transfer found, {name}"]
        assert certificate.tolerance == margin
        assert certificate.holds == (certificate.value <= margin)
        assert certificate.value == pytest.approx(best_found - shown[name], abs=1e-4)
        assert certificate.holds or name == "PPO"
    without = found.estimates["3_agents/no mechanism"].mean
    assert shown["social"] > without + 0.5 and shown["PPO"] > without + 0.5


@pytest.mark.slow
def test_rational_agents_are_led_from_their_equilibrium_to_the_first_best(tmp_path):
    study = replace(
        MULTILANE,
        agents="rational",
        num_agents=(5,),
        transfers=("linear",),
        gradients=("two_point",),
        num_positions=101,
        num_actions=401,
        first_temperature=0.0,
        bound=0.2,
        radius=0.1,
        values=200,
        seeds=2,
    )
    found = computed(study, tmp_path)
    lanes = UniformLanes(5)
    learned = found.estimates["5_agents_linear_two_point/learned"]
    before = found.estimates["5_agents/no mechanism"].mean
    assert before == pytest.approx(lanes.welfare_of_equilibrium, abs=3e-4)
    assert min(learned.per_seed) == pytest.approx(lanes.welfare_of_first_best, abs=3e-4)
    assert min(learned.per_seed) > before + 1.5e-3
    assert found.certificates["first best, 5 agents"].holds
    assert found.certificates["best responses"].holds
    assert found.certificates["incentive compatibility"].holds
    assert not any("best" in name and "found" in name for name in found.oracles)


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["unrolled", "implicit", "two_point"])
def test_agents_who_learn_are_led_where_those_are_who_respond(tmp_path, gradient):
    study = replace(SMALL, num_agents=(3,), gradients=(gradient,), updates=80, values=800, seeds=1)
    learning = computed(replace(study, agents="learning"), tmp_path / "learning")
    responding = computed(study, tmp_path / "responding")
    name = f"3_agents_quadratic_{gradient}/learned"
    reached = learning.estimates[name].mean
    assert reached > learning.estimates["3_agents/no mechanism"].mean + 0.5
    assert reached == pytest.approx(responding.estimates[name].mean, abs=0.01)
    # What the learners do themselves, and no equilibrium computed for them.
    with_learners = learning.estimates[f"3_agents_quadratic_{gradient}/learners"].mean
    # Those who lived with mechanisms that were tried have come to rest under the designer's own.
    margin = 1e-9 if gradient == "two_point" else EXACT_MARGIN
    assert with_learners == pytest.approx(reached, abs=margin)
    assert gradient == "two_point" or with_learners != reached
    for statement in ("learners' welfare", "learners at rest"):
        certificate = learning.certificates[f"{statement}, 3 agents"]
        assert certificate.holds and certificate.value < margin
        assert certificate.tolerance == EXACT_MARGIN
    assert not any(name.startswith("learners") for name in responding.certificates)


def test_learners_are_judged_by_what_they_do():
    """At rest nothing is to be gained; agents who move at random are far from it."""
    with jax.enable_x64(True):
        env, params = replace(SMALL, agents="learning").build(3, "quadratic")
        game, own = env.game, params.game
        mechanism = jnp.array([15.0, -20.0])
        at_rest = equilibrium(game, mechanism, own).point
        untold = game.initial_policies(own)
        each = jnp.stack([mechanism] * 2), jnp.stack([at_rest, untold])
        judged = jax.jit(learners_outcomes, static_argnums=0)(env, params, *each)
        found = jax.tree.map(np.asarray, judged)
        values = np.asarray(game.interim_utilities(untold, mechanism, own))
        objective = float(game.objective(untold, mechanism, own))
        prior, weights = np.asarray(untold[0]), np.asarray(own.position_weights)
    assert found.gain[0] == pytest.approx(0, abs=1e-12) and found.apart[0] < 1e-12
    assert found.objective[1] == pytest.approx(objective, abs=1e-12)
    gains = np.log(np.exp(values) @ prior) - values @ prior
    assert found.gain[1] == pytest.approx(weights @ gains, abs=1e-10) and found.gain[1] > 0.1
    best = values.max(axis=1) - values @ prior
    assert found.exploitability[1] == pytest.approx(weights @ best, abs=1e-10)
    assert found.apart[1] > 0.01


def test_learners_who_lived_with_other_mechanisms_are_judged_once_at_rest():
    with jax.enable_x64(True):
        study = replace(SMALL, agents="learning", num_positions=5, num_actions=9)
        env, params = study.build(3, "quadratic")
        learning, learning_params = designed_in(study, env, params)
        game, own = learning.game, learning_params.game
        assert isinstance(game, LearningAgents)
        states = jax.tree.map(lambda leaf: leaf[None], game.initial_policies(own))
        mechanism = jnp.array([[15.0, -20.0]])
        judged = jax.jit(learners_outcomes_at_rest, static_argnums=(0, 3))
        found = judged(env, params, mechanism, learning, learning_params, states)
        found = jax.tree.map(np.asarray, found)
        at_rest = equilibrium(env.game, mechanism[0], params.game).point
        welfare = env.game.objective(at_rest, mechanism[0], params.game)
    assert found.objective[0] == pytest.approx(float(welfare), abs=1e-9)
    assert found.gain[0] < 1e-12 and found.apart[0] < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("agents", ["blind", "rational"])
def test_best_responses_are_led_to_the_first_best_by_a_temperature_that_falls(tmp_path, agents):
    study = replace(MULTILANE, agents=agents, temperature=0.0, num_agents=(5,), seeds=1)
    found = computed(study, tmp_path / "falling")
    learned = found.estimates["5_agents_quadratic_implicit/learned"].per_seed
    best = UniformLanes(5).welfare_of_first_best
    assert min(learned) == pytest.approx(best, abs=3e-4)
    certificate = found.certificates["first best, 5 agents"]
    assert certificate.holds and certificate.tolerance == pytest.approx(1e-3 + 1e-4 * 25 / 12)
    # Without a mechanism they are further from it than the margin.
    without = found.estimates["5_agents/no mechanism"].mean
    assert best - without > certificate.tolerance + 1e-3
    assert found.certificates["no worse than no mechanism, 5 agents"].holds


@pytest.mark.slow
def test_blind_agents_whom_no_transfer_moved_are_no_success(tmp_path):
    """Near no mechanism all stay where they are, so that welfare has no slope."""
    study = replace(
        MULTILANE,
        agents="blind",
        first_temperature=0.0,
        num_agents=(5,),
        gradients=("two_point",),
        num_positions=11,
        num_actions=21,
        radius=1e-4,
        values=8,
        seeds=1,
        temperature=0.0,
    )
    found = computed(study, tmp_path)
    certificate = found.certificates["first best, 5 agents"]
    assert not certificate.holds and certificate.value > 8
    assert found.certificates["no worse than no mechanism, 5 agents"].holds


def test_what_a_grid_of_moves_costs_is_the_variance_of_a_cell():
    errors = np.linspace(-0.5, 0.5, 100_001) * 0.5 / 200
    lost = 20 * 10 * 9 * np.mean(errors**2)
    assert lost_on_grid(10, 201) == pytest.approx(lost, rel=1e-4)


@pytest.mark.parametrize(
    ("welfare", "first_best", "no_worse"),
    [
        ((-0.117, -0.117), True, True),
        ((-0.117, -0.1181), False, True),
        ((-0.117, -0.1191), False, True),
        ((-0.117, -0.1192), False, False),
        ((-0.117, float("nan")), False, False),
    ],
)
def test_the_worst_seed_is_certified(welfare, first_best, no_worse):
    outcomes, without = (
        SimpleNamespace(judged=SimpleNamespace(objective=np.array(values)))
        for values in (welfare, [-0.1191])
    )
    design = SimpleNamespace(
        case=MULTILANE.case(5, "table", "implicit"), outcomes=outcomes, without=without
    )
    assert beside_first_best(MULTILANE, design).holds == first_best
    certificate = beside_nothing(design)
    assert certificate.holds == no_worse
    assert certificate.value == pytest.approx(-0.1191 - np.min(welfare), nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize(("num_agents", "best"), [(5, -1.3887), (10, -4.5207), (20, -12.5614)])
def test_climbs_end_at_the_best_transfer_that_a_scan_finds(num_agents, best):
    """The values are those of scans in NumPy, see the tests of the environment."""
    with jax.enable_x64(True):
        env, params = MULTILANE.build(num_agents, "quadratic")
        found = highest_climbed(env, params, starting_transfers(2, 100.0))
    assert found["objective"] == pytest.approx(best, abs=1e-4)
    assert found["mechanism"][1] == pytest.approx(-100)
    ends = found["ends"]
    assert ends.shape == (9,) and np.max(ends) == found["objective"]
    assert np.sum(ends > found["objective"] - 1e-5) >= 8


def test_starting_transfers_are_the_same_each_time_and_within_bounds():
    grid = starting_transfers(2, 8.0)
    assert sorted(map(tuple, grid)) == [(a, b) for a in (-4, 0, 4) for b in (-4, 0, 4)]
    drawn = starting_transfers(25, 8.0)
    assert drawn.shape == (6, 25) and np.all(np.abs(drawn) <= 8) and not drawn[0].any()
    assert np.max(np.abs(drawn[4:])) <= 0.8 < 7 < np.max(np.abs(drawn[1:4]))
    np.testing.assert_array_equal(drawn, starting_transfers(25, 8.0))


@pytest.mark.parametrize(
    ("transfer", "found_by", "expected"),
    [
        ("quadratic", "implicit", ("worst", -2.0, 1e-3)),
        ("quadratic", "PPO", ("worst", -2.0, 0.02)),
        ("network", "implicit", ("best", -1.0, 0.02)),
    ],
)
def test_the_worst_seed_is_compared_unless_seeds_are_restarts(transfer, found_by, expected):
    judged = SimpleNamespace(objective=np.array([-1.5, -1.0, -2.0]))
    design = SimpleNamespace(
        case=MULTILANE.case(5, transfer, found_by), outcomes=SimpleNamespace(judged=judged)
    )
    assert compared(design) == expected


def test_every_gradient_has_a_margin():
    assert set(MARGINS) == {*get_args(Gradient), "PPO"}


def test_options_say_what_their_choices_mean(capsys):
    assert command("run", "mguni2018/multilane", "--help") == 0
    shown = re.sub(r"\{[^}]*\}|default:[^)]*\)", " ", " ".join(capsys.readouterr().out.split()))
    for choice in map(get_args, (AgentModel, Gradient, TransferName, PaidPosition)):
        for name in choice:
            assert re.search(rf"\b{name}\b", shown), name


def test_the_studies_are_registered_and_are_the_papers():
    for name, study in STUDIES.items():
        assert study_called(name) == study
        assert study.is_as_described and study.precision == "float64"
    assert MULTILANE.num_agents == (5, 10, 20)
    assert STUDIES["mguni2018/figure_2"].num_agents == (3,)
    assert replace(MULTILANE, updates=3).is_as_described
    assert not SMALL.is_as_described
    assert MULTILANE.resolved().temperature == 1.0
    rational = replace(MULTILANE, agents="rational", gradients=("one_point",))
    assert rational.resolved().temperature == 0.0
    assert rational.resolved().first_temperature == 1.0
    assert MULTILANE.resolved().first_temperature == 1.0
    assert replace(MULTILANE, temperature=0.5).resolved().first_temperature == 0.5
    assert rational.resolved().resolved() == rational.resolved()
    assert rational.resolved().two_timescale.responses_per_update is None
    initial = replace(MULTILANE, paid_position="initial").resolved()
    assert initial.two_timescale.initial_spread == 1.0
    assert initial.resolved() == initial


def test_cases_are_all_that_is_asked_for():
    study = replace(MULTILANE, num_agents=(3, 5), gradients=("implicit", "one_point"))
    assert [case.label for case in study.cases] == [
        "3 agents, implicit",
        "3 agents, one-point",
        "5 agents, implicit",
        "5 agents, one-point",
    ]
    assert [study.updates_with(one) for one in ("implicit", "two_point", "one_point", "PPO")] == [
        150, 3000, 6000, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "coefficients"),
    [("linear", 1), ("cubic", 3), ("piecewise_linear", 11), ("table", 10), ("network", 25)],
)
def test_transfers_by_name(name, coefficients):
    transfer = transfer_called(name)
    assert transfer.num_coefficients == coefficients
    assert hash(transfer) == hash(transfer_called(name)) and transfer == transfer_called(name)
    paid = transfer(jnp.linspace(-1.0, 1.0, coefficients), jnp.array([0.15, 0.75]))
    assert paid.shape == (2,) and paid[0] != paid[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_agents": ()}, "num_agents: got none; needed is at least one"),
        ({"num_agents": (5, 1)}, "num_agents: got 1; allowed are integers from 2"),
        ({"num_agents": (5, 5)}, "num_agents: got .* allowed are each of them once"),
        ({"transfers": ("cubic", "quartic")}, "transfers: got 'quartic'; allowed are 'linear'"),
        ({"agents": "clever"}, "agents: got 'clever'; allowed are 'logit', 'rational'"),
        ({"gradients": ("none",)}, "gradients: got 'none'; allowed are 'implicit'"),
        (
            {"agents": "rational", "first_temperature": 0.0},
            "gradients: got 'implicit'; allowed are 'two_point'",
        ),
        (
            {"temperature": 0.0, "first_temperature": 0.0},
            "gradients: got 'implicit'; allowed are 'two_point'",
        ),
        ({"first_temperature": 0.5}, "first_temperature: got 0.5; allowed are numbers from"),
        ({"first_temperature": -1.0}, "first_temperature: got -1.0"),
        (
            {"agents": "learning", "first_temperature": 2.0},
            "first_temperature: got 2.0; allowed are 1.0, their own",
        ),
        ({"agents": "rational", "temperature": 1.0}, "temperature: got 1.0; allowed are 0"),
        (
            {"agents": "learning", "temperature": 0.0, "gradients": ("two_point",)},
            "temperature: got 0.0; allowed are numbers above 0",
        ),
        ({"temperature": -1.0}, "temperature: got -1.0"),
        ({"paid_position": "last"}, "paid_position: got 'last'; allowed are 'terminal'"),
        ({"bound": float("inf")}, "bound: got inf; allowed are finite numbers above 0"),
        ({"radius": 1.0}, "radius: got 1.0; allowed are"),
        (
            {
                "gradients": ("implicit", "one_point"),
                "two_timescale": replace(
                    MULTILANE.two_timescale, mechanism_decay=0.5, response_decay=0.2
                ),
            },
            "mechanism_decay: got 0.5; allowed are",
        ),
        ({"values": 1}, "values: got 1; allowed are integers from 2"),
        ({"episodes": 0}, "episodes: got 0; allowed are integers from 1"),
        ({"ppo_updates": -1}, "ppo_updates: got -1; allowed are integers from 0"),
        ({"updates": 0}, "updates: got 0; allowed are integers from 1"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MULTILANE, **change)
