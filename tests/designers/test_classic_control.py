"""Environments of others: gymnax's classic-control tasks reach their usual return with two of
three seeds."""

import jax
import numpy as np
import pytest
from tiers import as_users_compile

from jaxmech.designers import DDPG, PPO, train

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
    returns = returns_of_three_seeds(designer, updates)
    assert np.sum(np.mean(returns[:, -10:], axis=1) >= usual_return) >= 2


@pytest.mark.slow
@pytest.mark.usefixtures("promote_ranks")
def test_a_pendulum_is_swung_up_by_continuous_torque():
    env, params = gymnax.make("Pendulum-v1")
    designer = DDPG(
        env,
        params,
        hidden=(64, 64),
        actor_learning_rate=1e-3,
        target_rate=5e-3,
    )
    returns = returns_of_three_seeds(designer, updates=300)
    # In 25 updates each of 8 environments plays an episode of 200 steps; these are the last two.
    assert np.sum(np.mean(returns[:, -50:], axis=1) >= -200) >= 2
    # The first is played at random for the most part.
    assert np.all(returns[:, 25] < -700)


def returns_of_three_seeds(designer, updates):
    """Of every update, float [seeds, updates]."""
    keys = jax.random.split(jax.random.key(0), 3)
    train_each = jax.jit(
        lambda keys: jax.lax.map(lambda key: train(designer, key, updates=updates)[1], keys),
        compiler_options=as_users_compile(),
    )
    return np.asarray(train_each(keys)["episode_return"])
