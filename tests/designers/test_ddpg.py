"""An update of DDPG: what it collects and learns, what its hyper-parameters change, and when."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ddpg_probes import KEYS, Probe, probing, start, update
from flax import linen as nn

from jaxmech import runner
from jaxmech.designers import DDPG, train
from jaxmech.networks import BoundedActions
from jaxmech.runner.progress import NoProgress
from jaxmech.runner.trees import floats
from jaxmech.spaces import Discrete


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
