"""One record for each auction rule: function, interim form and closed form agree."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import AUCTION_RULES, Uniform
from jaxmech.oracles import SymmetricAuction

BIDS = jnp.array([3.0, 1.0, 4.0, 2.0])

PAYMENTS = {
    "first_price": [0, 0, 4, 0],
    "second_price": [0, 0, 3, 0],
    "all_pay": [3, 1, 4, 2],
    "discriminatory_price": [3, 0, 4, 0],
    "uniform_price": [2, 0, 2, 0],
}


@pytest.mark.parametrize("name", AUCTION_RULES)
def test_who_wins_and_pays(name):
    rule = AUCTION_RULES[name]
    outcome = rule.clear(BIDS, 2 if rule.sells_units else 1)
    wins = [1, 0, 1, 0] if rule.sells_units else [0, 0, 1, 0]
    np.testing.assert_array_equal(outcome.allocation, wins)
    np.testing.assert_array_equal(outcome.payments, PAYMENTS[name])
    assert rule.clear(BIDS, reserve=5.0).payments.sum() == 0


@pytest.mark.parametrize("name", AUCTION_RULES)
def test_interim_payment_of_the_closed_form_is_that_of_revenue_equivalence(name):
    auction = SymmetricAuction(name, Uniform(), num_bidders=2)
    values = np.linspace(0, 1, 501)
    chance = auction.win_probability(values)
    winning, payment = AUCTION_RULES[name].interim(jnp.asarray(auction.bids(values)), chance)
    np.testing.assert_allclose(winning, values, atol=1e-6)
    # Of two values uniform on [0, 1], v wins with probability v and pays v^2 / 2.
    np.testing.assert_allclose(payment, values**2 / 2, atol=1e-5)
    assert auction.expected_revenue == pytest.approx(1 / 3)
