"""Climbs from several starts: the highest end is kept, and what the others came to is said."""

import jax
import numpy as np
import pytest

from jaxmech.checks import InvalidValueError
from jaxmech.environments import make
from jaxmech.experiments.incentives.climbing import climbed, highest_climbed


def test_the_highest_climb_ends_at_the_best_tax_of_a_closed_form():
    with jax.enable_x64(True):
        env, params = make("cournot")
        starts = [[-1.0], [5.0]]
        found = highest_climbed(env, params, starts)
        alone = climbed(env, params, starts[1])
    np.testing.assert_allclose(found["mechanism"], [3.4662414], atol=1e-5)
    assert found["objective"] == pytest.approx(17.2651663, abs=1e-6)
    assert found["slope"] < 1e-4
    assert found["ends"].shape == (2,) and found["objective"] == np.max(found["ends"])
    assert found["ends"][1] == alone["objective"] and found["gradients"] > alone["gradients"]


def test_several_climbs_need_bounds():
    env, params = make("four_rooms")
    with pytest.raises(InvalidValueError) as refused:
        highest_climbed(env, params, np.zeros((2, 105)))
    assert refused.value.field == "env"
