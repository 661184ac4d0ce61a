"""Virtual values by differentiation, and ironed where they decrease."""

from __future__ import annotations

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from tiers import slowly

from jaxmech import struct
from jaxmech.agents import (
    Beta,
    Exponential,
    FromDistrax,
    LogNormal,
    Power,
    TruncatedEqualRevenue,
    Uniform,
    ironed_virtual_value,
    virtual_value,
)
from jaxmech.data import empirical
from jaxmech.mechanisms import myerson
from jaxmech.oracles import myerson_reserve, optimal_revenue

_virtual_values = jax.jit(virtual_value)


def plain(distribution, values):
    """Compiled once for each kind of distribution and number of values."""
    return np.asarray(_virtual_values(distribution, np.asarray(values, np.float32)))


@jax.jit
def _apply(ironed, values):
    return ironed(values)


def apply(ironed, values):
    return np.asarray(_apply(ironed, np.asarray(values, np.float32)))


@struct.dataclass
class TwoPieces:
    """A user's own: density .7 on [0, 1] and .1 on [1, 4]; irregular, with a cdf alone."""

    unused: float = 0.0
    support = (0.0, 4.0)

    def cdf(self, value):
        return jnp.where(value < 1, 0.7 * value, 0.7 + 0.1 * (value - 1))

    def survival(self, value):
        return 1 - self.cdf(value)

    def quantile(self, probability):
        return jnp.where(probability < 0.7, probability / 0.7, 1 + (probability - 0.7) / 0.1)

    def sample(self, key, shape=()):
        return self.quantile(jax.random.uniform(key, shape))


def ironed_interval():
    """Where the hull of the revenue curve is straight, from the two pieces' formulas."""

    def mismatch(level):
        low, high = (level + 1 / 0.7) / 2, (level + 4) / 2
        sold_low, sold_high = 1 - 0.7 * low, 0.1 * (4 - high)
        return low * sold_low - high * sold_high - level * (sold_low - sold_high)

    level = brentq(mismatch, -1.3, 2 - 1 / 0.7 - 1e-9)
    return (level + 1 / 0.7) / 2, (level + 4) / 2, level


def test_of_a_cdf_alone():
    values = [0.2, 0.9, 1.5, 3.0]
    expected = [0.4 - 1 / 0.7, 1.8 - 1 / 0.7, -1.0, 2.0]
    np.testing.assert_allclose(plain(TwoPieces(), values), expected, rtol=1e-5)


def test_ironing_of_an_irregular_distribution():
    low, high, level = ironed_interval()
    ironed = ironed_virtual_value(TwoPieces())
    inside = np.linspace(low + 0.01, high - 0.01, 50)
    outside = [0.05, low - 0.01, high + 0.01, 3.5]
    grid = np.linspace(0, 4, 1001)
    values = [*inside, *outside, *grid]
    of_values = np.split(apply(ironed, values), [50, 54])
    plain_of_values = np.split(plain(TwoPieces(), values), [50, 54])
    np.testing.assert_allclose(of_values[0], level, atol=1e-3)
    np.testing.assert_allclose(of_values[1], plain_of_values[1], rtol=1e-6)
    assert np.all(np.diff(of_values[2]) >= 0)
    assert np.any(np.diff(plain_of_values[2]) < -1)


