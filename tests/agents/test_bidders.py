"""Bidders' strategies: closed forms, best responses, quantal responses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.bidders.strategies import (
    EquilibriumTable,
    LogitResponse,
    draw_logit,
    linear_shading,
    truthful,
)
from jaxmech.agents.values.numerical import Beta
from jaxmech.agents.values.univariate import (
    Exponential,
    LogNormal,
    Power,
    TruncatedEqualRevenue,
    Uniform,
)
from jaxmech.data import empirical
from jaxmech.oracles.auctions import SymmetricAuction

VALUES = np.linspace(0.0, 1.0, 301, dtype=np.float32)


@jax.jit
def _first_price(table, values, reserve):
    return table.first_price(values, reserve)


def first_price(table, values, reserve=0.0):
    """The table's bids; compiled once for each number of values."""
    return np.asarray(_first_price(table, np.asarray(values, np.float32), reserve))


def test_the_truth_is_a_dominant_strategy_where_the_second_bid_is_paid():
    values, rivals = jnp.linspace(0, 1, 41), jnp.linspace(0.013, 0.987, 38)

    def utility(bids):
        """Of every value in front of every highest bid of the others: [values, rivals]."""
        return (values[:, None] - rivals[None]) * (bids[:, None] > rivals[None])

    honest = utility(truthful(values))
    for factor in (0.0, 0.5, 0.9, 1.1, 2.0):
        other = utility(linear_shading(values, factor))
        assert (honest >= other).all() and (honest > other).any(), factor


@pytest.mark.parametrize("rivals", [1, 4])
def test_shading_by_one_over_the_bidders_is_a_best_response_to_itself(rivals):
    """First price, uniform values: a bid b beats who bids ``factor * v`` with b / factor."""
    factor = rivals / (rivals + 1)
    values, bids = np.linspace(0.1, 1, 10), np.linspace(0, 1, 1001)
    wins = np.minimum(bids / factor, 1) ** rivals
    best = bids[np.argmax((values[:, None] - bids) * wins, axis=1)]
    np.testing.assert_allclose(linear_shading(values, factor), best, atol=1e-3)


@pytest.mark.parametrize("bidders", [2, 5, 10])
def test_table_of_uniform_values_is_the_closed_form(bidders):
    table = EquilibriumTable.of(Uniform(0.0, 1.0), bidders)
    factor = (bidders - 1) / bidders
    np.testing.assert_allclose(first_price(table, VALUES), factor * VALUES, atol=1e-4)
    np.testing.assert_allclose(linear_shading(VALUES, factor), factor * VALUES)


@pytest.mark.parametrize("bidders", [2, 5])
@pytest.mark.parametrize("reserve", [0.3, 0.5])
def test_table_with_a_reserve(bidders, reserve):
    table = EquilibriumTable.of(Uniform(), bidders)
    win = np.asarray(VALUES, np.float64) ** (bidders - 1)
    expected = VALUES - (VALUES**bidders - reserve**bidders) / (bidders * np.maximum(win, 1e-9))
    expected = np.where(reserve <= VALUES, expected, 0)
    np.testing.assert_allclose(first_price(table, VALUES, reserve), expected, atol=1e-4)


def test_table_of_exponential_values_is_the_closed_form():
    values = np.linspace(0.01, 8.0, 200)
    expected = (1 - np.exp(-values) * (1 + values)) / (1 - np.exp(-values))
    table = EquilibriumTable.of(Exponential(1.0), 2, points=4097)
    np.testing.assert_allclose(first_price(table, values), expected, atol=1e-4)


@pytest.mark.parametrize("reserve", [0.0, 0.7])
@pytest.mark.parametrize(
    ("distribution", "bidders"),
    [
        (LogNormal(0.0, 2.0), 3),
        (LogNormal(-12.0, 1.0), 2),
        (LogNormal(0.35, 0.71), 30),
        (Power(0.2, 1e4), 3),
        (Beta(2.71, 25.43), 5),
        (Exponential(), 10),
    ],
)
def test_table_is_the_equilibrium_over_all_of_the_distribution(distribution, bidders, reserve):
    values = np.asarray(distribution.quantile(np.linspace(0.02, 0.999, 200)), np.float32)
    table = EquilibriumTable.of(distribution, bidders)
    reserve = reserve * float(values[100])
    exact = SymmetricAuction("first_price", distribution, bidders, reserve=reserve).bids(values)
    np.testing.assert_allclose(first_price(table, values, reserve), exact, rtol=2e-3)


def test_values_off_the_table():
    """Below the support bids stay at its foot; above, at the top bid. No NaN on the way."""
    table = EquilibriumTable.of(Uniform(1.0, 3.0), 3)
    np.testing.assert_allclose(first_price(table, [1.0, 3.0]), [1, 7 / 3], atol=1e-3)
    top = EquilibriumTable.of(LogNormal(), 3)
    far = first_price(top, [1e3, 1e6])
    assert np.isfinite(far).all() and far[0] == far[1]


