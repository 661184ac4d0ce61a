"""Consumers who work, spend and save: value iteration over all actions, known values, slopes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest
from scipy.special import logsumexp
from scipy.stats import norm
from tiers import as_users_compile

import jaxmech
from jaxmech.agents.responses.game import equilibrium
from jaxmech.checks import InvalidValueError
from jaxmech.environments.consumer_tax import Choices, ConsumerTax, params_of

GAME = ConsumerTax()
COARSE = ConsumerTax(num_assets=13)
SMALL = ConsumerTax(Choices(num_goods=2, most_hours=3, most_units=2), num_assets=9, max_steps=30)
SMALL_TASTES = ((0.6, 0.3), (0.2, 0.7))

RATES = np.array([0.2, 0.0, 0.7, 0.4])
EQUAL = np.full(4, 0.3)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def value(rates, params, game):
    """What the taxes are worth when consumers have settled."""
    return game.objective(game.equilibrium(rates, params).point, rates, params)


@jax.jit
def settled(rates, params):
    """What small consumers do."""
    return SMALL.equilibrium(rates, params).point


def by_value_iteration(rates, temperature, num_assets=13, largest=30.0):
    """Of each type what consumers and who sets the taxes get, over all 1,250 actions alike."""
    assets = np.linspace(-largest, largest, num_assets)
    baskets = 1.25 * np.array(list(np.ndindex(5, 5, 5)), float)
    hours = 0.89 * np.arange(10)
    hours, spent = np.repeat(hours, len(baskets)), np.tile(baskets, (len(hours), 1))
    bought = spent / (1 + rates[:3])
    centres = np.clip(
        assets[:, None] + (1 - rates[3]) * hours - spent.sum(axis=1), assets[0], assets[-1]
    )
    ends = np.concatenate([assets[:1], (assets[1:] + assets[:-1]) / 2, assets[-1:]])
    shares = np.diff(norm.cdf(ends, centres[..., None], 5), axis=-1)
    shares /= shares.sum(axis=-1, keepdims=True)
    start = norm.pdf(assets, 0, np.sqrt(2))
    start /= start.sum()
    comfort = np.where(assets > 0, np.log1p(np.maximum(assets, 0) / 20), assets)
    revenue = rates[3] * hours + bought @ rates[:3]
    worth = 15 * bought.mean(axis=1) / 5 + 5 * np.log1p(revenue)
    found = []
    for tastes in ((0.6, 0.3, 0.1), (0.1, 0.7, 0.2)):
        rewards = comfort[:, None] + np.prod(bought**tastes, axis=1) - 0.1 * hours**2
        values = np.zeros(num_assets)
        for _ in range(220):
            actions = rewards + 0.9 * shares @ values
            values = temperature * logsumexp(actions / temperature, axis=1)
        policy = np.exp((rewards + 0.9 * shares @ values - values[:, None]) / temperature)
        np.testing.assert_allclose(policy.sum(axis=1), 1, rtol=1e-8)
        moves = np.einsum("sa,sat->st", policy, shares)
        system = np.eye(num_assets) - 0.9 * moves
        earned = np.stack([(policy * rewards).sum(axis=1), policy @ worth], axis=1)
        found.append(start @ np.linalg.solve(system, earned))
    return np.transpose(found)


@pytest.mark.parametrize("temperature", [0.1, 0.3])
def test_value_iteration_over_all_actions_finds_the_same(temperature):
    params = params_of(
        COARSE.choices, temperature=temperature, largest_assets=30.0, type_probabilities=[0.3, 0.7]
    )

    @jax.jit
    def of(rates):
        found = COARSE.equilibrium(rates, params)
        policies = found.point
        return (
            found.residual,
            COARSE.objective(policies, rates, params),
            COARSE.utilities(policies, rates, params),
        )

    residual, objective, utilities = of(RATES)
    assert float(residual) < 1e-11
    consumers, taxes = by_value_iteration(RATES, temperature)
    np.testing.assert_allclose(utilities, consumers, rtol=1e-8)
    np.testing.assert_allclose(objective, taxes @ [0.3, 0.7], rtol=1e-8)


def test_slopes_are_differences():
    params = params_of(COARSE.choices, temperature=0.2, largest_assets=30.0)
    of = jax.jit(lambda rates: jax.value_and_grad(value)(rates, params, COARSE))
    _, slopes = of(RATES + 0.1)
    for place, step in enumerate(1e-5 * np.eye(4)):
        above, below = of(RATES + 0.1 + step)[0], of(RATES + 0.1 - step)[0]
        assert float(slopes[place]) == pytest.approx(float(above - below) / 2e-5, abs=1e-6)
    # What nobody buys has no price that matters; all others have finite ones, at no tax too.
    assert np.isfinite(of(np.zeros(4))[1]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("temperature", "known"), [(0.1, 32.564), (0.2, 35.564), (0.3, 39.128)])
def test_known_values(temperature, known):
    """On the grid of 201 points at rates of .3 each; half as wide a grid changes them by .01."""
    params = params_of(GAME.choices, temperature=temperature)
    of = jax.jit(lambda rates: value(rates, params, GAME), compiler_options=as_users_compile())
    assert float(of(EQUAL)) == pytest.approx(known, abs=6e-4)


@pytest.mark.slow
def test_known_slopes_and_types():
    params = params_of(GAME.choices, temperature=0.3)
    of = jax.jit(jax.grad(value), static_argnums=2, compiler_options=as_users_compile())
    np.testing.assert_allclose(of(EQUAL, params, GAME), [-0.827, -1.963, 0.334, 36.162], atol=6e-4)
    for chances, known in (([1.0, 0.0], 38.896), ([0.0, 1.0], 39.359)):
        alone = params.replace(type_probabilities=jnp.asarray(chances))
        assert float(value(EQUAL, alone, GAME)) == pytest.approx(known, abs=6e-4)


def test_slopes_in_parameters_are_differences():
    """Also in the step of spending, of which some baskets have none of a good."""
    params = params_of(
        SMALL.choices, preferences=SMALL_TASTES, temperature=0.3, largest_assets=20.0
    )
    rates = jnp.array([0.5, 0.1, 0.6])
    of = jax.jit(lambda params: jax.value_and_grad(value, argnums=1)(rates, params, SMALL))
    _, slopes = of(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    for name in ("spending_step", "hours_step", "preferences"):
        given = getattr(params, name)
        step = jnp.zeros_like(given).at[(0,) * given.ndim].set(1e-5)
        above, below = (of(params.replace(**{name: given + sign * step}))[0] for sign in (1, -1))
        slope = getattr(slopes, name)[(0,) * given.ndim]
        assert float(slope) == pytest.approx(float(above - below) / 2e-5, rel=1e-5)


def test_play_is_the_objective_on_average():
    params = params_of(
        SMALL.choices,
        temperature=0.3,
        preferences=SMALL_TASTES,
        type_probabilities=[0.3, 0.7],
        largest_assets=20.0,
        discount=0.7,
    )
    rates = jnp.array([0.5, 0.1, 0.6])
    policies = settled(rates, params)
    keys = jax.random.split(jax.random.key(2), 1_000)
    play = jax.jit(jax.vmap(SMALL.play, in_axes=(0, None, None, None)))
    earned = np.asarray(play(keys, policies, rates, params))
    error = earned.std() / np.sqrt(len(keys))
    expected = float(SMALL.objective(policies, rates, params))
    assert error < 0.02 * expected
    assert abs(earned.mean() - expected) < 4 * error


def test_policies_are_probabilities_and_taxes_change_them():
    params = params_of(SMALL.choices, preferences=SMALL_TASTES, temperature=0.1)
    untaxed, taxed = settled(jnp.zeros(3), params), settled(jnp.array([2.0, 0.0, 1.5]), params)
    random = SMALL.initial_policies(params)
    for policies in (random, untaxed, taxed):
        np.testing.assert_allclose(jnp.sum(policies.actions, axis=-1), 1, rtol=1e-12)
        per_total = policies.baskets @ SMALL.choices.divides.T
        np.testing.assert_allclose(per_total, np.ones((2, 5)), rtol=1e-12)
    again = jax.jit(SMALL.respond)(untaxed, jnp.zeros(3), params)
    np.testing.assert_allclose(again.actions, untaxed.actions, atol=1e-11)
    # Work for which one pays is done less.
    worked = [policies.actions @ SMALL.choices.hours for policies in (untaxed, taxed)]
    assert np.all(worked[1] < worked[0])
    # A tax makes all baskets worth less by one factor: who divides a total wavers more by as much.
    for place, (first_taste, _) in enumerate(SMALL_TASTES):
        hotter = params.replace(temperature=0.1 * jnp.asarray(3.0) ** first_taste)
        same = settled(jnp.zeros(3), hotter).baskets[place]
        np.testing.assert_allclose(taxed.baskets[place], same, rtol=1e-12)


@pytest.mark.slow
def test_responses_lead_to_the_equilibrium_with_the_slopes_of_any_game():
    params = params_of(SMALL.choices, preferences=SMALL_TASTES, temperature=0.3)
    rates = jnp.array([0.5, 0.1, 0.6])

    def generally(rates):
        solver = optimistix.FixedPointIteration(rtol=1e-12, atol=1e-12)
        policies = equilibrium(SMALL, rates, params, solver=solver).point
        return SMALL.objective(policies, rates, params)

    own = jax.jit(jax.value_and_grad(lambda rates: value(rates, params, SMALL)))(rates)
    general = jax.jit(jax.value_and_grad(generally))(rates)
    assert float(jnp.max(jnp.abs(own[1]))) > 1e-2
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8), general, own)


def test_consumers_who_do_not_waver_do_what_is_best():
    params = params_of(SMALL.choices, preferences=SMALL_TASTES, temperature=0.0)
    rates = jnp.array([0.5, 0.1, 0.6])
    policies = settled(rates, params)
    assert np.all(np.max(policies.actions, axis=-1) > 0.999)
    wavering = params.replace(temperature=jnp.asarray(0.5))
    other = settled(rates, wavering)
    utilities = jax.jit(SMALL.utilities)
    best, less = (utilities(each, rates, params) for each in (policies, other))
    assert np.all(best > less)


def test_single_precision_knows_the_value():
    with jax.enable_x64(False):
        env, params = jaxmech.make("consumer_tax", num_assets=13, largest_assets=30.0)
        rates = jnp.asarray(RATES, jnp.float32)
        found, slopes = jax.jit(jax.value_and_grad(value), static_argnums=2)(
            rates, params.game, env.game
        )
        assert found.dtype == slopes.dtype == jnp.float32
    _, taxes = by_value_iteration(RATES, 0.1)
    assert float(found) == pytest.approx(taxes.mean(), rel=1e-4)
    assert np.isfinite(slopes).all()


def test_sizes():
    assert GAME.choices.num_actions == 130
    assert GAME.choices.baskets.shape == (125, 3)
    assert GAME.choices.divides.sum() == 125
    space = GAME.mechanism_space(GAME.default_params)
    assert space.shape == (4,) and float(space.high) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"discount": 1.0}, "discount"),
        ({"effort": -0.1}, "effort"),
        ({"noise": 0.0}, "noise"),
        ({"largest_assets": float("inf")}, "largest_assets"),
        ({"highest_rate": 0.0}, "highest_rate"),
        ({"revenue_weight": float("nan")}, "revenue_weight"),
        ({"preferences": [[0.5, 0.5]]}, "preferences"),
        ({"preferences": [0.5, 0.3, 0.2]}, "preferences"),
        ({"preferences": [[0.5, 0.0, 0.5]]}, "preferences"),
        ({"type_probabilities": [0.5, 0.4]}, "type_probabilities"),
        ({"type_probabilities": [1.0]}, "type_probabilities"),
        ({"type_probabilities": [1.5, -0.5]}, "type_probabilities"),
        ({"type_probabilities": [0.5j, 0.5]}, "type_probabilities"),
        ({"preferences": [[0.5, 0.5], [1.0]]}, "preferences"),
        ({"num_assets": 1}, "num_assets"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_refused(changes, field):
    with pytest.raises(InvalidValueError) as refused:
        jaxmech.make("consumer_tax", **changes)
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["num_goods", "most_hours", "most_units"])
def test_refused_choices(field):
    with pytest.raises(InvalidValueError) as refused:
        Choices(**{field: 0})
    assert refused.value.field == field
