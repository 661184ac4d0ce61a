"""Contenders that others wrote, or that are written as others write: NumPy, rejax, torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from compiling import compile_timed, repeat_compiled
from work import (
    HIDDEN,
    LEARNING_RATE,
    NUM_EPOCHS,
    NUM_MINIBATCHES,
    Contender,
    Ran,
    Work,
    make_environment,
)


def gymnasium_vector_steps(work: Work) -> Contender:
    """The NumPy vectorised environment."""
    from numpy_sequential_price import SequentialPriceVectorEnv

    env = SequentialPriceVectorEnv(work.num_environments, work.num_agents, work.num_units)
    env.reset(seed=work.seed)
    random = np.random.default_rng(work.seed)
    low, high = env.low, env.high

    def run() -> Ran:
        checksum = 0.0
        for _ in range(work.num_agents):
            uniform = random.random((work.num_environments, work.num_agents + 1), np.float32)
            observations, rewards, _, _, _ = env.step(low + (high - low) * uniform)
            checksum += float(observations.sum()) + float(rewards.sum())
        return Ran(work.rows, work.rows, checksum)

    return Contender(run)


def gymnasium_single_steps(work: Work) -> Contender:
    """One NumPy environment, one step a call."""
    from numpy_sequential_price import SequentialPriceEnv

    env = SequentialPriceEnv(work.num_agents, work.num_units)
    env.reset(seed=work.seed)
    random = np.random.default_rng(work.seed)
    low, high = env.low, env.high

    def run() -> Ran:
        checksum = 0.0
        for _ in range(work.num_environments):
            uniform = random.random(work.num_agents + 1, np.float32)
            observation, reward, terminated, _, _ = env.step(low + (high - low) * uniform)
            checksum += float(observation.sum()) + reward
            if terminated:
                env.reset()
        return Ran(work.num_environments, work.num_environments, checksum)

    return Contender(run)


def rejax_ppo(work: Work) -> Contender:
    """rejax's PPO on our environment; several iterations in one compiled call."""
    import jax
    import jax.numpy as jnp
    import rejax

    from jaxmech.wrappers import five_value

    env, params = make_environment(work)
    learner = rejax.PPO.create(
        env=five_value(env),
        env_params=params,
        num_envs=work.num_environments,
        num_steps=work.num_agents,
        num_epochs=NUM_EPOCHS,
        num_minibatches=NUM_MINIBATCHES,
        gamma=1.0,
        agent_kwargs={"activation": "tanh", "hidden_layer_sizes": HIDDEN},
    )
    key = jax.random.key(work.seed)
    init, seconds = compile_timed(learner.init_state, key)

    def train(state: Any) -> tuple[Any, jax.Array]:
        state, _ = jax.lax.scan(
            lambda state, _: (learner.train_iteration(state), None),
            state,
            length=work.updates_per_run,
        )
        networks = (state.actor_ts.params, state.critic_ts.params)
        return state, jnp.asarray(sum(jnp.sum(leaf) for leaf in jax.tree.leaves(networks)))

    def summarise(checksum: jax.Array) -> Ran:
        count = float(work.rows * work.updates_per_run)
        return Ran(count, count, float(checksum))

    return repeat_compiled(
        train,
        init(key),
        summarise,
        compile_seconds=seconds,
        updates_per_run=work.updates_per_run,
    )


def stable_baselines_ppo(work: Work) -> Contender:
    """Stable-Baselines3's PPO on 8 Python environments, with the defaults of the library of
    Brero et al. (2021), Stable Baselines 2.10."""
    from numpy_sequential_price import SequentialPriceEnv
    from stable_baselines3.common.vec_env import DummyVecEnv

    make: list[Any] = [lambda: SequentialPriceEnv(work.num_agents, work.num_units)] * 8
    options = {
        "n_steps": work.python_rollout_length,
        "batch_size": 2 * work.python_rollout_length,
        "n_epochs": 4,
        "learning_rate": 2.5e-4,
        "ent_coef": 0.01,
    }
    return _stable_baselines(work, lambda: DummyVecEnv(make), options)


def stable_baselines_ppo_vectorised(work: Work) -> Contender:
    """Stable-Baselines3's PPO on the vectorised environment, with our batch, discount and
    learning rate, which is constant for both."""
    from numpy_sequential_price import SequentialPriceVectorEnv
    from stable_baselines_vector import GymnasiumVecEnv

    size = (work.num_environments, work.num_agents, work.num_units)
    options = {
        "n_steps": work.num_agents,
        "batch_size": work.minibatch_rows,
        "n_epochs": NUM_EPOCHS,
        "gamma": 1.0,
        "learning_rate": LEARNING_RATE,
    }
    return _stable_baselines(
        work, lambda: GymnasiumVecEnv(SequentialPriceVectorEnv(*size)), options
    )


def _stable_baselines(
    work: Work, make_env: Callable[[], Any], options: dict[str, Any]
) -> Contender:
    import torch
    from stable_baselines3 import PPO

    def learner_of(**options: Any) -> Any:
        # The policy's default network is ours: separate actor and critic, 64-64, tanh.
        return PPO("MlpPolicy", make_env(), seed=work.seed, device="cpu", **options)

    def learn(learner: Any) -> int:
        steps = learner.n_steps * learner.n_envs
        learner.learn(steps, reset_num_timesteps=False, log_interval=None)
        return steps

    def seconds_with(threads: int, learner: Any) -> float:
        torch.set_num_threads(threads)
        start = time.perf_counter()
        learn(learner)
        return time.perf_counter() - start

    threads = work.torch_threads
    if threads is None:
        # Where other work runs on the machine, more threads can be many times slower.
        trial = learner_of(**{**options, "n_steps": min(256, options["n_steps"])})
        candidates = sorted({1, torch.get_num_threads()})
        learn(trial)
        threads = min(candidates, key=lambda count: seconds_with(count, trial))
    torch.set_num_threads(threads)
    learner = learner_of(**options)

    def run() -> Ran:
        steps = learn(learner)
        with torch.no_grad():
            checksum = sum(float(part.sum()) for part in learner.policy.parameters())
        return Ran(steps, steps, checksum)

    def act(observations: np.ndarray) -> np.ndarray:
        return learner.predict(observations, deterministic=True)[0]

    kind = "vectorised" if learner.n_envs > 8 else "8 environments"
    return Contender(run, act, 1, note=f"torch on {threads} thread(s) for {kind}")
