"""Learning bidder models: losses in closed form, rules that are known, and simulated logs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.data.bid_log_writer import AUCTIONS_COLUMN, write_bid_logs
from jaxmech.data.bid_logs import BidLogs, load_bid_logs, split_logs
from jaxmech.designers.bidder_models.simulated_logs import RESERVE_FACTORS, simulate_bid_logs
from jaxmech.designers.bidder_models.training import (
    BidderModelTraining,
    held_out_cross_entropy,
    histogram_cross_entropy,
    train_bidder_model,
)
from jaxmech.environments.reserve_pricing import ReservePricing, params_of
from jaxmech.networks.bidder_models.models import bidder_model

NUM_BINS, MEMORY = 16, 3
BINS = BidBins.log_spaced(0.1, 10.0, NUM_BINS)
SHAPES = BidderModelTraining(history_days=MEMORY, days_in_a_row=4, batch_size=16, num_steps=400)


def logs_of(places, reserves, *, present=None):
    """All bids of a day around one bin: places int [keywords, days, bidders]."""
    bins = np.arange(NUM_BINS)
    histograms = np.exp(-((bins - places[..., None]) ** 2) / 2.0)
    histograms[..., 0] = 0
    histograms /= histograms.sum(axis=-1, keepdims=True)
    days = BidHistory(
        *(jnp.asarray(x, float) for x in (histograms, reserves, np.zeros((*places.shape, 3))))
    )
    shape = (places.shape[0], places.shape[2])
    return BidLogs(
        days,
        jnp.full(shape, 0.1),
        jnp.ones(shape, bool) if present is None else jnp.asarray(present),
        BINS,
    )


def pendulums(num_keywords=24, num_days=14):
    """Bids that go up for two days and down for two, by two bins: yesterday does not tell."""
    random = np.random.default_rng(0)
    phase = random.integers(0, 4, (num_keywords, 1, 2))
    swing = np.array([0, 2, 4, 2])[(np.arange(num_days)[None, :, None] + phase) % 4]
    start = random.integers(4, 9, (num_keywords, 1, 2))
    return logs_of(start + swing, np.full(swing.shape, 0.1))


def entropy(histograms):
    shares = np.asarray(histograms, float)
    return -np.sum(np.where(shares > 0, shares * np.log(np.maximum(shares, 1e-30)), 0), axis=-1)


def test_cross_entropy_in_closed_form():
    histograms = jnp.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    of_uniform = histogram_cross_entropy(jnp.full((2, 3), 7.0), histograms)
    np.testing.assert_allclose(of_uniform, np.log(3), rtol=1e-6)
    of_itself = histogram_cross_entropy(jnp.log(histograms + 1e-12), histograms)
    np.testing.assert_allclose(of_itself, [1.5 * np.log(2), 0], atol=1e-6)


def test_held_out_cross_entropy_of_persistence_by_hand_without_absent_bidders():
    random = np.random.default_rng(1)
    places = random.integers(3, 12, (2, MEMORY + 2, 2))
    present = np.array([[True, True], [True, False]])
    logs = logs_of(places, np.ones(places.shape), present=present)
    model = bidder_model("persistence", MEMORY)
    parameters = {"params": {"days": jnp.array([0.0, 0.0, np.log(2)]), "everywhere": -2.0}}
    histograms = np.asarray(logs.days.histograms)
    share = 1 / (1 + np.exp(2.0))
    losses = np.empty((2, 2, 2))
    for day in range(2):
        mean = np.einsum("d,kdbh->kbh", [0.25, 0.25, 0.5], histograms[:, day : day + MEMORY])
        predicted = (1 - share) * mean + share / NUM_BINS
        losses[:, day] = -(histograms[:, day + MEMORY] * np.log(predicted)).sum(axis=-1)
    np.testing.assert_allclose(
        held_out_cross_entropy(model, parameters, logs, history_days=MEMORY),
        [losses[0].mean(), losses[1, :, 0].mean()],
        rtol=1e-5,
    )


def of_pendulums(name, seeds):
    """Mean held-out cross-entropy above the entropy, of the last days and of the whole past, and
    the losses on the way, all of each seed."""
    training, held_out = split_logs(
        pendulums(), held_out_keywords=8, held_out_days=4, history_days=MEMORY
    )
    least = entropy(held_out.days.histograms[:, MEMORY:]).mean()
    model = bidder_model(name, MEMORY)

    @jax.jit
    @jax.vmap
    def learn(key):
        parameters, losses = train_bidder_model(key, model, training, SHAPES)
        above = [
            held_out_cross_entropy(
                model, parameters, held_out, history_days=MEMORY, whole_past=whole
            ).mean()
            for whole in (False, True)
        ]
        return *above, losses

    loss, informed, losses = learn(jax.random.split(jax.random.key(0), seeds))
    return np.asarray(loss) - least, np.asarray(informed) - least, losses


def test_persistence_can_but_spread_its_bets():
    above, informed, losses = of_pendulums("persistence", 1)
    assert losses.shape == (1, SHAPES.num_steps) and jnp.all(jnp.isfinite(losses))
    assert np.mean(losses[0, -20:]) < np.mean(losses[0, :20]) - 0.02
    assert above > 0.5
    # Days in front of the last few change nothing here.
    np.testing.assert_allclose(above, informed, rtol=1e-4)


@pytest.mark.slow
def test_the_recurrent_model_learns_what_yesterday_does_not_tell():
    """It finds the rule, with four of five seeds."""
    above, informed, losses = of_pendulums("lstm", 5)
    assert jnp.all(jnp.isfinite(losses))
    assert (above >= 0).all() and (informed >= 0).all()
    assert np.sum((above < 0.1) & (informed < 0.1)) >= 4


def test_training_is_one_pure_function_of_key_and_logs():
    training, _ = split_logs(pendulums(), held_out_keywords=8, held_out_days=4, history_days=MEMORY)
    model, steps = bidder_model("persistence", MEMORY), replace(SHAPES, num_steps=20)

    def train(key):
        return train_bidder_model(key, model, training, steps)[1]

    keys = jnp.stack([jax.random.key(0), jax.random.key(1)])
    losses = jax.jit(jax.vmap(train))(keys)
    np.testing.assert_allclose(losses[0], jax.jit(train)(keys[0]), rtol=1e-4)
    assert not np.allclose(losses[0], losses[1])


def simulated(key, num_keywords, num_bidders=2, num_slots=1):
    env = ReservePricing(num_bidders, num_slots, num_bins=NUM_BINS, history_days=2, days=1)
    params = params_of(env)
    draw = partial(simulate_bid_logs, num_keywords=num_keywords, num_days=30)
    return params, jax.jit(lambda key: draw(key, env, params))(key)


def test_simulated_logs_have_wandering_reserves():
    params, logs = simulated(jax.random.key(0), 4, 3, 2)
    assert logs.days.histograms.shape == (4, 30, 3, NUM_BINS)
    np.testing.assert_allclose(logs.days.histograms.sum(axis=-1), 1, rtol=1e-5)
    reserves = np.asarray(logs.days.reserves)
    steps = reserves[:, 1:] / reserves[:, :-1]
    is_factor = np.abs(steps[..., None] - np.array(RESERVE_FACTORS)) < 1e-5
    assert np.all(is_factor.any(axis=-1))
    assert np.all(is_factor.mean(axis=(0, 1, 2)) > 0.2)
    # Bidders have reserves of their own, some low and some above what they bid.
    mean_bid = np.asarray(logs.days.histograms @ params.bins.centres)
    assert np.any(reserves > mean_bid) and np.any(reserves < 0.5 * mean_bid)
    assert len(np.unique(reserves[:, 0])) == 12
    # The longest horizon is that of the logs, not of the environment.
    assert np.any(np.asarray(logs.days.kpis)[:, -1, :, 0] > 0)


@pytest.mark.slow
def test_models_train_alike_from_logs_and_from_a_file_of_them(tmp_path):
    _, logs = simulated(jax.random.key(0), 4, 3, 2)
    write_bid_logs(logs, tmp_path / "bids.csv")
    again = load_bid_logs(tmp_path / "bids.csv", auctions_column=AUCTIONS_COLUMN, bins=logs.bins)
    # The days are the same, but for the rounding of indicators added up from rows.
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), again, logs)
    model, steps = bidder_model("linear", MEMORY), replace(SHAPES, num_steps=5)
    train = jax.jit(lambda logs: train_bidder_model(jax.random.key(3), model, logs, steps)[0])
    parameters, repeated = train(logs), train(again)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-4), repeated, parameters)
    fresh = train(
        jax.tree.map(lambda leaf: leaf[::-1], logs.replace(bins=None)).replace(bins=logs.bins)
    )
    assert not np.allclose(jax.tree.leaves(fresh)[0], jax.tree.leaves(parameters)[0], atol=1e-4)


@pytest.mark.slow
def test_the_recurrent_model_predicts_simulated_bidders_better_than_persistence():
    """Of keywords and days that it has not seen, by .005 nats a bid and more; with seed 1: .011."""
    _, logs = simulated(jax.random.key(0), 40)
    parts = split_logs(logs, held_out_keywords=16, held_out_days=10, history_days=MEMORY)
    training = replace(SHAPES, num_steps=250)
    entropies = {}
    for name in ("persistence", "lstm"):
        model = bidder_model(name, MEMORY)
        learn = jax.jit(
            jax.vmap(
                lambda key, known, held_out, model=model: held_out_cross_entropy(
                    model,
                    train_bidder_model(key, model, known, training)[0],
                    held_out,
                    history_days=MEMORY,
                ).mean(),
                (0, None, None),
            )
        )
        entropies[name] = learn(jnp.stack([jax.random.key(seed) for seed in (1, 2, 3)]), *parts)
    gains = np.asarray(entropies["persistence"] - entropies["lstm"])
    assert np.sum(gains > 0.005) >= 2, gains


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history_days": 0}, "history_days: got 0"),
        ({"num_steps": 2.0}, "num_steps: got 2.0"),
        ({"learning_rate": 0.0}, "learning_rate: got 0.0"),
    ],
)
def test_what_training_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        BidderModelTraining(**change)


def test_models_by_name_and_what_is_neither_model_nor_logs():
    logs, steps = pendulums(num_days=8), replace(SHAPES, num_steps=1)
    by_name, of_model = (
        jax.jit(lambda model=model: train_bidder_model(jax.random.key(0), model, logs, steps)[0])()
        for model in ("persistence", bidder_model("persistence", MEMORY))
    )
    jax.tree.map(np.testing.assert_array_equal, by_name, of_model)
    with pytest.raises(ValueError, match="name: got 'lsmt'; allowed are"):
        train_bidder_model(jax.random.key(0), "lsmt", logs, steps)
    with pytest.raises(ValueError, match=r"model: got int; allowed are 'persistence', .*'lstm'"):
        train_bidder_model(jax.random.key(0), 3, logs, steps)
    with pytest.raises(ValueError, match=r"logs: got 'a.csv'; .*load_bid_logs\(path\)"):
        train_bidder_model(jax.random.key(0), "lstm", "a.csv", steps)


def test_logs_too_short():
    logs = pendulums(num_days=6)
    model = bidder_model("linear", MEMORY)
    with pytest.raises(ValueError, match=r"logs: got 6 days; needed are 7"):
        train_bidder_model(jax.random.key(0), model, logs, SHAPES)
    with pytest.raises(ValueError, match=r"logs: got 6 days; needed are more than history_days, 6"):
        held_out_cross_entropy(model, {}, logs, history_days=6)
    env = ReservePricing(2, 1)
    with pytest.raises(ValueError, match=r"num_keywords: got 0"):
        simulate_bid_logs(jax.random.key(0), env, params_of(env), num_keywords=0, num_days=1)
