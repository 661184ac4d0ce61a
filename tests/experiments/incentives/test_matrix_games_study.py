"""The study of matrix games: payments reach the best welfare that errors leave."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.experiments.incentives.matrix_games.configuration import MATRIX_GAMES
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace


def computed(study, directory):
    with jax.enable_x64(True):
        return Workspace(directory, say=[].append).run(study)


@pytest.mark.slow
def test_every_restart_reaches_the_best_in_the_stag_hunt(tmp_path):
    """Without a temperature that falls, restarts may end among the hares."""
    study = replace(MATRIX_GAMES, games=("stag_hunt",), temperatures=(1.0,))
    found = computed(study, tmp_path)
    assert all(one.holds for one in found.certificates.values()), found.certificates
    cell = "stag_hunt_temperature_1"
    assert found.oracles[f"{cell}/best joint action"].value == 8
    assert found.oracles[f"{cell}/best with errors"].value == pytest.approx(7.931975, abs=1e-6)
    np.testing.assert_allclose(found.estimates[f"{cell}/learned"].per_seed, 7.931975, atol=1e-3)
    assert found.estimates[f"{cell}/unpaid"].mean < 4
    values = {(one.scheme, one.metric, one.seed): one.value for one in found.records}
    assert values["learned", "share_of_restarts_at_best", None] == 1
    for seed in range(study.seeds):
        payments = [values["learned", f"coefficient_{place}", seed] for place in (1, 2, 3, 4)]
        np.testing.assert_allclose(payments, [2, -2, 2, -2], atol=1e-3)
        # Both play the stag but for errors: paid 2, and charged 2 where they err.
        slack = values["learned", "participation_slack", seed]
        assert 5.9 < slack < 6
        assert values["learned", "paid_out", seed] == pytest.approx(2 * slack - 7.931975, abs=1e-3)


@pytest.mark.slow
def test_payments_for_outcomes_do_as_well(tmp_path):
    study = replace(
        MATRIX_GAMES,
        games=("prisoners_dilemma",),
        temperatures=(1.0,),
        paid_for="outcomes",
        seeds=2,
    )
    found = computed(study, tmp_path)
    assert found.certificates["prisoners_dilemma_temperature_1/best with errors"].holds
    assert found.certificates["principal branch"].holds


def test_the_study_is_registered():
    assert study_called("incentives/matrix_games") == MATRIX_GAMES
    assert MATRIX_GAMES.is_as_described
    assert not replace(MATRIX_GAMES, bound=3.0).is_as_described


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"games": ()}, "games: got none; needed is at least one"),
        ({"games": ("poker",)}, "games: got 'poker'; allowed are 'prisoners_dilemma'"),
        ({"temperatures": (1.0, 0.0)}, "temperatures: got 0.0; allowed are finite numbers above 0"),
        ({"temperatures": (1.0, 1.0)}, "temperatures: got .* allowed are each of them once"),
        ({"first_temperature": 0.0}, "first_temperature: got 0.0; allowed are finite numbers"),
        (
            {"first_temperature": 0.9},
            "first_temperature: got 0.9; allowed are finite numbers from 1",
        ),
        ({"paid_for": "luck"}, "paid_for: got 'luck'; allowed are 'actions', 'outcomes'"),
        ({"bound": 0.0}, "bound: got 0.0; allowed are finite numbers above 0"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MATRIX_GAMES, **change)
