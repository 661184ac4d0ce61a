"""Environments of others: two of gymnax's classic-control tasks reach their usual return
with two of three seeds."""

import jax
import numpy as np
import pytest
from tiers import as_users_compile

from jaxmech.designers import PPO, train

gymnax = pytest.importorskip("gymnax")


@pytest.mark.slow
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
    keys = jax.random.split(jax.random.key(0), 3)
    train_each = jax.jit(
        lambda keys: jax.lax.map(lambda key: train(designer, key, updates=updates)[1], keys),
        compiler_options=as_users_compile(),
    )
    returns = np.mean(train_each(keys)["episode_return"][:, -10:], axis=1)
    assert np.sum(returns >= usual_return) >= 2
