"""Draws of values against closed forms, within four standard errors."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

from jaxmech import agents
from jaxmech.agents import (
    AdditiveDemand,
    BundleDemand,
    CorrelatedUniform,
    FiniteMixture,
    Samples,
    UniformMixture,
    UnitDemand,
)

DRAWS = 40_000


def draws(distribution, seed=0):
    keys = jax.random.split(jax.random.key(seed), DRAWS)
    return np.asarray(jax.jit(jax.vmap(distribution.sample))(keys), float)


def assert_mean(numbers, expected):
    """The mean of independent ``numbers: [draws, ...]`` is ``expected``."""
    error = numbers.std(axis=0) / np.sqrt(len(numbers))
    np.testing.assert_array_less(np.abs(numbers.mean(axis=0) - expected), 4 * error + 1e-7)


def assert_frequency(happened, probability):
    error = np.sqrt(probability * (1 - probability) / len(happened))
    assert abs(happened.mean() - probability) <= 4 * error


@pytest.mark.parametrize("delta", [0.0, 0.25, 0.5, 1.0])
def test_correlated_uniform_moments(delta):
    """z has variance delta^2 / 12; given z, each value (1 - delta)^2 / 12 of its own."""
    distribution = CorrelatedUniform(jnp.asarray(delta), num_agents=3, demand=UnitDemand(2))
    values = draws(distribution)
    assert values.shape == (DRAWS, 3, 2)
    assert values.min() >= 0 and values.max() <= 1
    assert distribution.highest_values.tolist() == [1, 1]
    centred = values - 0.5
    shared, own = delta**2 / 12, (1 - delta) ** 2 / 12
    assert_mean(values, 0.5)
    assert_mean(centred**2, shared + own)
    assert_mean(centred[:, 0] * centred[:, 2], shared)
    # Item types have centres of their own.
    assert_mean(centred[:, 0, 0] * centred[:, 1, 1], 0)
    spread = values.max(axis=1) - values.min(axis=1)
    assert (spread <= 1 - delta + 1e-6).all()
    # Four points of the distribution of a single value: the sum of two uniforms.
    for point in (0.1, 0.3, 0.5, 0.8):
        assert_frequency(values[:, 0, 0] <= point, trapezoid_cdf(point, delta, 1 - delta))


@pytest.mark.parametrize("shared_centre", [False, True])
def test_item_types_share_a_centre_or_have_their_own(shared_centre):
    distribution = CorrelatedUniform(
        jnp.asarray(0.5), num_agents=3, demand=AdditiveDemand(2), shared_centre=shared_centre
    )
    centred = draws(distribution) - 0.5
    shared, own = 0.5**2 / 12, 0.5**2 / 12
    assert_mean(centred, 0)
    assert_mean(centred**2, shared + own)
    assert_mean(centred[:, 0] * centred[:, 2], shared)
    assert_mean(centred[:, 0, 0] * centred[:, 1, 1], shared if shared_centre else 0)
    assert_mean(centred[:, 0, 0] * centred[:, 0, 1], shared if shared_centre else 0)


def test_uniform_mixture_moments_in_each_world():
    low = np.array([[[0.0, 2.0], [1.0, 5.0]], [[10.0, 3.0], [11.0, 4.0]]])
    high = low + np.array([[[1.0, 2.0], [0.5, 0.0]], [[1.0, 4.0], [2.0, 1.0]]])
    distribution = UniformMixture(
        jnp.asarray(low), jnp.asarray(high), jnp.array([0.375, 0.625]), UnitDemand(2)
    )
    assert distribution.num_agents == 2 and distribution.highest_values.tolist() == [13, 7]
    values = draws(distribution)
    assert values.shape == (DRAWS, 2, 2)
    world = (values[:, 0, 0] >= 5).astype(int)
    assert_frequency(world == 1, 0.625)
    for index in range(2):
        inside = values[world == index]
        assert (low[index] <= inside).all() and (inside <= high[index]).all()
        assert_mean(inside, (low + high)[index] / 2)
        centred = inside - (low + high)[index] / 2
        assert_mean(centred**2, (high - low)[index] ** 2 / 12)
        # Given the world, all numbers are independent.
        flat = centred.reshape(-1, 4)
        for first, second in itertools.combinations(range(4), 2):
            assert_mean(flat[:, first] * flat[:, second], 0)


def test_correlated_uniform_refuses_values_of_bundles():
    with pytest.raises(ValueError, match=r"demand: got BundleDemand.*allowed are UnitDemand"):
        CorrelatedUniform(jnp.zeros(()), num_agents=3, demand=BundleDemand(2))


def trapezoid_cdf(x, *widths):
    """P(x) of the sum of two uniforms of these widths, centred on 1/2."""
    wide, narrow = max(widths), min(widths)
    x = x - 0.5
    if narrow == 0:
        return np.clip(x / wide + 0.5, 0, 1)
    pieces = [
        sign * max(x + corner, 0) ** 2
        for sign, corner in [
            (1, (wide + narrow) / 2),
            (-1, (wide - narrow) / 2),
            (-1, -(wide - narrow) / 2),
            (1, -(wide + narrow) / 2),
        ]
    ]
    return sum(pieces) / (2 * wide * narrow)


def test_finite_mixture_frequencies_of_every_profile():
    values = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])[..., None]
    atoms = np.array([[[0.25, 0.75], [1.0, 0.0]], [[0.5, 0.5], [0.125, 0.875]]])
    worlds = np.array([0.375, 0.625])
    distribution = FiniteMixture(
        jnp.asarray(values), jnp.asarray(atoms), jnp.asarray(worlds), UnitDemand(1)
    )
    assert distribution.num_agents == 2 and distribution.highest_values.tolist() == [8]
    sampled = draws(distribution)[..., 0]
    total = 0.0
    for world, first, second in itertools.product(range(2), repeat=3):
        probability = worlds[world] * atoms[world, 0, first] * atoms[world, 1, second]
        profile = [values[world, 0, first, 0], values[world, 1, second, 0]]
        assert_frequency((sampled == profile).all(axis=1), probability)
        total += probability
    assert total == 1, "the profiles above are all there are"


def test_finite_mixture_of_bundles_keeps_an_atoms_values_together():
    values = jnp.array([[[[0.0, 1.0, 2.0, 5.0], [0.0, 3.0, 0.0, 3.0]]]])
    distribution = FiniteMixture(
        values, jnp.array([[[0.5, 0.5]]]), jnp.ones(1), agents.BundleDemand(2)
    )
    sampled = draws(distribution)
    assert sampled.shape == (DRAWS, 1, 4)
    whole = [(sampled[:, 0] == values[:, 0, atom]).all(axis=1) for atom in range(2)]
    assert (whole[0] ^ whole[1]).all()
    assert_frequency(whole[0], 0.5)


def test_probabilities_that_do_not_quite_sum_to_one_select_the_last_atom():
    third = jnp.full((1, 1, 3), 1 / 3 - 1e-3)
    distribution = FiniteMixture(
        jnp.array([[[[1.0], [2.0], [3.0]]]]), third, jnp.ones(1), UnitDemand(1)
    )
    assert set(np.unique(draws(distribution))) == {1.0, 2.0, 3.0}


def test_samples_are_drawn_uniformly_and_whole():
    values = jnp.arange(24.0).reshape(4, 3, 2)
    distribution = Samples(values, UnitDemand(2))
    assert distribution.num_agents == 3 and distribution.highest_values.tolist() == [22, 23]
    sampled = draws(distribution)
    matches = (sampled[:, None] == np.asarray(values)).all(axis=(2, 3))
    assert (matches.sum(axis=1) == 1).all()
    for index in range(4):
        assert_frequency(matches[:, index], 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(agents.SETTINGS))
def test_the_same_key_gives_the_same_values_alone_or_in_a_batch(name):
    keys = jax.random.split(jax.random.key(0), 4)
    sample = agents.named_setting(name).distribution.sample
    np.testing.assert_array_equal(jax.jit(jax.vmap(sample))(keys)[2], jax.jit(sample)(keys[2]))


def test_two_worlds_are_as_likely_and_never_mix():
    values = draws(agents.named_setting("two_worlds", num_agents=3).distribution)[..., 0]
    rich = values >= 0.5
    assert (rich.all(axis=1) | ~rich.any(axis=1)).all()
    assert_frequency(rich[:, 0], 0.5)
    for atom in (0.6, 1.0, 0.1, 0.4):
        assert_frequency(np.isclose(values[:, 1], atom), 0.25)
    # Given the world, agents are independent.
    assert_frequency(np.isclose(values, 1.0).all(axis=1), 0.5 * 0.125)


@pytest.mark.parametrize(
    ("name", "options", "units", "optimum"),
    [
        ("two_worlds", {}, 1, 0.6996582),
        ("correlated", {"delta": 0.5}, 5, 3.392857),
        ("id", {}, 2, 92.953125),
        *slowly(
            ("inventory", {}, 10, 9.5595074),
            ("correlated", {"delta": 0.0}, 5, 4.285714),
            ("proposition_1", {}, 1, 5 / 2),
            ("proposition_2", {}, 2, 19 / 4),
            ("proposition_3", {}, 2, 21),
            ("proposition_4", {}, 2, 19.5),
        ),
    ],
)
def test_best_allocation_of_the_named_settings(name, options, units, optimum):
    """The sum of the highest values, against the values known for these settings."""
    setting = agents.named_setting(name, **options)
    assert setting.units == (units,)
    values = np.sort(draws(setting.distribution)[..., 0], axis=1)
    assert_mean(values[:, -units:].sum(axis=1), optimum)


@pytest.mark.parametrize("shared_centre", [False, True])
def test_best_allocation_of_additive_types(shared_centre):
    """Each type: units/2, and what order statistics of 10 uniforms on [-1/2, 1/2] / 2 add."""
    setting = agents.named_setting("additive_types", shared_centre=shared_centre)
    values = np.sort(draws(setting.distribution), axis=1)
    for item, units in enumerate((2, 4)):
        above = sum(1 - rank / 11 - 0.5 for rank in range(1, units + 1))
        assert_mean(values[:, -units:, item].sum(axis=1), units / 2 + 0.5 * above)


def test_a_blue_agent_wants_one_color_and_agents_are_independent():
    values = draws(agents.named_setting("colors", num_per_color=2).distribution)
    assert (values[:, :2] == [1, 0]).all() and (values[:, 2:4] == [0, 1]).all()
    blue = values[:, 4:]
    assert (blue.sum(axis=2) == 2).all() and (blue.max(axis=2) == 2).all()
    for wanted in itertools.product([0, 2], repeat=2):
        assert_frequency((blue[..., 0] == wanted).all(axis=1), 0.25)


def test_the_first_agent_of_kitchen_sink_tells_the_world():
    values = draws(agents.named_setting("kitchen_sink").distribution)
    first = values[:, 0, 0] > 0
    assert_frequency(first, 0.5)
    assert (first ^ (values[:, 0, 1] > 0)).all()
    assert not values[:, 1:, :2].any() and not values[:, 0, 2].any()
    second, third = values[:, 1, 2], values[:, 2, 2]
    assert (second[first] == 1).all() and np.allclose(third[~first], 0.499)
    assert_frequency(third[first] == 5, 0.2)
    assert_frequency(third[first] == 0.5, 0.8)
    assert_frequency(second[~first] == 2, 0.2)
    assert_frequency(second[~first] == 0, 0.8)


def test_a_lone_leader_of_id_tells_which_follower_may_want_more():
    values = draws(agents.named_setting("id").distribution)[..., 0]
    leaders, followers = values[:, :3] == 60, values[:, 3:]
    assert np.isin(values[:, :3], [0, 60]).all()
    for profile in itertools.product([False, True], repeat=3):
        assert_frequency((leaders == profile).all(axis=1), 1 / 8)
    alone = leaders.sum(axis=1) == 1
    assert not followers[~alone].any()
    at_most = np.where(leaders[alone], 40, 21)
    assert np.isin(followers[alone] / at_most, [0, 1]).all()
    for profile in itertools.product([False, True], repeat=3):
        assert_frequency(((followers[alone] > 0) == profile).all(axis=1), 1 / 8)


def test_max_min_values_follow_the_world():
    values = draws(agents.named_setting("max_min").distribution)
    white_is_free = values[:, 0, 1] == 0
    assert_frequency(white_is_free, 0.5)
    worlds = [
        (white_is_free, slice(1, 5), slice(5, 9), 0),
        (~white_is_free, slice(5, 9), slice(1, 5), 1),
    ]
    for happened, modest, rich, wanted in worlds:
        inside = values[happened]
        assert not inside[:, 0, 1 - wanted].any()
        for of, low, high in [
            (inside[:, 0, wanted], 0.5, 1),
            (inside[:, modest, 0], 0.4, 0.5),
            (inside[:, modest, 1], 0, 0.25),
            (inside[:, rich, 0], 0.9, 1),
            (inside[:, rich, 1], 0.4, 0.5),
        ]:
            assert of.min() >= low - 1e-6 and of.max() <= high + 1e-6
            assert_mean(of, (low + high) / 2)


def test_highest_values_bound_each_item_and_are_never_zero():
    values = jnp.array([[[[0.25, 0.0], [0.5, 0.0]]]])
    half = jnp.full((1, 1, 2), 0.5)
    mixture = FiniteMixture(values, half, jnp.ones(1), AdditiveDemand(2))
    assert mixture.highest_values.tolist() == [0.5, 0.5]
    bundles = Samples(jnp.array([[[0.0, 1.0, 2.0, 5.0]]]), BundleDemand(2))
    assert bundles.highest_values.tolist() == [5, 5]
