"""Income taxes: what people do under them, what it is worth, and that learned ones are optimal."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiers import slowly

from jaxmech.checks import InvalidValueError
from jaxmech.environments.income_tax import (
    BracketTax,
    ExactLabour,
    GridLabour,
    IncomeTax,
    LinearTax,
    NetworkTax,
    least_utility,
    log_utility,
    lognormal_skills,
    params_of,
    pareto_skills,
    revenue,
    weighted_utility,
)
from jaxmech.networks import MLP
from jaxmech.oracles import income_tax as oracle

CENTILES = 0.005
"""How far a learned rate may lie from the population's own best."""


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@partial(jax.jit, static_argnums=0)
def respond(game, mechanism, params):
    return game.respond(game.initial_policies(params), mechanism, params)


@partial(jax.jit, static_argnums=0)
def value(game, mechanism, params):
    """The objective once people have responded."""
    return game.objective(respond(game, mechanism, params), mechanism, params)


def learn(game, params, start, *, steps=300, rate=0.03):
    """Adam, whose step falls to a hundredth, on the gradient through the response."""
    space = game.mechanism_space(params)
    optimiser = optax.adam(optax.cosine_decay_schedule(rate, steps, 0.01))

    def step(carry, _):
        mechanism, state = carry
        gradient = jax.grad(lambda w: -value(game, w, params))(mechanism)
        change, state = optimiser.update(gradient, state)
        return (jnp.clip(mechanism + change, space.low, space.high), state), None

    def train(start):
        return jax.lax.scan(step, (start, optimiser.init(start)), length=steps)[0][0]

    return jax.jit(train)(jnp.asarray(start))


def best_utility(skill, rates, thresholds, elasticity):
    """Before the demogrant, by search over earnings, and how far apart those are, NumPy."""
    earnings = np.linspace(0, 1.5**elasticity * skill ** (1 + elasticity), 20_001)
    edges = [0, *thresholds, np.inf]
    taxes = sum(
        rate * np.clip(earnings - low, 0, high - low)
        for rate, low, high in zip(rates, edges[:-1], edges[1:], strict=True)
    )
    power = 1 + 1 / elasticity
    return np.max(earnings - taxes - (earnings / skill) ** power / power), earnings[1]


@settings(max_examples=25, deadline=None)
@given(
    rates=st.lists(st.floats(-0.3, 0.95), min_size=3, max_size=3),
    skill=st.floats(0.3, 3),
    elasticity=st.floats(0.15, 1.5),
)
def test_exact_labour_is_the_best_whether_or_not_rates_rise(rates, skill, elasticity):
    thresholds = (0.5, 1.5)
    game = IncomeTax(BracketTax(thresholds, low=-0.5))
    params = params_of([skill], elasticity=elasticity)
    mechanism = jnp.asarray(rates)
    earnings = respond(game, mechanism, params)
    # The demogrant is this one person's own tax.
    reached = game.utilities(earnings, mechanism, params)[0]
    kept = float(reached - game.revenue(earnings, mechanism, params))
    searched, step = best_utility(skill, rates, thresholds, elasticity)
    assert searched - 1e-12 <= kept <= searched + 2 * step


def test_a_linear_tax_gives_the_closed_forms():
    skills, elasticity, rate = np.array([0.5, 1.0, 3.0]), 0.4, 0.3
    game, params = IncomeTax(), params_of(skills, elasticity=elasticity)
    mechanism = jnp.array([rate])
    earnings = respond(game, mechanism, params)
    np.testing.assert_allclose(earnings, skills**1.4 * 0.7**0.4)
    demogrant = 0.3 * np.mean(skills**1.4 * 0.7**0.4)
    np.testing.assert_allclose(
        game.utilities(earnings, mechanism, params), demogrant + (0.7 * skills) ** 1.4 / 1.4
    )
    np.testing.assert_allclose(game.revenue(earnings, mechanism, params), demogrant)
    np.testing.assert_allclose(game.initial_policies(params), skills**1.4)


