"""The studies of agents in lanes: what they find is what the game and theory say."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import equilibrium
from jaxmech.experiments.incentives.multilane.configuration import STUDIES
from jaxmech.experiments.incentives.multilane.transfers import transfer_called
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
    updates=40,
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
    holds = {name: certificate.holds for name, certificate in found.certificates.items()}
    assert holds == {
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
    assert shown["one-point"] == pytest.approx(best, abs=0.05)
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
    assert found.certificates["best responses"].holds
    assert found.certificates["incentive compatibility"].holds


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
        ({"agents": "rational"}, "gradients: got 'implicit'; allowed are 'two_point'"),
        ({"temperature": 0.0}, "gradients: got 'implicit'; allowed are 'two_point'"),
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
