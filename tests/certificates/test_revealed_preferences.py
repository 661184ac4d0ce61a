"""Gaps, axioms and Afriat's inequalities against brute force over closed paths, and by hand."""

from __future__ import annotations

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jaxmech.certificates import revealed_preferences as tested
from jaxmech.checks import InvalidValueError

PATHS = jax.jit(jax.vmap(tested.widest_closed_path))
GAPS = jax.jit(jax.vmap(tested.pareto_gap))
CONSISTENT = jax.jit(jax.vmap(tested.satisfies_garp))

PRICES = np.array([[1, 0.5], [0.5, 1]])
INNER = np.array([[0.2, 1.6], [1.6, 0.2]])
CROSSED = np.array([[0.9, 0.2], [0.2, 0.9]])


def closed_paths(size):
    """All of them, each once, as the observations that they lead through."""
    for length in range(2, size + 1):
        for path in permutations(range(size), length):
            if path[0] == min(path):
                yield path


def steps(path):
    return list(zip(path, path[1:] + path[:1], strict=True))


def gap_by_hand(costs):
    paths = closed_paths(len(costs))
    return max(0, *(min(-costs[step] for step in steps(path)) for path in paths))


def consistent_by_hand(costs):
    of_paths = ([costs[step] for step in steps(path)] for path in closed_paths(len(costs)))
    return not any(max(path) <= 0 and min(path) < 0 for path in of_paths)


def costs_of(prices, amounts):
    spent = prices @ np.swapaxes(amounts, -1, -2)
    return spent - np.diagonal(spent, axis1=-2, axis2=-1)[..., None]


def random_costs(rng, number, size):
    """Some rounded, so that there are ties, and some with few comparisons that hold."""
    costs = rng.normal(size=(number, size, size)) + rng.choice([0, 0.5, 1], (number, 1, 1))
    costs[::3] = np.round(costs[::3])
    costs[:, range(size), range(size)] = 0
    return costs.astype(np.float32)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_gaps_paths_and_axioms_are_those_of_all_closed_paths(size):
    costs = random_costs(np.random.default_rng(size), 200, size)
    found, gaps, consistent = PATHS(costs), GAPS(costs), CONSISTENT(costs)
    np.testing.assert_array_equal(gaps, [gap_by_hand(one) for one in costs])
    np.testing.assert_array_equal(gaps, found.gap)
    np.testing.assert_array_equal(consistent, [consistent_by_hand(one) for one in costs])
    for one, gap, members, following in zip(
        costs, gaps, np.asarray(found.members), np.asarray(found.following), strict=True
    ):
        if gap == 0:
            assert not members.any() and (following == -1).all()
            continue
        path = [int(np.flatnonzero(members)[0])]
        while (place := int(following[path[-1]])) != path[0]:
            path.append(place)
        assert sorted(path) == np.flatnonzero(members).tolist()
        assert min(-one[step] for step in steps(tuple(path))) == gap


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.float32, (4, 4), elements=st.integers(-2, 2)))
def test_ties_of_all_kinds(costs):
    assert GAPS(costs[None])[0] == gap_by_hand(costs)
    assert CONSISTENT(costs[None])[0] == consistent_by_hand(costs)


def test_a_tie_in_a_path_violates_the_axiom_without_a_gap():
    costs = np.array([[0, 0], [-1, 0]], np.float32)
    assert GAPS(costs[None])[0] == 0
    assert not CONSISTENT(costs[None])[0]
    np.testing.assert_allclose(tested.afriat_slack(costs).slack, 0.5)


def test_hand_sets():
    for amounts, gap in ((INNER, 0.0), (CROSSED, 0.35)):
        costs = costs_of(PRICES, amounts)
        np.testing.assert_allclose(tested.pareto_gap(jnp.asarray(costs)), gap, rtol=1e-6)
        found = tested.afriat_slack(costs)
        np.testing.assert_allclose(found.slack, gap, atol=1e-9)
        np.testing.assert_allclose(found.flow[0], (gap > 0) * np.array([[0, 0.5], [0.5, 0]]))


def test_the_gap_has_the_slope_of_its_narrowest_comparison():
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        for size in (3, 5):
            costs = rng.normal(size=(size, size)) - 0.5
            slopes = np.asarray(jax.grad(tested.pareto_gap)(jnp.asarray(costs)))
            assert slopes.sum() == slopes.min() == -1
            moves = 1e-6 * np.eye(size * size).reshape(-1, size, size)
            rises = (GAPS(costs + moves) - GAPS(costs - moves)).reshape(size, size)
            np.testing.assert_allclose(slopes, rises / 2e-6, atol=1e-6)
    assert not np.any(jax.grad(tested.pareto_gap)(jnp.ones((3, 3))))


def test_long_paths_and_single_observations():
    size = 67
    costs = np.full((size, size), 5.0, np.float32)
    costs[np.arange(size), (np.arange(size) + 1) % size] = -np.linspace(1, 2, size)
    found = tested.widest_closed_path(jnp.asarray(costs))
    assert found.gap == 1 and found.members.all()
    assert tested.pareto_gap(jnp.zeros((1, 1))) == 0
    assert np.isnan(tested.pareto_gap(jnp.full((3, 3), jnp.nan)))


def test_slacks_have_no_duality_gap_and_their_slopes():
    rng = np.random.default_rng(5)
    for _ in range(15):
        costs = np.round(rng.normal(size=(2, 4, 4)), 3) + 0.2
        costs[:, range(4), range(4)] = 0
        free, fixed = tested.afriat_slack(costs), tested.fixed_weights_slack(costs)
        violated = not CONSISTENT(costs.astype(np.float32)).all()
        assert (free.slack > 1e-9) == violated
        assert fixed.slack >= free.slack - 1e-9
        for one in (free, fixed):
            np.testing.assert_allclose(-np.sum(one.flow * costs), one.slack, atol=1e-9)
            np.testing.assert_allclose(one.flow.sum(axis=1), one.flow.sum(axis=2), atol=1e-9)
            rises = (
                one.utilities[:, None, :]
                - one.utilities[:, :, None]
                - one.multipliers[:, :, None] * costs
            )
            assert rises.max() <= one.slack + 1e-9
        place = np.unravel_index(np.argmax(free.flow), costs.shape)
        if violated:
            step = np.zeros_like(costs)
            step[place] = 1e-6
            rise = tested.afriat_slack(costs + step).slack - tested.afriat_slack(costs - step).slack
            slope = -free.multipliers[place[:2]] * free.flow[place]
            np.testing.assert_allclose(rise / 2e-6, slope, rtol=1e-3, atol=1e-6)


def test_agents_may_be_consistent_one_by_one_and_not_with_shared_weights():
    rng = np.random.default_rng(0)
    apart = 0
    for _ in range(40):
        costs = rng.normal(size=(2, 3, 3)) + 0.5
        if tested.afriat_slack(costs).slack == 0:
            apart = max(apart, tested.fixed_weights_slack(costs).slack)
    assert apart > 0.01


def test_costs_of_other_shapes_are_refused():
    for costs in (np.zeros(3), np.zeros((2, 3))):
        with pytest.raises(InvalidValueError, match="costs"):
            tested.pareto_gap(costs)
        with pytest.raises(InvalidValueError, match="costs"):
            tested.afriat_slack(costs)
    with pytest.raises(InvalidValueError, match="costs"):
        tested.afriat_slack(np.full((2, 2), np.nan))