def test_rates_that_rise_make_people_bunch_at_the_threshold():
    skills, shares = pareto_skills(1.5 * 1.25, 0.25, num_types=2000)
    params = params_of(skills, shares=shares, elasticity=0.25)
    game = IncomeTax(BracketTax((3.0,)), criterion=revenue)
    mechanism = jnp.array([0.3, oracle.top_rate(1.5, 0.25)])
    earnings = respond(game, mechanism, params)
    bunched = float(jnp.sum(params.shares * (earnings == 3)))
    above = float(jnp.sum(params.shares * (earnings > 3)))
    assert bunched == pytest.approx(0.050, abs=2e-3) and above == pytest.approx(0.118, abs=2e-3)
    assert value(game, mechanism, params) == pytest.approx(1.036080, abs=2e-5)
    assert value(game, jnp.array([0.3, 0.3]), params) == pytest.approx(0.823222, abs=2e-5)


def test_criteria_agree_with_their_definitions():
    skills = np.array([0.5, 1.0, 3.0])
    params = params_of(skills, shares=[1, 2, 1], welfare_weights=[3, 1, 0.5], elasticity=0.5)
    mechanism = jnp.array([0.4])
    game = IncomeTax()
    earnings = respond(game, mechanism, params)
    utilities = np.asarray(game.utilities(earnings, mechanism, params))
    shares, weights = np.array([0.25, 0.5, 0.25]), np.array([3, 1, 0.5])
    expected = {
        weighted_utility: shares @ (weights * utilities) / (shares @ weights),
        log_utility: shares @ np.log(utilities),
        revenue: game.revenue(earnings, mechanism, params),
        least_utility: utilities[0],
    }
    for criterion, number in expected.items():
        found = IncomeTax(criterion=criterion).objective(earnings, mechanism, params)
        np.testing.assert_allclose(found, number)


def test_the_logarithm_goes_on_along_its_tangent():
    ones, params = jnp.ones((1, 1)), params_of([1.0])

    def of(utility):
        return log_utility(jnp.full((1, 1), utility), ones, jnp.zeros(()), params)

    slope = (of(0.5e-6) - of(-3.0)) / (0.5e-6 + 3.0)
    assert slope == pytest.approx(1e6) and of(1e-6) == pytest.approx(np.log(1e-6))
    assert jax.grad(of)(-3.0) == pytest.approx(1e6) and jax.grad(of)(2.0) == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", [LinearTax(), BracketTax((0.5, 2.0))])
def test_gradients_through_exact_labour_are_differences(schedule):
    skills, shares = lognormal_skills(0.5, num_types=20)
    params = params_of(skills, shares=shares, welfare_weights=1 / skills, elasticity=0.3)
    game = IncomeTax(schedule)
    mechanism = jnp.array([0.2, 0.35, 0.5])[: schedule.space.shape[0]]
    found = jax.grad(lambda w: value(game, w, params))(mechanism)
    for place in range(mechanism.size):
        step = jnp.zeros_like(mechanism).at[place].set(1e-6)
        difference = value(game, mechanism + step, params) - value(game, mechanism - step, params)
        np.testing.assert_allclose(found[place], difference / 2e-6, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("sigma", "elasticity"), [(0.5, 0.25), (0.7, 0.5), *slowly((0.7, 0.25), (0.5, 0.5))]
)
def test_learned_linear_rates_are_those_of_fixed_weights(sigma, elasticity):
    skills, shares = lognormal_skills(sigma)
    for aversion in (0.5, 2.0):
        weights = skills**-aversion
        params = params_of(skills, shares=shares, welfare_weights=weights, elasticity=elasticity)
        learned = learn(IncomeTax(), params, [0.1])
        own = oracle.linear_rate(skills, elasticity, weights, shares=shares)
        relative = oracle.lognormal_relative_weight(sigma, elasticity, aversion)
        assert own == pytest.approx(oracle.linear_rate_at(relative, elasticity), abs=1e-9)
        assert learned[0] == pytest.approx(own, abs=CENTILES / 10)


def test_a_learned_linear_rate_of_a_sample_is_the_samples_own():
    skills = np.exp(0.7 * np.random.default_rng(1).standard_normal(200))
    weights = skills**-1
    params = params_of(skills, welfare_weights=weights, elasticity=0.25)
    own = oracle.linear_rate(skills, 0.25, weights)
    assert abs(own - 0.646896) > CENTILES
    assert learn(IncomeTax(), params, [0.1])[0] == pytest.approx(own, abs=CENTILES / 10)


