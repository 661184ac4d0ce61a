"""DDPG on environments whose values are known, and what its hyper-parameters change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiers import slowly

import jaxmech
from jaxmech import runner, struct
from jaxmech.designers import DDPG, train
from jaxmech.networks import BoundedActions
from jaxmech.runner.progress import NoProgress
from jaxmech.runner.trees import floats
from jaxmech.spaces import Box, Discrete, Simplex

NEVER = -1
FEW: dict[str, Any] = {
    "num_environments": 8,
    "rollout_length": 4,
    "gradient_steps": 16,
    "batch_size": 32,
    "replay_size": 2048,
    "learning_starts": 128,
    "hidden": (32,),
    "actor_learning_rate": 3e-3,
    "critic_learning_rate": 1e-2,
    "target_rate": 0.05,
    "exploration_noise": 0.2,
}
KEYS = jax.random.split(jax.random.key(0), 5)


# What is rewarded, seen and when episodes end are numbers, so that tests share one program.
@struct.dataclass
class ProbeParams:
    constant: Any = 0.0
    distance: Any = 0.0
    shows_time: Any = 0.0
    terminates_after: Any = NEVER
    truncates_after: Any = NEVER


@dataclass(frozen=True)
class Probe:
    """Sees a number from -.5 to .5, drawn anew every step, and, if it shows that, the time.

    The reward is a constant, less a weight times the squared distance of the action to the
    number seen.
    """

    bound: float = 2.0

    def _observe(self, key, time, params):
        seen = jax.random.uniform(key, (), minval=-0.5, maxval=0.5)
        return jnp.stack([seen, params.shows_time * time])

    def reset(self, key, params):
        observation = self._observe(key, 0, params)
        return observation, (observation, jnp.zeros((), jnp.int32))

    def step(self, key, state, action, params):
        observation, time = state
        reward = params.constant - params.distance * jnp.square(action[0] - observation[0])
        time = time + 1
        terminated = time == params.terminates_after
        truncated = ~terminated & (time == params.truncates_after)
        after_key, reset_key = jax.random.split(key)
        after = self._observe(after_key, time, params)
        stepped, fresh = (after, (after, time)), self.reset(reset_key, params)
        observation, state = jax.tree.map(
            lambda new, old: jnp.where(terminated | truncated, new, old), fresh, stepped
        )
        return observation, state, reward, terminated, truncated, {"final_observation": after}

    def action_space(self, params):
        return Box(-self.bound, self.bound, (1,))

    def observation_space(self, params):
        return Box(-jnp.inf, jnp.inf, (2,))


def probing(*, env=Probe(), options=(), **params):
    return DDPG(env, ProbeParams(**params), **{**FEW, **dict(options)})


@jax.jit
def start(designer, key):
    return designer.init(key)


@jax.jit
def update(designer, state):
    return designer.update(state)


@jax.jit
def trained(designer, keys):
    """The states of several seeds after 100 updates."""
    return jax.lax.map(lambda key: train(designer, key, updates=100)[0], keys)


@jax.jit
def acts(designer, states, observations):
    """[seeds, observations, ...]"""
    return jax.vmap(
        lambda state: jax.vmap(lambda seen: designer.policy(state).act(seen, None, None)[0])(
            observations
        )
    )(states)


@jax.jit
def values(designer, states, observations, actions):
    """[seeds, observations]"""
    return jax.vmap(lambda state: designer._value(state.learned.critic, observations, actions))(
        states
    )


def errors(designer, observations, actions, expected):
    """Of the values learned, the largest of each seed."""
    states = trained(designer, KEYS)
    learned = values(designer, states, np.float32(observations), np.float32(actions))
    return np.abs(np.asarray(learned) - np.float32(expected)).max(axis=1)


SEEN = [[-0.4, 0.0], [0.0, 0.0], [0.4, 0.0]]


def test_it_does_what_the_observation_asks_for():
    designer = probing(distance=1.0, terminates_after=1)
    actions = np.asarray(acts(designer, trained(designer, KEYS), np.float32(SEEN)))[..., 0]
    off = np.abs(actions - np.float32(SEEN)[:, 0]).max(axis=1)
    # The best constant action, 0, is off by .4.
    assert np.sum(off < 0.15) >= 4


def test_the_value_of_one_step_is_its_reward():
    designer = probing(distance=1.0, constant=0.5, terminates_after=1)
    actions = [[0.1], [-0.5], [0.8]]
    rewards = [0.5 - 0.5**2, 0.5 - 0.5**2, 0.5 - 0.4**2]
    assert np.sum(errors(designer, SEEN, actions, rewards) < 0.05) >= 4


def test_termination_cuts_the_value():
    # Two steps of reward 1, the time of which is seen: 1 + gamma at the first, 1 at the second.
    designer = probing(constant=1.0, shows_time=1.0, terminates_after=2, options={"gamma": 0.9})
    off = errors(designer, [[0.2, 0.0], [0.2, 1.0]], [[0.0], [0.0]], [1.9, 1.0])
    assert np.sum(off < 0.05) >= 4


def test_being_cut_short_does_not_cut_the_value():
    # Reward 1 for ever is worth 1 / (1 - gamma), however often the clock cuts the episode.
    designer = probing(constant=1.0, truncates_after=2, options={"gamma": 0.5})
    off = errors(designer, SEEN, [[0.0]] * 3, [2.0] * 3)
    assert np.sum(off < 0.05) >= 4


@dataclass(frozen=True)
class Bandit:
    """One step, in which a unit is divided among four arms; arm 2 pays most."""

    truncates = False

    def reset(self, key, params):
        return jnp.ones(1, jnp.int32), jnp.zeros(())

    def step_env(self, key, state, action, params):
        reward = jnp.sum(jnp.array([0.2, 0.5, 1.0, 0.7]) * action)
        # What is no allocation would be seen at once.
        is_allocation = self.action_space(params).contains(action)
        reward = jnp.where(is_allocation, reward, -1000)
        return jnp.ones(1, jnp.int32), state, reward, jnp.ones((), bool), {"objective": reward}

    def action_space(self, params):
        return Simplex(4)

    def observation_space(self, params):
        return Box(0, 1, (1,))


def test_shares_go_to_the_best_arm_and_sum_to_one_all_the_while():
    designer = DDPG(Bandit(), None, **(FEW | {"exploration_noise": 0.5}))

    @jax.jit
    def run(key):
        state, metrics = train(designer, key, updates=100)
        return designer.policy(state).act(jnp.ones(1, jnp.int32), None, None)[0], metrics

    best = 0
    for key in KEYS[:3]:
        action, metrics = run(key)
        best += action[2] > 0.9
        assert np.asarray(metrics["objective"]).min() >= 0.2
        # At random at first: every arm alike.
        assert np.mean(metrics["objective"][:4]) == pytest.approx(0.6, abs=0.05)
        np.testing.assert_array_equal(metrics["episode_return"], metrics["objective"])
    assert best >= 2


@pytest.mark.parametrize("form", ["shares", *slowly("scores")])
def test_impressions_are_allocated_by_shares_and_by_scores(form):
    env, params = jaxmech.make(
        "impression_allocation", num_sellers=3, action_form=form, num_rounds=6, reputation=0.0
    )
    designer = DDPG(env, params, **(FEW | {"gradient_steps": 1}))
    # The first episodes, of 6 steps of each of 8 environments, end in the second update.
    state, metrics = jax.jit(lambda key: train(designer, key, updates=2))(KEYS[0])
    assert state.replay.steps.observation.shape == (256, 8, 3, 22)
    assert float(metrics["episodes"][1]) == 8
    # The mean reward of a round: no price p earns more than p (1 - p) <= 1/4.
    assert 0.05 < float(metrics["objective"][1]) <= 0.25


@dataclass(frozen=True)
class Everywhere(Probe):
    """Actions without bounds."""

    def action_space(self, params):
        return Box(-jnp.inf, jnp.inf, (1,))


class Linear(nn.Module):
    """An actor of one's own: the number seen times a weight that starts at 0."""

    @nn.compact
    def __call__(self, observation):
        return nn.Dense(1, use_bias=False, kernel_init=nn.initializers.zeros)(observation[:, :1])