@pytest.mark.parametrize("distribution", [Uniform(), Power(3.0, 2.0), LogNormal(0.0, 0.5)])
@pytest.mark.parametrize("reserve", [0.0, 0.6])
def test_first_price_bids_are_a_best_response(distribution, reserve):
    bidders, quantile = 3, jax.jit(lambda distribution, share: distribution.quantile(share))
    table = EquilibriumTable.of(distribution, bidders)
    others = jax.jit(lambda key: distribution.sample(key, (200_000, bidders - 1)))
    competing = first_price(table, others(jax.random.key(0)), reserve).max(axis=-1)
    for probability in (0.4, 0.7, 0.95):
        value = float(quantile(distribution, probability))
        bid = first_price(table, value, reserve)
        alternatives = np.append(np.linspace(0, value, 60, dtype=np.float32), bid)
        wins = (alternatives[:, None] > competing[None]) & (alternatives[:, None] >= reserve)
        utilities = wins.mean(axis=-1) * (value - alternatives)
        # The bid itself, against the best of all: within the error of the samples.
        assert utilities[-1] >= utilities.max() - 2e-3 * value


def test_bids_rise_with_the_value_and_stay_below_it():
    for bidders in (2, 7):
        table = EquilibriumTable.of(LogNormal(), bidders)
        values = np.linspace(0, 30, 2000, dtype=np.float32)
        for reserve in (0.0, 1.0):
            bids = first_price(table, values, reserve)
            assert np.all(np.diff(bids) >= -1e-5)
            assert np.all(bids <= values + 1e-6)


def test_tables_are_swept_by_vmap():
    table = EquilibriumTable.of(Uniform(), 2)
    reserves = jnp.linspace(0, 0.9, 4)
    swept = jax.jit(jax.vmap(lambda reserve: table.first_price(VALUES, reserve)))(reserves)
    for row, reserve in zip(np.asarray(swept), np.asarray(reserves), strict=True):
        np.testing.assert_allclose(row, table.first_price(VALUES, reserve), atol=1e-6)


def test_logit_draws_have_the_logit_odds():
    bids, utilities = jnp.asarray([0.1, 0.2, 0.4]), jnp.asarray([0.0, 0.1, 0.3])
    keys = jax.random.split(jax.random.key(0), 40_000)
    draw = jax.jit(jax.vmap(draw_logit, in_axes=(0, None, None, None)))
    drawn = draw(keys, bids, utilities, 5.0)
    shares = [np.mean(np.isclose(drawn, bid)) for bid in np.asarray(bids)]
    weights = np.exp(5.0 * np.asarray(utilities))
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.012)
    np.testing.assert_allclose(draw(keys, bids, utilities, 1e4), 0.4)
    uniform = draw(keys, bids, utilities, 0.0)
    np.testing.assert_allclose(
        [np.mean(np.isclose(uniform, bid)) for bid in np.asarray(bids)], 1 / 3, atol=0.012
    )


def test_logit_draws_against_uniform_competition_near_the_best_response():
    """Against a bid uniform on [0, 1], the best first-price bid is half the value."""
    bids = jnp.linspace(0, 1, 41)
    utilities = bids * (0.8 - bids)
    drawn = jax.jit(jax.vmap(lambda key: draw_logit(key, bids, utilities, 2000.0)))(
        jax.random.split(jax.random.key(1), 2000)
    )
    np.testing.assert_allclose(np.mean(drawn), 0.4, atol=0.005)


def test_logit_learner_forgets():
    learner = LogitResponse(precision=10.0, past_weight=0.5)
    scores = learner.init(3)
    for utilities in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]):
        scores = learner.update(scores, jnp.asarray(2), jnp.asarray(utilities))
    np.testing.assert_allclose(scores, [0.25, 0.5, 0])
    np.testing.assert_allclose(
        learner.probabilities(scores), np.exp([2.5, 5, 0]) / np.exp([2.5, 5, 0]).sum(), rtol=1e-6
    )
    assert learner.choose(scores, jax.random.key(0)).dtype == jnp.int32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EquilibriumTable.of(Uniform(), 1), "num_bidders: got 1; allowed are"),
        (lambda: EquilibriumTable.of(Uniform(), 2, points=1), "points: got 1"),
        (lambda: EquilibriumTable.of(empirical([1.0, 2.0]), 2), "distribution: got the value 1 "),
        (
            lambda: EquilibriumTable.of(TruncatedEqualRevenue(1.0, 1e4), 2),
            "distribution: got the value 10000 with positive probability",
        ),
        (lambda: LogitResponse(-3.0), r"precision: got -3.0; allowed are finite numbers from 0"),
        (lambda: LogitResponse(float("inf")), "precision: got inf"),
        (lambda: LogitResponse(3, 5), "past_weight: got 5; allowed are numbers from 0 to 1"),
        (lambda: draw_logit(jax.random.key(0), VALUES, VALUES, -1.0), "precision: got -1.0"),
    ],
)
def test_refuses_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()
