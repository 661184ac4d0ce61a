"""What is learned among few sellers, played among many, beside what is learned there."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from few_steps import FEW_STEPS

from jaxmech import evaluation, runner
from jaxmech.experiments.impression_allocation import many_sellers
from jaxmech.experiments.impression_allocation.configuration import MANY_SELLERS
from jaxmech.experiments.impression_allocation.episodes import TESTING
from jaxmech.experiments.impression_allocation.learners import learner
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean
from jaxmech.reports.findings import Estimate, Findings

SMALL = replace(
    MANY_SELLERS,
    sellers=4,
    more_sellers=(6,),
    records=2,
    rounds=8,
    updates=3,
    seeds=2,
    evaluation_episodes=6,
    learners=("ia_gru",),
    ia=FEW_STEPS,
    ddpg=FEW_STEPS,
)


@pytest.mark.slow
def test_what_is_carried_is_what_was_learned_among_few(tmp_path):
    found = Workspace(tmp_path, say=[].append).run(SMALL)
    few, many = SMALL.studies().values()
    stage = tmp_path / "cells" / "4_sellers" / "stages" / "ia_gru"
    states = runner.load(learner("ia_gru", few, *few.build()), directory=stage).states
    env, params = many.build()
    designer = learner("ia_gru", many, env, params)
    for seed, rewards in enumerate(found.estimates["6_sellers/carried"].per_seed):
        policy = designer.policy(jax.tree.map(lambda leaf, seed=seed: leaf[seed], states))
        key = jax.random.fold_in(jax.random.key(seed), TESTING)
        estimate = evaluation.evaluate(env, params, policy, key, SMALL.evaluation_episodes)
        assert rewards == pytest.approx(float(estimate.mean), rel=1e-5)
    assert {record.cell for record in found.records} == {"4_sellers", "6_sellers"}


def made_up(values, others):
    estimates = {
        "learned": Estimate(float(np.mean(values)), 0.01, values),
        "ddpg": Estimate(0.2, 0.01, (0.2, 0.2)),
        "trained demand": Estimate(others, 0.001),
        "UCB1": Estimate(0.1, 0.001),
        "known demand": Estimate(0.4, 0.001),
    }
    return Findings("", estimates)


def test_the_table_tells_what_was_trained_where():
    study = replace(SMALL, learners=("ia_gru", "ddpg"))
    found = {4: made_up((0.3, 0.32), 0.25), 6: made_up((0.4, 0.36), 0.3)}
    carried = {6: many_sellers.Carried(Estimate(0.37, 0.02, (0.38, 0.36)), Mean(97.4, 1.2))}
    table = many_sellers._table(study, found, carried)
    assert table.columns[1:4] == ("IA(GRU), trained there", "Trained with 4", "% of trained there")
    few, many = table.rows
    assert few == (
        "4", "0.3100 ± 0.0100", "", "", "0.2000 ± 0.0100",
        "0.2500 ± 0.0010, trained demand", "0.4000 ± 0.0010",
    )  # fmt: skip
    assert many[:4] == ("6", "0.3800 ± 0.0100", "0.3700 ± 0.0200", "97.4 ± 1.2")
    records = many_sellers._records(study, found, carried)
    assert [(one.metric, one.value, one.seed) for one in records] == [
        ("reward", 0.37, None),
        ("reward", 0.38, 0),
        ("reward", 0.36, 1),
        ("percent_of_trained_there", 97.4, None),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more_sellers": ()}, "more_sellers: got"),
        ({"more_sellers": (4,)}, "more_sellers: got 4"),
        ({"more_sellers": (6, 6)}, "more_sellers: got .*; allowed are each of them once"),
        ({"learners": ("ddpg", "ia_gru")}, "learners: got"),
    ],
)
def test_studies_that_carry_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


def test_every_population_has_the_same_study():
    few, many = SMALL.studies().values()
    assert (few.sellers, many.sellers) == (4, 6)
    assert replace(many, sellers=4) == few
    assert few.market == SMALL.market and few.ia == SMALL.ia
