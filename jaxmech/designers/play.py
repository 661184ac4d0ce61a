"""Designers that do not learn, on the common runner: planners, and mechanisms fixed in advance."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.designers import rollout
from jaxmech.designers.episode_means import episode_means, no_episode


@struct.dataclass
class PlayState:
    """Where ``Play`` stands.

    Attributes:
      key: of the updates to come.
      running: the environments.
      last_episode: means over the episodes of the last update in which any ended.
      updates: int32 [], made so far.
    """

    key: jax.Array
    running: rollout.Running
    last_episode: dict[str, jax.Array]
    updates: jax.Array


@struct.dataclass
class Play:
    """A policy played by ``train`` and ``jaxmech.runner`` as a learner is: with ``init``,
    ``update``, ``act``, metrics, checkpoints and resume.

    An update is ``length`` steps of every environment; an episode that ends is followed by a
    fresh one. What happens by chance depends on the key alone, so two policies from the same
    key can be compared step by step as long as no episode ends at different steps.

    Attributes:
      env, params: the environment and its parameters.
      policy: has ``act(state, observation, key) -> action``, such as ``ReservePlanner``,
        ``FixedReserves``, ``StaticPrices``, ``RandomSerialDictatorship``. It may have
        ``begin(observation) -> float [width]``, which is called on the first observation of an
        episode, and whose result is then given as ``state``; else ``state`` is None.
      num_environments: played side by side.
      length: steps of each in an update; 1, so that every update is a day, unless given.

    Raises:
      ValueError: a count below 1.
    """

    env: Any = struct.field(pytree_node=False)
    params: Any
    policy: Any
    num_environments: int = struct.field(pytree_node=False)
    length: int = struct.field(pytree_node=False, default=1)

    def __post_init__(self) -> None:
        for field in ("num_environments", "length"):
            count = getattr(self, field)
            if not isinstance(count, int) or count < 1:
                raise ValueError(f"{field}: got {count!r}; allowed are integers of at least 1")

    def init(self, key: jax.Array) -> PlayState:
        """Fresh environments.

        Raises:
          ValueError: the policy cannot act.
        """
        if not hasattr(self.policy, "act"):
            raise ValueError(
                f"policy: got {self.policy!r}; needed is an object with act(state, observation, "
                "key)"
            )
        key, start_key = jax.random.split(key)
        running = rollout.start(
            self.env, self.params, start_key, self.num_environments, self._nothing_begun(start_key)
        )
        nothing = no_episode(self.env, self.params)
        return PlayState(key, running, nothing, jnp.zeros((), jnp.int32))

    def update(self, state: PlayState) -> tuple[PlayState, dict[str, jax.Array]]:
        """Plays on.

        Returns:
          The next state and metrics, float [] each: ``reward``, a mean over environments and
          the update's steps; ``episodes`` that ended; and ``episode_return``,
          ``episode_length`` and, where the environment reports it, ``objective``, means over
          the episodes that ended (of the last update in which any did; NaN before).
        """
        key, steps_key = jax.random.split(state.key)
        running, experience, totals = rollout.collect(
            self.env,
            self.params,
            self._choose,
            state.running,
            steps_key,
            length=self.length,
            resets=True,
        )
        last_episode = episode_means(totals, state.last_episode)
        metrics = {
            "reward": jnp.mean(experience.reward),
            "episodes": totals.episodes,
            **last_episode,
        }
        return PlayState(key, running, last_episode, state.updates + 1), metrics

    def act(self, state: Any, observation: jax.Array, key: jax.Array | None) -> Any:
        """The policy's action for one observation; ``state`` is what the policy began with."""
        return self.policy.act(state, observation, key)

    def _choose(
        self, key: jax.Array, observations: jax.Array, memory: jax.Array | None
    ) -> tuple[Any, jax.Array, Any, jax.Array | None]:
        begun = None
        if memory is not None:
            begun = self._begun(observations, memory)
            memory = jnp.concatenate([jnp.ones_like(memory[:, :1]), begun], axis=1)
        keys = jax.random.split(key, self.num_environments)
        actions = jax.vmap(self.policy.act)(begun, observations, keys)
        return actions, jnp.zeros(self.num_environments), actions, memory

    def _begun(self, observations: jax.Array, memory: jax.Array) -> jax.Array:
        """What the policy began each episode with, float [environments, width]."""
        # The first column tells whether it has begun: rollouts clear the memory where an episode
        # ends. On most steps none has, and nothing is chosen anew.
        fresh, begun = memory[:, :1] == 0, memory[:, 1:]

        def begin() -> jax.Array:
            return jnp.where(fresh, jax.vmap(self.policy.begin)(observations), begun)

        return jax.lax.cond(jnp.any(fresh), begin, lambda: begun)

    def _nothing_begun(self, key: jax.Array) -> jax.Array | None:
        """The memory before an episode, float [1 + width]; None where there is nothing to begin."""
        if not hasattr(self.policy, "begin"):
            return None
        observation, _ = jax.eval_shape(self.env.reset, key, self.params)
        begun = jax.eval_shape(self.policy.begin, observation)
        return jnp.zeros(1 + begun.size, begun.dtype)
