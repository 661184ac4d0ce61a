"""Environments of others: two of gymnax's classic-control tasks reach their usual return."""

import jax
import numpy as np
import pytest

from jaxmech.designers import PPO, train

gymnax = pytest.importorskip("gymnax")


@pytest.mark.parametrize(
    ("task", "usual_return", "updates"), [("CartPole-v1", 475.0, 120), ("Acrobot-v1", -100.0, 120)]
)
def test_reaches_the_usual_return(task, usual_return, updates):
    env, params = gymnax.make(task)
    designer = PPO(
        env,
        params,
        num_environments=64,
        rollout_length=64,
        learning_rate=2.5e-3,
        anneal_updates=float(updates),
        gamma=0.99,
    )
    _, metrics = jax.jit(lambda key: train(designer, key, updates=updates))(jax.random.key(0))
    assert np.mean(metrics["episode_return"][-10:]) >= usual_return
