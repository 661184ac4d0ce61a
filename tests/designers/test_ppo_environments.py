"""PPO on other people's environments, networks and masks."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiers import as_users_compile, slowly

from jaxmech import spaces, struct
from jaxmech.designers import PPO, train
from jaxmech.evaluation import evaluate, play
from jaxmech.networks import DiagonalGaussian

FEW = {"num_environments": 8, "num_minibatches": 2, "hidden": (8,)}


@struct.dataclass
class Params:
    max_steps_in_episode: int = struct.field(pytree_node=False, default=3)


@dataclass(frozen=True)
class Masked:
    """The observation names, one-hot, the one of four actions that is allowed; it alone pays."""

    def _observe(self, key):
        return jax.nn.one_hot(jax.random.randint(key, (), 0, 4), 4)

    def reset(self, key, params):
        seen = self._observe(key)
        return seen, (seen, jnp.zeros((), jnp.int32))

    def step_env(self, key, state, action, params):
        seen, time = state
        reward = jnp.where(seen[action] > 0, 1.0, -100.0)
        after = self._observe(key)
        return after, (after, time + 1), reward, time + 1 >= params.max_steps_in_episode, {}

    truncates = False

    def action_space(self, params):
        return spaces.Discrete(4)

    def observation_space(self, params):
        return spaces.Box(0.0, 1.0, (4,))

    def action_mask(self, observation, params):
        return observation > 0


@pytest.mark.parametrize("rollout_by", ["episode", *slowly("step")])
def test_what_is_not_allowed_is_never_done_nor_counted(rollout_by):
    designer = PPO(Masked(), Params(), rollout_by=rollout_by, **FEW)
    state, metrics = jax.jit(lambda key: train(designer, key, updates=3))(jax.random.key(0))
    np.testing.assert_array_equal(metrics["episode_return"], 3.0)
    # One action is allowed everywhere, so that nothing can be learned, drawn or diverge.
    np.testing.assert_allclose(metrics["entropy"], 0, atol=1e-6)
    np.testing.assert_allclose(metrics["approximate_kl"], 0, atol=1e-6)
    env, params, policy = designer.env, designer.params, designer.policy(state)
    estimate = evaluate(env, params, policy, jax.random.key(1), 16, deterministic=False)
    assert estimate.mean == 3.0


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (lambda seen: seen[..., :1] > 0, r"bool of shape \(1,\); allowed are bool of shape \(4,\)"),
        (lambda seen: jnp.log(seen), r"float32 of shape \(4,\); allowed are bool of shape \(4,\)"),
    ],
)
def test_a_mask_of_another_shape_or_kind_is_refused(mask, words, monkeypatch):
    monkeypatch.setattr(Masked, "action_mask", lambda self, seen, params: mask(seen))
    with pytest.raises(ValueError, match=f"action_mask: got {words}"):
        jax.eval_shape(PPO(Masked(), Params(), **FEW).init, jax.random.key(0))


class Logits(nn.Module):
    """So many, and a value with or without an axis of its own."""

    count: int
    keep_axis: bool

    @nn.compact
    def __call__(self, observation):
        value = nn.Dense(1)(observation)
        return nn.Dense(self.count)(observation), value if self.keep_axis else value[..., 0]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Logits(4, True), r"one that gives shapes \(\(1, 4\), \(1, 1\)\) for a row"),
        (Logits(3, False), r"logits of shape \(1, 3\) for a row.*allowed are shape \(1, 4\)"),
        (nn.Dense(4), r"one that gives shapes \(1, 4\) for a row"),
    ],
)
def test_a_network_of_other_shapes_is_refused(network, words):
    with pytest.raises(ValueError, match=f"network: got {words}"):
        jax.eval_shape(PPO(Masked(), Params(), network=network, **FEW).init, jax.random.key(0))


@dataclass(frozen=True)
class Target:
    """One step; the nearer the action to minus the observation, the more it pays."""

    truncates = False

    def reset(self, key, params):
        seen = jax.random.uniform(key, (1,), minval=-0.5, maxval=0.5)
        return seen, seen

    def step_env(self, key, state, action, params):
        return state, state, -jnp.sum(jnp.square(action + state)), jnp.ones((), bool), {}

    def action_space(self, params):
        return spaces.Box(-1.0, 1.0, (1,))

    def observation_space(self, params):
        return spaces.Box(-0.5, 0.5, (1,))


class Linear(nn.Module):
    """A network of one's own: means linear in the observation, one spread."""

    @nn.compact
    def __call__(self, observation):
        mean = nn.Dense(1)(observation)
        spread = self.param("spread", nn.initializers.constant(-1.0), (1,))
        return (mean, spread), nn.Dense(1)(jnp.square(observation))[..., 0]


