"""The study of agents in lanes: what it finds is what the game and theory say."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.agents import equilibrium
from jaxmech.experiments.incentives.configuration import MULTILANE
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles.multilane import UniformLanes

SMALL = replace(
    MULTILANE,
    num_agents=(3, 5),
    positions=11,
    actions=21,
    bound=20.0,
    updates=40,
    seeds=2,
    evaluation_episodes=500,
)


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


@pytest.mark.slow
def test_what_is_found_is_what_the_game_says(tmp_path):
    found = computed(SMALL, tmp_path)
    values = {
        (record.cell, record.scheme, record.metric, record.seed): record.value
        for record in found.records
    }
    for number in SMALL.num_agents:
        cell = f"{number}_agents"
        learned, without = (
            found.estimates[f"{cell}/{scheme}"] for scheme in ("learned", "no mechanism")
        )
        assert learned.mean > without.mean + 0.5
        assert learned.mean == pytest.approx(np.mean(learned.per_seed))
        with jax.enable_x64(True):
            env, params = SMALL.build(number)
            for seed, welfare in enumerate(learned.per_seed):
                mechanism = np.array(
                    [values[cell, "learned", f"coefficient_{j}", seed] for j in (1, 2)]
                )
                policies = equilibrium(env.game, jax.numpy.asarray(mechanism), params.game).point
                again = env.game.objective(policies, mechanism, params.game)
                assert welfare == pytest.approx(float(again), abs=1e-9)
                assert np.all(np.abs(mechanism) <= 20)
        oracle = found.oracles[f"{cell}/rational agents, no mechanism"]
        assert oracle.value == UniformLanes(number).welfare_of_equilibrium
    assert found.certificates["equilibrium"].holds
    assert [curves.label for curves in found.learning_curves] == ["3 agents", "5 agents"]
    assert found.learning_curves[0].values[0][-1] == pytest.approx(
        found.estimates["3_agents/learned"].per_seed[0], abs=1e-9
    )


@pytest.mark.slow
def test_a_part_that_is_lost_is_computed_again_to_the_same(tmp_path):
    first = computed(SMALL, tmp_path)
    (tmp_path / "summary.json").unlink()
    (tmp_path / "kept" / "5_agents_outcomes.npz").unlink()
    assert computed(SMALL, tmp_path) == first


def test_the_study_is_registered_and_is_the_papers():
    assert study_called("mguni2018/multilane") == MULTILANE
    assert MULTILANE.num_agents == (5, 10, 20)
    assert MULTILANE.is_as_described
    assert replace(MULTILANE, updates=3).is_as_described
    assert not SMALL.is_as_described
    assert MULTILANE.precision == "float64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_agents": ()}, "num_agents: got none; needed is at least one"),
        ({"num_agents": (5, 1)}, "num_agents: got 1; allowed are integers from 2"),
        ({"num_agents": (5, 5)}, "num_agents: got .* allowed are each of them once"),
        ({"agents": "rational"}, "agents: got 'rational'; allowed are 'logit', 'blind'"),
        ({"gradient": "none"}, "gradient: got 'none'; allowed are 'implicit'"),
        ({"temperature": 0.0}, "temperature: got 0.0; allowed are finite numbers above 0"),
        ({"bound": float("inf")}, "bound: got inf; allowed are finite numbers above 0"),
        ({"degree": 0}, "degree: got 0; allowed are integers from 1"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MULTILANE, **change)
