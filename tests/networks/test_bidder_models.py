"""Bidder models: one signature, money without a unit, bidders without an order, days one by one."""

from __future__ import annotations

from functools import cache
from typing import get_args

import jax
import numpy as np
import pytest
from flax import linen as nn
from scipy.special import softmax

from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.networks.bidder_models.features import NUM_DAY_FEATURES, see_days
from jaxmech.networks.bidder_models.models import BidderModelName, _orthogonal, bidder_model

NAMES = get_args(BidderModelName)
LEARNED = [name for name in NAMES if name != "persistence"]
KINDS = [name for name in NAMES if name != "linear"]
"""One of each class: the linear one is of that of the feed-forward network."""
MEMORY, BIDDERS, NUM_BINS = 3, 4, 21
RATIO = 1.3
BINS = BidBins.log_spaced(0.1, 0.1 * RATIO ** (NUM_BINS - 1), NUM_BINS)

see = jax.jit(see_days)


def some_days(num_days=MEMORY, num_bidders=BIDDERS, seed=0):
    """Bids in the middle bins, days in which nobody's distribution is that of another."""
    random = np.random.default_rng(seed)
    histograms = np.zeros((num_days, num_bidders, NUM_BINS))
    histograms[..., 8:13] = random.dirichlet(np.ones(5), (num_days, num_bidders))
    histograms[..., 0] = 0.1
    histograms[..., 1:] *= 0.9
    impressions = random.random((num_days, num_bidders))
    clicks = 0.3 * impressions
    kpis = np.stack([impressions, clicks, clicks * 0.8], axis=-1)
    reserves = random.uniform(0.4, 2, (num_days + 1, num_bidders))
    history = BidHistory(*(np.float32(x) for x in (histograms, reserves[:-1], kpis)))
    quality = random.uniform(0.05, 0.3, num_bidders)
    return history, np.float32(reserves[-1]), np.float32(quality)


@cache
def trained(name):
    """Some parameters far from the start."""
    model = bidder_model(name, MEMORY)
    random = np.random.default_rng(1)

    def some(leaf):
        if not leaf.shape:  # how little the model of last days gives all bins alike
            return np.float32(-4)
        spread = len(leaf) ** -0.5 / 2 if leaf.ndim == 2 else 0.05
        return np.float32(random.normal(0, spread, leaf.shape))

    shapes = jax.eval_shape(model.init, jax.random.key(1), *some_days(), BINS)
    return model, jax.tree.map(some, shapes)


@cache
def compiled(name):
    model, _ = trained(name)
    return jax.jit(model.apply, static_argnames="method")


