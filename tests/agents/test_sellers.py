"""Sellers who price from their records or learn on a grid, and the buyers they meet."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy.stats import beta

from jaxmech.agents import (
    Buyers,
    Empirical,
    Logistic,
    Records,
    SellerObservation,
    Uniform,
    seller_observation,
    seller_population,
)
from jaxmech.agents.sellers.population import realistic_exploration
from jaxmech.agents.sellers.price_learning import PriceLearning

ROUNDS, SELLERS = 5, 40


def records_of(seed, rounds=ROUNDS, sellers=SELLERS, sold=True):
    random = np.random.default_rng(seed)
    impressions = random.dirichlet(np.ones(sellers), rounds)
    prices = random.uniform(0, 1, (rounds, sellers))
    transactions = impressions * (1 - prices) * sold
    return Records(*(jnp.asarray(x, float) for x in (impressions, prices, transactions)))


@jax.jit
def prices_of(population, records, costs, uniforms, learned=None, elapsed=0.0):
    learned = population.init() if learned is None else learned
    last = jnp.zeros(costs.shape, jnp.int32)
    return population.prices(learned, records, costs, uniforms, elapsed, last)


def uniforms_of(seed, count=SELLERS):
    return jnp.asarray(np.random.default_rng(seed).uniform(0, 1, count), float)


def plain_best_prices(records, costs, discount):
    """Of the round that earned most, of equals the latest."""
    prices, sold = np.asarray(records.prices), np.asarray(records.transactions)
    best = []
    for seller, cost in enumerate(np.asarray(costs)):
        profits = [
            discount ** (len(prices) - row) * (prices[row, seller] - cost) * sold[row, seller]
            for row in range(len(prices))
        ]
        latest = max(row for row, profit in enumerate(profits) if profit == max(profits))
        best.append(prices[latest, seller])
    return np.array(best)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_explorers_ask_their_most_profitable_price(seed):
    population = seller_population(["resampling"] * SELLERS, exploration=1, noise=0)
    costs = 0.5 * uniforms_of(seed + 1)
    with jax.enable_x64(False):
        records = records_of(seed)
        asked, _ = prices_of(population, records, costs, uniforms_of(seed))
        expected = plain_best_prices(records, costs, 0.9)
    np.testing.assert_allclose(asked, expected, atol=1e-7)


def test_sellers_without_sales_keep_their_last_price():
    population = seller_population(["resampling"] * SELLERS, exploration=1, noise=0)
    records = records_of(0, sold=False)
    asked, _ = prices_of(population, records, jnp.zeros(SELLERS), uniforms_of(0))
    np.testing.assert_array_equal(asked, records.prices[-1])


def test_others_draw_from_their_own_last_prices_alike():
    population = seller_population(["resampling"] * SELLERS, exploration=0)
    records = records_of(0)
    draws = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (4000, SELLERS)), float)
    asked = jax.vmap(lambda row: prices_of(population, records, jnp.zeros(SELLERS), row)[0])(draws)
    own = np.asarray(asked)[:, None] == np.asarray(records.prices)[None]
    assert (own.sum(axis=1) == 1).all()
    shares = own.mean(axis=(0, 2))
    error = np.sqrt(0.2 * 0.8 / (4000 * SELLERS))
    assert np.abs(shares - 0.2).max() <= 3 * error


def test_noise_has_the_stated_spread_and_prices_stay_in_their_range():
    population = seller_population(["resampling"] * SELLERS, exploration=0.3, noise=0.05)
    half = jnp.full((ROUNDS, SELLERS), 0.5)
    records = Records(half, half, half)
    draws = jnp.asarray(np.random.default_rng(2).uniform(0, 1, (4000, SELLERS)), float)
    asked = jax.vmap(lambda row: prices_of(population, records, jnp.zeros(SELLERS), row)[0])(draws)
    moved = np.asarray(asked)[np.asarray(asked) != 0.5]
    draws_made = 4000 * SELLERS
    assert abs(moved.size / draws_made - 0.3) <= 3 * np.sqrt(0.21 / draws_made)
    assert abs(np.mean(moved) - 0.5) <= 3 * 0.05 / np.sqrt(moved.size)
    assert abs(np.std(moved) - 0.05) <= 3 * 0.05 / np.sqrt(2 * moved.size)
    wild = seller_population(["resampling"] * SELLERS, exploration=1, noise=5)
    asked, _ = prices_of(wild, records, jnp.zeros(SELLERS), uniforms_of(3))
    assert asked.min() == 0 and asked.max() == 1


def plain_exp3(seed, exploration, prices, num_rounds):
    """Choices and probabilities of one Exp3 seller against demand 1 - p (Auer et al. 2002)."""
    draws = np.random.default_rng(seed).uniform(0, 1, num_rounds)
    size = len(prices)
    weights, chosen = np.ones(size), []
    for draw in draws:
        mixed = (1 - exploration) * weights / weights.sum() + exploration / size
        choice = int(np.searchsorted(np.cumsum(mixed), draw * mixed.sum(), side="right"))
        profit = prices[choice] * (1 - prices[choice])
        weights[choice] *= np.exp(exploration * profit / (size * mixed[choice]))
        chosen.append(choice)
    return chosen, mixed, draws


def plain_ucb1(prices, num_rounds):
    counts, totals, chosen = np.zeros(len(prices)), np.zeros(len(prices)), []
    for _ in range(num_rounds):
        if (counts == 0).any():
            choice = int(np.argmin(counts > 0))
        else:
            bonus = np.sqrt(2 * np.log(counts.sum()) / counts)
            choice = int(np.argmax(totals / counts + bonus))
        counts[choice] += 1
        totals[choice] += prices[choice] * (1 - prices[choice])
        chosen.append(choice)
    return chosen


@partial(jax.jit, static_argnames="num_rounds")
def play_alone(population, draws, num_rounds, units=1.0):
    """Choices of sellers who are each shown to all buyers, who take ``units`` (1 - p) of them."""
    records = Records(*(jnp.zeros((1, population.num_sellers)),) * 3)
    costs = jnp.zeros(population.num_sellers)

    def one_round(current, now):
        learned, choices = current
        draws, elapsed = now
        prices, choices = population.prices(learned, records, costs, draws, elapsed, choices)
        profits = units * prices * (1 - prices)
        learned = population.update(learned, choices, profits, jnp.ones_like(profits))
        return (learned, choices), choices

    elapsed = jnp.arange(num_rounds) / num_rounds
    start = population.init(), jnp.zeros(population.num_sellers, jnp.int32)
    (learned, _), choices = jax.lax.scan(one_round, start, (draws, elapsed))
    return learned, choices


def test_exp3_is_the_published_rule():
    population = seller_population(["exp3"], exploration=0.2, price_grid=6)
    chosen, probabilities, draws = plain_exp3(0, 0.2, np.linspace(0, 1, 6), 300)
    learned, choices = play_alone(population, jnp.asarray(draws[:, None], float), 300)
    np.testing.assert_array_equal(choices[:, 0], chosen)
    found = learned.exp3_probabilities(population.exploration)[0]
    np.testing.assert_allclose(found, probabilities, atol=0.02)
    assert abs(float(found.sum()) - 1) < 1e-6


def test_ucb1_is_the_published_rule():
    population = seller_population(["ucb1"], price_grid=6)
    _, choices = play_alone(population, jnp.zeros((200, 1)), 200)
    # Near ties are decided by rounding, and the bounds of two prices often meet.
    assert np.mean(np.asarray(choices[:, 0]) == plain_ucb1(np.linspace(0, 1, 6), 200)) > 0.9


def test_sellers_on_a_grid_find_the_most_profitable_price():
    """With demand 1 - p and no costs that is 1/2."""
    kinds = ["epsilon_greedy", "epsilon_first", "exp3", "ucb1"]
    population = seller_population(kinds, exploration=[0.1, 0.2, 0.3, 0.0], price_grid=5)
    draws = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (4000, 4)), float)
    _, choices = play_alone(population, draws, 4000, units=4.0)
    late = np.mean(np.asarray(choices[-1000:]) == 2, axis=0)
    assert late[0] > 0.85 and late[1] == 1 and late[2] > 0.45 and late[3] > 0.6
    # Each price alike while it explores, for the first fifth.
    first = np.bincount(np.asarray(choices[:800, 1]), minlength=5) / 800
    assert np.abs(first - 0.2).max() <= 3 * np.sqrt(0.16 / 800)


def test_sellers_who_are_not_shown_keep_their_price_and_learn_nothing():
    kinds = ["epsilon_greedy", "epsilon_first", "exp3", "ucb1"]
    population = seller_population(kinds, exploration=[0, 0, 0.1, 0], price_grid=5)
    last = jnp.array([3, 1, 2, 4], jnp.int32)
    learned = population.init()
    same = population.update(learned, last, jnp.zeros(4), jnp.zeros(4))
    for before, after in zip(jax.tree.leaves(learned), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(before, after)
    records = Records(*(jnp.zeros((1, 4)),) * 3)
    _, choices = population.prices(learned, records, jnp.zeros(4), uniforms_of(0, 4), 0.5, last)
    np.testing.assert_array_equal(choices[jnp.array([0, 1, 3])], last[jnp.array([0, 1, 3])])


def test_what_is_learned_is_the_profit_per_impression():
    population = seller_population(["ucb1"] * 2, price_grid=3, price_high=2.0)
    choices = jnp.array([1, 2], jnp.int32)
    profits, impressions = jnp.array([0.3, -0.1]), jnp.array([0.25, 0.5])
    learned = population.update(population.init(), choices, profits, impressions)
    np.testing.assert_allclose(learned.counts, [[0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(learned.totals, [[0, 0.6, 0], [0, 0, 0]], rtol=1e-6)


def test_first_prices_are_uniform_or_on_the_grid():
    population = seller_population(["resampling", "exp3", "ucb1"], price_grid=5)
    draws = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (5000, 3)), float)
    prices, choices = jax.vmap(population.first_prices)(draws)
    np.testing.assert_array_equal(prices[:, 0], draws[:, 0])
    for seller in (1, 2):
        np.testing.assert_allclose(prices[:, seller], choices[:, seller] / 4)
        shares = np.bincount(np.asarray(choices[:, seller]), minlength=5) / 5000
        assert np.abs(shares - 0.2).max() <= 3 * np.sqrt(0.16 / 5000)


def test_a_mixture_is_each_kind_by_itself():
    kinds = ["ucb1", "resampling", "exp3", "epsilon_greedy"]
    mixed = seller_population(kinds, price_grid=7)
    records, costs = records_of(3, sellers=4), jnp.zeros(4)
    uniforms = uniforms_of(3, 4)
    random = np.random.default_rng(4)
    learned = PriceLearning(
        *(jnp.asarray(random.uniform(0, 2, (4, 7)).round(1), float) for _ in range(2))
    )
    together, _ = prices_of(mixed, records, costs, uniforms, learned)
    for place, kind in enumerate(kinds):
        alone, _ = prices_of(
            seller_population([kind] * 4, price_grid=7), records, costs, uniforms, learned
        )
        assert together[place] == alone[place], kind


@pytest.mark.parametrize("grid", [5, np.int64(5), jnp.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]])
def test_grids_by_their_number_or_their_prices(grid):
    population = seller_population(["ucb1"], price_grid=grid)
    np.testing.assert_array_equal(population.price_grid, [0, 0.25, 0.5, 0.75, 1])


def test_observations_are_put_together_and_taken_apart():
    records, prices = records_of(0, rounds=2, sellers=3), jnp.array([0.1, 0.2, 0.3])
    seen = SellerObservation(records.stacked(), jnp.array([True, False, True]), prices)
    again = seller_observation(seen.rows())
    jax.tree.map(np.testing.assert_array_equal, again, seen)
    for shape in ((3, 7), (3, 2), (6,)):
        with pytest.raises(ValueError, match=r"rows: got shape .*rounds x 4 \+ 2\]"):
            seller_observation(jnp.zeros(shape))


@settings(max_examples=20, deadline=None)
@given(
    price=st.floats(0, 1), sales=st.floats(0, 3), reputation=st.floats(0, 0.5), more=st.floats(0, 1)
)
def test_buyers_trust_records_and_mind_prices(price, sales, reputation, more):
    buyers = Buyers(Uniform(), reputation, 0.1, 0.4)
    price, sales, one = (jnp.full(1, x) for x in (price, sales, 0.5))
    chance = buyers.purchase_probability(price, sales, one)
    # Demand 1 - F(p / (1 + rho H)), H = N / (N + half).
    trusted = float(sales[0]) / (float(sales[0]) + 0.1)
    np.testing.assert_allclose(chance, 1 - price / (1 + reputation * trusted), atol=1e-6)
    assert buyers.purchase_probability(price, sales + more, one) >= chance - 1e-6
    assert buyers.purchase_probability(price + more, sales, one) <= chance + 1e-6
    assert buyers.purchase_probability(price, sales, one * (1 + more)) >= chance - 1e-6


def test_appeal_is_even_around_one():
    """What the most and the least appealing seller offer is worth 1.4 and .6 of the usual."""
    buyers = Buyers(Uniform(), 0.0, 1.0, 0.4)
    ends = jnp.array([0.0, 0.25, 0.5, 1.0])
    found = buyers.purchase_probability(jnp.full(4, 0.3), jnp.zeros(4), ends)
    np.testing.assert_allclose(found, 1 - 0.3 / np.array([0.6, 0.8, 1.0, 1.4]), rtol=1e-5)


def test_demand_by_every_distribution():
    prices, sales, appeal = jnp.array([0.2, 0.5, 0.9]), jnp.zeros(3), jnp.full(3, 0.5)
    values = np.sort(np.random.default_rng(0).uniform(0, 1, 500))
    empirical = Buyers(Empirical(values), 0.0, 1.0)
    shares = [np.mean(values > price) for price in np.asarray(prices)]
    np.testing.assert_allclose(
        empirical.purchase_probability(prices, sales, appeal), shares, atol=2 / 500
    )
    logit = Buyers(Logistic(jnp.array([0.4, 0.5, 0.6]), 0.2), 0.0, 1.0)
    expected = 1 / (1 + np.exp((np.array([0.2, 0.5, 0.9]) - [0.4, 0.5, 0.6]) / 0.2))
    found = logit.purchase_probability(prices, sales, appeal)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(logit.willingness.cdf(prices), 1 - expected, rtol=1e-5)


def test_demand_has_the_gradient_of_its_finite_differences():
    def demand(prices, sales, reputation):
        buyers = Buyers(Logistic(0.5, 0.1), reputation, 0.2)
        return buyers.purchase_probability(prices, sales, jnp.ones(3))

    with jax.enable_x64(True):
        arguments = jnp.array([0.3, 0.5, 0.8]), jnp.array([0.1, 0.0, 2.0]), jnp.asarray(0.3)
        check_grads(demand, arguments, order=1, modes=("rev",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": []}, "kinds: got none"),
        ({"kinds": "exp3"}, "kinds: got 'exp3'; allowed are lists"),
        ({"kinds": 2}, "kinds: got 2; allowed are lists"),
        ({"kinds": [["exp3"]]}, r"kind: got \['exp3'\]; allowed are epsilon_first"),
        ({"kinds": ["exp4"]}, "exp4.*did you mean 'exp3'"),
        ({"exploration": 1.5}, "exploration: got 1.5"),
        ({"exploration": [0.1]}, r"exploration: got shape \(1,\)"),
        ({"noise": -0.1}, "noise: got -0.1"),
        ({"noise": float("nan")}, "noise: got nan"),
        ({"discount": 0.0}, "discount: got 0.0"),
        ({"price_high": 0.0}, "price_high: got 0.0"),
        ({"price_grid": 1}, "price_grid: got 1"),
        ({"price_grid": [0.0, 2.0]}, "price_grid: got"),
        ({"price_grid": [0.5]}, r"price_grid: got \[0.5\]; needed are at least 2 prices"),
        ({"price_grid": 5.0}, "price_grid: got 5.0; allowed are integers from 2"),
        ({"price_grid": [[0.0, 1.0]]}, r"price_grid: got shape \(1, 2\)"),
        ({"price_grid": [0.0, float("nan")]}, "price_grid: got"),
        ({"exploration": [0.1, 0.0]}, "exploration: got .*above 0 for 'exp3'"),
    ],
)
def test_bad_populations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        seller_population(**{"kinds": ["resampling", "exp3"], **options})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Buyers(Uniform(), -0.1, 1.0), "reputation: got -0.1"),
        (lambda: Buyers(Uniform(), 0.1, 0.0), "half_sales: got 0.0"),
        (lambda: Buyers(Uniform(), 0.1, 1.0, 1.0), "appeal_spread: got 1.0"),
        (lambda: Logistic(0.5, 0.0), "scale: got 0.0"),
        (lambda: Logistic(float("nan")), "location: got nan"),
    ],
)
def test_bad_buyers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_realistic_sellers_explore_as_the_distribution_of_retailers_says():
    rates = np.array(realistic_exploration(400))
    np.testing.assert_allclose(beta.cdf(rates, 4.83, 40.1), (np.arange(400) + 0.5) / 400)
    assert rates.mean() == pytest.approx(4.83 / 44.93, abs=1e-4)
    assert (np.diff(rates) > 0).all()
    with pytest.raises(ValueError, match="num_sellers: got 0"):
        realistic_exploration(0)
