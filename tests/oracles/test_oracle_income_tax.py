"""Closed forms of optimal taxes: the values of the literature, and brute force beside them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from jaxmech.checks import InvalidValueError
from jaxmech.oracles import income_tax as oracle

LOGNORMAL_RATES = [
    (0.25, 0.5, (0.366535, 0.517732, 0.650222)),
    (0.25, 0.7, (0.513427, 0.646896, 0.738560)),
    (0.5, 0.5, (0.254811, 0.384775, 0.513445)),
    (0.5, 0.7, (0.380833, 0.510041, 0.606322)),
]
"""Elasticity, sigma, and the best linear rates for weights n^-.5, n^-1 and n^-2."""

TOP_RATES = [
    (1.5, 0.25, 0.727273, 1.036080, 0.823222),
    (2.0, 0.25, 0.666667, 0.593449, 0.548815),
    (2.0, 0.5, 0.5, 0.515329, 0.501996),
    (3.0, 0.5, 0.4, 0.377064, 0.376497),
]
"""Tail, elasticity, the best top rate above 3, and revenues of it and of .3 alone."""


def mid_quantiles(sigma, size=100_000):
    return np.exp(sigma * stats.norm.ppf((np.arange(size) + 0.5) / size))


def linear_objective(rate, untaxed, elasticity, weights):
    """Mean weighted utility of a linear tax, weights scaled to a mean of 1, written out."""
    earnings = untaxed * (1 - rate) ** elasticity
    effort = earnings * (1 - rate) / (1 + 1 / elasticity)
    utilities = rate * np.mean(earnings) + (1 - rate) * earnings - effort
    return np.mean(weights * utilities) / np.mean(weights)


@pytest.mark.parametrize(("elasticity", "sigma", "rates"), LOGNORMAL_RATES)
def test_linear_rates_of_lognormal_skills(elasticity, sigma, rates):
    for aversion, expected in zip((0.5, 1, 2), rates, strict=True):
        relative = oracle.lognormal_relative_weight(sigma, elasticity, aversion)
        assert oracle.linear_rate_at(relative, elasticity) == pytest.approx(expected, abs=6e-7)


@settings(max_examples=30, deadline=None)
@given(
    skills=st.lists(st.floats(0.2, 5), min_size=2, max_size=6),
    weights=st.lists(st.floats(0.05, 1), min_size=6, max_size=6),
    elasticity=st.floats(0.1, 2),
)
def test_no_rate_does_better_than_the_linear_one_in_a_finite_population(
    skills, weights, elasticity
):
    skills = np.array(skills)
    weights = np.array(weights[: len(skills)]) / skills
    untaxed = skills ** (1 + elasticity)
    # So much weight on the able that no subsidy is enough is another case.
    assume(np.mean(weights * untaxed) < (1 + 0.9 * elasticity) * weights.mean() * untaxed.mean())
    best = oracle.linear_rate(skills, elasticity, weights)
    value = linear_objective(best, untaxed, elasticity, weights)
    for rate in np.linspace(-1, 0.99, 60):
        assert linear_objective(rate, untaxed, elasticity, weights) <= value + 1e-9


def test_a_sample_has_its_own_rate_which_nears_that_of_its_distribution():
    rate = oracle.linear_rate(mid_quantiles(0.7), 0.25, mid_quantiles(0.7) ** -1.0)
    assert rate == pytest.approx(0.646896, abs=2e-4)
    assert rate != pytest.approx(0.646896, abs=1e-8)


def test_shares_are_a_population_with_as_many_copies():
    skills, weights = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.5, 0.1])
    copied = [np.repeat(values, [3, 2, 1]) for values in (skills, weights)]
    rate = oracle.linear_rate(skills, 0.4, weights, shares=[3, 2, 1])
    assert rate == pytest.approx(oracle.linear_rate(copied[0], 0.4, copied[1]), abs=1e-14)


def test_pareto_weights_by_integration():
    alpha, elasticity, aversion = 2.5, 0.3, 1.2
    n = ((np.arange(2_000_000) + 0.5) / 2_000_000) ** (-1 / alpha)
    expected = np.mean(n ** (1.3 - aversion)) / (np.mean(n**-aversion) * np.mean(n**1.3))
    found = oracle.pareto_relative_weight(alpha, elasticity, aversion)
    assert found == pytest.approx(expected, rel=2e-3)
    assert oracle.pareto_relative_weight(alpha, elasticity, 0) == pytest.approx(1)


@pytest.mark.parametrize(("tail", "elasticity", "rate", "revenue", "of_low"), TOP_RATES)
def test_top_rates_and_their_revenues(tail, elasticity, rate, revenue, of_low):
    assert oracle.top_rate(tail, elasticity) == pytest.approx(rate, abs=6e-7)

    def raised(top):
        return oracle.two_bracket_revenue(tail, elasticity, threshold=3, low=0.3, rate=top)

    assert raised(oracle.top_rate(tail, elasticity)) == pytest.approx(revenue, abs=6e-7)
    assert raised(0.3) == pytest.approx(of_low, abs=6e-7)
    found = optimize.minimize_scalar(
        lambda top: -raised(top), bounds=(0.3, 0.99), method="bounded", options={"xatol": 1e-9}
    )
    assert found.x == pytest.approx(rate, abs=1e-6)


def test_top_rates_with_a_weight_on_those_who_pay():
    for tail, elasticity, weight, rate in [
        (1.5, 0.25, 0.25, 0.666667),
        (1.5, 0.25, 0.5, 0.571429),
        (2, 0.5, 0.25, 0.428571),
        (2, 0.5, 0.5, 1 / 3),
    ]:
        found = oracle.top_rate(tail, elasticity, weight=weight)
        assert found == pytest.approx(rate, abs=6e-7)


def test_maximin_of_pareto_skills_is_the_top_rate():
    """Linear taxes too: all weight on the lowest skill."""
    tail, elasticity = 1.8, 0.4
    relative = (tail - 1) / tail  # skills of 1 over the mean of n^(1 + e)
    assert oracle.linear_rate_at(relative, elasticity) == pytest.approx(
        oracle.top_rate(tail, elasticity)
    )


@pytest.mark.parametrize(("size", "rate"), [(10_000, 0.7225), (100_000, 0.7251)])
def test_samples_of_a_heavy_tail_have_lower_top_rates(size, rate):
    skills = (1 - (np.arange(size) + 0.5) / size) ** (-1 / (1.5 * 1.25))
    best = oracle.top_rate_of_population(skills, 0.25, threshold=3, low=0.3)
    assert best == pytest.approx(rate, abs=2e-4)
    earnings = skills**1.25 * (1 - best) ** 0.25
    mean = np.mean(earnings[earnings > 3])
    assert best == pytest.approx(1 / (1 + 0.25 * mean / (mean - 3)), abs=2e-4)


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5])
def test_the_top_rate_of_a_population_with_a_weight_is_that_of_a_search(weight):
    """People's choices by search over earnings, 300 of them; the weighted sum over a grid."""
    elasticity, threshold, low = 0.25, 3.0, 0.3
    skills = (1 - (np.arange(300) + 0.5) / 300) ** (-1 / (1.5 * 1.25))
    untaxed = skills**1.25
    pays = untaxed * (1 - low) ** elasticity > threshold

    def social(rate):
        wanted = untaxed[:, None] * np.array([1 - low, 1 - rate]) ** elasticity
        earnings = np.stack([np.minimum(wanted[:, 0], threshold), wanted[:, 1].clip(threshold)])
        taxes = low * np.minimum(earnings, threshold) + rate * (earnings - threshold).clip(0)
        kept = earnings - taxes - (earnings / skills) ** 5 / 5
        chosen = np.argmax(kept, axis=0)
        paid, utility = (np.take_along_axis(of, chosen[None], 0)[0] for of in (taxes, kept))
        return np.mean(paid) + weight * np.mean(pays * utility)

    best = oracle.top_rate_of_population(
        skills, elasticity, threshold=threshold, low=low, weight=weight
    )
    grid = np.linspace(low, 0.95, 651)
    searched = np.array([social(rate) for rate in grid])
    assert social(best) >= np.max(searched) - 1e-12
    assert best == pytest.approx(grid[np.argmax(searched)], abs=2e-3)