class Quadratic(nn.Module):
    """A critic of one's own, that can tell the reward exactly: a constant less a weight times
    the squared distance."""

    @nn.compact
    def __call__(self, observation, action):
        constant = self.param("constant", nn.initializers.zeros, ())
        weight = self.param("weight", nn.initializers.ones, ())
        return constant - weight * jnp.square(action[:, 0] - observation[:, 0])


def test_networks_of_ones_own_find_the_truth_where_actions_have_no_bounds():
    params = ProbeParams(distance=2.0, constant=3.0, terminates_after=1)
    rates = {"actor_learning_rate": 3e-2, "critic_learning_rate": 3e-2}
    designer = DDPG(Everywhere(), params, actor=Linear(), critic=Quadratic(), **(FEW | rates))
    state, _ = jax.jit(lambda key: train(designer, key, updates=60))(KEYS[0])
    critic = state.learned.critic["params"]
    assert float(critic["constant"]) == pytest.approx(3.0, abs=1e-2)
    assert float(critic["weight"]) == pytest.approx(2.0, abs=1e-2)
    assert float(state.learned.actor["params"]["Dense_0"]["kernel"][0, 0]) == pytest.approx(
        1.0, abs=1e-2
    )


def test_nothing_is_learned_before_enough_was_tried():
    # 32 transitions an update: the first gradient steps are those of the fourth.
    designer = probing(distance=1.0, truncates_after=3)
    state = first = start(designer, KEYS[0])
    for made in range(1, 6):
        before = state.learned
        state, metrics = update(designer, state)
        assert float(metrics["replay_transitions"]) == 32 * made
        assert float(metrics["environment_steps"]) == 32
        learning = [
            metrics[name]
            for name in ("critic_loss", "actor_loss", "mean_value",
                         "critic_gradient_norm", "actor_gradient_norm")
        ]  # fmt: skip
        if made < 4:
            assert np.isnan(learning).all()
            jax.tree.map(np.testing.assert_array_equal, state.learned, first.learned)
        else:
            assert np.isfinite(learning).all()
            assert not np.array_equal(
                jax.tree.leaves(state.learned.actor)[0], jax.tree.leaves(before.actor)[0]
            )
    # Random actions, of all the range, come first; then those near the greedy one.
    actions = np.asarray(state.replay.steps.action)[..., 0]
    assert actions[:16].std() == pytest.approx(4 / np.sqrt(12), rel=0.15)
    assert np.abs(actions[16:20]).max() < 4.5 * 0.2 * 2
    assert actions[16:20].std() == pytest.approx(0.2 * 2, rel=0.4)


