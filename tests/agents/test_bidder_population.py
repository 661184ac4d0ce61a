"""Populations that mix kinds of bidders behave as each bidder would alone."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.bidders.no_regret import Exp3, Hedge, RegretMatching, draw_choice
from jaxmech.agents.bidders.population import (
    LEARNING_KINDS,
    bidder_population,
    utilities_of_alternatives,
)
from jaxmech.agents.bidders.strategies import EquilibriumTable, LogitResponse
from jaxmech.agents.values.univariate import Uniform

TABLE = EquilibriumTable.of(Uniform(), 2)
KINDS = ("hedge", "truthful", "exp3", "equilibrium", "regret_matching", "logit", "shading", "hedge")
LEARNERS = {
    0: Hedge(0.4),
    2: Exp3(0.3, 0.1),
    4: RegretMatching(),
    5: LogitResponse(7.0, 0.6),
    7: Hedge(2.0),
}


def mixed():
    return bidder_population(
        KINDS,
        shading=0.8,
        learning_rate=[0.4, 0, 0.3, 0, 0, 0, 0, 2.0],
        exploration=0.1,
        precision=7.0,
        past_weight=0.6,
        bid_grid=5,
        table=TABLE,
    )


def draws(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), float)


def test_every_bidder_bids_as_its_kind_does():
    population = mixed()
    scores, values, uniforms = 3 * draws(0, (8, 5)), draws(1, 8), draws(2, 8)
    bids, choices = population.bids(scores, values, uniforms, reserve=0.2)
    assert bids[1] == values[1]
    np.testing.assert_allclose(bids[3], TABLE.first_price(values[3], 0.2), rtol=1e-6)
    np.testing.assert_allclose(bids[6], 0.8 * values[6], rtol=1e-6)
    for bidder, learner in LEARNERS.items():
        choice = draw_choice(learner.probabilities(scores[bidder]), uniforms[bidder])
        assert choices[bidder] == choice
        np.testing.assert_allclose(bids[bidder], values[bidder] * choice / 4, rtol=1e-6)


def test_every_bidder_learns_as_its_kind_does():
    population = mixed()
    scores, utilities = 3 * draws(0, (8, 5)), draws(1, (8, 5))
    choices = jnp.asarray([0, 0, 1, 0, 2, 3, 0, 4], jnp.int32)
    updated = population.update(scores, choices, utilities)
    for bidder, kind in enumerate(KINDS):
        expected = scores[bidder]
        if kind in LEARNING_KINDS:
            expected = LEARNERS[bidder].update(scores[bidder], choices[bidder], utilities[bidder])
        np.testing.assert_allclose(updated[bidder], expected, rtol=1e-6)


def test_thousands_of_populations_under_one_vmap():
    """Kinds and parameters differ from population to population; each is as it is alone."""
    population = mixed()
    rng = np.random.default_rng(3)
    count = 2000
    batch = replace(
        population,
        kind=jnp.asarray(rng.integers(0, len(population.kinds), (count, 8)), jnp.int32),
        shading=jnp.asarray(rng.uniform(size=(count, 8)), float),
        learning=jax.tree.map(
            lambda leaf: jnp.asarray(rng.uniform(0.1, 1, (count, 8)), leaf.dtype),
            population.learning,
        ),
    )
    axes = replace(batch, kind=0, shading=0, learning=0, bid_grid=None, table=None)
    scores, values, uniforms = draws(4, (count, 8, 5)), draws(5, (count, 8)), draws(6, (count, 8))
    bids, choices = jax.jit(jax.vmap(lambda one, *rest: one.bids(*rest), in_axes=(axes, 0, 0, 0)))(
        batch, scores, values, uniforms
    )
    assert bids.shape == choices.shape == (count, 8)
    for index in (0, 999, 1999):
        alone = replace(
            population,
            kind=batch.kind[index],
            shading=batch.shading[index],
            learning=jax.tree.map(lambda leaf, index=index: leaf[index], batch.learning),
        )
        one, _ = alone.bids(scores[index], values[index], uniforms[index])
        np.testing.assert_allclose(bids[index], one, rtol=1e-5, atol=1e-7)


def test_populations_without_learners_keep_no_scores():
    population = bidder_population(("truthful", "shading"))
    assert not population.learns
    assert population.init().shape == (2, 0)
    assert mixed().init().shape == (8, 5)
    assert bidder_population(("exp3",)).learns
    assert not bidder_population(("exp3", "truthful")).needs_full_feedback
    assert bidder_population(("exp3", "hedge")).needs_full_feedback


def test_utilities_of_alternatives_change_one_bid_at_a_time():
    values, bids = jnp.asarray([1.0, 0.8, 0.6]), jnp.asarray([0.5, 0.7, 0.2])
    alternatives = jnp.asarray([[0.0, 0.6, 0.9], [0.1, 0.55, 0.7], [0.0, 0.3, 0.75]])

    def first_price(bids):
        wins = jnp.arange(3) == jnp.argmax(bids)
        return jnp.where(wins, values - bids, 0)

    utilities = utilities_of_alternatives(first_price, bids, alternatives)
    expected = [[0, 0, 0.1], [0, 0.25, 0.1], [0, 0, -0.15]]
    np.testing.assert_allclose(utilities, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("kinds", "options", "message"),
    [
        ((), {}, "kinds: got none"),
        ("hedge", {}, "kinds: got 'hedge'; allowed are lists"),
        (("truthfull",), {}, "kind: got 'truthfull'; did you mean 'truthful'"),
        (("equilibrium",), {}, "table: got None"),
        (("shading",), {"shading": -0.1}, "shading: got -0.1; allowed are"),
        (("shading",), {"shading": float("nan")}, "shading: got nan"),
        (("shading",), {"shading": [0.1, 0.2]}, r"shading: got shape \(2,\)"),
        (("exp3",), {"exploration": 1.1}, "exploration: got 1.1"),
        (("logit",), {"past_weight": 2.0}, "past_weight: got 2.0"),
        (("hedge",), {"bid_grid": 1}, "bid_grid: got 1"),
        (("hedge",), {"bid_grid": [0.5, -0.5]}, "bid_grid: got"),
    ],
)
def test_refuses_what_makes_no_sense(kinds, options, message):
    with pytest.raises(ValueError, match=message):
        bidder_population(kinds, **options)
