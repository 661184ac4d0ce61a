"""Playing whole episodes with a policy, and what they are worth on average."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from jaxmech import checks, struct
from jaxmech.agents import Samples
from jaxmech.environments.protocol import Environment, step_once
from jaxmech.intervals import mean_of, normal_interval


class Policy(Protocol):
    """What acts, learned, planned or fixed: a PyTree with pure methods.

    What it carries from one observation of an episode to the next is a PyTree of arrays, or None.
    """

    def initial_carry(self) -> Any:
        """What it carries before an episode; None where it carries nothing."""
        ...

    def act(self, observation: Any, carry: Any, key: jax.Array | None) -> tuple[Any, Any]:
        """The action for one observation, and what is carried to the next.

        Args:
          observation: as the environment gave it.
          carry: ``initial_carry()`` at the start of an episode, then from the call before.
          key: of what is drawn; None for the likeliest action.
        """
        ...


@struct.dataclass
class FunctionPolicy:
    """A policy that is a function, and carries nothing; see ``function_policy``."""

    function: Partial

    def initial_carry(self) -> None:
        """Nothing."""

    def act(self, observation: Any, carry: None, key: jax.Array | None) -> tuple[Any, None]:
        """What the function gives."""
        del carry
        return self.function(observation, key), None


def function_policy(function: Callable[..., Any], *arguments: Any) -> FunctionPolicy:
    """``function(*arguments, observation, key) -> action`` as a policy.

    Args:
      function: pure; its ``key`` is None for the likeliest action.
      arguments: PyTrees; policies of one function and arguments of one form compile once.
    """
    return FunctionPolicy(Partial(function, *arguments))


@struct.dataclass
class Trajectory:
    """One episode, padded to the environment's longest.

    Attributes:
      observations: [steps, ...], before each step; None where nothing is recorded, as are
        actions, rewards and live then.
      actions: [steps, ...].
      rewards: float [steps], 0 once the episode is over.
      live: bool [steps], whether the episode was still going on before the step.
      state: the environment's state after the last step.
      objective: float [], ``info["objective"]`` at the end, or the sum of rewards for
        an environment without it; at least float32.
    """

    observations: Any
    actions: Any
    rewards: Any
    live: Any
    state: Any
    objective: jax.Array


@struct.dataclass
class Estimate:
    """A mean over independent episodes.

    Attributes:
      mean: the sample mean; float, or an array, [], where it was computed inside a transformation.
      half_width: of its 95 % interval, by the normal approximation; None for one episode.
      episodes: number of episodes.
    """

    mean: Any
    half_width: Any
    episodes: int = struct.field(pytree_node=False)

    @classmethod
    def of(cls, objectives: Any) -> Estimate:
        """From ``objectives: float [episodes]``."""
        episodes = len(objectives)
        is_traced = isinstance(objectives, jax.core.Tracer)
        if is_traced:
            return cls(jnp.mean(objectives), normal_interval(objectives), episodes)
        found = mean_of(np.asarray(objectives, np.float64), normal_interval)
        return cls(found.mean, found.half_width, episodes)


def play(
    env: Environment,
    params: Any,
    policy: Policy,
    key: jax.Array,
    *,
    deterministic: bool = True,
    start: tuple[Any, Any] | None = None,
    record: bool = True,
    steps: int | None = None,
    step_keys: tuple[jax.Array, jax.Array] | None = None,
) -> Trajectory:
    """One episode to its end; to be batched by ``vmap`` over ``key``.

    Pure, with ``steps``, ``deterministic`` and ``record`` static. Steps after the end of the
    episode count for nothing.

    Args:
      env, params: the environment, see ``jaxmech.environments.protocol``, and its parameters.
      policy: what acts.
      key: of the episode. What the environment draws at a step depends on it alone, not on what
        the policy does, as far as the environment allows.
      deterministic: whether the policy plays its likeliest action, that is, gets no key.
      start: observation and state to begin with, those of a fresh episode unless given.
      record: whether to keep what was seen and done at each step.
      steps: that are made; ``params.max_steps_in_episode`` unless given.
      step_keys: of the policy and of the environment, key [steps] each, for several policies that
        are to meet the same chance; drawn from ``key`` unless given.

    Raises:
      ValueError: ``steps`` is neither given nor known, or the policy is none.
    """
    _check_policy(policy)
    reset_key, steps_key = jax.random.split(key)
    observation, state = env.reset(reset_key, params) if start is None else start
    carry = policy.initial_carry()
    dtype = _sum_dtype(env, params, policy, observation, state, carry, key)

    def one_step(current: tuple[Any, ...], keys: Any) -> tuple[tuple[Any, ...], Any]:
        observation, state, carry, live, objective = current
        act_key, env_key = jax.random.split(keys) if step_keys is None else keys
        action, carry = policy.act(observation, carry, None if deterministic else act_key)
        next_observation, state, reward, terminated, truncated, info = step_once(
            env, env_key, state, action, params
        )
        reward = jnp.where(live, reward, 0)
        total = info.get("objective", objective + reward)
        objective = jnp.where(live, total, objective).astype(dtype)
        now = (observation, action, reward, live) if record else (None, None, None, None)
        live = live & ~(terminated | truncated)
        return (next_observation, state, carry, live, objective), now

    begin = (observation, state, carry, jnp.ones((), bool), jnp.zeros((), dtype))
    keys: Any = step_keys
    if keys is None:
        keys = jax.random.split(steps_key, longest_episode(params) if steps is None else steps)
    (_, state, _, _, objective), records = jax.lax.scan(one_step, begin, keys)
    observations, actions, rewards, live = records
    return Trajectory(observations, actions, rewards, live, state, objective)


def longest_episode(params: Any) -> int:
    """Steps of the longest episode, ``params.max_steps_in_episode``.

    Raises:
      ValueError: there is no such number, or it is traced.
    """
    longest = getattr(params, "max_steps_in_episode", None)
    if longest is None or isinstance(longest, jax.core.Tracer):
        got = "None" if longest is None else "a traced params.max_steps_in_episode"
        raise ValueError(f"steps: got {got}; needed is a number of steps to play")
    return int(longest)


def _check_policy(policy: Any) -> None:
    if not (hasattr(policy, "act") and hasattr(policy, "initial_carry")):
        raise ValueError(
            f"policy: got {policy!r}; needed is an object with act(observation, carry, key) and "
            "initial_carry(), such as designer.policy(state) or function_policy(function)"
        )


def _sum_dtype(
    env: Environment,
    params: Any,
    policy: Policy,
    observation: Any,
    state: Any,
    carry: Any,
    key: jax.Array,
) -> Any:
    """Of the objective: that of what is added up, but no less than float32."""

    def step(key: jax.Array) -> Any:
        action, _ = policy.act(observation, carry, key)
        _, _, reward, _, _, info = step_once(env, key, state, action, params)
        return info.get("objective", reward)

    return jnp.promote_types(jax.eval_shape(step, key).dtype, jnp.float32)


def evaluate(
    env: Environment,
    params: Any,
    policy: Policy,
    key: jax.Array,
    episodes: int,
    batch_size: int = 4096,
    *,
    deterministic: bool = True,
    steps: int | None = None,
) -> Estimate:
    """Mean objective of ``policy`` over fresh episodes.

    Episode ``i`` is played with ``fold_in(key, i)``, whatever the batch size. Works inside
    ``jax.vmap`` and ``jax.jit`` too, where the estimate's numbers are arrays.

    Args:
      env, params, policy, deterministic, steps: see ``play``.

    Raises:
      ValueError: ``episodes`` or ``batch_size`` below 1, or what ``play`` refuses.
    """
    checks.integer("episodes", episodes)
    checks.integer("batch_size", batch_size)
    _check_policy(policy)
    steps = longest_episode(params) if steps is None else steps
    objectives = _objectives(env, params, policy, key, episodes, batch_size, deterministic, steps)
    return Estimate.of(objectives)


def evaluate_samples(
    env: Environment,
    params: Any,
    policy: Policy,
    key: jax.Array,
    plays: int = 1,
    batch_size: int = 4096,
    *,
    deterministic: bool = True,
) -> np.ndarray:
    """Mean objective of ``policy`` on each sample of the user's valuations, float64 [samples].

    Every sample is played equally often, unlike by ``evaluate``, which draws them. What
    differs between samples is then all there is to chance, but for ``policy`` and its key. Not
    to be traced: it gives NumPy arrays.

    Args:
      params: with a ``Samples`` distribution.
      plays: episodes of each sample; 1 is enough for a deterministic policy.
      deterministic: see ``play``.

    Raises:
      ValueError: another distribution; ``plays`` or ``batch_size`` below 1.
    """
    if not isinstance(params.distribution, Samples):
        kind = type(params.distribution).__name__
        raise ValueError(f"params.distribution: got {kind}; allowed is Samples")
    checks.integer("plays", plays)
    checks.integer("batch_size", batch_size)
    _check_policy(policy)
    objectives = _sample_objectives(env, params, policy, key, plays, batch_size, deterministic)
    return np.asarray(objectives, np.float64).reshape(-1, plays).mean(axis=1)


@partial(jax.jit, static_argnums=(0, 4, 5, 6))
def _sample_objectives(
    env: Environment,
    params: Any,
    policy: Policy,
    key: jax.Array,
    plays: int,
    batch_size: int,
    deterministic: bool,
) -> jax.Array:
    distribution = params.distribution

    def objective(index: jax.Array) -> jax.Array:
        only = distribution.replace(values=distribution.values[index // plays][None])
        alone = params.replace(distribution=only)
        key_of_play = jax.random.fold_in(key, index)
        return play(env, alone, policy, key_of_play, deterministic=deterministic).objective

    return map_in_batches(objective, jnp.arange(len(distribution.values) * plays), batch_size)


@partial(jax.jit, static_argnums=(0, 4, 5, 6, 7))
def _objectives(
    env: Environment,
    params: Any,
    policy: Policy,
    key: jax.Array,
    episodes: int,
    batch_size: int,
    deterministic: bool,
    steps: int,
) -> jax.Array:
    def objective(index: jax.Array) -> jax.Array:
        key_of_episode = jax.random.fold_in(key, index)
        return play(
            env, params, policy, key_of_episode, deterministic=deterministic, steps=steps
        ).objective

    return map_in_batches(objective, jnp.arange(episodes), batch_size)


def map_in_batches(function: Callable[[Any], Any], arrays: Any, batch_size: int) -> Any:
    """``function`` of every row of ``arrays``, in whole batches.

    As ``jax.lax.map``, which compiles a second program for what is left over after the last
    whole batch: here the last row is computed again to fill it.

    Args:
      function: of one row, pure.
      arrays: a PyTree of arrays, [rows, ...], with at least one row.
      batch_size: how many at once; no more than there are rows are taken.

    Returns:
      what ``function`` returns, stacked, [rows, ...].
    """
    (rows,) = {len(leaf) for leaf in jax.tree.leaves(arrays)}
    batch_size = min(batch_size, rows)
    filled = jnp.minimum(jnp.arange(-(-rows // batch_size) * batch_size), rows - 1)
    mapped = jax.lax.map(
        lambda row: function(jax.tree.map(lambda leaf: leaf[row], arrays)),
        filled,
        batch_size=batch_size,
    )
    return jax.tree.map(lambda leaf: leaf[:rows], mapped)