def test_learned_rates_of_highest_revenue_and_of_the_mean_logarithm():
    skills, shares = lognormal_skills(0.5)
    params = params_of(skills, shares=shares, elasticity=0.25)
    for criterion, expected in [
        (revenue, 0.8),
        (log_utility, oracle.log_utility_optimum(skills, 0.25, shares=shares).rate),
    ]:
        learned = learn(IncomeTax(criterion=criterion), params, [0.1])
        assert learned[0] == pytest.approx(expected, abs=CENTILES / 10)
    assert expected == pytest.approx(0.409987, abs=1e-6)


@pytest.mark.parametrize(
    ("tail", "elasticity"), [(1.5, 0.25), (2.0, 0.5), *slowly((2.0, 0.25), (3.0, 0.5))]
)
def test_learned_top_rates(tail, elasticity):
    skills, shares = pareto_skills(tail * (1 + elasticity), elasticity, num_types=1500)
    params = params_of(skills, shares=shares, elasticity=elasticity)
    schedule = BracketTax((3.0,), low=0.3, high=(0.3, 0.99))
    learned = learn(IncomeTax(schedule, criterion=revenue), params, [0.3, 0.4])
    own = oracle.top_rate_of_population(
        skills, elasticity, threshold=3, low=0.3, shares=np.asarray(params.shares)
    )
    assert own == pytest.approx(oracle.top_rate(tail, elasticity), abs=CENTILES / 2)
    assert learned[0] == pytest.approx(0.3)
    assert learned[1] == pytest.approx(own, abs=CENTILES)


def test_learned_top_rate_with_a_weight_on_those_who_pay():
    tail, elasticity, weight, low = 1.5, 0.25, 0.5, 0.3
    skills, shares = pareto_skills(tail * (1 + elasticity), elasticity, num_types=1500)
    pays = skills ** (1 + elasticity) * (1 - low) ** elasticity > 3
    rest = (1 - weight * shares[pays].sum()) / shares[~pays].sum()
    weights = np.where(pays, weight, rest)
    params = params_of(skills, shares=shares, welfare_weights=weights, elasticity=elasticity)
    game = IncomeTax(BracketTax((3.0,), low=low, high=(low, 0.99)))
    learned = learn(game, params, [low, 0.4])
    expected = oracle.top_rate(tail, elasticity, weight=weight)
    assert learned[1] == pytest.approx(expected, abs=CENTILES)


THRESHOLDS = tuple(float(edge) for edge in np.geomspace(1.2, 100, 14))


@pytest.mark.parametrize(
    "schedule",
    [
        LinearTax(),
        BracketTax((2.0, 5.0)),
        NetworkTax(MLP((16,), 1, 0.01), THRESHOLDS),
    ],
    ids=["linear", "brackets", "network"],
)
def test_maximin_of_pareto_skills_is_one_rate_for_every_kind_of_tax(schedule):
    tail, elasticity = 2.0, 0.5
    skills, shares = pareto_skills(tail * (1 + elasticity), elasticity, num_types=800, rarest=1e-8)
    params = params_of(skills, shares=shares, elasticity=elasticity)
    game = IncomeTax(schedule, criterion=least_utility)
    size = schedule.space.shape[0]
    start = jnp.full(size, 0.0 if isinstance(schedule, NetworkTax) else 0.2)
    learned = learn(game, params, start, steps=300)
    rates = np.asarray(schedule.rates(learned))
    earnings = respond(game, learned, params)
    place = np.searchsorted(schedule.thresholds, np.asarray(earnings))
    own = oracle.linear_rate_at(1 / (shares @ skills ** (1 + elasticity)), elasticity)
    assert own == pytest.approx(oracle.top_rate(tail, elasticity), abs=1e-12)
    np.testing.assert_allclose(rates[place], own, atol=CENTILES)


def logit_params(**options):
    skills, shares = lognormal_skills(0.5, num_types=12)
    return params_of(skills, shares=shares, welfare_weights=1 / skills, elasticity=0.5, **options)