@pytest.mark.parametrize(
    ("elasticity", "sigma", "rate", "demogrant"),
    [
        (0.25, 0.5, 0.409987, 0.436826),
        (0.25, 0.7, 0.505288, 0.621413),
        (0.5, 0.5, 0.330468, 0.358229),
    ],
)
def test_the_rate_for_the_mean_logarithm(elasticity, sigma, rate, demogrant):
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    skills = np.exp(sigma * nodes)
    best = oracle.log_utility_optimum(skills, elasticity, shares=weights)
    assert best.rate == pytest.approx(rate, abs=6e-7)
    assert best.demogrant == pytest.approx(demogrant, abs=6e-7)

    shares = weights / weights.sum()
    untaxed = skills ** (1 + elasticity)

    def mean_logarithm(rate):
        kept = (1 - rate) ** (1 + elasticity) * untaxed / (1 + elasticity)
        return shares @ np.log(rate * (1 - rate) ** elasticity * (shares @ untaxed) + kept)

    assert best.value == pytest.approx(mean_logarithm(best.rate))
    assert best.value >= max(map(mean_logarithm, np.linspace(0, 0.9, 200)))


def test_equals_need_no_tax():
    assert oracle.log_utility_optimum([2.0, 2.0], 0.5).rate == pytest.approx(0, abs=1e-12)
    assert oracle.linear_rate([2.0, 2.0], 0.5, [1, 3]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: oracle.linear_rate([0.0, 1.0], 0.5, [1, 1]), "skills"),
        (lambda: oracle.linear_rate([], 0.5, []), "skills"),
        (lambda: oracle.linear_rate([1.0, 2.0], 0.5, [1]), "welfare_weights"),
        (lambda: oracle.linear_rate([1.0, 2.0], 0.5, [0, 0]), "the mean of welfare_weights"),
        (lambda: oracle.linear_rate([1.0, 2.0], 0.0, [1, 1]), "elasticity"),
        (lambda: oracle.linear_rate([1.0, 2.0], 0.5, [1, 1], shares=[0, 0]), "the sum of shares"),
        (lambda: oracle.linear_rate([0.1, 1.0], 0.5, [0, 1]), "relative_weight"),
        (lambda: oracle.linear_rate_at(1.6, 0.5), "relative_weight"),
        (lambda: oracle.pareto_relative_weight(1.2, 0.25, 1), "alpha"),
        (lambda: oracle.top_rate(1.0, 0.25), "tail"),
        (lambda: oracle.top_rate(2.0, 0.25, weight=1), "weight"),
        (
            lambda: oracle.two_bracket_revenue(2, 0.5, threshold=3, low=0.3, rate=0.2),
            "rate",
        ),
        (
            lambda: oracle.top_rate_of_population([1.0, 2.0], 0.5, threshold=9, low=0),
            "threshold",
        ),
        (
            lambda: oracle.top_rate_of_population([2.0], 0.5, threshold=1, low=0, weight=1),
            "weight",
        ),
        (lambda: oracle.log_utility_optimum([1.0, np.nan], 0.5), "skills"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()
