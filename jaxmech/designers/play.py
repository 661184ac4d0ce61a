"""Designers that do not learn, on the common runner: planners, and mechanisms fixed in advance."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers import rollout
from jaxmech.designers.episode_means import means_of_episodes, no_episode
from jaxmech.designers.protocols import Policy
from jaxmech.environments.protocol import Environment


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
      fixed_policy: what is played, such as ``ReservePlanner``, ``InitialReserves``,
        ``StaticPrices`` and ``RandomSerialDictatorship``.
      num_environments: played side by side.
      length: steps of each in an update; a day of ``ReservePricing`` is one.

    Raises:
      ValueError: a count below 1.
    """

    env: Environment = struct.field(pytree_node=False)
    params: Any
    fixed_policy: Policy
    num_environments: int = struct.field(pytree_node=False)
    length: int = struct.field(pytree_node=False, default=1)

    def __post_init__(self) -> None:
        checks.integer("num_environments", self.num_environments)
        checks.integer("length", self.length)

    def init(self, key: jax.Array) -> PlayState:
        """Fresh environments.

        Raises:
          ValueError: the policy cannot act.
        """
        if not (hasattr(self.fixed_policy, "act") and hasattr(self.fixed_policy, "initial_carry")):
            raise InvalidValueError(
                "fixed_policy",
                self.fixed_policy,
                "an object with act(observation, carry, key) and initial_carry()",
                verb="needed is",
            )
        key, start_key = jax.random.split(key)
        carry = self.fixed_policy.initial_carry()
        running = rollout.start(self.env, self.params, start_key, self.num_environments, carry)
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
            initial_carry=self.fixed_policy.initial_carry(),
        )
        last_episode = means_of_episodes(totals, state.last_episode)
        metrics = {
            "reward": jnp.mean(experience.reward),
            "episodes": totals.episodes,
            "environment_steps": jnp.sum(experience.live, dtype=experience.reward.dtype),
            **last_episode,
        }
        return PlayState(key, running, last_episode, state.updates + 1), metrics

    def policy(self, state: PlayState) -> Policy:
        """The policy that is played, whatever the state."""
        del state
        return self.fixed_policy

    def _choose(
        self, key: jax.Array, observations: Any, carries: Any
    ) -> tuple[Any, jax.Array, Any, Any]:
        keys = jax.random.split(key, self.num_environments)
        actions, carries = jax.vmap(self.fixed_policy.act)(observations, carries, keys)
        return actions, jnp.zeros(self.num_environments), actions, carries
