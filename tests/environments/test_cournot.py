"""Cournot markets: known equilibria, taxes and caps, and logit firms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incentive_games import equilibrium_of, slope, value
from scipy import optimize
from tiers import slowly

from jaxmech.agents.responses.fixed_points import newton
from jaxmech.agents.responses.game import equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.environments.cournot import (
    Cournot,
    params_of,
)
from jaxmech.oracles.cournot import LinearCournot

EXACT = Cournot()
EMITTERS = LinearCournot(
    (1.0, 2.0, 3.0), 10.0, curvatures=0.5, emissions=(1.0, 0.6, 0.2), damage=2.0
)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def best_tax(game, params, low=-3.0, high=8.0):
    """Where the implicit gradient is 0."""
    return optimize.brentq(lambda t: float(slope(game, jnp.array([t]), params)[0]), low, high)


def test_ten_firms():
    params = params_of(
        [10 * (1 + i / 2) for i in range(10)],
        intercept=600,
        curvatures=0,
        emissions=0,
        damage=0,
        lowest=7,
        highest=100,
    )
    found = equilibrium_of(EXACT, jnp.zeros(1), params)
    np.testing.assert_allclose(found.point, 74.090909090909 - 5 * np.arange(10), rtol=1e-12)
    assert found.residual < 1e-11


def test_the_best_tax_and_what_it_brings():
    params = params_of()
    untaxed = equilibrium_of(EXACT, jnp.zeros(1), params).point
    np.testing.assert_allclose(untaxed, EMITTERS.quantities(), rtol=1e-12)
    assert value(EXACT, jnp.zeros(1), params) == pytest.approx(13.247407, abs=5e-7)

    tax = best_tax(EXACT, params)
    assert tax == pytest.approx(3.4662414, abs=5e-8)
    quantities = equilibrium_of(EXACT, jnp.array([tax]), params).point
    np.testing.assert_allclose(quantities, [1.057948, 1.315612, 1.573277], atol=5e-7)
    welfare = value(EXACT, jnp.array([tax]), params)
    assert welfare == pytest.approx(17.2651663, abs=5e-8)
    assert welfare < EMITTERS.welfare(EMITTERS.first_best())


def test_little_damage_calls_for_a_subsidy():
    params = params_of(damage=0.5)
    tax = best_tax(EXACT, params)
    assert tax == pytest.approx(-0.6114398, abs=5e-8)
    assert value(EXACT, jnp.array([tax]), params) == pytest.approx(23.768135, abs=5e-7)


def test_a_cap_is_worth_the_tax_that_implements_it():
    params = params_of()
    found = jax.jit(EXACT.cap_price)(jnp.array(3.0), params)
    assert found.point == pytest.approx(1.6176471, abs=5e-8) and found.residual < 1e-12
    quantities = equilibrium_of(EXACT, found.point[None], params).point
    np.testing.assert_allclose(quantities, [1.797386, 1.562092, 1.326797], atol=5e-7)
    assert jax.jit(EXACT.cap_price)(jnp.array(4.0), params).point == 0


def test_the_price_of_a_cap_has_the_slope_of_the_closed_form():
    found = jax.jit(jax.grad(lambda cap: EXACT.cap_price(cap, params_of()).point))(3.0)
    expected = EMITTERS.cap_price(3.5) - EMITTERS.cap_price(2.5)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    costs=st.lists(st.floats(0, 12), min_size=3, max_size=3),
    emissions=st.lists(st.floats(0, 2), min_size=3, max_size=3),
    curvature=st.floats(0, 2),
    tax=st.floats(-3, 5),
)
def test_no_firm_gains_by_another_quantity(costs, emissions, curvature, tax):
    """With bounds that bind and without."""
    params = params_of(
        costs, emissions=emissions, curvatures=curvature, lowest=0.3, highest=(3, 4, 5)
    )
    found = equilibrium_of(EXACT, jnp.array([tax]), params)
    quantities = np.asarray(found.point)
    assert found.residual < 1e-12
    for firm in range(3):
        tried = np.linspace(0.3, 3 + firm, 2001)
        prices = 10 - (quantities.sum() - quantities[firm] + tried)
        costs_of = costs[firm] * tried + curvature * tried**2 / 2
        profits = tried * (prices - tax * emissions[firm]) - costs_of
        utilities = EXACT.utilities(found.point, jnp.array([tax]), params)
        assert float(utilities[firm]) >= profits.max() - 1e-10


@pytest.mark.parametrize(
    ("game", "options"),
    [(EXACT, {}), (EXACT, {"highest": (3.0, 1.0, 3.0)}), (Cournot(41), {"temperature": 0.3})],
    ids=["interior", "at a bound", "logit"],
)
def test_implicit_gradients_are_differences(game, options):
    params = params_of(**options)
    at = jnp.array([1.2])
    ends = [value(game, at + step, params) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(slope(game, at, params)[0], (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


@pytest.mark.parametrize(
    ("game", "options"), [(EXACT, {}), *slowly((Cournot(41), {"temperature": 0.3}))]
)
def test_second_derivatives_are_differences_of_gradients(game, options):
    params = params_of(**options)
    at = jnp.array([1.2])
    second = jax.jit(jax.jacfwd(lambda w: slope(game, w, params)))(at)[0, 0]
    slopes = [slope(game, at + step, params)[0] for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(second, (slopes[0] - slopes[1]) / 2e-5, rtol=1e-5)


def test_the_general_way_to_an_equilibrium_finds_the_same():
    """Newton's method on all policies at once."""
    for game, params in ((EXACT, params_of()), (Cournot(7), params_of(temperature=0.5))):
        mechanism = jnp.array([1.0])
        own = equilibrium_of(game, mechanism, params)
        start = game.initial_policies(params)

        def general(game=game, params=params, start=start, mechanism=mechanism):
            return equilibrium(game, mechanism, params, solver=newton(start))

        np.testing.assert_allclose(jax.jit(general)().point, own.point, atol=1e-12)


