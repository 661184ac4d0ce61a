from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents import AdditiveDemand, CorrelatedUniform, Setting, UnitDemand, named_setting
from jaxmech.oracles import NotKnownError, sequential_price
from jaxmech.oracles.sequential_price.centre_market import CentreMarket, known_centre_program
from jaxmech.oracles.sequential_price.purchase_memory import best_memory_value

BOUNDS = (
    sequential_price.agents_items_optimum,
    sequential_price.purchase_history_lower_bound,
    sequential_price.known_centre_upper_bound,
)


@pytest.mark.slow
def test_bounds_of_the_paper_s_welfare():
    economy = named_setting("correlated", delta=0.5)
    numbers_left, history, known = (bound(economy) for bound in BOUNDS)
    assert numbers_left == pytest.approx(3.19569, abs=5e-6)
    assert history >= 3.2229
    assert known == pytest.approx(3.314641, abs=5e-7)


@pytest.mark.slow
def test_bounds_of_the_paper_s_revenue_are_ordered():
    economy = named_setting("correlated", delta=0.5)
    values = [bound(economy, objective="revenue") for bound in BOUNDS]
    assert np.all(np.diff(values) > 0.01)
    # Welfare is an upper bound of what agents pay.
    assert values[-1] < sequential_price.known_centre_upper_bound(economy)


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_without_correlation_all_are_the_optimum(objective):
    economy = named_setting("correlated")
    optimum = sequential_price.optimal(economy, objective=objective)
    for bound in BOUNDS:
        assert bound(economy, objective=objective) == pytest.approx(optimum, abs=1e-7)


def test_known_centre_welfare_is_a_shifted_iid_recursion():
    for delta in (0.25, 0.33, 0.5):
        economy = named_setting("correlated", delta=delta)
        iid = sequential_price.optimal(named_setting("correlated"))
        expected = 5 * delta / 2 + (1 - delta) * iid
        assert sequential_price.known_centre_upper_bound(economy) == pytest.approx(expected)


def test_known_centre_revenue_of_one_agent_is_the_monopoly_profit():
    market = CentreMarket(0.5, "revenue")
    centres = np.linspace(0.3, 0.7, 9)
    values = known_centre_program(market, centres, num_agents=1, units=1)[1, 1]
    prices = np.linspace(0, 1, 20_001)[:, None]
    profit = np.max(prices * market.sells(prices, centres), axis=0)
    np.testing.assert_allclose(values, profit, atol=1e-6)


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_bounds_enclose_the_optimum_of_a_fine_support(objective, mixture):
    # A few centres and values around each, so that worlds overlap as centres do.
    delta, steps, atoms = 0.5, 4, 8
    gap = (1 - delta) / atoms
    worlds = []
    for step in range(steps):
        low = step * delta / (steps - 1)
        support = [(low + gap * (k + 0.5), 1 / atoms) for k in range(atoms)]
        worlds.append((1 / steps, [support] * 3))
    optimum = sequential_price.optimal(mixture(worlds, (1,)), objective=objective)
    economy = named_setting("correlated", num_agents=3, num_items=1, delta=delta)
    low, high = (bound(economy, objective=objective) for bound in BOUNDS[1:])
    # The support is coarse: it moves values by up to half a step.
    assert low - gap < optimum < high + gap


def test_one_unit_needs_no_memory():
    # Until the unit is sold there is a single history.
    economy = named_setting("correlated", num_agents=8, num_items=1, delta=0.5)
    numbers_left, history, known = (bound(economy) for bound in BOUNDS)
    assert history == pytest.approx(numbers_left, abs=1e-5)
    static = sequential_price.personalised_static_prices(economy).value
    assert numbers_left == pytest.approx(static, abs=1e-5)
    assert history < known


def test_memory_pays_and_more_memory_pays_more():
    market = CentreMarket(0.5, "welfare")
    values = [
        best_memory_value(market, num_agents=10, units=4, memory=memory, rounds=6)
        for memory in (1, 4, 16)
    ]
    assert np.all(np.diff(values) > 1e-5)


def test_independent_types_add_up():
    distribution = CorrelatedUniform(jnp.asarray(0.5), 6, AdditiveDemand(2))
    both = Setting(distribution, (2, 4))
    parts = [named_setting("correlated", num_agents=6, num_items=m, delta=0.5) for m in (2, 4)]
    for bound in BOUNDS:
        assert bound(both) == pytest.approx(sum(map(bound, parts)), abs=1e-9)


def test_says_why_it_refuses(mixture):
    finite = mixture([(1, [[(1, 1)]] * 2)])
    competing = Setting(CorrelatedUniform(jnp.asarray(0.5), 3, UnitDemand(2)), (1, 1))
    for bound in BOUNDS[1:]:
        with pytest.raises(NotKnownError, match="distribution: got FiniteMixture"):
            bound(finite)
        with pytest.raises(NotKnownError, match="demand: got UnitDemand"):
            bound(competing)
        with pytest.raises(ValueError, match="objective: got 'max_min'; allowed are"):
            bound(named_setting("correlated", delta=0.5), objective="max_min")
    with pytest.raises(NotKnownError, match="delta: got 1; revenue"):
        sequential_price.purchase_history_lower_bound(
            named_setting("correlated", delta=1.0), objective="revenue"
        )
    with pytest.raises(ValueError, match="memory: got 0; allowed are integers from 1"):
        sequential_price.purchase_history_lower_bound(
            named_setting("correlated", delta=0.5), memory=0
        )
