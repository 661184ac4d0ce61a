"""Closed forms of Cournot markets against known values, best responses and a search."""

import numpy as np
import pytest
from scipy import optimize

from jaxmech.checks import InvalidValueError
from jaxmech.oracles import NotKnownError
from jaxmech.oracles.cournot import LinearCournot


def emitters(damage=2.0, costs=(1.0, 2.0, 3.0)):
    return LinearCournot(
        costs, 10.0, curvatures=0.5, emissions=(1.0, 0.6, 0.2)[: len(costs)], damage=damage
    )


def test_ten_firms_without_emissions():
    market = LinearCournot(tuple(10 * (1 + i / 2) for i in range(10)), 600.0)
    np.testing.assert_allclose(market.quantities(), 815 / 11 - 5 * np.arange(10), rtol=1e-13)


def test_without_a_tax():
    market = emitters()
    quantities = market.quantities()
    np.testing.assert_allclose(quantities, [2.44444, 1.77778, 1.11111], atol=5e-6)
    assert market.emitted(quantities) == pytest.approx(3.73333, abs=5e-6)
    assert market.welfare(quantities) == pytest.approx(13.247407, abs=5e-7)


def test_the_best_tax_is_below_the_marginal_damage():
    market = emitters()
    tax = market.best_tax()
    quantities = market.quantities(tax)
    assert tax == pytest.approx(3.4662414, abs=5e-8)
    np.testing.assert_allclose(quantities, [1.057948, 1.315612, 1.573277], atol=5e-7)
    assert market.welfare(quantities) == pytest.approx(17.2651663, abs=5e-8)
    assert 2 * market.emitted(quantities) == pytest.approx(4.323941, abs=5e-7)
    found = optimize.minimize_scalar(lambda t: -market.welfare(market.quantities(t)))
    assert found.x == pytest.approx(tax, abs=1e-6)


def test_little_damage_calls_for_a_subsidy():
    market = emitters(damage=0.5)
    assert market.best_tax() == pytest.approx(-0.6114398, abs=5e-8)
    welfare = market.welfare(market.quantities(market.best_tax()))
    assert welfare == pytest.approx(23.768135, abs=5e-7)


@pytest.mark.parametrize(("damage", "closed"), [(2.0, False), (20.0, True)])
def test_nothing_is_better_than_the_first_best(damage, closed):
    """Where much damage is done the firm that emits most is closed, and not all others are."""
    market = emitters(damage)
    best = market.first_best()
    assert (best[0] == 0) == closed and best[2] > 0
    if not closed:
        assert market.welfare(best) == pytest.approx(18.157791, abs=5e-7)
    changes = np.random.default_rng(0).standard_normal((200, 3))
    for other in np.maximum(best + changes * np.geomspace(1e-3, 1, 200)[:, None], 0):
        assert market.welfare(other) <= market.welfare(best)


def test_a_cap_is_worth_the_tax_that_implements_it():
    market = emitters()
    price = market.cap_price(3.0)
    assert price == pytest.approx(1.6176471, abs=5e-8)
    quantities = market.quantities(price)
    np.testing.assert_allclose(quantities, [1.797386, 1.562092, 1.326797], atol=5e-7)
    assert market.emitted(quantities) == pytest.approx(3, abs=1e-12)
    assert market.cap_price(4.0) == 0


def test_no_firm_gains_by_another_quantity():
    market, tax = emitters(), 1.3
    quantities = market.quantities(tax)
    for firm, (cost, emitted) in enumerate(zip(market.costs, (1.0, 0.6, 0.2), strict=True)):
        others = quantities.sum() - quantities[firm]

        def loss(q, cost=cost, emitted=emitted, others=others):
            return -q * (10 - others - q - cost - tax * emitted) + q**2 / 4

        found = optimize.minimize_scalar(loss, bounds=(0, 10), method="bounded")
        assert found.x == pytest.approx(quantities[firm], abs=1e-5)


def test_what_is_not_known_or_out_of_range_is_refused():
    with pytest.raises(NotKnownError, match="all firms produce"):
        emitters(costs=(1.0, 9.0)).quantities()
    with pytest.raises(NotKnownError, match="every tax"):
        LinearCournot((1.0,), 10.0).best_tax()
    with pytest.raises(NotKnownError, match="several"):
        LinearCournot((1.0, 1.0), 10.0).first_best()
    for arguments, named in [
        (((), 10.0), "costs"),
        (((-1.0,), 10.0), "costs"),
        (((1.0,), 0.0), "intercept"),
        (((1.0,), 10.0, 0.0), "slope"),
        (((1.0,), 10.0, 1.0, (1.0, 2.0)), "curvatures"),
        (((1.0,), 10.0, 1.0, 0.0, -1.0), "emissions"),
        (((1.0,), 10.0, 1.0, 0.0, 1.0, np.nan), "damage"),
    ]:
        with pytest.raises(InvalidValueError, match=f"^{named}: got"):
            LinearCournot(*arguments)
    with pytest.raises(InvalidValueError, match="^cap: got"):
        emitters().cap_price(-1.0)