def test_a_full_replay_keeps_the_newest():
    designer = probing(distance=1.0, options={"replay_size": 128 + 31})
    state = start(designer, KEYS[0])
    for made in range(1, 6):
        last, (state, metrics) = state, update(designer, state)
        assert float(metrics["replay_transitions"]) == min(32 * made, 128)
    kept, before = (np.asarray(one.replay.steps.observation) for one in (state, last))
    np.testing.assert_array_equal(kept[4:], before[4:])
    assert (kept[:4, :, 0] != before[:4, :, 0]).all()


def test_the_runner_does_not_look_through_the_replay():
    state = jax.eval_shape(probing().init, KEYS[0])
    names = [name for name, _ in floats(state)]
    assert any(name.startswith("learned.actor.") for name in names)
    assert not any("replay" in name for name in names)


@pytest.mark.parametrize(("rate", "like"), [(0.0, "before"), (1.0, "learned")])
def test_targets_follow_at_their_rate(rate, like):
    designer = probing(distance=1.0, options={"target_rate": rate})
    state = first = start(designer, KEYS[0])
    for _ in range(4):
        state, _ = update(designer, state)
    learned = state.learned
    expected = first.learned if like == "before" else learned
    for target, copied in (("target_actor", "actor"), ("target_critic", "critic")):
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7),
            getattr(learned, target),
            getattr(expected, copied),
        )


@pytest.mark.parametrize("network", ["actor", "critic"])
def test_without_a_step_a_network_stays_as_it_is(network):
    designer = probing(distance=1.0, options={f"{network}_learning_rate": 0.0})
    other = {"actor": "critic", "critic": "actor"}[network]
    state = first = start(designer, KEYS[0])
    for _ in range(4):
        state, _ = update(designer, state)
    jax.tree.map(
        np.testing.assert_array_equal,
        getattr(state.learned, network),
        getattr(first.learned, network),
    )
    moved = [getattr(one.learned, other)["params"] for one in (state, first)]
    assert not np.array_equal(*[jax.tree.leaves(one)[-1] for one in moved])


def test_reward_scale_changes_what_is_learned_but_not_what_is_reported():
    plain = probing(constant=1.0, terminates_after=1)
    scaled = plain.replace(reward_scale=10.0)
    state = start(plain, KEYS[0])
    for _ in range(3):
        state, _ = update(plain, state)
    (_, first), (_, second) = update(plain, state), update(scaled, state)
    assert float(first["episode_return"]) == float(second["episode_return"]) == 1
    assert float(second["critic_loss"]) > 20 * float(first["critic_loss"])


def test_same_key_gives_the_same_training():
    designer = probing(distance=1.0)

    def learned(key):
        state = start(designer, key)
        for _ in range(5):
            state, _ = update(designer, state)
        return state.learned

    first, second, other = map(learned, (KEYS[0], KEYS[0], KEYS[1]))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert not np.array_equal(jax.tree.leaves(first)[0], jax.tree.leaves(other)[0])


def test_a_second_update_does_not_compile_again():
    designer = probing(distance=1.0)
    state, _ = update(designer, start(designer, KEYS[0]))
    compiled = update._cache_size()
    update(designer, state)
    assert update._cache_size() == compiled


