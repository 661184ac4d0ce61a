"""Proximal policy optimisation (Schulman et al. 2017), one pure function an iteration."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxmech import struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers import rollout
from jaxmech.designers.episode_means import means_of_episodes, no_episode
from jaxmech.designers.normalization import RunningMoments
from jaxmech.designers.ppo.advantages import generalized_advantages
from jaxmech.designers.ppo.architectures import action_distribution_for, network_for
from jaxmech.designers.ppo.gradient_steps import improve, start_optimizer
from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
from jaxmech.designers.ppo.surrogate import (
    Batch,
    clipped_surrogate,
    explained_variance,
    weighted_mean,
)
from jaxmech.environments.protocol import Environment, action_mask
from jaxmech.networks.action_distributions import ActionDistribution, Categorical, DiagonalGaussian


@struct.dataclass
class PPOState:
    """All that one iteration hands to the next.

    Attributes:
      parameters: of the actor-critic.
      optimizer: state of Adam.
      moments: of the observations seen, for normalising them.
      running: the environments, where they outlive an iteration; else None.
      key: for the next iteration.
      updates: int32 [], iterations made.
      last_episode: means of the last iteration in which an episode ended.
    """

    parameters: Any
    optimizer: optax.OptState
    moments: RunningMoments
    running: rollout.Running | None
    key: jax.Array
    updates: jax.Array
    last_episode: dict[str, jax.Array]


@struct.dataclass
class PPO(PPOHyperParameters):
    """The learner; trains any environment of the gymnax 1.x protocol.

    Every float is a leaf, so it can be swept by ``vmap``; sizes are static. Keyword arguments are
    the ``PPOHyperParameters``, documented there.

    Attributes:
      env, params: the environment, see ``jaxmech.environments.protocol``, and its parameters.
      network: a Flax module from observations, flat, float [..., features], to parameters of the
        action distribution and values, float [...]; chosen by ``hidden``, ``architecture``,
        ``actor_sees`` and ``memory_width`` where None. One that carries something through an
        episode has the methods of ``jaxmech.networks.RecurrentActorCritic``. Its parameters
        start where it has them: ``initial_log_scale`` is not for it.
      action_distribution: of the actions; for the environment's action space where None:
        ``jaxmech.networks.Categorical`` of logits, or ``DiagonalGaussian`` of means and log
        standard deviations. Where the environment has ``action_mask``, a categorical one draws
        what it allows alone; see ``jaxmech.environments.protocol``.
    """

    env: Environment = struct.field(pytree_node=False)
    params: Any
    network: nn.Module | None = struct.field(pytree_node=False, default=None, kw_only=True)
    action_distribution: ActionDistribution | None = struct.field(
        pytree_node=False, default=None, kw_only=True
    )

    @property
    def length(self) -> int:
        """Steps of each environment per iteration.

        Raises:
          ValueError: ``rollout_length`` is not given and the longest episode is traced.
        """
        if self.rollout_length is not None:
            return self.rollout_length
        longest = getattr(self.params, "max_steps_in_episode", None)
        if not isinstance(longest, int):
            raise ValueError(
                "rollout_length: got None; needed, since this environment's longest episode "
                "is not a static number"
            )
        return longest

    @property
    def distribution(self) -> ActionDistribution:
        """The action distribution: that given, or the one that suits the environment."""
        if self.action_distribution is not None:
            return self.action_distribution
        return action_distribution_for(self.env, self.params)

    @property
    def actor_critic(self) -> Any:
        """The network: that given, or the one asked for by name."""
        if self.network is not None:
            return self.network
        return network_for(
            self.env,
            self.distribution,
            hidden=self.hidden,
            architecture=self.architecture,
            actor_sees=self.actor_sees,
            memory_width=self.memory_width,
        )

    @property
    def _initial_log_scale(self) -> float:
        if self.initial_log_scale is not None:
            return self.initial_log_scale
        return -1.0 if isinstance(self.distribution, DiagonalGaussian) else 0.0

    @property
    def _reward_scale(self) -> float:
        return 1.0 if self.reward_scale is None else self.reward_scale

    @property
    def _num_features(self) -> int:
        return math.prod(self.env.observation_space(self.params).shape)

    def init(self, key: jax.Array) -> PPOState:
        """A fresh state; the same key gives the same training."""
        key, network_key, start_key = jax.random.split(key, 3)
        carry = self.initial_carry()
        row = jnp.zeros((1, self._num_features))
        inputs = (row,) if carry is None else (row, carry[None], jnp.zeros(1, bool))
        parameters: Any = self.actor_critic.init(network_key, *inputs)
        self._check_shapes(parameters, inputs)
        if self.network is None and "log_scale" in parameters["params"]:
            log_scale = parameters["params"]["log_scale"]
            parameters["params"]["log_scale"] = log_scale + self._initial_log_scale
        running = self._start(start_key) if self.rollout_by == "step" else None
        return PPOState(
            parameters=parameters,
            optimizer=start_optimizer(parameters),
            moments=RunningMoments.start((self._num_features,)),
            running=running,
            key=key,
            updates=jnp.zeros((), jnp.int32),
            last_episode=no_episode(self.env, self.params),
        )

    def _check_shapes(self, parameters: Any, inputs: tuple[jax.Array, ...]) -> None:
        """Of what the user's network and mask give for one row of observations.

        Raises:
          InvalidValueError: they are others than the actions ask for.
        """
        choices = getattr(self.env.action_space(self.params), "n", None)
        mask = jax.eval_shape(self._mask, inputs[0])
        # Other actions than choices have masks that go with their own distribution.
        if None not in (mask, choices) and (mask.shape, mask.dtype) != ((1, choices), bool):
            got = f"{mask.dtype} of shape {mask.shape[1:]}"
            raise InvalidValueError("action_mask", mask, f"bool of shape ({choices},)", got=got)
        if self.network is None:
            return
        given = jax.eval_shape(self.network.apply, parameters, *inputs)
        if not isinstance(given, tuple) or len(given) < 2 or jnp.shape(given[1]) != (1,):
            shapes = jax.tree.map(lambda leaf: leaf.shape, given)
            raise InvalidValueError(
                "network",
                given,
                "parameters of the distribution over actions, and values without an axis of their "
                "own, here of shape (1,)",
                got=f"one that gives shapes {shapes} for a row of observations",
            )
        shape = getattr(given[0], "shape", None)
        if isinstance(self.distribution, Categorical) and shape != (1, choices):
            got = f"logits of shape {shape} for a row of observations"
            raise InvalidValueError("network", given, f"shape (1, {choices})", got=got)

    def policy(self, state: PPOState) -> LearnedPolicy:
        """What it has learned."""
        return LearnedPolicy(self, state.parameters, state.moments)

    def initial_carry(self) -> jax.Array | None:
        """What the policy carries before an episode, float [memory_width], or None."""
        network = self.actor_critic
        return network.initial_carry() if hasattr(network, "initial_carry") else None

    def update(self, state: PPOState) -> tuple[PPOState, dict[str, jax.Array]]:
        """One iteration: a rollout, then ``num_epochs`` passes of gradient steps over it.

        Returns:
          The next state and metrics, float [] each: ``episode_return``,
          ``episode_length`` and, where the environment reports it, ``objective``, means
          over the episodes that ended (of the last iteration in which any did; NaN before);
          ``episodes`` and ``environment_steps`` of this iteration; ``policy_loss``,
          ``value_loss``, ``entropy``, ``approximate_kl``, ``clip_fraction`` and
          ``gradient_norm``, means over the gradient steps taken; ``explained_variance`` of
          the values; ``learning_rate``.
        """
        key, rollout_key, shuffle_key = jax.random.split(state.key, 3)
        running, experience, totals = self._collect(state, rollout_key)
        batch = self._batch(state, running, experience)
        learning_rate = self._annealed(state, self.learning_rate, self.learning_rate_end)
        entropy_bonus = self._annealed(state, self.entropy_bonus, self.entropy_bonus_end)

        def network(parameters: Any, rows: Batch) -> Any:
            observation = self._normalize(state.moments, rows.observation)
            if rows.carry is None:
                return self.actor_critic.apply(parameters, observation)
            return self.actor_critic.apply(parameters, observation, rows.carry, rows.starts)

        def loss(parameters: Any, rows: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
            return clipped_surrogate(
                parameters,
                rows,
                network=network,
                distribution=self.distribution,
                mask=self._mask(rows.observation),
                clip=self.clip,
                value_clip=self.value_clip,
                value_weight=self.value_weight,
                entropy_bonus=entropy_bonus,
            )

        parameters, optimizer, metrics = improve(
            state.parameters,
            state.optimizer,
            batch,
            shuffle_key,
            loss=loss,
            learning_rate=learning_rate,
            max_gradient_norm=self.max_gradient_norm,
            target_kl=self.target_kl,
            num_epochs=self.num_epochs,
            num_minibatches=self.num_minibatches,
        )
        last_episode = means_of_episodes(totals, state.last_episode)
        next_state = PPOState(
            parameters=parameters,
            optimizer=optimizer,
            moments=state.moments.include(batch.observation, batch.weight)
            if self.normalize_observations
            else state.moments,
            running=running if self.rollout_by == "step" else None,
            key=key,
            updates=state.updates + 1,
            last_episode=last_episode,
        )
        metrics = {
            **last_episode,
            "episodes": totals.episodes,
            "environment_steps": jnp.sum(batch.weight),
            **metrics,
            "explained_variance": explained_variance(batch),
            "learning_rate": learning_rate,
        }
        return next_state, metrics

    def _collect(
        self, state: PPOState, key: jax.Array
    ) -> tuple[rollout.Running, rollout.Experience, rollout.EpisodeTotals]:
        def choose_action(
            key: jax.Array, observation: jax.Array, carry: jax.Array | None
        ) -> tuple[Any, jax.Array, jax.Array, jax.Array | None]:
            observation = self._flat(observation)
            parameters, carry = self._parameters(state, observation, carry)
            mask = self._mask(observation)
            action, log_prob = self.distribution.sample(key, parameters, mask)
            in_environment = self.distribution.to_environment(action, self.env, self.params)
            return action, log_prob, in_environment, carry

        start_key, steps_key = jax.random.split(key)
        return rollout.collect(
            self.env,
            self.params,
            choose_action,
            self._start(start_key) if state.running is None else state.running,
            steps_key,
            length=self.length,
            resets=state.running is not None,
            initial_carry=self.initial_carry(),
        )

    def _start(self, key: jax.Array) -> rollout.Running:
        carry = self.initial_carry()
        return rollout.start(self.env, self.params, key, self.num_environments, carry)

    def _batch(
        self, state: PPOState, running: rollout.Running, experience: rollout.Experience
    ) -> Batch:
        observation, carry = self._flat(experience.observation), experience.carry
        value = self._values(state, observation, carry)
        if experience.final_observation is None:
            last = self._values(state, self._flat(running.observation), running.carry)
            next_value = jnp.concatenate([value[1:], last[None]])
        else:
            next_carry = None if carry is None else self._next_carry(state, observation, carry)
            final_observation = self._flat(experience.final_observation)
            next_value = self._values(state, final_observation, next_carry)
        advantage = generalized_advantages(
            rewards=self._reward_scale * experience.reward.astype(value.dtype),
            values=value,
            next_values=next_value,
            terminated=experience.terminated,
            ended=experience.ended,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
        )
        weight = experience.live.astype(value.dtype)
        mean = weighted_mean(advantage, weight)
        deviation = jnp.sqrt(weighted_mean(jnp.square(advantage - mean), weight))
        return Batch(
            observation=observation,
            action=experience.action,
            log_prob=experience.log_prob,
            value=value,
            advantage=(advantage - mean) / (deviation + 1e-8),
            target=advantage + value,
            weight=weight,
            starts=None if carry is None else _starts(experience.ended),
            carry=None if carry is None else carry[:1],
        )

    def _parameters(
        self, state: PPOState | LearnedPolicy, observation: jax.Array, carry: jax.Array | None
    ) -> tuple[Any, jax.Array | None]:
        """Of the action distribution, and what is carried on."""
        outputs = self._apply(state, "policy", observation, carry)
        return (outputs, None) if carry is None else outputs

    def _mask(self, observation: jax.Array) -> jax.Array | None:
        """The choices allowed, of flat observations, bool [..., choices]."""
        shape = self.env.observation_space(self.params).shape
        return action_mask(
            self.env, observation.reshape(*observation.shape[:-1], *shape), self.params
        )

    def _values(
        self,
        state: PPOState | LearnedPolicy,
        observation: jax.Array,
        carry: jax.Array | None = None,
    ) -> jax.Array:
        rows = observation.reshape(-1, self._num_features)
        carries = None if carry is None else carry.reshape(-1, carry.shape[-1])
        return self._apply(state, "value", rows, carries).reshape(observation.shape[:-1])

    def _next_carry(
        self, state: PPOState | LearnedPolicy, observation: jax.Array, carry: jax.Array
    ) -> jax.Array:
        """What the policy carries on after a step."""
        next_carry: jax.Array = self._apply(state, "remember", observation, carry)
        return next_carry

    def _apply(
        self,
        state: PPOState | LearnedPolicy,
        method: str,
        observation: jax.Array,
        carry: jax.Array | None,
    ) -> Any:
        observation = self._normalize(state.moments, observation)
        inputs = (observation,) if carry is None else (observation, carry)
        network = self.actor_critic
        if hasattr(network, method):
            return network.apply(state.parameters, *inputs, method=method)
        parameters, value = network.apply(state.parameters, *inputs)
        return value if method == "value" else parameters

    def _flat(self, observation: jax.Array) -> jax.Array:
        """Observations of any shape as float [..., features]."""
        rank = len(self.env.observation_space(self.params).shape)
        batch_shape = observation.shape[: observation.ndim - rank]
        return observation.reshape(*batch_shape, self._num_features).astype(float)

    def _normalize(self, moments: RunningMoments, observation: jax.Array) -> jax.Array:
        return moments.normalize(observation) if self.normalize_observations else observation

    def _annealed(self, state: PPOState, first: float, last: float) -> jax.Array:
        over = math.inf if self.anneal_updates is None else self.anneal_updates
        return first + jnp.minimum(state.updates / over, 1) * (last - first)


@struct.dataclass
class LearnedPolicy:
    """What ``PPO`` has learned.

    Attributes:
      designer: the learner.
      parameters: of the actor-critic.
      moments: of the observations, for normalising them.
    """

    designer: PPO
    parameters: Any
    moments: RunningMoments

    def initial_carry(self) -> jax.Array | None:
        """What the network carries; None where it carries nothing."""
        return self.designer.initial_carry()

    def act(
        self, observation: jax.Array, carry: jax.Array | None, key: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        """The environment's action for one observation, and what is carried to the next.

        Args:
          observation: as the environment gave it.
          carry: ``initial_carry()`` at the start of an episode, then from the call before.
          key: of the draw; the likeliest action where None.
        """
        designer = self.designer
        distribution = designer.distribution
        observation = designer._flat(observation)
        parameters, carry = designer._parameters(self, observation, carry)
        mask = designer._mask(observation)
        if key is None:
            action = distribution.mode(parameters, mask)
        else:
            action, _ = distribution.sample(key, parameters, mask)
        return distribution.to_environment(action, designer.env, designer.params), carry


def _starts(ended: jax.Array) -> jax.Array:
    """Where a step follows one that ended an episode, bool [steps, environments]."""
    return jnp.concatenate([jnp.zeros_like(ended[:1]), ended[:-1]])