def test_a_network_of_ones_own_is_trained():
    designer = PPO(
        Target(), Params(max_steps_in_episode=1), num_environments=256, learning_rate=2e-2,
        network=Linear(), action_distribution=DiagonalGaussian((1,)),
    )  # fmt: skip
    keys = jax.random.split(jax.random.key(0), 4)
    states = jax.jit(jax.vmap(lambda key: train(designer, key, updates=60)[0]))(keys)
    seen = np.float32([0.4])
    act = jax.jit(jax.vmap(lambda state: designer.policy(state).act(seen, None, None)[0]))
    assert np.sum(np.abs(np.asarray(act(states)) + 0.4) < 0.1) >= 3
    assert "spread" in states.parameters["params"]


def test_a_distribution_of_ones_own_needs_a_network_of_ones_own():
    class Own:
        pass

    designer = PPO(Target(), Params(), action_distribution=Own(), **FEW)
    with pytest.raises(ValueError, match="network: got None"):
        designer.init(jax.random.key(0))


@dataclass(frozen=True)
class LowPrecision:
    """Rewards of 1 in numbers too coarse to count them."""

    dtype: str
    truncates = False

    def reset(self, key, params):
        return jnp.zeros(1, self.dtype), jnp.zeros((), jnp.int32)

    def step_env(self, key, state, action, params):
        time = state + 1
        reward = jnp.ones((), self.dtype)
        return jnp.zeros(1, self.dtype), time, reward, time >= params.max_steps_in_episode, {}

    def action_space(self, params):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(0.0, 1.0, (1,))


@pytest.mark.parametrize(
    ("dtype", "steps"), [("bfloat16", 1000), *slowly(("float16", 3000), ("int8", 200))]
)
def test_rewards_of_few_digits_are_added_up_in_full(dtype, steps):
    designer = PPO(LowPrecision(dtype), Params(steps), rollout_by="episode", **FEW)

    # Neither return depends on what is learned, which is not compiled here.
    @jax.jit
    def returns(key):
        state = designer.init(key)
        episode = play(designer.env, designer.params, designer.policy(state), key)
        return designer.update(state)[1]["episode_return"], episode.objective

    of_rollout, of_episode = returns(jax.random.key(0))
    assert of_rollout == of_episode == steps and of_episode.dtype == jnp.float32


@pytest.fixture(scope="module")
def cart_pole():
    gymnax = pytest.importorskip("gymnax")
    return gymnax.make("CartPole-v1")


@pytest.mark.usefixtures("promote_ranks")
def test_a_wrapper_of_gymnax_is_evaluated_as_what_it_wraps(cart_pole):
    from gymnax.wrappers.purerl import LogWrapper

    env, params = cart_pole
    # What step_env of the wrapper would call does not know the wrapper's state.
    means = []
    for one in (env, LogWrapper(env)):
        designer = PPO(one, params, rollout_length=8, **FEW)
        policy = jax.jit(lambda key, d=designer: d.policy(d.init(key)))(jax.random.key(0))
        means.append(evaluate(one, params, policy, jax.random.key(1), 4, steps=40).mean)
    assert all(5 < mean <= 40 for mean in means)


@pytest.mark.slow
@pytest.mark.usefixtures("promote_ranks")
def test_a_wrapper_of_gymnax_is_trained_as_what_it_wraps(cart_pole):
    from gymnax.wrappers.purerl import LogWrapper

    env, params = cart_pole
    results = []
    for one in (env, LogWrapper(env)):
        designer = PPO(one, params, rollout_length=8, **FEW)
        trained = jax.jit(
            lambda key, d=designer: train(d, key, updates=2),
            compiler_options=as_users_compile(),
        )
        state, metrics = trained(jax.random.key(0))
        results.append((state.parameters, metrics))
    jax.tree.map(np.testing.assert_array_equal, *results)
