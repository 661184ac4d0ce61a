"""Bins of bids and the days kept of a keyword."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmech.agents.keywords.bid_history import BidBins, BidHistory

BINS = BidBins.log_spaced(0.1, 10.0, 9)
weights = st.lists(st.sampled_from([0.0, 0.1, 1.0, 3.0]), min_size=9, max_size=9).filter(any)

bid_at = jax.jit(lambda distribution, probability: BINS.quantile(distribution, probability))


def test_bins_are_of_equal_ratio_after_the_one_for_no_bid():
    assert BINS.num_bins == 9
    np.testing.assert_allclose(BINS.edges[1:], 0.1 * 10 ** (np.arange(9) / 4), rtol=1e-6)
    assert BINS.edges[0] == BINS.centres[0] == 0
    assert (BINS.index(BINS.centres) == jnp.arange(9)).all()


def test_bids_beyond_the_bins_count_in_the_nearest():
    bids = jnp.asarray([0.0, 1e-6, 0.1, 0.17, 1.0, 9.9, 10.0, 1e6])
    assert BINS.index(bids).tolist() == [0, 1, 1, 1, 5, 8, 8, 8]


@pytest.mark.parametrize("shape", [(40,), (3, 40), (2, 3, 40)])
def test_histogram_is_the_share_of_bids_in_each_bin(shape):
    bids = np.random.default_rng(0).lognormal(0, 2, shape) * (np.arange(40) % 4 > 0)
    histogram = BINS.histogram(jnp.asarray(bids, float))
    assert histogram.shape == (*shape[:-1], 9)
    np.testing.assert_allclose(histogram.sum(axis=-1), 1, rtol=1e-6)
    for place in np.ndindex(shape[:-1]):
        counts = np.bincount(BINS.index(jnp.asarray(bids[place], float)), minlength=9)
        np.testing.assert_allclose(histogram[place], counts / 40, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(weights)
def test_evenly_spread_quantiles_give_the_distribution_back(numbers):
    distribution = jnp.asarray(numbers) / sum(numbers)
    bids = bid_at(distribution, (jnp.arange(2000) + 0.5) / 2000)
    assert (jnp.diff(bids) >= 0).all()
    np.testing.assert_allclose(BINS.histogram(bids), distribution, atol=2e-3)


@settings(max_examples=20, deadline=None)
@given(weights)
def test_extreme_quantiles_stay_within_the_distribution(numbers):
    distribution = jnp.asarray(numbers)
    ends = bid_at(distribution, jnp.asarray([0.0, 1.0]))
    held = np.flatnonzero(numbers)
    first, last = held[0], held[-1]
    np.testing.assert_allclose(ends[0], BINS.edges[first], rtol=1e-5)
    np.testing.assert_allclose(ends[1], BINS.edges[last + 1] if last else 0, rtol=1e-5)


def test_bids_are_log_uniform_within_a_bin():
    distribution = jnp.asarray([0.25, 0, 0, 0.75, 0, 0, 0, 0, 0])
    bids = np.asarray(bid_at(distribution, (jnp.arange(4000) + 0.5) / 4000))
    inside = np.log(bids[bids > 0] / BINS.edges[3]) / np.log(10) * 4
    np.testing.assert_allclose([inside.mean(), inside.std()], [0.5, 12**-0.5], atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0, 5), "low: got 0.0"),
        ((float("nan"), 1.0, 5), "low: got nan"),
        ((1.0, 1.0, 5), "high: got 1.0; allowed are finite numbers above low"),
        ((1.0, float("inf"), 5), "high: got inf"),
        ((0.1, 1.0, 1), "num_bins: got 1"),
        ((0.1, 1.0, 2.5), "num_bins: got 2.5"),
    ],
)
def test_bins_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        BidBins.log_spaced(*arguments)


def test_a_day_pushes_the_oldest_out():
    def day(number):
        return jnp.full((2, 9), number), jnp.full(2, number), jnp.full((2, 3), number)

    history = BidHistory(*(jnp.tile(of[None], (3, *[1] * of.ndim)) for of in day(0.0)))
    assert history.history_days == 3
    for number in (1.0, 2.0):
        history = history.push(*day(number))
    for array in (history.histograms, history.reserves, history.kpis):
        assert array[:, 0].reshape(3, -1)[:, 0].tolist() == [0, 1, 2]
