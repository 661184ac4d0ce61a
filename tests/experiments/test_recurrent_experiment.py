"""An experiment whose policy has a memory: run, resumed and evaluated."""

import dataclasses

import jax
import numpy as np

from jaxmech import runner
from jaxmech.experiments import EXPERIMENTS, PPOSettings, TwoWorlds
from jaxmech.experiments.sequential_price.building import References, build
from jaxmech.experiments.sequential_price.evaluating import evaluate_run

EXPERIMENT = dataclasses.replace(
    EXPERIMENTS["brero2021/two_worlds"],
    setting=TwoWorlds(num_agents=3),
    statistic="last_visit",
    seeds=2,
    updates=3,
    evaluation_episodes=1000,
    validation_episodes=1000,
    ppo=PPOSettings(
        num_environments=16, hidden=(8,), architecture="recurrent", memory_width=4
    ),
)  # fmt: skip


def test_is_resumed_with_its_memories_and_evaluated(tmp_path):
    study = build(EXPERIMENT)
    options = {"updates_per_chunk": 1}
    straight = runner.run(
        study.designer, directory=tmp_path / "straight", seeds=2, updates=3, **options
    )
    runner.run(study.designer, directory=tmp_path / "parts", seeds=2, updates=1, **options)
    parts = runner.resume(study.designer, directory=tmp_path / "parts", updates=3, **options)
    metrics = [(run.directory / "metrics.csv").read_bytes() for run in (straight, parts)]
    assert metrics[0] == metrics[1]
    memories = [run.states.running.carry for run in (straight, parts)]
    np.testing.assert_array_equal(*memories)
    # Episodes of one to three visits: some go on after a rollout, some do not.
    remembers = np.any(memories[0] != 0, axis=-1)
    assert remembers.any() and not remembers.all()

    summary, _ = evaluate_run(study, parts, References())
    # The first agent to buy, if any, has at least the least value and at most the highest.
    assert all(0 < seed["mean"] < 1 for seed in summary["learned"]["per_seed"])
    assert jax.tree.leaves(parts.states.parameters)[0].shape[0] == 2
