"""Deep deterministic policy gradients (Lillicrap et al. 2016), one pure function an iteration."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech import struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers import rollout
from jaxmech.designers.ddpg.gradient_steps import METRICS, Learned, gradient_step
from jaxmech.designers.ddpg.hyper_parameters import DDPGHyperParameters
from jaxmech.designers.ddpg.replay import Replay, Steps
from jaxmech.designers.episode_means import means_of_episodes, no_episode
from jaxmech.environments.protocol import Environment
from jaxmech.networks.deterministic import ActionValue, DeterministicActor
from jaxmech.networks.deterministic_actions import (
    ActionMap,
    BoundedActions,
    SimplexActions,
    actions_for,
)


@struct.dataclass
class DDPGState:
    """All that one iteration hands to the next.

    Attributes:
      learned: parameters of actor and critic, of their targets, and the optimisers.
      replay: the last transitions.
      running: the environments.
      key: for the next iteration.
      updates: int32 [], iterations made.
      last_episode: means of the last iteration in which an episode ended.
    """

    learned: Learned
    replay: Replay
    running: rollout.Running
    key: jax.Array
    updates: jax.Array
    last_episode: dict[str, jax.Array]


@struct.dataclass
class DDPG(DDPGHyperParameters):
    """The learner; trains any environment of the gymnax 1.x protocol whose actions are arrays.

    Every float is a leaf, so it can be swept by ``vmap``; sizes are static. Keyword arguments are
    the ``DDPGHyperParameters``, documented there.

    The replay holds ``replay_size`` observations. ``jax.jit(designer.update)`` alone copies all of
    them in every call; with ``donate_argnums=0``, in ``jaxmech.train`` and in the runner they stay
    where they are.

    Attributes:
      env, params: the environment, see ``jaxmech.environments.protocol``, and its parameters.
      actor: a Flax module from observations as the environment gives them, but float,
        [batch, *shape], to raw actions, float [batch, ...]; two dense layers where None.
      critic: a Flax module from such observations and the environment's actions to values,
        float [batch]; two dense layers where None.
      actions: from raw actions to the environment's; for its action space where None:
        ``jaxmech.networks.BoundedActions`` of the bounds of a box, ``SimplexActions`` of a
        ``jaxmech.spaces.Simplex``.
    """

    env: Environment = struct.field(pytree_node=False)
    params: Any
    actor: nn.Module | None = struct.field(pytree_node=False, default=None, kw_only=True)
    critic: nn.Module | None = struct.field(pytree_node=False, default=None, kw_only=True)
    actions: ActionMap | None = struct.field(default=None, kw_only=True)

    @property
    def actor_network(self) -> nn.Module:
        """The actor: that given, or dense layers."""
        if self.actor is not None:
            return self.actor
        return DeterministicActor(self.hidden, self._observation_shape, self._action_shape)

    @property
    def critic_network(self) -> nn.Module:
        """The critic: that given, or dense layers."""
        if self.critic is not None:
            return self.critic
        return ActionValue(self.hidden, self._observation_shape, self._action_shape)

    @property
    def action_map(self) -> ActionMap:
        """The action map: that given, or the one that suits the environment."""
        if self.actions is not None:
            return self.actions
        return actions_for(self.env.action_space(self.params))

    @property
    def _observation_shape(self) -> tuple[int, ...]:
        return tuple(self.env.observation_space(self.params).shape)

    @property
    def _action_shape(self) -> tuple[int, ...]:
        return tuple(self.env.action_space(self.params).shape)

    @property
    def _num_rows(self) -> int:
        """Of the replay: a whole number of rollouts."""
        rollout_size = self.num_environments * self.rollout_length
        return self.replay_size // rollout_size * self.rollout_length

    def init(self, key: jax.Array) -> DDPGState:
        """A fresh state; the same key gives the same training.

        Raises:
          InvalidValueError: the action space is neither a box nor a simplex, or what ``actor``,
            ``actions`` or ``critic`` gives has not the shape it must have.
        """
        key, actor_key, critic_key, start_key = jax.random.split(key, 4)
        observation = jnp.zeros((1, *self._observation_shape))
        actor = self.actor_network.init(actor_key, observation)
        action = self._checked_action(actor, observation)
        critic = self.critic_network.init(critic_key, observation, action)
        self._check_values(critic, observation, action)
        running = rollout.start(self.env, self.params, start_key, self.num_environments)
        one_step = Steps(
            observation=running.observation,
            action=jnp.broadcast_to(action, (self.num_environments, *action.shape[1:])),
            reward=running.episode_return,
            terminated=~running.live,
            ended=~running.live,
        )
        # No array twice, such as the targets are at first: what is donated must be there once.
        # Those of the replay are made one by one, and are too large to be copied.
        learned, running, last_episode = jax.tree.map(
            jnp.copy, (Learned.start(actor, critic), running, no_episode(self.env, self.params))
        )
        return DDPGState(
            learned=learned,
            replay=Replay.empty(self._num_rows, one_step),
            running=running,
            key=key,
            updates=jnp.zeros((), jnp.int32),
            last_episode=last_episode,
        )

    def _checked_action(self, actor: Any, observation: jax.Array) -> jax.Array:
        """Zeros in the form of the action for one observation.

        Raises:
          InvalidValueError: they are others than the environment asks for.
        """
        actions, needed = self.action_map, (1, *self._action_shape)
        raw = jax.eval_shape(self._raw, actor, observation)
        shape = getattr(raw, "shape", None)
        if isinstance(actions, BoundedActions | SimplexActions) and shape != needed:
            got = f"one that gives shape {shape} for one observation"
            raise InvalidValueError("actor", self.actor, f"raw actions of shape {needed}", got=got)
        action = jax.eval_shape(actions.greedy, raw)
        if action.shape != needed or not jnp.issubdtype(action.dtype, jnp.floating):
            raise InvalidValueError(
                "actions",
                actions,
                f"float of shape {needed}",
                got=f"{action.dtype} of shape {action.shape} for one observation",
            )
        return jnp.zeros(needed, action.dtype)

    def _check_values(self, critic: Any, observation: jax.Array, action: jax.Array) -> None:
        """Asks the critic for its value of one observation and action, to see its shape.

        Raises:
          InvalidValueError: the critic gives other than a number for an observation and an action.
        """
        value = jax.eval_shape(self._value, critic, observation, action)
        shape = getattr(value, "shape", None)
        if shape != (1,):
            raise InvalidValueError(
                "critic",
                self.critic,
                "values without an axis of their own, here of shape (1,)",
                got=f"one that gives shape {shape} for one observation and action",
            )

    def update(self, state: DDPGState) -> tuple[DDPGState, dict[str, jax.Array]]:
        """One iteration: a rollout into the replay, then ``gradient_steps`` over draws from it.

        Returns:
          The next state and metrics, float [] each: ``episode_return``,
          ``episode_length`` and, where the environment reports it, ``objective``, means
          over the episodes that ended (of the last iteration in which any did; NaN before),
          explored as they were; ``episodes`` and ``environment_steps`` of this iteration;
          ``replay_transitions``, how many are kept; and, NaN before the first gradient step,
          ``critic_loss``, ``actor_loss`` (the negative value of what the actor does),
          ``mean_value`` of the actions drawn, ``critic_gradient_norm`` and
          ``actor_gradient_norm``, means over the gradient steps, of scaled rewards.
        """
        key, rollout_key, learn_key = jax.random.split(state.key, 3)
        running, experience, totals = self._collect(state, rollout_key)
        replay = state.replay.add(
            Steps(
                experience.observation,
                experience.action,
                experience.reward,
                experience.terminated,
                experience.ended,
            )
        )
        learns = replay.can_be_drawn_from & (replay.num_transitions >= self.learning_starts)
        learned, learning = jax.lax.cond(
            learns,
            lambda learned: self._improve(learned, replay, learn_key),
            lambda learned: (learned, dict.fromkeys(METRICS, jnp.full((), jnp.nan, float))),
            state.learned,
        )
        last_episode = means_of_episodes(totals, state.last_episode)
        next_state = DDPGState(
            learned=learned,
            replay=replay,
            running=running,
            key=key,
            updates=state.updates + 1,
            last_episode=last_episode,
        )
        metrics = {
            **last_episode,
            "episodes": totals.episodes,
            "environment_steps": jnp.sum(experience.live.astype(float)),
            "replay_transitions": replay.num_transitions.astype(float),
            **learning,
        }
        return next_state, metrics

    def policy(self, state: DDPGState) -> LearnedPolicy:
        """What it has learned."""
        return LearnedPolicy(self, state.learned.actor)

    def _collect(
        self, state: DDPGState, key: jax.Array
    ) -> tuple[rollout.Running, rollout.Experience, rollout.EpisodeTotals]:
        actions = self.action_map
        at_random = state.replay.num_transitions < self.learning_starts

        def choose_action(
            key: jax.Array, observation: jax.Array, carry: None
        ) -> tuple[jax.Array, jax.Array, jax.Array, None]:
            raw = self._raw(state.learned.actor, observation)
            explore_key, random_key = jax.random.split(key)
            action = jnp.where(
                at_random,
                actions.random(random_key, raw),
                actions.explore(explore_key, raw, self.exploration_noise),
            )
            # Nothing is learned from how likely an action was.
            return action, jnp.zeros(observation.shape[0]), action, carry

        return rollout.collect(
            self.env,
            self.params,
            choose_action,
            state.running,
            key,
            length=self.rollout_length,
            resets=True,
        )

    def _improve(
        self, learned: Learned, replay: Replay, key: jax.Array
    ) -> tuple[Learned, dict[str, jax.Array]]:
        def one_step(learned: Learned, key: jax.Array) -> tuple[Learned, dict[str, jax.Array]]:
            return gradient_step(
                learned,
                replay.draw(key, self.batch_size),
                act=self._act,
                value=self._value,
                gamma=self.gamma,
                reward_scale=self.reward_scale,
                actor_learning_rate=self.actor_learning_rate,
                critic_learning_rate=self.critic_learning_rate,
                target_rate=self.target_rate,
                max_gradient_norm=self.max_gradient_norm,
            )

        keys = jax.random.split(key, self.gradient_steps)
        learned, metrics = jax.lax.scan(one_step, learned, keys)
        return learned, jax.tree.map(lambda steps: jnp.mean(steps, dtype=float), metrics)

    def _raw(self, actor: Any, observation: jax.Array) -> jax.Array:
        return _applied(self.actor_network, actor, observation.astype(float))

    def _act(self, actor: Any, observation: jax.Array) -> jax.Array:
        """Greedy, of observations [batch, ...]."""
        return self.action_map.greedy(self._raw(actor, observation))

    def _value(self, critic: Any, observation: jax.Array, action: jax.Array) -> jax.Array:
        """float [batch]."""
        return _applied(self.critic_network, critic, observation.astype(float), action)


@struct.dataclass
class LearnedPolicy:
    """What ``DDPG`` has learned: an action for every observation, without chance.

    Attributes:
      designer: the learner.
      actor: parameters of the actor.
    """

    designer: DDPG
    actor: Any

    def initial_carry(self) -> None:
        """Nothing is carried."""

    def act(
        self, observation: jax.Array, carry: None, key: jax.Array | None
    ) -> tuple[jax.Array, None]:
        """The environment's action for one observation, and nothing.

        Args:
          observation: as the environment gave it.
          carry: None.
          key: of no use: nothing is drawn, also where it is given.
        """
        del carry, key
        return self.designer._act(self.actor, observation[None])[0], None


def _applied(network: nn.Module, parameters: Any, *inputs: jax.Array) -> jax.Array:
    output: Any = network.apply(parameters, *inputs)
    return output
