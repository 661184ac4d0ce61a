"""Contenders that are jaxmech: its environment under a random policy, and its PPO."""

from __future__ import annotations

from dataclasses import replace
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


def jaxmech_episodes(work: Work) -> Contender:
    """Episodes from start to end, all started afresh together; live steps are counted."""
    import jax
    import jax.numpy as jnp

    env, params = make_environment(work)
    space = env.action_space(params)

    def rollout(key: jax.Array, _: None) -> tuple[jax.Array, Any]:
        key, reset_key, actions_key = jax.random.split(key, 3)
        keys = jax.random.split(reset_key, work.num_environments)
        _, state = jax.vmap(env.reset, in_axes=(0, None))(keys, params)

        def step(carry: Any, action_key: jax.Array) -> tuple[Any, Any]:
            state, live = carry
            uniform = jax.random.uniform(action_key, (work.num_environments, *space.shape))
            actions = space.low[None] + (space.high - space.low)[None] * uniform
            observations, state, rewards, terminated, _ = jax.vmap(
                env.step_env, in_axes=(None, 0, 0, None)
            )(key, state, actions, params)
            return (state, live & ~terminated), (observations, rewards, live)

        start: Any = (state, jnp.ones(work.num_environments, bool))
        action_keys = jax.random.split(actions_key, work.num_agents)
        _, (observations, rewards, live) = jax.lax.scan(step, start, action_keys)
        return key, (jnp.sum(live), jnp.sum(observations) + jnp.sum(rewards))

    def run(key: jax.Array) -> tuple[jax.Array, Any]:
        return jax.lax.scan(rollout, key, length=work.updates_per_run)

    def summarise(results: Any) -> Ran:
        live, checksum = results
        return Ran(
            float(live.sum()), float(work.rows * work.updates_per_run), float(checksum.sum())
        )

    return repeat_compiled(run, jax.random.key(work.seed), summarise)


def jaxmech_steps(work: Work) -> Contender:
    """The environment's own ``step``, which resets it where the episode ends."""
    import jax
    import jax.numpy as jnp

    env, params = make_environment(work)
    space = env.action_space(params)
    steps = work.num_agents * work.updates_per_run

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        key, state = carry
        key, step_key, action_key = jax.random.split(key, 3)
        uniform = jax.random.uniform(action_key, (work.num_environments, *space.shape))
        actions = space.low[None] + (space.high - space.low)[None] * uniform
        keys = jax.random.split(step_key, work.num_environments)
        observations, state, rewards, _, _, _ = jax.vmap(env.step, in_axes=(0, 0, 0, None))(
            keys, state, actions, params
        )
        return (key, state), (observations, rewards)

    def rollout(carry: Any, _: None) -> tuple[Any, jax.Array]:
        carry, (observations, rewards) = jax.lax.scan(step, carry, length=work.num_agents)
        return carry, jnp.sum(observations) + jnp.sum(rewards)

    def run(carry: Any) -> tuple[Any, jax.Array]:
        return jax.lax.scan(rollout, carry, length=work.updates_per_run)

    def summarise(checksum: jax.Array) -> Ran:
        count = float(steps * work.num_environments)
        return Ran(count, count, float(checksum.sum()))

    key, reset_key = jax.random.split(jax.random.key(work.seed))
    keys = jax.random.split(reset_key, work.num_environments)
    reset, seconds = compile_timed(jax.vmap(env.reset, in_axes=(0, None)), keys, params)
    _, state = reset(keys, params)
    return repeat_compiled(run, (key, state), summarise, compile_seconds=seconds)


def jaxmech_ppo(work: Work) -> Contender:
    """Our PPO with the network, batches and constant learning rate of its peers."""
    return _ppo(
        work,
        architecture="flat",
        learning_rate=LEARNING_RATE,
        learning_rate_end=LEARNING_RATE,
        entropy_bonus=0.0,
    )


def jaxmech_symmetric_ppo(work: Work) -> Contender:
    """Our PPO as the study ``brero2021/correlated`` has it: its network treats agents
    alike."""
    return _ppo(work)


def _ppo(work: Work, **options: Any) -> Contender:
    """Several iterations in one compiled call, as the runner makes them."""
    import jax
    import jax.numpy as jnp

    from jaxmech.experiments.sequential_price.named import LEARNED
    from jaxmech.experiments.sequential_price.problem import designer_of

    study = LEARNED["brero2021/correlated"]
    env, params = make_environment(work)
    settings = replace(
        study.ppo,
        num_environments=work.num_environments,
        num_epochs=NUM_EPOCHS,
        num_minibatches=NUM_MINIBATCHES,
        hidden=HIDDEN,
        **options,
    )
    designer = designer_of(replace(study, ppo=settings), env, params)
    key = jax.random.key(work.seed)
    init, init_seconds = compile_timed(designer.init, key)
    state = init(key)
    train, train_seconds = compile_timed(
        lambda state: jax.lax.scan(
            lambda state, _: designer.update(state), state, length=work.updates_per_run
        ),
        state,
        donate_argnums=(0,),
    )
    choose = jax.jit(
        jax.vmap(
            lambda state, obs: designer.policy(state).act(obs, None, None)[0], in_axes=(None, 0)
        )
    )

    def run() -> Ran:
        nonlocal state
        state, metrics = train(state)
        jax.block_until_ready(state)
        steps = float(np.asarray(metrics["environment_steps"], np.float64).sum())
        checksum = sum(float(jnp.sum(series)) for series in metrics.values())
        return Ran(steps, work.rows * work.updates_per_run, checksum)

    def act(observations: np.ndarray) -> np.ndarray:
        return np.asarray(choose(state, observations))

    return Contender(run, act, work.updates_per_run, init_seconds + train_seconds)