def probabilities(name, history, reserves, quality):
    logits = compiled(name)(trained(name)[1], history, reserves, quality, BINS)
    return softmax(np.asarray(logits), axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_defined_for_quality_zero_reserves_above_all_bids_and_nobody_bidding(name):
    history, _, _ = some_days()
    history.histograms[:, 0] = np.eye(NUM_BINS)[0]
    history = history.replace(kpis=np.zeros_like(history.kpis))
    quality = np.float32([0.1, 0.0, 0.2, 0.0])
    for reserve in (0.0, 1e6, np.inf):
        predicted = probabilities(name, history, np.full(BIDDERS, reserve, np.float32), quality)
        assert predicted.shape == (BIDDERS, NUM_BINS)
        assert np.isfinite(np.log(predicted)).all()
        np.testing.assert_allclose(predicted.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_one_bidder_alone_and_gradients_that_are_finite(name):
    model, parameters = trained(name)
    history, reserves, quality = some_days(num_bidders=1)
    history.histograms[...] = np.eye(NUM_BINS)[0]
    history = history.replace(kpis=np.zeros_like(history.kpis))

    @jax.jit
    @jax.value_and_grad
    def loss(parameters):
        return -model.apply(parameters, history, 0 * reserves, 0 * quality, BINS)[0, 0]

    value, gradient = loss(parameters)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_money_has_no_unit(name):
    """With all money two bins' ratios higher, predictions move up by two bins."""
    history, reserves, quality = some_days()
    predicted = probabilities(name, history, reserves, quality)
    positive = np.roll(history.histograms[..., 1:], 2, axis=-1)
    factor = np.float32(RATIO**2)
    dearer = BidHistory(
        np.concatenate([history.histograms[..., :1], positive], axis=-1),
        factor * history.reserves,
        history.kpis * np.float32([1, 1, factor]),
    )
    # Bins that reach far on both sides: none of the log-normals is cut off.
    moved = probabilities(name, dearer, factor * reserves, quality)
    np.testing.assert_allclose(moved[:, 7:15], predicted[:, 5:13], atol=2e-3)
    assert np.abs(moved - predicted).max() > 0.05


@pytest.mark.parametrize("name", KINDS)
def test_bidders_have_no_order(name):
    history, reserves, quality = some_days()
    order = np.array([2, 0, 3, 1])
    shuffled = jax.tree.map(lambda days: days[:, order], history)
    np.testing.assert_allclose(
        probabilities(name, shuffled, reserves[order], quality[order]),
        probabilities(name, history, reserves, quality)[order],
        atol=1e-5,
    )


@pytest.mark.parametrize("name", LEARNED)
def test_predictions_depend_on_reserve_feedback_and_rivals(name):
    history, reserves, quality = some_days()
    at_first = probabilities(name, history, reserves, quality)
    half_as_much = history.kpis.copy()
    half_as_much[-1, 0] *= 0.5
    others = [
        (history, reserves * np.float32([1.05, 1, 1, 1]), quality),
        (history.replace(kpis=half_as_much), reserves, quality),
        (history, reserves, quality * np.float32([1, 2, 1, 1])),
    ]
    for changed in others:
        assert np.abs(probabilities(name, *changed) - at_first)[0].max() > 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_advancing_a_day_equals_reading_it(name):
    model, parameters = trained(name)
    # The recurrent model remembers all days, the others forget the first.
    history, reserves, quality = some_days(MEMORY + (2 if name == "lstm" else 1))

    @jax.jit
    def day_by_day(parameters):
        before, last = (jax.tree.map(lambda d, n=n: d[n], history) for n in (slice(-1), -1))
        kept = model.apply(parameters, before, quality, BINS, method="read")
        kept = model.apply(parameters, kept, last, quality, BINS, method="advance")
        return model.apply(parameters, kept, reserves, quality, BINS, method="predict")

    read = history if name == "lstm" else jax.tree.map(lambda days: days[-MEMORY:], history)
    np.testing.assert_allclose(
        day_by_day(parameters), compiled(name)(parameters, read, reserves, quality, BINS), atol=1e-5
    )


@pytest.mark.parametrize("name", KINDS)
def test_days_in_a_row_equal_days_one_at_a_time(name):
    _, parameters = trained(name)
    history, last_reserves, quality = some_days(MEMORY + 2)
    # A window starts the mean histogram anew: the same where the first days are alike.
    history.histograms[1:3] = history.histograms[0]
    reserves = np.concatenate([history.reserves[MEMORY:], last_reserves[None]])
    seen = see(history, quality, BINS)
    logits = compiled(name)(parameters, seen, reserves, BINS, method="predict_days")
    for day in (0, 2):
        first = 0 if name == "lstm" else day
        read = jax.tree.map(lambda days, f=first, d=day: days[f : d + MEMORY], history)
        one = compiled(name)(parameters, read, reserves[day], quality, BINS)
        np.testing.assert_allclose(logits[day], one, atol=1e-4)


def test_a_day_without_bids_leaves_what_is_known_of_them():
    """As long as it lasts; before the first bid the reserve stands for them."""
    history, _, quality = some_days(5)
    nobody = np.tile(np.eye(NUM_BINS)[0], (BIDDERS, 1))
    history.histograms[[0, 2, 3]] = nobody
    summary = jax.tree.map(np.asarray, see(history, quality, BINS).summary)
    np.testing.assert_allclose(summary.location[0], np.log(history.reserves[0]), rtol=1e-5)
    np.testing.assert_array_equal(summary.histogram[0], nobody)
    positive = history.histograms[1] * (np.arange(NUM_BINS) > 0) / 0.9
    np.testing.assert_allclose(summary.histogram[1], positive, atol=1e-6)
    for known in (summary.location, summary.spread, summary.histogram):
        np.testing.assert_array_equal(known[1], known[3])
        assert np.any(known[3] != known[4])
    np.testing.assert_allclose(summary.histogram.sum(axis=-1), 1, atol=1e-6)


def test_features_of_a_day_by_hand():
    """One rival, one feature of each kind."""
    histograms = np.zeros((2, 2, NUM_BINS), np.float32)
    histograms[0, 0, 9] = histograms[:, 1, 11] = 1
    histograms[1, 0, [0, 10]] = 0.5
    reserves = np.float32([[1.0, 1.0], [1.1, 1.0]])
    kpis = np.zeros((2, 2, 3), np.float32)
    kpis[1, 0] = 0.5, 0.02, 0.03
    quality = np.float32([0.1, 0.2])
    features = np.asarray(see(BidHistory(histograms, reserves, kpis), quality, BINS).features)
    assert features.shape == (2, 2, NUM_DAY_FEATURES)
    bid = np.asarray(BINS.centres)[10]
    log_bid = np.log(bid)
    expected = [
        0.5,  # no bid
        np.log(np.log(RATIO) / 2) + 1,  # all bids in one bin
        10 * np.log(RATIO),  # one bin up
        log_bid - np.log(1.1),
        10 * np.log(1.1),
        0.5 * (bid >= 1.1),
        0.5,
        3,  # ten times half an impression, cut
        0.2,  # clicks over quality
        np.log(0.03 / 0.02) - log_bid,
        0.03 / (0.1 * np.exp(log_bid)),
        np.log(0.1) + 2.5,
        np.log(2 * RATIO),  # twice the quality, one bin more
        1,
        *[-3, 0] * 2,  # no second and third rival
    ]
    np.testing.assert_allclose(features[1, 0], expected, rtol=1e-4, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match=r"name: got 'gru'; allowed are .*lstm"):
        bidder_model("gru")
    with pytest.raises(ValueError, match=r"history_days: got 0"):
        bidder_model("lstm", 0)
    _, parameters = trained("linear")
    short, reserves, quality = some_days(MEMORY - 1)
    with pytest.raises(ValueError, match=r"history: got 2 days .* reads 3"):
        compiled("linear")(parameters, short, reserves, quality, BINS)


def test_orthogonal_weights_are_those_of_flax_and_drawn_one_seed_after_another():
    """Batched decompositions can wait for each other's threads for ever, on CPUs."""
    keys = jax.random.split(jax.random.key(0), 3)
    own = jax.jit(jax.vmap(lambda key: _orthogonal(key, (4, 4))))
    expected = jax.jit(lambda key: nn.initializers.orthogonal()(key, (4, 4)))
    np.testing.assert_array_equal(own(keys), np.stack([expected(key) for key in keys]))
    assert "tensor<3x4x4xf32>" not in str(
        [line for line in own.lower(keys).as_text().splitlines() if "geqrf" in line]
    )
    assert "geqrf" in own.lower(keys).as_text()
