"""Distributions of values: draws, cdf, quantile and density agree, and with other libraries."""

from __future__ import annotations

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmech.agents import (
    AffiliatedSignals,
    Beta,
    CopulaValueQuality,
    Empirical,
    Exponential,
    FromDistrax,
    LogNormal,
    MineralRights,
    Power,
    TruncatedEqualRevenue,
    Uniform,
    density,
    virtual_value,
)
from jaxmech.agents.values.host import HostDistribution
from jaxmech.data import empirical

CONTINUOUS = {
    "uniform": (Uniform(0.5, 2.0), stats.uniform(0.5, 1.5)),
    "exponential": (Exponential(2.0), stats.expon(scale=0.5)),
    "log-normal": (LogNormal(0.35, 0.71), stats.lognorm(0.71, scale=np.exp(0.35))),
    "power": (Power(2.5, 3.0), stats.powerlaw(2.5, scale=3)),
    "beta": (Beta(2.71, 25.43), stats.beta(2.71, 25.43)),
    "distrax": (FromDistrax(distrax.Gamma(2.0, 1.5)), stats.gamma(2, scale=1 / 1.5)),
}
PROBABILITIES = np.array([0.001, 0.1, 0.3, 0.5, 0.8, 0.97, 0.9999])


@pytest.fixture(params=CONTINUOUS, name="pair")
def _pair(request):
    return CONTINUOUS[request.param]


def test_functions_agree_with_scipy(pair):
    distribution, reference = pair
    values = reference.ppf(PROBABILITIES)
    host = HostDistribution(distribution)
    np.testing.assert_allclose(host.cdf(values), PROBABILITIES, rtol=1e-7)
    np.testing.assert_allclose(host.survival(values), reference.sf(values), rtol=1e-7)
    np.testing.assert_allclose(host.quantile(PROBABILITIES), values, rtol=1e-6)
    np.testing.assert_allclose(host.apply(density, values), reference.pdf(values), rtol=1e-7)
    assert host.cdf(-1.0) == 0 and host.apply(density, -1.0) == 0


def test_single_precision_is_close(pair):
    distribution, reference = pair
    values = reference.ppf(PROBABILITIES)
    np.testing.assert_allclose(distribution.cdf(jnp.asarray(values)), PROBABILITIES, rtol=5e-5)
    quantiles = distribution.quantile(jnp.asarray(PROBABILITIES[:-1]))
    np.testing.assert_allclose(quantiles, values[:-1], rtol=2e-4)


def test_draws_follow_the_cdf(pair):
    distribution, reference = pair
    draws = distribution.sample(jax.random.key(0), (20_000,))
    assert draws.dtype == jnp.float32
    assert stats.kstest(np.asarray(draws), reference.cdf).pvalue > 1e-3
    assert distribution.sample(jax.random.key(1)).shape == ()


def test_density_is_the_derivative_of_the_cdf(pair):
    distribution, reference = pair
    values = reference.ppf(PROBABILITIES)
    slope = HostDistribution(distribution).apply(_derivative_of_cdf, values)
    np.testing.assert_allclose(slope, reference.pdf(values), rtol=1e-6)


def _derivative_of_cdf(distribution, value):
    return jax.jvp(distribution.cdf, (value,), (jnp.ones_like(value),))[1]


@pytest.mark.parametrize("name", ["uniform", "exponential"])
def test_closed_virtual_values_are_those_of_the_derivative(name):
    distribution, reference = CONTINUOUS[name]
    values = reference.ppf(PROBABILITIES)
    by_derivative = values - reference.sf(values) / reference.pdf(values)
    found = HostDistribution(distribution).apply(virtual_value, values)
    np.testing.assert_allclose(found, by_derivative, rtol=1e-9)


@pytest.mark.parametrize("rate", [1e-30, 1e-7, 1e-5, 1.0, 1e7, 1e30])
def test_quantiles_of_distrax_in_any_unit_of_money(rate):
    quantiles = FromDistrax(distrax.Gamma(2.0, rate)).quantile(PROBABILITIES[:-1])
    expected = stats.gamma(2).ppf(PROBABILITIES[:-1]) / rate
    np.testing.assert_allclose(quantiles, expected, rtol=2e-4)


def test_quantiles_of_distrax_at_the_ends_of_the_support():
    ends = jnp.array([0.0, 1.0])
    gamma, uniform = FromDistrax(distrax.Gamma(2.0, 1.0)), distrax.Uniform(0.5, 2.0)
    np.testing.assert_array_equal(gamma.quantile(ends), [0, np.inf])
    np.testing.assert_array_equal(FromDistrax(uniform, 0.5, 2.0).quantile(ends), [0.5, 2])


