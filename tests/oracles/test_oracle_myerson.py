"""Reserves and optimal revenues against published figures, closed forms and linear programs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from jaxmech.agents import Exponential, LogNormal, Power, TruncatedEqualRevenue, Uniform
from jaxmech.data import empirical
from jaxmech.oracles import (
    SymmetricAuction,
    myerson_reserve,
    optimal_revenue,
    two_item_menu,
    two_item_optimum,
)


@pytest.mark.parametrize(
    ("distribution", "reserve"),
    [
        (LogNormal(0.0, 1.0), 1.3534),
        (LogNormal(0.35, 0.71), 1.2834),
        (Uniform(), 0.5),
        (Uniform(0.2, 3.0), 1.5),
        (Uniform(1.0, 1.5), 1.0),
        (Exponential(4.0), 0.25),
        (Power(2.0, 3.0), np.sqrt(3)),
        (TruncatedEqualRevenue(1.0, 10.0), 1.0),
    ],
)
def test_reserves(distribution, reserve):
    assert myerson_reserve(distribution) == pytest.approx(reserve, abs=5e-5)


def test_reserve_of_a_seller_who_values_the_item():
    assert myerson_reserve(Uniform(), seller_value=0.4) == pytest.approx(0.7, abs=1e-9)
    assert myerson_reserve(Uniform(), seller_value=2.0) == 1
    with pytest.raises(ValueError, match="seller_value: got -1"):
        myerson_reserve(Uniform(), seller_value=-1.0)


@pytest.mark.parametrize(("bidders", "revenue"), [(2, 5 / 12), (3, 0.53125), (5, 0.671875)])
def test_optimal_revenue_of_uniform_values(bidders, revenue):
    assert optimal_revenue(Uniform(), bidders) == pytest.approx(revenue, abs=1e-7)


@pytest.mark.parametrize("distribution", [LogNormal(0.35, 0.71), Exponential(2.0), Power(0.5)])
def test_second_price_with_the_reserve_is_optimal_where_regular(distribution):
    reserve = myerson_reserve(distribution)
    for bidders in (1, 2, 6):
        auction = SymmetricAuction("second_price", distribution, bidders, reserve=reserve)
        optimum = optimal_revenue(distribution, bidders)
        assert auction.expected_revenue == pytest.approx(optimum, rel=1e-6)


def best_mechanism(values, num_bidders):
    """Revenue of the optimal Bayesian mechanism, values iid on a list, by linear program."""
    profiles = list(itertools.product(range(len(values)), repeat=num_bidders))
    num_allocations = len(profiles) * num_bidders
    num_variables = num_allocations + num_bidders * len(values)

    def interim(bidder, report, value):
        """Utility of a bidder of this value who reports that type."""
        row = np.zeros(num_variables)
        for index, profile in enumerate(profiles):
            if profile[bidder] == report:
                row[index * num_bidders + bidder] = value / len(values) ** (num_bidders - 1)
        row[num_allocations + bidder * len(values) + report] = -1
        return row

    rows, bounds = [], []
    for bidder in range(num_bidders):
        for kind, value in enumerate(values):
            truth = interim(bidder, kind, value)
            rows.append(-truth)
            bounds.append(0)
            for other in range(len(values)):
                rows.append(interim(bidder, other, value) - truth)
                bounds.append(0)
    for index in range(len(profiles)):
        row = np.zeros(num_variables)
        row[index * num_bidders : (index + 1) * num_bidders] = 1
        rows.append(row)
        bounds.append(1)
    payments = np.zeros(num_variables)
    payments[num_allocations:] = -1 / len(values)
    limits = [(0, 1)] * num_allocations + [(None, None)] * (num_bidders * len(values))
    solution = linprog(payments, A_ub=np.array(rows), b_ub=bounds, bounds=limits)
    return -solution.fun


@pytest.mark.parametrize("values", [(1.0, 2.0, 5.0), (1.0, 1.2, 4.0, 4.5), (2.0, 2.0, 3.0, 9.0)])
@pytest.mark.parametrize("num_bidders", [1, 2, 3])
def test_ironed_optimum_is_that_of_the_linear_program(values, num_bidders):
    expected = best_mechanism(values, num_bidders)
    assert optimal_revenue(empirical(values), num_bidders) == pytest.approx(expected, rel=1e-7)


def test_ironing_matters_in_these_programs():
    """A second-price auction with the best reserve earns less where values are irregular."""
    distribution = empirical([1.0, 1.2, 4.0, 4.5])
    best = max(
        SymmetricAuction("second_price", distribution, 3, reserve=price).expected_revenue
        for price in (0.0, 1.0, 1.2, 4.0, 4.5)
    )
    assert best < optimal_revenue(distribution, 3) - 0.01


def test_no_bidder():
    with pytest.raises(ValueError, match="num_bidders: got 0"):
        optimal_revenue(Uniform(), 0)


def test_two_items():
    optimum = two_item_optimum()
    assert optimum.revenue == pytest.approx((12 + 2 * np.sqrt(2)) / 27, abs=1e-15)
    assert round(optimum.revenue, 6) == 0.549201
    assert (optimum.item_price, optimum.bundle_price) == (2 / 3, (4 - np.sqrt(2)) / 3)
    assert two_item_menu(0.5, 1.0).revenue == pytest.approx(0.5)
    found = minimize(
        lambda prices: -two_item_menu(*prices).revenue, [0.6, 0.8], method="Nelder-Mead"
    )
    np.testing.assert_allclose(found.x, [optimum.item_price, optimum.bundle_price], atol=1e-4)


def test_two_item_menu_by_enumeration():
    middles = (np.arange(2000) + 0.5) / 2000
    first, second = np.meshgrid(middles, middles)
    for item_price, bundle_price in ((2 / 3, 0.86), (0.5, 0.7), (0.8, 1.6)):
        utilities = np.stack(
            [0 * first, first - item_price, second - item_price, first + second - bundle_price]
        )
        paid = np.array([0, item_price, item_price, bundle_price])[np.argmax(utilities, axis=0)]
        assert two_item_menu(item_price, bundle_price).revenue == pytest.approx(
            paid.mean(), abs=2e-3
        )


@pytest.mark.parametrize(
    ("prices", "field"), [((1.2, 1.3), "item_price"), ((0.5, 1.2), "bundle_price")]
)
def test_two_item_prices_never_paid(prices, field):
    with pytest.raises(ValueError, match=f"{field}: got"):
        two_item_menu(*prices)