@pytest.mark.parametrize(
    "distribution",
    [
        LogNormal(0.35, 0.71),
        *slowly(Uniform(0.5, 2.0), Exponential(2.0), Power(2.0), Beta(2.71, 25.43)),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
def test_ironing_leaves_regular_distributions_alone(distribution):
    ironed = ironed_virtual_value(distribution)

    @jax.jit
    def of_quantiles(ironed, probabilities):
        values = ironed.distribution.quantile(probabilities)
        return ironed(values), virtual_value(ironed.distribution, values)

    found, expected = jax.device_get(of_quantiles(ironed, np.linspace(0.001, 0.999, 999)))
    np.testing.assert_array_equal(found, expected)
    assert np.all(np.diff(found) > -1e-5)


@pytest.mark.parametrize(
    ("distribution", "bids"),
    [
        (Beta(2.71, 25.43), [0.9999, 0.2]),
        (LogNormal(0.0, 0.1), [10.0, 1.2]),
        *slowly(
            (Beta(2.0, 2.0), [1.0, 0.5]),
            (LogNormal(0.35, 0.71), [3e4, 2.0]),
            (Exponential(), [200.0, 3.0]),
            (Power(30.0), [1.0, 0.99]),
            (FromDistrax(distrax.Gamma(2.0, 1.0)), [300.0, 5.0]),
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_bid_far_out_in_the_tail_or_at_the_top_wins(distribution, bids):
    rule = jax.jit(lambda bids, ironed: myerson(bids, ironed))
    outcome = jax.device_get(rule(np.array(bids), ironed_virtual_value(distribution)))
    np.testing.assert_array_equal(outcome.allocation, [1, 0])
    np.testing.assert_allclose(outcome.payments[0], bids[1], rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.1, 0.71, 2.0])
def test_log_normal_virtual_values_in_the_tails(sigma):
    """Against SciPy's logarithms in double precision, where float32 densities are 0."""
    values = np.exp(sigma * np.array([-4.0, -1.0, 3.0, 9.0, 14.0, 25.0]))
    normal = np.log(values) / sigma
    mills_ratio = np.exp(stats.norm.logsf(normal) - stats.norm.logpdf(normal))
    found = plain(LogNormal(0.0, sigma), values)
    np.testing.assert_allclose(found, values * (1 - sigma * mills_ratio), rtol=1e-4)


@pytest.mark.parametrize(
    "distribution", [Uniform(1.0, 2.0), Beta(2.0, 2.0), Beta(3.0, 0.5), Power(2.0, 7.0)]
)
def test_at_the_top_of_the_support_it_is_the_value(distribution):
    high = distribution.support[1]
    ironed = ironed_virtual_value(distribution)

    @jax.jit
    def both(ironed, value):
        return virtual_value(ironed.distribution, value), ironed(value)

    assert both(ironed, high) == (high, high)


def test_where_the_density_is_0_below_the_top_nothing_is_sold():
    assert plain(Beta(2.0, 2.0), 0.0) == -np.inf
    assert plain(LogNormal(), 0.0) == -np.inf


def test_outside_the_support():
    distribution, ends = Uniform(1.0, 2.0), [0.5, 3.0]
    for found in (plain(distribution, ends), apply(ironed_virtual_value(distribution), ends)):
        np.testing.assert_array_equal(found, [-np.inf, 3.0])


def test_equal_revenue_is_not_ironed():
    ironed = ironed_virtual_value(TruncatedEqualRevenue(1.0, 8.0))
    np.testing.assert_allclose(apply(ironed, [1.0, 4.0, 7.9, 8.0]), [0, 0, 0, 8], atol=1e-6)


def test_traceable_and_differentiable():
    values = jnp.array([[0.5, 1.0], [2.0, 3.0]])
    ironed = ironed_virtual_value(Exponential())
    swept = jax.jit(jax.vmap(lambda own, row: own(row), in_axes=(None, 0)))(ironed, values)
    np.testing.assert_allclose(swept, ironed(values), rtol=1e-6)
    slope = jax.jit(jax.grad(lambda rate: virtual_value(Exponential(rate), 3.0)))(2.0)
    np.testing.assert_allclose(slope, 1 / 4, rtol=1e-6)


def test_cells_below_one():
    with pytest.raises(ValueError, match="cells: got 0"):
        ironed_virtual_value(Uniform(), cells=0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=6, max_size=6))
def test_empirical_ironing_averages_to_the_best_price(sample):
    """Positive ironed virtual values are worth what the best price earns from one bidder."""
    distribution = empirical(np.array(sample, float))
    ironed = apply(ironed_virtual_value(distribution), distribution.samples)
    assert np.all(np.diff(ironed) >= -1e-6)
    best = max(price * np.mean(np.array(sample) >= price) for price in sample)
    np.testing.assert_allclose(np.mean(np.maximum(ironed, 0)), best, rtol=1e-5)
    np.testing.assert_allclose(optimal_revenue(distribution, 1), best, rtol=1e-9)
    reserve = myerson_reserve(distribution)
    np.testing.assert_allclose(reserve * np.mean(np.array(sample) >= reserve), best, rtol=1e-6)