def test_logit_labour_nears_the_exact_one_as_the_temperature_falls():
    """And at temperature 0 it is the best amount on the grid."""
    mechanism = jnp.array([0.2, 0.4])
    schedule = BracketTax((1.0,))
    params = logit_params()
    exact = value(IncomeTax(schedule), mechanism, params)
    game = IncomeTax(schedule, GridLabour(801))
    lost = [
        float(exact - value(game, mechanism, logit_params(temperature=temperature)))
        for temperature in (0.1, 0.01, 0.001, 0.0)
    ]
    assert lost[0] > lost[1] > lost[2] and lost[0] > 0.02
    assert abs(lost[-2]) < 1e-3 and abs(lost[-1]) < 1e-3
    policies = respond(game, mechanism, params)
    np.testing.assert_allclose(jnp.max(policies, axis=-1), 1)


def test_learned_rates_of_logit_people_near_the_closed_form_as_the_temperature_falls():
    game = IncomeTax(labour=GridLabour(401))
    skills, shares = lognormal_skills(0.5, num_types=12)
    own = oracle.linear_rate(skills, 0.5, 1 / skills, shares=shares)
    distances = [
        abs(float(learn(game, logit_params(temperature=temperature), [0.2])[0]) - own)
        for temperature in (1.0, 0.001)
    ]
    assert distances[0] > CENTILES and distances[1] < CENTILES


def test_gradients_through_logit_labour_are_differences():
    game, params = IncomeTax(labour=GridLabour(51)), logit_params(temperature=0.05)
    found = jax.grad(lambda w: value(game, w, params))(jnp.array([0.3]))[0]
    ends = [value(game, jnp.array([0.3 + step]), params) for step in (1e-6, -1e-6)]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("criterion", [weighted_utility, revenue, log_utility])
def test_what_is_played_is_the_objective_on_average(criterion):
    game = IncomeTax(labour=GridLabour(21), criterion=criterion)
    params = logit_params(temperature=0.2)
    mechanism = jnp.array([0.4])
    policies = respond(game, mechanism, params)
    keys = jax.random.split(jax.random.key(0), 5000)
    played = jax.jit(jax.vmap(lambda key: game.play(key, policies, mechanism, params)))(keys)
    error = jnp.std(played) / keys.size**0.5
    assert error > 0
    assert abs(jnp.mean(played) - game.objective(policies, mechanism, params)) < 4 * error
    alone = game.play(keys[3], policies, mechanism, params)
    np.testing.assert_allclose(alone, played[3], rtol=1e-12)


def test_people_who_choose_best_play_the_objective():
    game, params, mechanism = IncomeTax(), logit_params(), jnp.array([0.4])
    earnings = game.equilibrium(mechanism, params).point
    played = game.play(jax.random.key(0), earnings, mechanism, params)
    assert played == pytest.approx(float(game.objective(earnings, mechanism, params)), abs=1e-12)


@pytest.mark.parametrize("labour", [ExactLabour(), GridLabour(31)])
def test_an_equilibrium_is_a_response_to_itself(labour):
    game, params = IncomeTax(labour=labour), logit_params(temperature=0.1)
    found = game.equilibrium(jnp.array([0.3]), params)
    again = game.respond(found.point, jnp.array([0.3]), params)
    np.testing.assert_array_equal(again, found.point)
    assert found.residual == 0 and found.steps == 1


@pytest.mark.parametrize("labour", [ExactLabour(), GridLabour(31)])
def test_taxes_and_elasticities_are_swept_in_one_program_and_keep_their_dtype(labour):
    game = IncomeTax(BracketTax((1.0,)), labour)
    mechanisms = jnp.array([[0.1, 0.2], [0.3, 0.5], [0.6, 0.4]])
    elasticities = jnp.array([0.2, 0.4, 0.8])
    params = logit_params(temperature=0.1)

    def at(mechanism, elasticity):
        return value(game, mechanism, params.replace(elasticity=elasticity))

    swept = jax.jit(jax.vmap(at))(mechanisms, elasticities)
    alone = [at(*one) for one in zip(mechanisms, elasticities, strict=True)]
    np.testing.assert_allclose(swept, alone, rtol=1e-12)
    with jax.enable_x64(False):
        single = value(game, jnp.array([0.1, 0.2]), logit_params(temperature=0.1))
        assert single.dtype == jnp.float32


