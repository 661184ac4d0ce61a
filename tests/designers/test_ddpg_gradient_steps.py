"""A gradient step of DDPG against NumPy, for an actor and a critic that are linear."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmech.designers.ddpg.gradient_steps import METRICS, Learned, gradient_step
from jaxmech.designers.ddpg.replay import Transitions

OPTIONS = {
    "gamma": 0.9,
    "reward_scale": 2.0,
    "actor_learning_rate": 0.1,
    "critic_learning_rate": 0.2,
    "target_rate": 0.25,
    "max_gradient_norm": np.inf,
}


def act(actor, observation):
    """[batch, 1] -> [batch, 1]"""
    return actor * observation


def value(critic, observation, action):
    return critic[0] * observation[:, 0] + critic[1] * action[:, 0]


def transitions(known=(1, 1, 1, 0), terminated=(0, 0, 1, 0)):
    return Transitions(
        observation=np.float32([[1], [2], [3], [4]]),
        action=np.float32([[0.5], [-1], [1], [2]]),
        reward=np.float32([1, 0, -1, 100]),
        terminated=np.array(terminated, bool),
        next_observation=np.float32([[2], [1], [5], [7]]),
        known=np.array(known, bool),
    )


def beginning():
    """Targets that are not what they are targets of, as later in a training."""
    start = Learned.start(jnp.float32(0.5), jnp.float32([1.0, -2.0]))
    return start.replace(target_actor=jnp.float32(0.25), target_critic=jnp.float32([0.5, 1.0]))


@jax.jit
def stepped(batch, options):
    return gradient_step(beginning(), batch, act=act, value=value, **options)


def by_numpy(batch):
    """What is learned and reported, from the formulas of Lillicrap et al. 2016."""
    seen, action, after = (x[:, 0] for x in (batch.observation, batch.action,
                                             batch.next_observation))  # fmt: skip
    next_value = 0.5 * after + 1.0 * 0.25 * after
    target = 2.0 * batch.reward + 0.9 * np.where(batch.terminated, 0, next_value)
    error = (1.0 * seen - 2.0 * action - target)[batch.known]
    count = max(batch.known.sum(), 1)
    slopes = np.stack([seen, action], 1)[batch.known]
    critic_gradient = 2 * error @ slopes / count
    # The first step of Adam is one learning rate against the sign of the gradient.
    critic = np.array([1.0, -2.0]) - 0.2 * np.sign(critic_gradient)
    # Up the critic: what an action is worth there times what the action changes.
    actor_gradient = -critic[1] * seen.mean()
    actor = 0.5 - 0.1 * np.sign(actor_gradient)
    learned = {
        "actor": actor,
        "critic": critic,
        "target_actor": 0.75 * 0.25 + 0.25 * actor,
        "target_critic": 0.75 * np.array([0.5, 1.0]) + 0.25 * critic,
    }
    metrics = {
        "critic_loss": (error**2).sum() / count,
        "actor_loss": -(critic[0] * seen + critic[1] * 0.5 * seen).mean(),
        "mean_value": (1.0 * seen - 2.0 * action).mean(),
        "critic_gradient_norm": np.linalg.norm(critic_gradient),
        "actor_gradient_norm": abs(actor_gradient),
    }
    return learned, metrics


@pytest.mark.parametrize("known", [(1, 1, 1, 0), (1, 1, 1, 1), (0, 0, 0, 1)])
def test_a_step_is_what_the_formulas_say(known):
    batch = transitions(known)
    learned, metrics = stepped(batch, OPTIONS)
    expected, expected_metrics = by_numpy(batch)
    for name, number in expected.items():
        np.testing.assert_allclose(getattr(learned, name), number, rtol=1e-5, err_msg=name)
    assert set(metrics) == set(METRICS) == set(expected_metrics)
    for name, number in expected_metrics.items():
        np.testing.assert_allclose(metrics[name], number, rtol=1e-5, err_msg=name)


def test_what_follows_a_step_that_was_cut_short_or_terminated_does_not_matter():
    batch = transitions()
    other = batch.replace(
        next_observation=batch.next_observation + np.float32([[0], [0], [9], [9]]),
        reward=batch.reward + np.float32([0, 0, 0, 9]),
    )
    first, second = stepped(batch, OPTIONS), stepped(other, OPTIONS)
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_from_what_is_not_known_the_critic_learns_nothing():
    learned, metrics = stepped(transitions(known=(0, 0, 0, 0)), OPTIONS)
    np.testing.assert_array_equal(learned.critic, beginning().critic)
    assert float(metrics["critic_loss"]) == 0 == float(metrics["critic_gradient_norm"])
    # Its actor still does: that takes no next observation.
    assert float(learned.actor) != float(beginning().actor)


def test_gradients_are_shortened_to_the_bound_and_reported_as_they_were():
    # Adam scales steps: the bound shows in its mean of gradients, a tenth of the first one.
    batch = transitions()
    learned, metrics = stepped(batch, {**OPTIONS, "max_gradient_norm": 0.5})
    free, free_metrics = stepped(batch, OPTIONS)
    for network in ("actor", "critic"):
        norm = f"{network}_gradient_norm"
        assert float(metrics[norm]) > 0.5
        np.testing.assert_allclose(metrics[norm], free_metrics[norm], rtol=1e-6)
        mean, free_mean = (
            np.asarray(getattr(one, f"{network}_optimizer").mu) for one in (learned, free)
        )
        np.testing.assert_allclose(np.linalg.norm(mean), 0.1 * 0.5, rtol=1e-4)
        np.testing.assert_allclose(
            mean / np.linalg.norm(mean), free_mean / np.linalg.norm(free_mean), rtol=1e-5
        )
