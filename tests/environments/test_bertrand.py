"""A Bertrand duopoly: its equilibrium, what makes firms sell at cost, and logit firms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incentive_games import equilibrium_of, slope, value

from jaxmech.checks import InvalidValueError
from jaxmech.environments.bertrand import Bertrand, params_of
from jaxmech.oracles import NotKnownError
from jaxmech.oracles.bertrand import BertrandDuopoly

EXACT = Bertrand()


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@partial(jax.jit, static_argnums=0)
def responses_of(game, policies, mechanism, params):
    return game.respond(policies, mechanism, params)


def profit(own, other, cost, gamma):
    """Of a firm at the prices ``own``, NumPy, written out."""
    both = (1 - gamma - own + gamma * other) / (1 - gamma**2)
    others = (1 - gamma - other + gamma * own) / (1 - gamma**2)
    sold = np.where(others < 0, np.maximum(1 - own, 0), np.maximum(both, 0))
    return (own - cost) * sold


@settings(max_examples=25, deadline=None)
@given(
    costs=st.lists(st.floats(0, 0.4), min_size=2, max_size=2),
    gamma=st.floats(0, 0.7),
    taxes=st.lists(st.floats(-0.2, 0.1), min_size=2, max_size=2),
)
def test_the_equilibrium_is_the_closed_form_and_no_firm_gains_by_another_price(costs, gamma, taxes):
    params = params_of(costs, substitutability=gamma)
    oracle = BertrandDuopoly(tuple(costs), substitutability=gamma)
    found = equilibrium_of(EXACT, jnp.asarray(taxes), params)
    try:
        expected = oracle.prices(taxes)
    except NotKnownError:
        return  # only one of them sells
    np.testing.assert_allclose(found.point, expected, atol=1e-12)
    assert found.residual < 1e-12
    profits = EXACT.utilities(found.point, jnp.asarray(taxes), params)
    tried = np.linspace(0, 1, 1001)
    for firm in (0, 1):
        cost = costs[firm] + taxes[firm]
        if expected[firm] >= 0:
            others = profit(tried, expected[1 - firm], cost, gamma)
            assert float(profits[firm]) >= others.max() - 1e-12


@settings(max_examples=100, deadline=None)
@given(
    costs=st.lists(st.floats(0, 1.2), min_size=2, max_size=2),
    gamma=st.floats(0, 0.95),
    prices=st.lists(st.floats(0, 1.2), min_size=2, max_size=2),
)
def test_no_other_price_is_a_better_response(costs, gamma, prices):
    """To any prices, also those at which one of the firms sells nothing."""
    params = params_of(costs, substitutability=gamma)
    responses = np.asarray(responses_of(EXACT, jnp.asarray(prices), jnp.zeros(2), params))
    tried = np.linspace(-0.5, 1.5, 4001)
    for firm in (0, 1):
        other = prices[1 - firm]
        own = profit(responses[firm], other, costs[firm], gamma)
        assert own >= profit(tried, other, costs[firm], gamma).max() - 1e-9


def test_the_more_alike_goods_are_the_nearer_prices_come_to_cost():
    prices = [
        float(equilibrium_of(EXACT, jnp.zeros(2), params_of(substitutability=gamma)).point[0])
        for gamma in (0.0, 0.5, 0.9, 0.999)
    ]
    assert prices[0] == pytest.approx(0.6)  # a monopolist's
    assert prices == sorted(prices, reverse=True) and prices[-1] == pytest.approx(0.2, abs=1e-3)


def test_the_best_taxes_make_firms_sell_at_cost():
    costs = (0.2, 0.3)
    oracle, params = BertrandDuopoly(costs), params_of(costs)
    taxes = jnp.asarray(oracle.best_taxes())
    assert np.all(np.asarray(taxes) < 0)
    found = equilibrium_of(EXACT, taxes, params)
    np.testing.assert_allclose(found.point, costs, atol=1e-12)
    welfare = value(EXACT, taxes, params)
    assert welfare == pytest.approx(oracle.welfare(costs))
    np.testing.assert_allclose(slope(EXACT, taxes, params), 0, atol=1e-12)
    assert welfare > value(EXACT, jnp.zeros(2), params)


@pytest.mark.parametrize(
    ("game", "options"),
    [(EXACT, {}), (Bertrand(15), {"temperature": 0.1})],
    ids=["exact", "logit"],
)
def test_implicit_gradients_are_differences(game, options):
    params, taxes = params_of((0.2, 0.3), **options), jnp.array([0.05, -0.1])
    found = slope(game, taxes, params)
    for firm in (0, 1):
        step = jnp.zeros(2).at[firm].set(1e-5)
        ends = [value(game, taxes + sign * step, params) for sign in (1, -1)]
        np.testing.assert_allclose(found[firm], (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


def test_a_firm_that_is_far_too_dear_sells_nothing_and_holds_the_other_to_its_price():
    params = params_of((0.1, 0.9), substitutability=0.8)
    found = equilibrium_of(EXACT, jnp.zeros(2), params)
    profits = EXACT.utilities(found.point, jnp.zeros(2), params)
    assert found.residual < 1e-12
    assert profits[0] > 0 and profits[1] == pytest.approx(0, abs=1e-12)
    with pytest.raises(NotKnownError, match="both bought"):
        BertrandDuopoly((0.1, 0.9), substitutability=0.8).prices()


def test_logit_firms_respond_to_themselves_and_near_the_exact_prices():
    game, nodes = Bertrand(41), np.linspace(0, 1, 41)
    exact = equilibrium_of(EXACT, jnp.zeros(2), params_of((0.2, 0.3))).point
    distances = []
    for temperature in (0.1, 0.003):
        params = params_of((0.2, 0.3), temperature=temperature)
        found = equilibrium_of(game, jnp.zeros(2), params)
        assert found.residual < 1e-9
        distances.append(np.max(np.abs(np.asarray(found.point @ nodes - exact))))
    assert distances[0] > distances[1] and distances[1] < 0.05


def test_expectations_of_logit_firms_are_sums_over_all_prices():
    game, taxes = Bertrand(7), jnp.array([0.1, -0.1])
    params = params_of((0.2, 0.3), substitutability=0.7, temperature=0.1)
    policies = np.random.default_rng(0).dirichlet(np.ones(7), 2)
    nodes = np.linspace(0, 1, 7)
    expected = [
        sum(
            policies[firm, i] * policies[1 - firm, j] * profit(own, other, cost, 0.7)
            for i, own in enumerate(nodes)
            for j, other in enumerate(nodes)
        )
        for firm, cost in enumerate((0.3, 0.2))
    ]
    policies = jnp.asarray(policies)
    np.testing.assert_allclose(game.utilities(policies, taxes, params), expected)
    certain = jax.nn.one_hot(jnp.array([3, 4]), 7, dtype=policies.dtype)
    prices = jnp.asarray(nodes)[jnp.array([3, 4])]
    np.testing.assert_allclose(
        game.objective(certain, taxes, params), EXACT.objective(prices, taxes, params)
    )
    keys = jax.random.split(jax.random.key(0), 3000)
    played = jax.jit(jax.vmap(lambda key: game.play(key, policies, taxes, params)))(keys)
    error = jnp.std(played) / keys.size**0.5
    assert error > 0
    assert abs(jnp.mean(played) - game.objective(policies, taxes, params)) < 4 * error


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: params_of([0.1, 0.2, 0.3]), "costs"),
        (lambda: params_of([-0.1, 0.2]), "costs"),
        (lambda: params_of(intercept=0), "intercept"),
        (lambda: params_of(substitutability=1), "substitutability"),
        (lambda: params_of(highest_price=0), "highest_price"),
        (lambda: params_of(tax_low=2), "tax_high"),
        (lambda: params_of(temperature=np.nan), "temperature"),
        (lambda: Bertrand(1), "num_nodes"),
        (lambda: EXACT.respond(jnp.zeros(2), jnp.zeros(1), params_of()), "mechanism"),
        (lambda: BertrandDuopoly((0.1,)), "costs"),
        (lambda: BertrandDuopoly((0.1, 0.1), substitutability=1.0), "substitutability"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()