def test_logit_firms_near_the_exact_equilibrium_as_the_temperature_falls():
    game, mechanism = Cournot(201), jnp.array([1.0])
    exact = equilibrium_of(EXACT, mechanism, params_of()).point
    distances = []
    for temperature in (1.0, 0.1, 0.01):
        params = params_of(highest=4.0, temperature=temperature)
        found = equilibrium_of(game, mechanism, params)
        assert found.residual < 1e-12
        means = found.point @ np.linspace(0, 4, 201)
        distances.append(float(jnp.max(jnp.abs(means - exact))))
    assert distances[0] > distances[1] > distances[2] and distances[2] < 0.01


def test_expectations_of_logit_firms_are_those_of_draws():
    game, params, mechanism = Cournot(9), params_of(temperature=0.5), jnp.array([1.0])
    policies = equilibrium_of(game, mechanism, params).point
    keys = jax.random.split(jax.random.key(0), 4000)
    played = jax.jit(jax.vmap(lambda key: game.play(key, policies, mechanism, params)))(keys)
    error = jnp.std(played) / keys.size**0.5
    assert error > 0
    assert abs(jnp.mean(played) - game.objective(policies, mechanism, params)) < 4 * error

    # Profits, by all 9^3 profiles.
    nodes = np.linspace(0, 10, 9)
    profiles = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"))
    weights = np.einsum("i,j,k->ijk", *np.asarray(policies))
    margins = 10 - profiles.sum(axis=0) - np.reshape([2, 2.6, 3.2], (3, 1, 1, 1))
    profits = profiles * margins - profiles**2 / 4
    expected = np.sum(weights * profits, axis=(1, 2, 3))
    np.testing.assert_allclose(game.utilities(policies, mechanism, params), expected)


def test_many_taxes_in_one_program_and_in_single_precision():
    params, taxes = params_of(), jnp.linspace(-1, 4, 7)[:, None]
    swept = jax.jit(jax.vmap(lambda tax: value(EXACT, tax, params)))(taxes)
    alone = [EMITTERS.welfare(EMITTERS.quantities(float(tax[0]))) for tax in taxes]
    np.testing.assert_allclose(swept, alone, rtol=1e-12)
    with jax.enable_x64(False):
        found = equilibrium_of(EXACT, jnp.array([1.0]), params_of())
        assert found.point.dtype == jnp.float32
        np.testing.assert_allclose(found.point, EMITTERS.quantities(1.0), rtol=5e-5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: params_of([]), "costs"),
        (lambda: params_of([-1.0, 1.0], emissions=1), "costs"),
        (lambda: params_of(intercept=0), "intercept"),
        (lambda: params_of(slope=np.inf), "slope"),
        (lambda: params_of(curvatures=(1, 2)), "curvatures"),
        (lambda: params_of(emissions=(1, 2, np.nan)), "emissions"),
        (lambda: params_of(damage=-1), "damage"),
        (lambda: params_of(lowest=5, highest=5), "highest"),
        (lambda: params_of(tax_low=1, tax_high=1), "tax_high"),
        (lambda: params_of(tax_high=np.inf), "tax_high"),
        (lambda: params_of(temperature=-0.1), "temperature"),
        (lambda: Cournot(1), "num_nodes"),
        (lambda: Cournot(9).cap_price(jnp.ones(()), params_of()), "num_nodes"),
        (lambda: EXACT.equilibrium(jnp.zeros(2), params_of()), "mechanism"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()
