from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import AdditiveDemand, Samples, Setting, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.oracles.offline_max_min import _bottleneck


@pytest.mark.parametrize("seed", range(10))
def test_bottleneck_is_the_best_of_all_assignments(seed):
    values = np.random.default_rng(seed).integers(0, 6, (4, 3)).astype(float)
    units = np.array([1, 2, 2])
    best = max(
        min(values[agent, item] for agent, item in enumerate(items))
        for items in itertools.product(range(3), repeat=4)
        if np.all(np.bincount(items, minlength=3) <= units)
    )
    assert _bottleneck(values, units) == best


def test_smallest_of_iid_uniform_values():
    mean, half_width = sequential_price.expected_offline_max_min(
        named_setting("correlated", num_agents=4, num_items=4)
    )
    assert mean == pytest.approx(1 / 5, abs=2 * half_width) and half_width < 0.01
    scarce = named_setting("correlated", num_agents=4, num_items=3)
    assert sequential_price.expected_offline_max_min(scarce) == (0, 0)


def test_bounds_the_optimum(mixture):
    # Two worlds in which the agents swap what they want; the first visit tells which.
    first = [[((2, 0), 0.5), ((1, 0), 0.5)], [((1, 2), 1)], [((0, 3), 1)]]
    second = [[((0, 2), 0.5), ((0, 1), 0.5)], [((2, 1), 1)], [((3, 0), 1)]]
    economy = mixture([(0.5, first), (0.5, second)], (2, 2))
    optimum = sequential_price.optimal(economy, objective="max_min")
    mean, half_width = sequential_price.expected_offline_max_min(economy)
    assert optimum == pytest.approx(1.5)
    assert mean == pytest.approx(1.5, abs=2 * half_width)


def test_refuses_with_the_reason():
    additive = Setting(Samples(jnp.ones((1, 2, 2)), AdditiveDemand(2)), (1, 1))
    with pytest.raises(NotKnownError, match="demand: got AdditiveDemand"):
        sequential_price.expected_offline_max_min(additive)
    single = Setting(Samples(jnp.ones((1, 2, 2)), UnitDemand(2)), (1, 1))
    with pytest.raises(ValueError, match="episodes: got 1; allowed"):
        sequential_price.expected_offline_max_min(single, episodes=1)