def test_another_parameter_of_a_beta_changes_its_draws_too():
    changed = Beta(2.0, 3.0).replace(alpha=20.0)
    assert jax.tree.leaves(changed) == []
    draws = changed.sample(jax.random.key(0), (20_000,))
    assert stats.kstest(np.asarray(draws), stats.beta(20, 3).cdf).pvalue > 1e-3


def test_numbers_can_be_swept_and_differentiated():
    highs = jnp.array([1.0, 2.0, 4.0])
    draws = jax.vmap(lambda high: Uniform(0.0, high).sample(jax.random.key(0), (5,)))(highs)
    np.testing.assert_allclose(draws, draws[:1] * highs[:, None], rtol=1e-6)
    swept = jax.vmap(lambda each: each.quantile(0.5))(Uniform(jnp.zeros(3), highs))
    np.testing.assert_allclose(swept, highs / 2)
    gradient = jax.grad(lambda each: each.quantile(0.25))(LogNormal(0.1, 0.5))
    value = np.exp(0.1 + 0.5 * stats.norm.ppf(0.25))
    np.testing.assert_allclose(gradient.mu, value, rtol=1e-5)
    np.testing.assert_allclose(gradient.sigma, value * stats.norm.ppf(0.25), rtol=1e-5)


def test_truncated_equal_revenue():
    distribution = TruncatedEqualRevenue(2.0, 8.0)
    prices = np.linspace(2, 8, 7)
    earned = prices * HostDistribution(distribution).at_least(prices)
    np.testing.assert_allclose(earned, 2, rtol=1e-12)
    np.testing.assert_allclose(
        virtual_value(distribution, jnp.array([2.0, 5.0, 7.9, 8.0])), [0, 0, 0, 8]
    )
    draws = np.asarray(distribution.sample(jax.random.key(0), (40_000,)))
    at_top = np.mean(draws == 8)
    assert abs(at_top - 1 / 4) < 3 * np.sqrt(3 / 16 / 40_000)
    below = draws[draws < 8]
    assert stats.kstest(below, lambda v: (1 - 2 / v) / 0.75).pvalue > 1e-3
    slope = HostDistribution(distribution).apply(_derivative_of_cdf, prices[:-1] + 0.1)
    np.testing.assert_allclose(distribution.density(prices[:-1] + 0.1), slope, rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Uniform(1.0, 0.5), r"high: got 0.5; allowed are finite numbers above low"),
        (lambda: Uniform(-1.0, 0.5), r"low: got -1.0"),
        (lambda: Uniform(2, 1), r"high: got 1; allowed are finite numbers above low \(2\)"),
        (lambda: Uniform(np.float32(2), np.float64(1)), r"high: got 1.0"),
        (lambda: Exponential(-1), r"rate: got -1; allowed"),
        (lambda: LogNormal(0, -1), r"sigma: got -1"),
        (lambda: LogNormal(0, np.int64(-1)), r"sigma: got -1"),
        (lambda: Power(0), r"exponent: got 0"),
        (lambda: TruncatedEqualRevenue(1, 1), r"high: got 1; .* above low"),
        (lambda: FromDistrax(distrax.Normal(0.0, 1.0)), r"low: got 0.0 with Normal, .* 0.5"),
        (lambda: FromDistrax(distrax.Gamma(2.0, 1.0), high=5), r"high: got 5 with Gamma"),
        (lambda: FromDistrax(distrax.Normal(0.0, 1.0), -9.0), r"low: got -9.0; allowed"),
        (lambda: Exponential(0.0), r"rate: got 0.0; allowed are finite numbers above 0"),
        (lambda: LogNormal(float("nan")), r"mu: got nan"),
        (lambda: LogNormal(0.0, -1.0), r"sigma: got -1.0"),
        (lambda: Power(float("inf")), r"exponent: got inf"),
        (lambda: TruncatedEqualRevenue(1.0, 1.0), r"high: got 1.0; .* above low"),
        (lambda: Beta(0.0, 1.0), r"alpha: got 0.0"),
        (lambda: Beta(1e-3, 1.0), r"alpha, beta: got 0.001, 1.0; too small"),
        (lambda: MineralRights(-2.0), r"high: got -2.0"),
        (lambda: CopulaValueQuality(1.5), r"spearman: got 1.5; allowed are numbers from -1 to 1"),
        (lambda: empirical(np.ones((3, 2, 2))), r"source: got 2 items; allowed is one"),
        (lambda: empirical([1.0, -1.0]), r"got -1.0"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_empirical():
    distribution = empirical([2.0, 5.0, 1.0, 2.0])
    np.testing.assert_array_equal(distribution.samples, [1, 2, 2, 5])
    np.testing.assert_allclose(
        distribution.cdf(jnp.array([0.5, 1, 2, 3, 5])), [0, 0.25, 0.75, 0.75, 1]
    )
    np.testing.assert_allclose(
        distribution.quantile(jnp.array([0.0, 0.25, 0.5, 0.75, 0.8, 1])), [1, 1, 2, 2, 5, 5]
    )
    # v - P(V > v) (next v - v) / P(V = v)
    found = virtual_value(distribution, jnp.array([0.5, 1.0, 2.0, 3.0, 5.0]))
    np.testing.assert_allclose(found, [-np.inf, 1 - 3, 2 - 1.5, 2 - 1.5, 5])
    draws = np.asarray(distribution.sample(jax.random.key(0), (40_000,)))
    for value, share in ((1, 0.25), (2, 0.5), (5, 0.25)):
        assert abs(np.mean(draws == value) - share) < 3 * np.sqrt(share * (1 - share) / 40_000)


def test_empirical_reads_files(tmp_path):
    path = tmp_path / "values.csv"
    path.write_text("sample,one,two\n0,3,1\n1,2,4\n")
    distribution = empirical(path)
    assert isinstance(distribution, Empirical)
    np.testing.assert_array_equal(distribution.samples, [1, 2, 3, 4])
    np.testing.assert_array_equal(empirical(path, value_columns=["two"]).samples, [1, 4])


@pytest.mark.parametrize("spearman", [-0.7, 0.0, 0.4])
def test_copula_has_the_rank_correlation_and_the_marginals(spearman):
    auctions, bidders = 20_000, 2
    keys = jax.random.split(jax.random.key(3), auctions)
    drawn = jax.jit(jax.vmap(lambda key: CopulaValueQuality(spearman).sample(key, bidders)))(keys)
    values, quality = np.asarray(drawn.values).ravel(), np.asarray(drawn.quality).ravel()
    found = stats.spearmanr(values, quality).statistic
    # The standard error is largest, 1 / sqrt(n), without correlation.
    assert abs(found - spearman) < 3 / np.sqrt(len(values))
    assert stats.kstest(values, stats.lognorm(0.71, scale=np.exp(0.35)).cdf).pvalue > 1e-3
    assert stats.kstest(quality, stats.beta(2.71, 25.43).cdf).pvalue > 1e-3
    across = stats.spearmanr(drawn.values[:, 0], drawn.quality[:, 1]).statistic
    assert abs(across) < 3 / np.sqrt(auctions)


def test_copula_of_other_marginals_and_full_correlation():
    distribution = CopulaValueQuality(1.0, Uniform(1.0, 2.0), Power(2.0))
    drawn = distribution.sample(jax.random.key(0), 1000)
    np.testing.assert_allclose(drawn.quality**2, drawn.values - 1, atol=1e-5)


def test_mineral_rights_signals_are_uniform_up_to_twice_the_value():
    keys = jax.random.split(jax.random.key(0), 20_000)
    drawn = jax.vmap(lambda key: MineralRights(3.0).sample(key, 2))(keys)
    np.testing.assert_array_equal(drawn.values[:, 0], drawn.values[:, 1])
    value = np.asarray(drawn.values[:, 0])
    assert stats.kstest(value, stats.uniform(0, 3).cdf).pvalue > 1e-3
    share = np.asarray(drawn.signals / (2 * drawn.values))
    assert stats.kstest(share.ravel(), "uniform").pvalue > 1e-3
    assert abs(stats.spearmanr(share[:, 0], share[:, 1]).statistic) < 3 / np.sqrt(20_000)


def test_affiliated_signals():
    keys = jax.random.split(jax.random.key(0), 20_000)
    drawn = jax.vmap(lambda key: AffiliatedSignals().sample(key, 2))(keys)
    np.testing.assert_allclose(drawn.values, np.mean(drawn.signals, axis=1)[:, None].repeat(2, 1))
    # Cov(X1, X2) = Var(T) = 1/12, half of Var(X).
    correlation = np.corrcoef(drawn.signals.T)[0, 1]
    assert abs(correlation - 0.5) < 3 * 0.75 / np.sqrt(20_000)
    private = AffiliatedSignals(private=True).sample(jax.random.key(0), 3)
    np.testing.assert_array_equal(private.values, private.signals)


@pytest.mark.parametrize("form", [list, np.asarray])
def test_empirical_refuses_samples_out_of_order(form):
    with pytest.raises(ValueError, match="^samples: got some that descend; .*data.empirical"):
        Empirical(form([0.7, 0.2, 0.5]))


def test_empirical_passes_through_transformations():
    stacked = jax.vmap(Empirical)(jnp.asarray([[0.2, 0.7], [0.1, 0.3]]))
    medians = jax.vmap(lambda one: one.quantile(0.5))(stacked)
    np.testing.assert_allclose(medians, [0.2, 0.1])