def test_a_network_begins_near_the_middle_and_the_same_each_time():
    schedule = NetworkTax(MLP((16,), 1, 0.01), (1.0, 2.0, 4.0), low=0.1, high=0.7)
    start = jnp.zeros(schedule.space.shape)
    rates = jax.jit(schedule.rates)(start)
    np.testing.assert_allclose(rates, 0.4, atol=0.02)
    np.testing.assert_allclose(rates, schedule.rates(start), rtol=1e-12)
    other = NetworkTax(schedule.network, schedule.thresholds, low=0.1, high=0.7, seed=1)
    assert not np.array_equal(rates, other.rates(start))
    extreme = schedule.rates(schedule.space.high * jnp.ones_like(start))
    assert jnp.all((extreme >= 0.1) & (extreme <= 0.7))
    slopes = jax.grad(lambda w: jnp.sum(schedule.rates(w) * jnp.arange(4.0)))(start)
    assert jnp.mean(slopes != 0) > 0.9


def test_rates_beyond_the_bounds_count_as_the_nearest_bound():
    np.testing.assert_allclose(LinearTax(0.1, 0.6).rates(jnp.array([0.9])), 0.6)
    brackets = BracketTax((1.0,), low=(0.0, 0.2), high=(0.0, 0.5))
    np.testing.assert_allclose(brackets.rates(jnp.array([0.9, 0.1])), [0.0, 0.2])
    assert brackets.space.contains(jnp.array([0.0, 0.3]))


def test_equal_games_have_equal_hashes():
    network = MLP((16,), 1, 0.01)
    games = [IncomeTax(NetworkTax(network, (1.0, 2.0)), GridLabour(31), revenue) for _ in "ab"]
    assert games[0] == games[1] and hash(games[0]) == hash(games[1])


def test_strata_have_the_mean_earnings_of_the_distribution():
    skills, shares = pareto_skills(1.875, 0.25, num_types=50)
    assert np.sum(shares) == pytest.approx(1) and skills[0] == 1 and shares[0] == 0
    assert np.all(np.diff(skills) > 0)
    assert shares @ skills**1.25 == pytest.approx(3)  # a / (a - 1), a = 1.5
    skills, shares = lognormal_skills(0.5)
    assert shares @ skills**1.25 == pytest.approx(np.exp(0.5 * (1.25 * 0.5) ** 2))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: params_of([]), "skills"),
        (lambda: params_of([0.0, 1.0]), "skills"),
        (lambda: params_of([1.0, np.nan]), "skills"),
        (lambda: params_of([1.0, 2.0], shares=[1.0]), "shares"),
        (lambda: params_of([1.0, 2.0], shares=[-1.0, 2.0]), "shares"),
        (lambda: params_of([1.0, 2.0], shares=[0.0, 0.0]), "the sum of shares"),
        (lambda: params_of([1.0, 2.0], welfare_weights=[0, 0]), "the sum of welfare_weights"),
        (lambda: params_of([1.0], elasticity=0), "elasticity"),
        (lambda: params_of([1.0], temperature=-1), "temperature"),
        (lambda: LinearTax(0.2, 1.0), "high"),
        (lambda: LinearTax(0.5, 0.2), "high"),
        (lambda: BracketTax(()), "thresholds"),
        (lambda: BracketTax((2.0, 1.0)), "thresholds"),
        (lambda: BracketTax((0.0, 1.0)), "thresholds"),
        (lambda: BracketTax((1.0,), low=(0.1, 0.2, 0.3)), "low"),
        (lambda: BracketTax((1.0,), low=0.5, high=0.4), "high"),
        (lambda: BracketTax([1.0]), "thresholds"),
        (lambda: NetworkTax(MLP((4,), 2, 0.01), (1.0, 2.0)), "network"),
        (lambda: NetworkTax(MLP([4], 1, 0.01), (1.0, 2.0), bound=0), "bound"),
        (lambda: GridLabour(1), "num_nodes"),
        (lambda: GridLabour(11, highest=0), "highest"),
        (lambda: IncomeTax(criterion="welfare"), "criterion"),
        (lambda: IncomeTax().equilibrium(jnp.zeros(2), params_of([1.0])), "mechanism"),
        (lambda: lognormal_skills(0.0), "sigma"),
        (lambda: pareto_skills(1.2, 0.25), "alpha"),
        (lambda: pareto_skills(2.0, 0.25, rarest=1), "rarest"),
    ],
)
def test_what_is_out_of_range_is_refused(call, named):
    with pytest.raises(InvalidValueError, match=f"^{named}: got"):
        call()
