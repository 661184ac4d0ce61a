"""What ``impression_allocation.py`` measures, each a function from its work to a ``Contender``.

Libraries are imported inside the functions, as processes that run no JAX need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from compiling import compile_timed, repeat_compiled
from work import Contender, Ran


@dataclass(frozen=True)
class MarketWork:
    """Populations of sellers, and episodes of them.

    Attributes:
      num_populations: simulated together.
      num_sellers: of each.
      num_rounds: of an episode.
      looped_populations: simulated one after another, where a contender holds only one.
    """

    num_populations: int = 1024
    num_sellers: int = 50
    num_rounds: int = 100
    looped_populations: int = 8


def jaxmech_rounds(work: MarketWork) -> Contender:
    """Whole episodes, shares in proportion to what sellers earned last; what is observed of this
    is computed, and no more."""
    return _jaxmech_rounds(work, observed=False)


def jaxmech_observed_rounds(work: MarketWork) -> Contender:
    """The same, and every observation is written to memory."""
    return _jaxmech_rounds(work, observed=True)


def _jaxmech_rounds(work: MarketWork, observed: bool) -> Contender:
    import jax
    import jax.numpy as jnp

    from jaxmech.agents.sellers.observation import seller_observation

    env, params = _environment(work.num_sellers, work.num_rounds)
    step = jax.vmap(env.step_env, in_axes=(0, 0, 0, None))

    def proportional(observations: jax.Array) -> jax.Array:
        revenue = seller_observation(observations).records[..., -1, :, 3]
        total = jnp.sum(revenue, axis=-1, keepdims=True)
        return jnp.where(total > 0, revenue / jnp.where(total > 0, total, 1), 1 / work.num_sellers)

    def one_round(current: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        shares, state = current
        keys = jax.random.split(key, work.num_populations)
        observations, state, rewards, _, _ = step(keys, state, shares, params)
        if observed:
            observations = jax.lax.optimization_barrier(observations)
        return (proportional(observations), state), jnp.sum(rewards)

    def run(key: jax.Array) -> tuple[jax.Array, Any]:
        key, reset_key, rounds_key = jax.random.split(key, 3)
        reset_keys = jax.random.split(reset_key, work.num_populations)
        observations, state = jax.vmap(env.reset, in_axes=(0, None))(reset_keys, params)
        keys = jax.random.split(rounds_key, work.num_rounds)
        (_, state), rewards = jax.lax.scan(one_round, (proportional(observations), state), keys)
        # All of the state is read at the end, so that no part of it can be left out before.
        read = sum(jnp.sum(leaf, dtype=float) for leaf in jax.tree.leaves(state))
        return key, (jnp.sum(rewards), read)

    def summarise(results: Any) -> Ran:
        count = float(work.num_populations * work.num_rounds)
        return Ran(count, count, float(results[0]))

    return repeat_compiled(run, jax.random.key(0), summarise)


def numpy_rounds(work: MarketWork) -> Contender:
    """NumPy over the sellers of one population; populations one after another."""
    return _numpy_rounds(work, work.looped_populations, 1)


def numpy_rounds_together(work: MarketWork) -> Contender:
    """NumPy over the sellers of all populations at once."""
    return _numpy_rounds(work, 1, work.num_populations)


def _numpy_rounds(work: MarketWork, repetitions: int, num_populations: int) -> Contender:
    from numpy_impression_allocation import NumpyMarket, play_episode

    random = np.random.default_rng(0)
    market = NumpyMarket(num_populations, work.num_sellers, num_rounds=work.num_rounds)

    def run() -> Ran:
        rewards = sum(float(play_episode(market, random).sum()) for _ in range(repetitions))
        count = float(repetitions * num_populations * work.num_rounds)
        return Ran(count, count, rewards)

    return Contender(run)


def random_numbers(work: MarketWork) -> Contender:
    """A uniform number of each seller and round: part of the limit."""
    import jax
    import jax.numpy as jnp

    shape = (work.num_populations, work.num_sellers)

    def one_round(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        return total + jnp.sum(jax.random.uniform(key, shape)), None

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, rounds_key = jax.random.split(key)
        keys = jax.random.split(rounds_key, work.num_rounds)
        return key, jax.lax.scan(one_round, jnp.zeros(()), keys)[0]

    return repeat_compiled(run, jax.random.key(0), partial(_counted, work))


def state_moved(work: MarketWork) -> Contender:
    """Every byte of the state read and written once a round: the other part of the limit."""
    import jax
    import jax.numpy as jnp

    env, params = _environment(work.num_sellers, work.num_rounds)

    def changed(leaf: jax.Array) -> jax.Array:
        return ~leaf if leaf.dtype == bool else leaf + jnp.ones((), leaf.dtype)

    def one_round(state: Any, _: None) -> tuple[Any, None]:
        return jax.tree.map(changed, state), None

    def run(state: Any) -> tuple[Any, jax.Array]:
        state = jax.lax.scan(one_round, state, length=work.num_rounds)[0]
        return state, sum(jnp.sum(leaf, dtype=float) for leaf in jax.tree.leaves(state))

    keys = jax.random.split(jax.random.key(0), work.num_populations)
    reset, seconds = compile_timed(jax.vmap(env.reset, in_axes=(0, None)), keys, params)
    _, state = reset(keys, params)
    return repeat_compiled(run, state, partial(_counted, work), compile_seconds=seconds)


def state_bytes(work: MarketWork) -> int:
    """Of one population's state."""
    import jax

    env, params = _environment(work.num_sellers, work.num_rounds)
    state = jax.eval_shape(env.reset, jax.random.key(0), params)[1]
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))


