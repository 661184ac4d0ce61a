"""Settings of finite support, written in Python: what is kept, and what is refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    FiniteMixture,
    UnitDemand,
    finite_setting,
    one_of,
    surely,
)

FAIR = one_of(1, 3)


def test_supports_are_padded_with_what_cannot_happen():
    setting = finite_setting(
        [(0.25, [surely(3), FAIR]), (0.75, [[(1, 0.9), (2, 0.1)], surely(0.5)])], units=(2,)
    )
    distribution = setting.distribution
    assert isinstance(distribution, FiniteMixture)
    assert setting.units == (2,) and distribution.demand == UnitDemand(1)
    np.testing.assert_array_equal(
        distribution.values[..., 0], np.float32([[[3, 0], [1, 3]], [[1, 2], [0.5, 0]]])
    )
    np.testing.assert_array_equal(
        distribution.probabilities, np.float32([[[1, 0], [0.5, 0.5]], [[0.9, 0.1], [1, 0]]])
    )
    np.testing.assert_array_equal(distribution.world_probabilities, [0.25, 0.75])
    assert distribution.values.dtype == jnp.result_type(float)


def test_one_number_counts_for_every_item():
    setting = finite_setting([(1, [one_of(2, (0, 5))])], units=(1, 3), demand=AdditiveDemand(2))
    np.testing.assert_array_equal(setting.distribution.values[0, 0], [[2, 2], [0, 5]])
    assert setting.distribution.demand == AdditiveDemand(2)


def test_bundles_have_values_of_their_own():
    setting = finite_setting([(1, [surely([0, 1, 2, 5])])], units=(1, 1), demand=BundleDemand(2))
    np.testing.assert_array_equal(setting.distribution.values[0, 0, 0], [0, 1, 2, 5])


def test_thirds_sum_to_one():
    setting = finite_setting([(1 / 3, [one_of(1, 2, 3)])] * 3)
    np.testing.assert_allclose(setting.distribution.probabilities.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("worlds", "message"),
    [
        ([], "worlds: got none"),
        ([(0.5, [FAIR]), (0.4, [FAIR])], "worlds: got probabilities .* sum to 0.9; they must"),
        ([(1, [FAIR, [(1, 0.5), (2, 0.4)]])], "world 1, agent 2: got probabilities .* to 0.9;"),
        ([(1.5, [FAIR]), (-0.5, [FAIR])], "world 1: got probability 1.5; allowed are"),
        ([(1, [[(1, 2), (2, -1)]])], "world 1, agent 1, alternative 1: got probability 2;"),
        ([(1, [[(1, float("nan"))]])], "agent 1, alternative 1: got probability nan; allowed"),
        ([(0.5, [FAIR, FAIR]), (0.5, [FAIR])], "world 2: got 1 agents; world 1 has 2"),
        ([(1, [])], "world 1: got no agents"),
        ([(1, [FAIR, []])], "world 1, agent 2: got no alternatives"),
        ([(1, [FAIR, one_of(2, -3)])], "world 1, agent 2, alternative 2: got -3.0; .*negative"),
        ([(1, [FAIR, surely(float("nan"))])], "agent 2, alternative 1: got nan; NaN is not"),
        ([(1, [surely(float("inf"))])], "agent 1, alternative 1: got inf; values must be finite"),
        ([(1, [surely(1e60)])], "alternative 1: got 1e.60; values must be finite"),
        ([(1, [surely((1, 2))])], "alternative 1: got .1, 2.; UnitDemand.* needs 1 numbers"),
        ([(1, [surely("much")])], "alternative 1: got 'much'; numbers are needed"),
        ([(1, [surely([1, [2]])])], "alternative 1: got .*; numbers are needed"),
        ([(1, [3])], "world 1, agent 1: got 3; a list of"),
        ([(1, [[1, 3]])], "alternative 1: got 1; needed is .value, probability."),
        ([[FAIR]], "world 1: got .*; needed is .probability, agents."),
        ([(1, 5)], "world 1: got 5; a list of agents"),
        ([(1, [surely(0), surely(0)])], "got 0 for every value"),
    ],
)  # fmt: skip
def test_mistakes_are_named_by_their_place(worlds, message):
    with pytest.raises(ValueError, match=message):
        finite_setting(worlds)


def test_mistakes_with_several_items():
    with pytest.raises(ValueError, match="alternative 1: got -1.0 for item 2; .*negative"):
        finite_setting([(1, [surely((1, -1))])], units=(1, 1))
    with pytest.raises(ValueError, match="got 1.0 for the empty bundle"):
        finite_setting([(1, [surely((1, 1))])], demand=BundleDemand(1))
    with pytest.raises(ValueError, match="got 3; BundleDemand.* needs 4 numbers"):
        finite_setting([(1, [surely(3)])], units=(1, 1), demand=BundleDemand(2))
    with pytest.raises(ValueError, match=r"units: got \(1, 2\), of length 2; .* item type \(1\)"):
        finite_setting([(1, [FAIR])], units=(1, 2), demand=UnitDemand(1))
    for units in (0, 1.5):
        with pytest.raises(ValueError, match="units: got .*at least one unit"):
            finite_setting([(1, [FAIR])], units=(units,))