def test_a_state_can_be_donated_from_the_first():
    designer = probing(distance=1.0)
    first = designer.init(KEYS[0])
    donated, _ = jax.jit(DDPG.update, donate_argnums=1)(designer, first)
    assert first.replay.steps.observation.is_deleted()
    kept, _ = update(designer, start(designer, KEYS[0]))
    rewards = [one.replay.steps.reward for one in (donated, kept)]
    np.testing.assert_allclose(*rewards, rtol=1e-5)


class Stopping(NoProgress):
    """Ends the run after some updates."""

    def __init__(self, after):
        self.after = after

    def advance(self, update, seconds, metrics):
        if update == self.after:
            raise RuntimeError("stopped")


@pytest.mark.slow
def test_a_run_stopped_with_its_replay_half_full_goes_on_as_if_it_had_not_been(tmp_path):
    designer = probing(distance=1.0, truncates_after=3, options={"replay_size": 512})
    asked = {"seeds": 2, "updates": 12}
    with pytest.raises(RuntimeError, match="stopped"):
        runner.run_or_resume(
            designer, directory=tmp_path / "stopped", **asked,
            updates_per_chunk=1, checkpoint_seconds=0, progress=Stopping(9),
        )  # fmt: skip
    half = runner.load(designer, directory=tmp_path / "stopped").states.replay
    np.testing.assert_array_equal(half.num_transitions, 256)
    again = runner.run_or_resume(designer, directory=tmp_path / "stopped", **asked)
    straight = runner.run_or_resume(designer, directory=tmp_path / "straight", **asked)
    np.testing.assert_array_equal(straight.states.replay.num_transitions, 384)
    left, right = (
        one.states.replace(key=jax.random.key_data(one.states.key)) for one in (again, straight)
    )
    jax.tree.map(np.testing.assert_array_equal, left, right)
    logs = [(tmp_path / name / "metrics.csv").read_bytes() for name in ("stopped", "straight")]
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_seeds_and_floats_can_be_swept_by_vmap():
    designers = [
        probing(distance=1.0, truncates_after=3,
                options={"actor_learning_rate": rate, "gamma": gamma, "exploration_noise": noise})
        for rate, gamma, noise in ((1e-3, 0.5, 0.1), (3e-3, 0.9, 0.3))
    ]  # fmt: skip
    together = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(x) for x in leaves]), *designers)

    def run(designer, key):
        state, metrics = train(designer, key, updates=8)
        return state.learned, state.replay.steps, metrics

    alone = jax.jit(run)
    swept = jax.jit(jax.vmap(jax.vmap(run, (None, 0)), (0, None)))(together, KEYS[:2])
    for place, designer in enumerate(designers):
        for seed, key in enumerate(KEYS[:2]):
            jax.tree.map(
                lambda a, b, at=(place, seed): np.testing.assert_allclose(
                    a, b[at], rtol=2e-3, atol=2e-4
                ),
                alone(designer, key),
                swept,
            )


@pytest.mark.slow
def test_trains_in_double_precision():
    with jax.enable_x64(True):
        designer = probing(distance=1.0, options={"learning_starts": 32})
        state, metrics = jax.jit(lambda key: designer.update(designer.init(key)))(jax.random.key(0))
        assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(state.learned.actor))
        assert state.replay.steps.action.dtype == jnp.float64
        assert np.isfinite(metrics["critic_loss"])


class Wide(nn.Module):
    """An actor of two numbers, or a critic with an axis of its own."""

    @nn.compact
    def __call__(self, observation, *action):
        return nn.Dense(1 if action else 2)(observation)


class Whole(BoundedActions):
    """Actions that are integers."""

    def greedy(self, raw):
        return super().greedy(raw).astype(int)


@dataclass(frozen=True)
class Choosing(Probe):
    def action_space(self, params):
        return Discrete(3)


@pytest.mark.parametrize(
    ("designer", "words"),
    [
        (
            probing(options={"actor": Wide()}),
            r"^actor: got one that gives shape \(1, 2\) for one observation; allowed are raw "
            r"actions of shape \(1, 1\)",
        ),
        (
            probing(options={"critic": Wide()}),
            r"^critic: got one that gives shape \(1, 1\) .* here of shape \(1,\)",
        ),
        (
            probing(options={"actions": Whole(-1.0, 1.0)}),
            r"^actions: got int32 of shape \(1, 1\) .*; allowed are float of shape \(1, 1\)",
        ),
        (probing(env=Choosing()), r"^action_space: got Discrete\(n=3\); allowed are a box"),
    ],
)
def test_what_does_not_fit_together_is_refused(designer, words):
    with pytest.raises(ValueError, match=words):
        jax.eval_shape(designer.init, KEYS[0])