def _counted(work: MarketWork, checksum: Any) -> Ran:
    count = float(work.num_populations * work.num_rounds)
    return Ran(count, count, float(checksum))


@dataclass(frozen=True)
class LearningWork:
    """DDPG over one number of sellers, small enough for many of them.

    Attributes:
      num_sellers: of the market.
      num_environments, rollout_length: of an iteration, which has as many gradient steps as
        environment steps, as by default.
      batch_size: transitions of a gradient step.
      replay_size: transitions kept.
    """

    num_sellers: int
    num_environments: int = 2
    rollout_length: int = 2
    batch_size: int = 8
    replay_size: int = 64

    @property
    def gradient_steps(self) -> int:
        return self.num_environments * self.rollout_length


def ia_gru_steps(work: LearningWork) -> Contender:
    """Gradient steps of IA(GRU), with the rollouts that go with them."""
    from jaxmech.networks.sellers.allocation import SellerActor, SellerCritic

    return _gradient_steps(work, actor=SellerActor(), critic=SellerCritic())


def ddpg_steps(work: LearningWork) -> Contender:
    """The same of DDPG whose networks are two dense layers of 400 and 300 units over everything."""
    return _gradient_steps(work)


def _gradient_steps(work: LearningWork, **networks: Any) -> Contender:
    import jax

    from jaxmech.designers.ddpg.ddpg import DDPG
    from jaxmech.networks.deterministic_actions import SimplexActions

    env, params = _environment(work.num_sellers, 100)
    designer = DDPG(
        env,
        params,
        actions=SimplexActions(),
        num_environments=work.num_environments,
        rollout_length=work.rollout_length,
        gradient_steps=work.gradient_steps,
        batch_size=work.batch_size,
        replay_size=work.replay_size,
        learning_starts=1,
        **networks,
    )
    key = jax.random.key(0)
    init, init_seconds = compile_timed(designer.init, key)
    state = init(key)
    update, update_seconds = compile_timed(designer.update, state, donate_argnums=(0,))
    # What the update is given and gives back, which share their memory, and what it needs besides.
    memory = update.memory_analysis()
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes

    def run() -> Ran:
        nonlocal state
        state, metrics = jax.block_until_ready(update(state))
        checksum = float(metrics["critic_gradient_norm"]) + float(metrics["actor_gradient_norm"])
        return Ran(work.gradient_steps, work.gradient_steps, checksum)

    return Contender(
        run,
        updates_per_run=work.gradient_steps,
        compile_seconds=init_seconds + update_seconds,
        compiled_bytes=float(held + memory.temp_size_in_bytes),
    )


def _environment(num_sellers: int, num_rounds: int) -> tuple[Any, Any]:
    import jaxmech

    return jaxmech.make(
        "impression_allocation",
        num_sellers=num_sellers,
        num_rounds=num_rounds,
        action_form="shares",
    )


MARKETS: Mapping[str, Callable[[MarketWork], Contender]] = {
    contender.__name__: contender
    for contender in (
        jaxmech_rounds,
        jaxmech_observed_rounds,
        numpy_rounds,
        numpy_rounds_together,
        random_numbers,
        state_moved,
    )
}

LEARNERS: Mapping[str, Callable[[LearningWork], Contender]] = {
    contender.__name__: contender for contender in (ia_gru_steps, ddpg_steps)
}
