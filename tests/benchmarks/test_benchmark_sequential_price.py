"""The peers of the benchmark do the same work, and every contender runs."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiers import slowly

import jaxmech

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NUM_AGENTS, NUM_UNITS, NUM_EPISODES = 7, 2, 200


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    # The benchmark's entry has the name of other modules; it must not be found for them.
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.fixture(scope="module")
def episodes() -> dict[str, np.ndarray]:
    """Random episodes of the JAX environment, padded: every array leads with episodes."""
    env, params = jaxmech.make(
        "sequential_price",
        setting="correlated",
        num_agents=NUM_AGENTS,
        num_items=NUM_UNITS,
        statistic="prices",
        subtract_offline_optimum=True,
    )

    def episode(key: jax.Array) -> dict[str, jax.Array]:
        reset_key, action_key = jax.random.split(key)
        first, state = env.reset(reset_key, params)
        # Scores and prices beyond the box too: they are moved into it.
        actions = 1.5 * jax.random.normal(action_key, (NUM_AGENTS, NUM_AGENTS + 1))

        def step(carry: Any, action: jax.Array) -> tuple[Any, Any]:
            observation, carry, reward, terminated, _ = env.step_env(key, carry, action, params)
            return carry, (observation, reward, terminated)

        _, (observations, rewards, terminated) = jax.lax.scan(step, state, actions)
        return {
            "values": state.values[:, 0],
            "actions": actions,
            "observations": jnp.concatenate([first[None], observations]),
            "rewards": rewards,
            "terminated": terminated,
        }

    keys = jax.random.split(jax.random.key(0), NUM_EPISODES)
    return {name: np.asarray(x) for name, x in jax.jit(jax.vmap(episode))(keys).items()}


def test_single_numpy_environment_agrees_with_jax(episodes: dict[str, np.ndarray]) -> None:
    pytest.importorskip("gymnasium")
    from numpy_sequential_price import SequentialPriceEnv

    env = SequentialPriceEnv(NUM_AGENTS, NUM_UNITS)
    lengths = []
    for episode in range(NUM_EPISODES):
        expected = {name: array[episode] for name, array in episodes.items()}
        observation, _ = env.reset(options={"values": expected["values"]})
        np.testing.assert_allclose(observation, expected["observations"][0], atol=1e-6)
        for step, action in enumerate(expected["actions"]):
            observation, reward, terminated, truncated, _ = env.step(action)
            np.testing.assert_allclose(observation, expected["observations"][step + 1], atol=1e-6)
            assert reward == pytest.approx(expected["rewards"][step], abs=1e-6)
            assert terminated == expected["terminated"][step]
            assert not truncated
            if terminated:
                lengths.append(step + 1)
                break
    assert len(lengths) == NUM_EPISODES
    assert min(lengths) < NUM_AGENTS == max(lengths)  # both ways of ending were seen


def test_vectorised_numpy_environment_agrees_with_jax(episodes: dict[str, np.ndarray]) -> None:
    pytest.importorskip("gymnasium")
    from numpy_sequential_price import SequentialPriceVectorEnv

    env = SequentialPriceVectorEnv(NUM_EPISODES, NUM_AGENTS, NUM_UNITS)
    observations, _ = env.reset(seed=0, options={"values": episodes["values"]})
    np.testing.assert_allclose(observations, episodes["observations"][:, 0], atol=1e-6)
    live = np.ones(NUM_EPISODES, bool)
    for step in range(NUM_AGENTS):
        observations, rewards, terminated, _, info = env.step(episodes["actions"][:, step])
        reached = observations.copy()
        if terminated.any():
            reached[terminated] = info["final_obs"][terminated]
            # An episode that ended was replaced by a fresh one.
            fresh = np.zeros(3 * NUM_AGENTS + 1)
            fresh[: NUM_AGENTS + 1] = 1
            assert (observations[terminated] == fresh).all()
        np.testing.assert_allclose(
            reached[live], episodes["observations"][live, step + 1], atol=1e-6
        )
        np.testing.assert_allclose(rewards[live], episodes["rewards"][live, step], atol=1e-6)
        assert (terminated[live] == episodes["terminated"][live, step]).all()
        live &= ~terminated
    assert not live.any()


def test_numpy_environments_have_the_spaces_of_the_jax_environment() -> None:
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env
    from numpy_sequential_price import SequentialPriceEnv

    numpy_env = SequentialPriceEnv()
    env, params = jaxmech.make("sequential_price", setting="correlated")
    space = env.action_space(params)
    np.testing.assert_array_equal(numpy_env.action_space.low, space.low)
    np.testing.assert_array_equal(numpy_env.action_space.high, space.high)
    assert numpy_env.observation_space.shape == env.observation_space(params).shape
    check_env(numpy_env, skip_render_check=True)


def test_vectorised_environment_draws_correlated_values() -> None:
    pytest.importorskip("gymnasium")
    from numpy_sequential_price import SequentialPriceVectorEnv

    env = SequentialPriceVectorEnv(20_000, NUM_AGENTS, NUM_UNITS, delta=0.5)
    env.reset(seed=1)
    values = env._values
    assert values.min() >= 0
    assert values.max() <= 1
    # z ~ U[1/4, 3/4] is shared and each value is U[z - 1/4, z + 1/4]: variances 1/48 each.
    covariance = np.cov(values[:, 0], values[:, 1])
    assert covariance[0, 1] == pytest.approx(1 / 48, rel=0.05)
    assert covariance[0, 0] == pytest.approx(2 / 48, rel=0.05)


def test_mean_welfare_of_a_free_mechanism_is_random_serial_dictatorship() -> None:
    pytest.importorskip("gymnasium")
    from reaching import expected_offline_optimum, mean_welfare
    from work import Work

    work = Work()
    assert expected_offline_optimum(work) == pytest.approx(5 - 15 / 21)
    free = np.zeros(work.num_agents + 1, np.float32)
    welfare = mean_welfare(lambda observations: np.tile(free, (len(observations), 1)), work, 0)
    assert welfare == pytest.approx(2.5, abs=0.03)


@pytest.mark.parametrize(
    ("contender", "libraries"),
    [
        ("jaxmech_episodes", ()),
        ("jaxmech_steps", ()),
        ("jaxmech_ppo", ()),
        *slowly(("jaxmech_symmetric_ppo", ())),
        ("network_alone", ()),
        ("random_numbers_alone", ()),
        ("gymnasium_vector_steps", ("gymnasium",)),
        ("gymnasium_single_steps", ("gymnasium",)),
        ("stable_baselines_ppo", ("stable_baselines3",)),
        ("stable_baselines_ppo_vectorised", ("stable_baselines3",)),
        *slowly(("rejax_ppo", ("rejax",))),
    ],
)
def test_contender_runs(
    contender: str, libraries: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    for library in libraries:
        # Found, not imported: importing torch or gymnax here would slow the whole suite.
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    if "rejax" in libraries:
        request.getfixturevalue("promote_ranks")
    from contenders import CONTENDERS
    from work import Work

    work = Work(
        num_agents=4,
        num_units=1,
        num_environments=8,
        updates_per_run=2,
        python_rollout_length=8,
        torch_threads=1,
    )
    subject = CONTENDERS[contender](work)
    compiled = not contender.startswith(("gymnasium", "stable_baselines"))
    assert (subject.compile_seconds > 0) == compiled
    first, second = subject.run(), subject.run()
    assert np.isfinite(first.checksum) and first.checksum != second.checksum
    assert 0 < first.steps <= first.rows
    if subject.act is not None:
        observations = np.ones((3, work.num_features), np.float32)
        actions = subject.act(observations)
        assert actions.shape == (3, work.num_agents + 1)
        assert np.isfinite(actions).all()


def test_every_row_of_the_table_has_a_contender() -> None:
    from contenders import CONTENDERS
    from tables import SECTIONS

    assert {row.contender for rows in SECTIONS.values() for row in rows} == set(CONTENDERS)


def test_compilation_is_timed_apart_from_the_first_run() -> None:
    from compiling import repeat_compiled
    from work import Ran

    ran = []

    def run(count: jax.Array) -> tuple[jax.Array, jax.Array]:
        jax.debug.callback(lambda: ran.append(1))
        return count + 1, count

    subject = repeat_compiled(
        run,
        jnp.zeros(()),
        lambda count: Ran(1, 1, float(count)),
        compile_seconds=100.0,
        updates_per_run=3,
    )
    assert not ran
    assert 100 < subject.compile_seconds < 160
    assert [subject.run().checksum for _ in range(3)] == [0, 1, 2]
    jax.effects_barrier()
    assert len(ran) == 3
    assert subject.updates_per_run == 3


def test_reaching_counts_compilation_apart_from_training() -> None:
    pytest.importorskip("gymnasium")
    from reaching import reach
    from work import Contender, Ran, Work

    work = Work(num_agents=4, num_units=1)
    runs = []

    def run() -> Ran:
        runs.append(1)
        return Ran(steps=10, rows=10, checksum=0)

    def act(observations: np.ndarray) -> np.ndarray:
        # Dear until three runs were made: nobody buys. Then free: everyone does.
        price = 0.0 if len(runs) >= 3 else 1.0
        return np.tile(np.append(np.zeros(4), price), (len(observations), 1)).astype(np.float32)

    subject = Contender(run, act, compile_seconds=50.0)
    answer = reach(subject, work, 1e-9, 0.4, cap=60)
    assert answer.reached
    assert answer.steps == 30
    assert answer.welfare == pytest.approx(0.5, abs=0.02)
    assert 0 < answer.training < 1
    assert answer.seconds == answer.compilation + answer.training
    assert answer.compilation == 50
    # Out of reach: it gives up at the cap, which compilation does not use up.
    beyond = reach(subject, work, 1e-9, 1.1, cap=0.001)
    assert not beyond.reached
    assert beyond.training >= 0.001
    assert beyond.steps > 0


def test_table_of_times_shows_every_seed_and_the_median() -> None:
    pytest.importorskip("rich")
    from reaching import Reached
    from rich.console import Console
    from tables import optimum_table

    def reached(training: float, compilation: float, success: bool = True) -> Reached:
        return Reached(success, compilation, training, steps=1.0, welfare=4.1)

    times = {
        "jaxmech_ppo": [reached(1, 4), reached(3, 4), reached(2, 4)],
        "stable_baselines_ppo": [reached(30, 0), reached(90, 0, False), reached(60, 0)],
        "stable_baselines_ppo_vectorised": [reached(9, 0, False)],
    }
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(optimum_table(times))
    ours, theirs, never = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in console.export_text().splitlines()
        if line.startswith("│")
    ]
    assert ours[1:] == ["6.0", "1.0", "5.0  7.0  6.0", "2.0", "1.0", "1.0  3.0  2.0"]
    assert theirs[1:4] == ["60.0", "10.0", "30.0  > 90.0  60.0"]
    assert theirs[4:6] == ["60.0", "30.0"]
    assert never[1:4] == ["not reached", "", "> 9.0"]
