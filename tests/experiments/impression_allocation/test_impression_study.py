"""The study of impression allocation: what is compared, and that it goes on where it stopped."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.ddpg.hyper_parameters import DDPGHyperParameters
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments import registry
from jaxmech.experiments.impression_allocation.configuration import (
    IMPRESSION_ALLOCATION,
    MARKETS,
    Market,
)
from jaxmech.experiments.impression_allocation.learners import LABELS, learner
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports import folder

SMALL = replace(
    IMPRESSION_ALLOCATION,
    sellers=6,
    records=2,
    rounds=8,
    updates=3,
    seeds=2,
    evaluation_episodes=6,
    markets=("strong_reputation", "withheld_prices"),
    learners=("ia_gru", "ppo"),
    ddpg=DDPGHyperParameters(
        num_environments=4,
        rollout_length=8,
        gradient_steps=2,
        batch_size=8,
        replay_size=256,
        learning_starts=32,
    ),
    ppo=PPOHyperParameters(num_environments=4, rollout_length=8),
)


@pytest.mark.slow
def test_every_market_stands_in_a_cell_and_is_found_again(tmp_path):
    directory = tmp_path / "run"
    found = Workspace(directory, say=[].append).run(SMALL)
    for market in SMALL.markets:
        known, learned, equal = (
            found.estimates[f"{market}/{name}"]
            for name in ("known demand", "learned", "equal shares")
        )
        assert known.mean > equal.mean
        assert len(learned.per_seed) == 2
        assert learned.mean == pytest.approx(np.mean(learned.per_seed))
        assert folder.is_finished(directory / "cells" / market)
    assert len(found.learning_curves) == 4
    rows = {(record.cell, record.scheme, record.metric, record.seed) for record in found.records}
    assert ("withheld_prices", "ppo", "training_reward", 1) in rows
    # What a policy sees alone is the same in both markets but for the reputation.
    assert found.estimates["withheld_prices/UCB1"].mean != pytest.approx(
        found.estimates["strong_reputation/UCB1"].mean
    )

    (directory / "manifest.json").unlink()
    (directory / "cells" / "withheld_prices" / "manifest.json").unlink()
    assert Workspace(directory, say=[].append).run(SMALL) == found


@pytest.mark.parametrize("name", LABELS)
def test_learners_act_for_every_seller_present(name):
    study = replace(SMALL, markets=("reputation",))
    env, params = MARKETS["reputation"].build(study.sellers, study.records, study.rounds)
    designer = learner(name, study, env, params)
    state = jax.eval_shape(designer.init, jax.random.key(0))
    observation, _ = jax.eval_shape(env.reset, jax.random.key(0), params)

    def act(state, observation):
        return designer.policy(state).act(observation, None, None)[0]

    assert jax.eval_shape(act, state, observation).shape == (study.sellers,)


def test_markets_are_built_as_they_say():
    for name, market in MARKETS.items():
        env, params = market.build(8, 2, 10)
        assert env.prices_shown == market.prices_shown
        assert params.buyers.reputation == pytest.approx(market.reputation)
        assert params.buyers.appeal_spread == pytest.approx(market.appeal_spread)
        of_kinds = np.bincount(params.population.kind, minlength=1)
        assert list(of_kinds) == ([2, 2, 2, 2] if name == "learning_sellers" else [8])


def test_studies_of_markets_are_registered_and_as_large():
    studies = SMALL.studies()
    assert tuple(studies) == SMALL.markets
    for name, study in studies.items():
        assert registry.study_called(study.name).name == study.name
        assert study.market == MARKETS[name]
        assert (study.sellers, study.updates, study.ddpg) == (6, 3, SMALL.ddpg)
    assert IMPRESSION_ALLOCATION.is_as_described
    assert replace(IMPRESSION_ALLOCATION, updates=7).is_as_described
    assert not SMALL.is_as_described


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sellers": 0}, "sellers: got 0"),
        ({"records": 0}, "records: got 0"),
        ({"seeds": 0}, "seeds: got 0"),
        ({"evaluation_episodes": 1}, "evaluation_episodes: got 1"),
        ({"learners": ()}, "learners: got none"),
        ({"learners": ("ia_gur",)}, "did you mean 'ia_gru'"),
        ({"markets": ("reputations",)}, "did you mean 'reputation'"),
    ],
)
def test_bad_studies_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        replace(IMPRESSION_ALLOCATION, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reputation": -0.1}, "reputation: got -0.1"),
        ({"appeal_spread": 1.0}, "appeal_spread: got 1.0"),
        ({"sellers": "random"}, "sellers: got 'random'"),
    ],
)
def test_bad_markets_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Market(**options)


def test_a_network_over_sellers_serves_ppo():
    """Permuted sellers have permuted scores and the same value, whether alone or in a batch."""
    from jaxmech.networks.sellers.actor_critic import SellerActorCritic

    network = SellerActorCritic(num_records=2)
    rows = jnp.asarray(np.random.default_rng(0).uniform(0.1, 1, (3, 5, 10)), float)
    parameters = jax.jit(network.init)(jax.random.key(0), rows.reshape(3, -1))
    parameters = jax.tree.map(lambda leaf: leaf + 0.05, parameters)
    apply = jax.jit(network.apply)
    order = jnp.array([3, 0, 4, 1, 2])
    (means, log_scale), values = apply(parameters, rows.reshape(3, -1))
    (permuted, _), same = apply(parameters, rows[:, order].reshape(3, -1))
    assert means.shape == (3, 5) and values.shape == (3,) and log_scale.shape == (1,)
    np.testing.assert_allclose(permuted, means[:, order], rtol=1e-4)
    np.testing.assert_allclose(same, values, rtol=1e-4)
    assert np.ptp(np.asarray(means), axis=1).min() > 1e-4
