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
    """A policy that does not learn, as a designer.

    ``train`` and ``jaxmech.runner`` play it as they train a learner, with metrics, checkpoints
    and resume. An update is ``length`` steps of every environment; an episode that ends is
    followed by a fresh one. What happens by chance depends on the key alone, so policies that
    begin with the same key can be compared step by step as long as their episodes end together.

    Attributes:
      env, params: the environment and its parameters.
      policy: has ``act(state, observation, key)``, such as ``ReservePlanner``,
        ``FixedReserves``, ``StaticPrices`` and ``RandomSerialDictatorship``, or, with a memory,
        ``initial_memory()`` and ``act_with_memory(state, observation, memory, key)``, such as
        ``InitialReserves``.
      num_environments: played side by side.
      length: steps of each in an update; a day of ``ReservePricing`` is one.
      policy_state: handed to the policy as ``state``; None for those that need none.

    Raises:
      ValueError: a count below 1.
    """

    env: Any = struct.field(pytree_node=False)
    params: Any
    policy: Any
    num_environments: int = struct.field(pytree_node=False)
    length: int = struct.field(pytree_node=False, default=1)
    policy_state: Any = None

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
        if not (hasattr(self.policy, "act") or hasattr(self.policy, "act_with_memory")):
            raise ValueError(
                f"policy: got {self.policy!r}; needed is an object with act(state, observation, "
                "key)"
            )
        key, start_key = jax.random.split(key)
        memory = self.initial_memory()
        running = rollout.start(self.env, self.params, start_key, self.num_environments, memory)
        nothing = no_episode(self.env, self.params)
        return PlayState(key, running, nothing, jnp.zeros((), jnp.int32))

    def update(self, state: PlayState) -> tuple[PlayState, dict[str, jax.Array]]:
        """Plays on.

        Returns:
          The next state and metrics, float [] each: ``reward``, a mean over environments and
          the update's steps; ``episodes`` that ended and ``environment_steps`` made; and
          ``episode_return``, ``episode_length`` and, where the environment reports it,
          ``objective``, means over the episodes that ended (of the last update in which any
          did; NaN before).
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
            "environment_steps": jnp.sum(experience.live, dtype=experience.reward.dtype),
            **last_episode,
        }
        return PlayState(key, running, last_episode, state.updates + 1), metrics

    def act(self, state: Any, observation: jax.Array, key: jax.Array | None) -> Any:
        """The policy's action for one observation; ``state`` is ignored."""
        del state
        return self.policy.act(self.policy_state, observation, key)

    def initial_memory(self) -> jax.Array | None:
        """What the policy remembers before an episode, float [width]; None if nothing."""
        if not hasattr(self.policy, "initial_memory"):
            return None
        memory: jax.Array | None = self.policy.initial_memory()
        return memory

    def act_with_memory(
        self, state: Any, observation: jax.Array, memory: jax.Array, key: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """The policy's action and its memory for the next; ``state`` is ignored."""
        del state
        action, memory = self.policy.act_with_memory(self.policy_state, observation, memory, key)
        return action, memory

    def _choose(
        self, key: jax.Array, observations: jax.Array, memory: jax.Array | None
    ) -> tuple[Any, jax.Array, Any, jax.Array | None]:
        keys = jax.random.split(key, self.num_environments)
        if memory is None:
            actions = jax.vmap(self.act, (None, 0, 0))(None, observations, keys)
        else:
            act = jax.vmap(self.act_with_memory, (None, 0, 0, 0))
            actions, memory = act(None, observations, memory, keys)
        return actions, jnp.zeros(self.num_environments), actions, memory
