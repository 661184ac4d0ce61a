"""The study of impression allocation: what is compared, and that it goes on where it stopped."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from few_steps import FEW_STEPS

from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.experiments import registry
from jaxmech.experiments.impression_allocation import episodes, market, side_by_side
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
    ia=FEW_STEPS,
    ddpg=FEW_STEPS,
    ppo=PPOHyperParameters(num_environments=4, rollout_length=8),
)


@pytest.mark.slow
def test_every_market_stands_in_a_cell_and_is_found_again(tmp_path):
    """With PPO alone, which compiles sooner; ``test_many_sellers.py`` trains by DDPG."""
    study = replace(SMALL, learners=("ppo",))
    directory = tmp_path / "run"
    found = Workspace(directory, say=[].append).run(study)
    for name in study.markets:
        known, learned, equal = (
            found.estimates[f"{name}/{scheme}"]
            for scheme in ("known demand", "learned", "equal shares")
        )
        assert known.mean > equal.mean
        assert len(learned.per_seed) == 2
        assert learned.mean == pytest.approx(np.mean(learned.per_seed))
        assert folder.is_finished(directory / "cells" / name)
    assert len(found.learning_curves) == 2
    rows = {(record.cell, record.scheme, record.metric, record.seed) for record in found.records}
    assert ("withheld_prices", "ppo", "training_reward", 1) in rows
    # What sees no prices fares the same, but for the reputation: more of it sells more.
    equal = [found.estimates[f"{name}/equal shares"].mean for name in study.markets]
    assert equal[0] > equal[1]

    (directory / "manifest.json").unlink()
    (directory / "cells" / "withheld_prices" / "manifest.json").unlink()
    assert Workspace(directory, say=[].append).run(study) == found


def made_up_market():
    """Two seeds with three episodes each, of which everything can be worked out."""
    fixed = {
        "equal shares": np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.2]]),
        "trained demand": np.array([[0.3, 0.3, 0.3], [0.3, 0.3, 0.3]]),
        market.REFERENCE: np.array([[0.4, 0.4, 0.4], [0.6, 0.6, 0.6]]),
    }
    reached = {
        "ia_gru": market.Reached(np.array([0.35, 0.45]), np.array([0.3, 0.4])),
        "ppo": market.Reached(np.array([0.25, 0.35]), np.array([0.2, 0.2])),
    }
    study = replace(next(iter(SMALL.studies().values())), evaluation_episodes=3)
    return market._findings(study, fixed, reached, ())


def test_rewards_and_regrets_are_those_of_the_seeds():
    found = made_up_market()
    rows = {row[0]: row[1:] for row in found.tables[0].rows}
    assert list(rows)[:2] == ["IA(GRU)", "PPO, network over sellers"]
    # Regrets of .05 and .15: Student's t with one degree of freedom times .05.
    training, testing, share, regret = rows["IA(GRU)"]
    assert training.startswith("0.3500") and testing.startswith("0.4000 ± 0.6353")
    assert share == "80.00 %" and regret == "+0.1000 ± 0.6353"
    assert rows["equal shares"][1:3] == ("0.2000 ± 0.0506", "40.00 %")
    assert rows[market.REFERENCE][3] == "+0.0000 ± 0.0000"
    assert found.estimates["learned"].per_seed == (0.35, 0.45)
    assert found.estimates["equal shares"].per_seed == pytest.approx((0.2, 0.2))
    # Three updates of 4 environments and 8 steps.
    assert "IA(GRU) 96, PPO, network over sellers 96." in found.tables[0].notes[2]
    assert "80.00 % of what known demand earns, 0.5000" in found.headline


def test_leads_are_paired_by_seeds():
    found = made_up_market()
    assert market.best_seen(found) == "trained demand"
    lead = side_by_side._lead(found, "trained demand")
    assert lead.difference.mean == pytest.approx(0.1)
    assert lead.verdict == "not told apart"
    assert side_by_side._lead(found, "ppo").verdict == "more"
    assert side_by_side._lead(found, "equal shares").difference.mean == pytest.approx(0.2)


def test_markets_stand_side_by_side_with_regrets():
    study = replace(SMALL, markets=("reputation",))
    found = {"reputation": made_up_market()}
    table = side_by_side._learned(study, found)
    learners = ("IA(GRU)", "PPO, network over sellers")
    assert table.columns == ("Market", *learners, "Best that is not learned", "Known demand")
    market_name, learned, ppo, best, known = table.rows[0]
    assert market_name == "reputation"
    # Of the two seeds known demand earns .4 and .6.
    assert learned == "0.4000 ± 0.6353 (+0.1000 ± 0.6353)"
    assert ppo == "0.3000 ± 0.6353 (+0.2000 ± 0.6353)"
    assert best == "0.3000 ± 0.0000 (+0.2000 ± 1.2706), trained demand"
    assert known.startswith("0.5000 ± ")
    others = side_by_side._not_learned(found)
    assert others.columns == ("Market", "equal shares", "trained demand")
    assert others.rows == (("reputation", "0.2000 ± 0.0506", "0.3000 ± 0.0000"),)


def test_the_trained_demand_is_learned_by_each_seed_apart_from_its_testing():
    env, params = MARKETS["reputation"].build(6, 2, 8)
    seeds = (3, 4)
    testing, learning = episodes.testing_keys(seeds), episodes.keys_of_seeds(seeds, episodes.DEMAND)
    data = np.concatenate([jax.random.key_data(keys) for keys in (testing, learning)])
    assert len(np.unique(data, axis=0)) == 4
    demands = jax.jit(lambda keys: episodes.trained_demands(env, params, keys, 3))(learning)
    shown = demands.known.impressions
    # All impressions of 3 episodes of 8 rounds, but for the last round of each, which is not read.
    np.testing.assert_allclose(shown.sum(axis=1), 3 * 7, rtol=1e-5)
    assert not np.allclose(shown[0], shown[1])


def test_training_is_told_by_the_episodes_that_ended(tmp_path):
    """The log repeats what was last where no episode ends."""
    rows = ["update,seed,objective,episodes"]
    for seed, last in ((0, 0.5), (1, 0.7)):
        rows += [f"{update},{seed},0.1,{4 * (update == 3)}" for update in range(1, 19)]
        rows += [f"19,{seed},{last},2", f"20,{seed},0.9,0"]
    (tmp_path / "metrics.csv").write_text("\n".join(rows) + "\n")
    result = SimpleNamespace(directory=tmp_path, seeds=(0, 1))
    np.testing.assert_allclose(market._training(result), [0.5, 0.7])


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
    for name, one in MARKETS.items():
        env, params = one.build(8, 2, 10)
        assert env.prices_shown == one.prices_shown
        assert params.buyers.reputation == pytest.approx(one.reputation)
        assert params.buyers.appeal_spread == pytest.approx(one.appeal_spread)
        of_kinds = np.bincount(params.population.kind, minlength=1)
        assert list(of_kinds) == ([2, 2, 2, 2] if "learning_sellers" in name else [8])
        mean = 4.83 / (4.83 + 40.1) if name == "realistic_sellers" else 0.3
        assert params.population.exploration.mean() == pytest.approx(mean, abs=2e-3)
    for name in ("hidden_appeal", "withheld_prices", "learning_sellers"):
        assert MARKETS[f"{name}_alone"] == replace(MARKETS[name], reputation=0.0)


def test_studies_of_markets_are_registered_and_as_large():
    studies = SMALL.studies()
    assert tuple(studies) == SMALL.markets
    for name, study in studies.items():
        assert registry.study_called(study.name).name == study.name
        assert study.market == MARKETS[name]
        assert (study.sellers, study.updates) == (6, 3)
        assert (study.ia, study.ddpg) == (SMALL.ia, SMALL.ddpg)
    assert IMPRESSION_ALLOCATION.is_as_described
    assert replace(IMPRESSION_ALLOCATION, updates=70).is_as_described
    assert not SMALL.is_as_described


def test_each_learner_has_the_hyper_parameters_asked_for_it():
    study = replace(SMALL.studies()["strong_reputation"], ddpg=replace(FEW_STEPS, gamma=0.3))
    built = study.build()
    ddpg = learner("ddpg", study, *built)
    assert (ddpg.gamma, ddpg.hidden, ddpg.actor.hidden) == (0.3, (16, 16), (16, 16))
    for name in ("ia_gru", "dense", "no_background", "not_additive"):
        variant = learner(name, study, *built)
        assert variant.gamma == FEW_STEPS.gamma
        assert variant.actor.hidden == variant.critic.hidden == (16, 16)


def test_updates_need_only_be_enough_for_those_who_learn():
    """PPO alone has 25 rounds an update: four of them are an episode."""
    study = replace(IMPRESSION_ALLOCATION, learners=("ppo",), updates=4)
    assert study.steps_of("ppo") == 4 * 32 * 25
    with pytest.raises(ValueError, match="an update of ddpg has 8 of them"):
        replace(study, learners=("ppo", "ddpg"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sellers": 0}, "sellers: got 0"),
        ({"records": 0}, "records: got 0"),
        ({"seeds": 0}, "seeds: got 0"),
        ({"evaluation_episodes": 1}, "evaluation_episodes: got 1"),
        ({"learners": ()}, "learners: got none"),
        ({"learners": ("ia_gur",)}, "did you mean 'ia_gru'"),
        ({"updates": 12}, "updates: got 12; allowed are so many that an episode of 100 rounds"),
        (
            {"learners": ("ppo",), "updates": 3},
            "updates: got 3; allowed are .* an update of ppo has 25 of them",
        ),
        ({"learners": ("ppo", "ppo")}, "learners: got .*; allowed are each of them once"),
        ({"markets": ("reputation",) * 2}, "markets: got .*; allowed are each of them once"),
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
        ({"exploration": 0.3}, "exploration: got 0.3"),
        ({"prices_shown": "no"}, "prices_shown: got 'no'"),
    ],
)
def test_bad_markets_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Market(**options)
