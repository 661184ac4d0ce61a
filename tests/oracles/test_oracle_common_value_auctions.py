"""Common-value equilibria: closed forms, and no other bid is better by direct integration."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmech.oracles import AffiliatedSignalsAuction, MineralRightsAuction

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
SHARES, SHARE_WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2


def test_three_bidders_closed_forms():
    signals = np.array([0.0, 0.1, 0.5, 1.0, 2.0])
    second = MineralRightsAuction("second_price", 3).bids(signals)
    np.testing.assert_allclose(second, 2 * signals / (2 + signals), atol=1e-10)
    x = signals[1:]
    expected = 4 / x**2 * (x**2 / 2 - 2 * x + 4 * np.log1p(x / 2))
    np.testing.assert_allclose(MineralRightsAuction("first_price", 3).bids(x), expected, rtol=1e-9)


def test_two_bidders_closed_form():
    signals = np.array([0.1, 0.5, 1.0, 1.9])
    expected = signals * np.log(2 / signals) / (2 - signals)
    second = MineralRightsAuction("second_price", 2).bids(signals)
    np.testing.assert_allclose(second, expected, rtol=1e-12)


def test_scale():
    signals = np.linspace(0.1, 6, 7)
    for rule in ("first_price", "second_price"):
        plain, scaled = MineralRightsAuction(rule, 4), MineralRightsAuction(rule, 4, 3.0)
        np.testing.assert_allclose(scaled.bids(signals), 3 * plain.bids(signals / 3))
        assert scaled.expected_revenue == pytest.approx(3 * plain.expected_revenue)


@pytest.mark.parametrize("bidders", [2, 3, 6])
@pytest.mark.parametrize("rule", ["first_price", "second_price"])
@pytest.mark.parametrize("signal", [0.3, 1.0, 1.7])
def test_no_bid_is_better_with_mineral_rights(rule, bidders, signal):
    """Utility of bidding as signal z, by integrating over the value and the highest other."""
    auction = MineralRightsAuction(rule, bidders)
    # Values compatible with the signal, of posterior density proportional to 1 / (2 v).
    low = signal / 2
    value = low + (1 - low) * SHARES
    posterior = SHARE_WEIGHTS / value
    posterior /= posterior.sum()

    def utility(bid_as):
        highest_other = np.minimum(bid_as / (2 * value), 1)
        winning = highest_other ** (bidders - 1)
        if rule == "first_price":
            return posterior @ (winning * (value - auction.bids(bid_as)))
        # The highest other signal, y = 2 v (share of its range): density (n - 1) s^(n - 2).
        share = highest_other[:, None] * SHARES
        density = (bidders - 1) * share ** (bidders - 2) * highest_other[:, None]
        paid = (auction.bids(2 * value[:, None] * share) * density) @ SHARE_WEIGHTS
        return posterior @ (winning * value - paid)

    own = utility(signal)
    others = np.array([utility(other) for other in np.linspace(0.02, 2, 34)])
    assert np.all(others <= own + 1e-6)
    assert own > 0
    # The check would notice bids that ignore the winner's curse.
    assert others.min() < own - 1e-3


@pytest.mark.parametrize("rule", ["first_price", "second_price"])
def test_mineral_rights_revenue_stays_below_the_value(rule):
    revenues = [MineralRightsAuction(rule, bidders).expected_revenue for bidders in (2, 3, 10, 50)]
    assert np.all(np.diff(revenues) > 0)
    assert revenues[-1] < 0.5


@pytest.mark.parametrize("rule", ["first_price", "second_price"])
@pytest.mark.parametrize("signal", [0.4, 1.0, 1.6])
def test_no_bid_is_better_with_affiliated_signals(rule, signal):
    auction = AffiliatedSignalsAuction(rule)
    other = np.linspace(0, 2, 20_001)
    # Density of the other signal: over T from max(0, x - 1) to min(1, x).
    low, high = max(0, signal - 1), min(1, signal)
    density = np.maximum(np.minimum(high, other) - np.maximum(low, other - 1), 0)
    density /= density.sum()

    def utility(bid_as):
        paid = auction.bids(bid_as if rule == "first_price" else other)
        return np.sum(density * (other < bid_as) * ((signal + other) / 2 - paid))

    own = utility(signal)
    assert all(utility(z) <= own + 1e-4 for z in np.linspace(0.05, 2, 40))
    assert own > 0.01


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MineralRightsAuction("all_pay", 2), "rule: got 'all_pay'"),
        (lambda: MineralRightsAuction("first_price", 1), "num_bidders: got 1"),
        (lambda: MineralRightsAuction("first_price", 2, 0.0), "high: got 0.0"),
        (lambda: AffiliatedSignalsAuction("vickrey"), "rule: got 'vickrey'"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
