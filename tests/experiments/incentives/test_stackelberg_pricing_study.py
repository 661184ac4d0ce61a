"""The study of a leader's prices: the best variational equilibrium, and better than NashOpt's."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmech.experiments.incentives.stackelberg_pricing.configuration import STACKELBERG_PRICING
from jaxmech.experiments.registry import study_called
from jaxmech.experiments.workspace import Workspace


@pytest.mark.slow
def test_every_seed_reaches_the_best_variational_equilibrium(tmp_path):
    with jax.enable_x64(True):
        study = replace(STACKELBERG_PRICING, seeds=2)
        found = Workspace(tmp_path, say=[].append).run(study)
    assert all(one.holds for one in found.certificates.values()), found.certificates
    assert "better than NashOpt" in found.certificates
    values = {(one.scheme, one.metric, one.seed): one.value for one in found.records}
    losses = [values["learned", "loss", seed] for seed in (0, 1)]
    np.testing.assert_allclose(losses, 0.520965, atol=1e-6)
    np.testing.assert_allclose(found.estimates["learned"].per_seed, np.negative(losses))
    assert max(values["learned", "largest_gain", seed] for seed in (0, 1)) < 1e-9
    assert values["best of all equilibria", "loss", None] < losses[0]
    assert values["learned", "slope", 0] == pytest.approx(0.2)


@pytest.mark.slow
def test_another_game_is_not_compared_with_nashopt(tmp_path):
    with jax.enable_x64(True):
        study = replace(STACKELBERG_PRICING, curvatures=(1.0, 2.0), seeds=1, updates=300)
        found = Workspace(tmp_path, say=[].append).run(study)
    assert all(one.holds for one in found.certificates.values()), found.certificates
    assert "better than NashOpt" not in found.certificates and "NashOpt" not in found.headline


def test_the_study_is_registered():
    assert study_called("incentives/stackelberg_pricing") == STACKELBERG_PRICING
    assert STACKELBERG_PRICING.is_as_described and STACKELBERG_PRICING.is_nashopts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"curvatures": ()}, "curvatures: got none; needed is at least one"),
        ({"curvatures": (1.0, 0.0)}, "curvatures: got 0.0; allowed are finite numbers above 0"),
        ({"highest_slope": -1.0}, "highest_slope: got -1.0; allowed are finite numbers from 0"),
        ({"updates": 0}, "updates: got 0; allowed are integers from 1"),
    ],
)
def test_fields_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(STACKELBERG_PRICING, **change)
