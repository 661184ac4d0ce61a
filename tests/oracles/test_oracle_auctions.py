"""Equilibria of sealed-bid auctions: closed forms, equivalences and best responses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from jaxmech.agents import (
    Beta,
    Exponential,
    FromDistrax,
    LogNormal,
    Power,
    TruncatedEqualRevenue,
    Uniform,
)
from jaxmech.agents.values.host import HostDistribution
from jaxmech.data import empirical
from jaxmech.oracles import NotKnownError, SymmetricAuction

VALUES = np.linspace(0, 1, 21)
OTHERS = {
    "log-normal": LogNormal(0.35, 0.71),
    "exponential": Exponential(2.0),
    "power": Power(0.5, 2.0),
    "shifted uniform": Uniform(1.0, 2.0),
}


@pytest.mark.parametrize("bidders", [1, 2, 3, 5, 10])
def test_uniform_closed_forms(bidders):
    n = bidders
    first = SymmetricAuction("first_price", Uniform(), n)
    np.testing.assert_allclose(first.bids(VALUES), (n - 1) / n * VALUES, atol=1e-13)
    all_pay = SymmetricAuction("all_pay", Uniform(), n)
    np.testing.assert_allclose(all_pay.bids(VALUES), (n - 1) / n * VALUES**n, atol=1e-13)
    second = SymmetricAuction("second_price", Uniform(), n)
    np.testing.assert_array_equal(second.bids(VALUES), VALUES)
    for auction in (first, second, all_pay):
        assert auction.expected_revenue == pytest.approx((n - 1) / (n + 1), abs=1e-12)
        assert auction.expected_welfare == pytest.approx(n / (n + 1), abs=1e-12)


@pytest.mark.parametrize(("bidders", "revenue"), [(2, 5 / 12), (3, 0.53125), (5, 0.671875)])
@pytest.mark.parametrize("rule", ["first_price", "second_price"])
def test_uniform_with_the_best_reserve(rule, bidders, revenue):
    auction = SymmetricAuction(rule, Uniform(), bidders, reserve=0.5)
    assert auction.expected_revenue == pytest.approx(revenue, abs=1e-12)
    if rule == "first_price":
        inside = VALUES[VALUES >= 0.5]
        expected = (bidders - 1) / bidders * inside + 0.5**bidders / bidders / inside ** (
            bidders - 1
        )
        np.testing.assert_allclose(auction.bids(inside), expected, rtol=1e-12)
        assert auction.bids(0.49) == 0


def test_all_pay_with_a_reserve_keeps_out_those_who_would_lose_by_it():
    # Two bidders, U(0, 1): v F(v) = v^2 = reserve.
    auction = SymmetricAuction("all_pay", Uniform(), 2, reserve=0.25)
    assert auction.entry_value == pytest.approx(0.5)
    np.testing.assert_allclose(auction.bids([0.4, 0.5, 1.0]), [0, 0.25, 0.25 + 0.375])
    assert auction.expected_revenue == pytest.approx(5 / 12)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("units", "entry_fee"), [(1, 0.0), (1, 0.03), (3, 0.0)])
def test_revenue_equivalence(name, units, entry_fee):
    """The same entry value, the same revenue, by a formula of another kind."""
    terms = {"num_bidders": 5, "units": units, "entry_fee": entry_fee, "reserve": 0.2}
    pay_as_bid = SymmetricAuction("discriminatory_price", OTHERS[name], **terms)
    uniform = SymmetricAuction("uniform_price", OTHERS[name], **terms)
    assert pay_as_bid.entry_value == uniform.entry_value
    assert pay_as_bid.expected_revenue == pytest.approx(uniform.expected_revenue, rel=1e-10)
    # All-pay with the reserve that leaves the same bidders out.
    entry = uniform.entry_value
    terms["reserve"] = entry * float(uniform.win_probability(entry)) - entry_fee
    all_pay = SymmetricAuction("all_pay", OTHERS[name], **terms)
    assert all_pay.expected_revenue == pytest.approx(uniform.expected_revenue, rel=1e-8)


@pytest.mark.parametrize("name", OTHERS)
def test_second_price_revenue_is_the_mean_of_the_second_highest_value(name):
    host = HostDistribution(OTHERS[name])
    shares = (np.arange(400_000) + 0.5) / 400_000
    density = 4 * 3 * shares**2 * (1 - shares)
    expected = np.mean(host.quantile(shares) * density)
    found = SymmetricAuction("second_price", OTHERS[name], 4).expected_revenue
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rule", ["first_price", "all_pay", "discriminatory_price"])
@pytest.mark.parametrize("name", ["log-normal", "power", "shifted uniform"])
@pytest.mark.parametrize(("reserve", "entry_fee"), [(0.0, 0.0), (0.4, 0.02)])
def test_no_bid_is_better(rule, name, reserve, entry_fee):
    """Bidding as any other value gains nothing, nor does staying out."""
    units = 2 if rule == "discriminatory_price" else 1
    auction = SymmetricAuction(
        rule, OTHERS[name], 4, units=units, reserve=reserve, entry_fee=entry_fee
    )
    values = HostDistribution(OTHERS[name]).quantile(np.linspace(0.01, 0.99, 60))
    values = values[values >= auction.entry_value]
    bids, winning = auction.bids(values), auction.win_probability(values)
    paid = (bids if rule == "all_pay" else bids * winning) + entry_fee
    utility = values[:, None] * winning - paid
    own = np.diagonal(utility)
    assert np.all(utility <= own[:, None] + 1e-10)
    assert np.all(own >= -1e-10)
    assert np.all(np.diff(bids) > 0)


def test_first_price_bid_is_the_expected_highest_other_value():
    auction = SymmetricAuction("first_price", LogNormal(), 3)
    host = HostDistribution(LogNormal())
    won = float(host.cdf(2.0)) ** 2
    integral = quad(lambda x: float(host.cdf(x)) ** 2, 0, 2)[0]
    assert auction.bids(2.0) == pytest.approx(2 - integral / won, rel=1e-9)


def test_values_with_atoms():
    sample = (1.0, 2.0, 2.0, 5.0)
    for reserve in (0.0, 2.0, 3.0):
        expected = np.mean(
            [max(min(a, b), reserve) if max(a, b) >= reserve else 0 for a in sample for b in sample]
        )
        auction = SymmetricAuction("second_price", empirical(sample), 2, reserve=reserve)
        assert auction.expected_revenue == pytest.approx(expected, rel=1e-12)
    equal_revenue = SymmetricAuction("second_price", TruncatedEqualRevenue(1.0, 10.0), 2)
    # The integral of (1 / v)^2 from 1 to 10, and the first unit.
    assert equal_revenue.expected_revenue == pytest.approx(1.9, rel=1e-9)
    for distribution in (empirical(sample), TruncatedEqualRevenue(1.0, 10.0)):
        auction = SymmetricAuction("first_price", distribution, 2)
        with pytest.raises(NotKnownError, match="has atoms"):
            auction.bids(1.5)
        with pytest.raises(NotKnownError, match="has atoms"):
            _ = auction.expected_revenue


@pytest.mark.parametrize("distribution", [empirical([1.0, 2.0]), TruncatedEqualRevenue(1.0, 10.0)])
def test_atoms_and_a_charge_for_entry_are_refused(distribution):
    for rule, terms in (
        ("second_price", {"entry_fee": 0.1}),
        ("uniform_price", {"entry_fee": 0.1}),
        ("all_pay", {"reserve": 0.5}),
    ):
        auction = SymmetricAuction(rule, distribution, 2, **terms)
        for ask in (
            lambda auction: auction.entry_value,
            lambda auction: auction.expected_revenue,
            lambda auction: auction.bids(1.5),
        ):
            with pytest.raises(NotKnownError, match="has atoms"):
                ask(auction)


# Of Beta(2, .3) a share of 2e-5 is too near 1 for floats.
@pytest.mark.parametrize("distribution", [Power(0.5), Beta(2.0, 0.3), Beta(0.5, 0.5)])
def test_steep_densities_are_told_from_atoms(distribution):
    first = SymmetricAuction("first_price", distribution, 3).expected_revenue
    second = SymmetricAuction("second_price", distribution, 3).expected_revenue
    assert first == pytest.approx(second, rel=1e-4)


def test_a_small_atom_is_one_all_the_same():
    with pytest.raises(NotKnownError, match="has atoms"):
        SymmetricAuction("first_price", TruncatedEqualRevenue(1.0, 1e10), 2).bids(1.5)


def test_atoms_of_others_distributions_are_found():
    distrax = pytest.importorskip("distrax")
    with pytest.raises(NotKnownError, match="has atoms"):
        SymmetricAuction("first_price", FromDistrax(distrax.Bernoulli(0.5), 0.0, 1.0), 2).bids(0.5)


@pytest.mark.parametrize("rule", ["discriminatory_price", "uniform_price"])
def test_enough_units_for_all_go_at_the_reserve(rule):
    auction = SymmetricAuction(rule, Uniform(), 2, units=3, reserve=0.25)
    assert auction.expected_revenue == pytest.approx(2 * 0.75 * 0.25)
    if rule == "discriminatory_price":
        np.testing.assert_allclose(auction.bids([0.1, 0.5, 1.0]), [0, 0.25, 0.25])


@pytest.mark.parametrize("rule", ["first_price", "second_price", "all_pay"])
def test_nobody_comes_at_too_high_a_price(rule):
    for terms in ({"reserve": 1.5}, {"entry_fee": 1.5}):
        auction = SymmetricAuction(rule, Uniform(), 3, **terms)
        assert auction.entry_value == np.inf
        assert auction.expected_revenue == auction.expected_welfare == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "firstprice"}, r"rule: got 'firstprice'; did you mean 'first_price'"),
        ({"num_bidders": 0}, "num_bidders: got 0"),
        ({"units": 2}, "units: got 2; allowed for first_price is 1"),
        ({"reserve": -0.1}, "reserve: got -0.1"),
        ({"entry_fee": float("nan")}, "entry_fee: got nan"),
    ],
)
def test_refusals(arguments, message):
    terms = {"rule": "first_price", "distribution": Uniform(), "num_bidders": 2} | arguments
    with pytest.raises(ValueError, match=message):
        SymmetricAuction(**terms)
