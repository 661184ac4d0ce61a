"""The leader who prices a shared capacity: best responses, and the best of all equilibria."""

import numpy as np
import pytest
from scipy import optimize

from jaxmech.checks import InvalidValueError
from jaxmech.oracles.stackelberg_pricing import PricedCapacity

EXAMPLE = PricedCapacity()


def test_best_responses_are_those_of_a_grid():
    generator = np.random.default_rng(0)
    for _ in range(20):
        quantities = generator.dirichlet(np.ones(8)) * generator.uniform(0.2, 1)
        prices, slope = generator.uniform(-4, 0, 8), generator.uniform(0, 0.2)
        responses = EXAMPLE.best_responses(prices, slope, quantities)
        gains = EXAMPLE.gains(prices, slope, quantities)
        for follower in range(8):
            others = quantities.sum() - quantities[follower]
            tried = np.linspace(0, 1 - others, 4001)
            paid = prices[follower] + slope * (tried + others) ** 2
            costs = (EXAMPLE.curvatures[follower] * tried + paid) * tried
            assert responses[follower] == pytest.approx(tried[costs.argmin()], abs=3e-4)
            own = EXAMPLE.costs(prices, slope, quantities)[follower]
            assert gains[follower] == pytest.approx(own - costs.min(), abs=1e-6)
            assert gains[follower] >= own - costs.min() - 1e-12


def test_the_best_equilibrium_is_one_and_beats_those_that_are_known():
    best = EXAMPLE.best_equilibrium()
    assert np.max(EXAMPLE.gains(best.prices, best.slope, best.quantities)) < 1e-9
    assert best.loss == pytest.approx(EXAMPLE.loss(best.prices, best.slope, best.quantities))
    # The best variational one, and that of NashOpt's example.
    assert best.loss < 0.520965 < 0.56372
    assert best.loss == pytest.approx(0.437355, abs=1e-5)
    assert np.all(best.prices <= 0) and np.all(best.prices >= -5) and 0 <= best.slope <= 0.2


def test_followers_who_take_nothing_are_at_rest_too():
    """A follower whom a small quantity costs much is best left out, where something is left."""
    small = PricedCapacity((1.0, 40.0), usual_price=0.0, departure_cost=0.01, target=0.3)
    best = small.best_equilibrium()
    assert np.max(small.gains(best.prices, best.slope, best.quantities)) < 1e-9


def test_a_refinement_that_fails_leaves_what_was_on_the_grid(monkeypatch):
    pair = PricedCapacity((1.0, 1.5))
    refined = pair.best_equilibrium()

    def fails(function, start, **_):
        return optimize.OptimizeResult(x=np.zeros_like(start), fun=-1.0, success=False)

    monkeypatch.setattr(optimize, "minimize", fails)
    rough = pair.best_equilibrium()
    assert refined.loss <= rough.loss < refined.loss + 0.01
    assert np.max(pair.gains(rough.prices, rough.slope, rough.quantities)) < 1e-9


def test_no_equilibrium_is_no_result(monkeypatch):
    monkeypatch.setattr(
        optimize,
        "minimize",
        lambda _, start, **__: optimize.OptimizeResult(x=start, fun=0.0, success=False),
    )
    with pytest.raises(RuntimeError, match="no equilibrium was found"):
        PricedCapacity((1.0, 1.5)).best_variational_equilibrium()


def test_the_best_variational_equilibrium_is_the_known_one():
    found = EXAMPLE.best_variational_equilibrium()
    assert found.loss == pytest.approx(0.520965, abs=5e-7)
    expected = [0.14018, 0.10832, 0.16006, 0.12517, 0.08898, 0.14936, 0.09575, 0.13219]
    np.testing.assert_allclose(found.quantities, expected, atol=1e-5)
    assert np.max(EXAMPLE.gains(found.prices, found.slope, found.quantities)) < 1e-9


def test_no_equilibrium_of_two_followers_is_better():
    """All prices and all equilibria on a grid: of each follower what it takes may be all that the
    other leaves, or what it would take anyway."""
    pair = PricedCapacity((1.0, 1.5))
    best = pair.best_equilibrium()
    assert np.max(pair.gains(best.prices, best.slope, best.quantities)) < 1e-9
    prices = np.linspace(-5, 0, 41)
    shares = np.linspace(0, 1, 41)
    p, q, x = np.meshgrid(prices, prices, shares, indexing="ij")
    for slope in (0.0, 0.1, 0.2):
        # All is taken, and nobody would rather take less.
        content = [
            2 * a * own + price + slope * (1 + 2 * own) <= 0
            for a, own, price in ((1.0, x, p), (1.5, 1 - x, q))
        ]
        content[0] |= x == 0
        content[1] |= x == 1
        paid = (p + slope) * x + (q + slope) * (1 - x)
        loss = 0.01 + 0.1 * ((p + 2) ** 2 + (q + 2) ** 2) - 0.3 * paid
        assert np.min(np.where(content[0] & content[1], loss, np.inf)) >= best.loss - 1e-9
    # Some is left: each takes what it likes best.
    for first in prices[::5]:
        for second in prices[::5]:
            quantities = np.zeros(2)
            for _ in range(50):
                response = pair.best_responses((first, second), 0.2, quantities)
                quantities = (quantities + response) / 2
            if np.max(np.abs(response - quantities)) < 1e-9 and quantities.sum() < 1:
                assert pair.loss((first, second), 0.2, quantities) >= best.loss - 1e-9


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: PricedCapacity(()), "curvatures"),
        (lambda: PricedCapacity((0.0,)), "curvatures"),
        (lambda: PricedCapacity(lowest_price=0.0), "lowest_price"),
        (lambda: PricedCapacity(departure_cost=-1.0), "departure_cost"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()
