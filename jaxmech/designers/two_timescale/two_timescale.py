"""Two-timescale mechanism design: agents respond at once, the mechanism moves slowly.

Mguni and Tomczak (2018), Algorithm 1, whose header prints the two learning rates the wrong way
round: the mechanism's steps are the smaller ones, in the limit infinitely so.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmech import spaces, struct
from jaxmech.agents.responses.fixed_points import largest_difference
from jaxmech.agents.responses.game import Policies
from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.gradients import GradientEstimator, ImplicitGradient
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.designers.two_timescale.problem import Problem
from jaxmech.environments.incentives.environment import IncentiveDesign, towards
from jaxmech.environments.incentives.params import IncentiveDesignParams


@struct.dataclass
class TwoTimescaleState:
    """All that one update hands to the next.

    Attributes:
      places: float [coefficients], of the mechanism, from -1 to 1 between its bounds.
      policies: what agents do under each mechanism that is played, every array [played, ...].
      optimizer: state of the optimiser.
      memory: of the gradient's estimator.
      key: for the next update.
      updates: int32 [], made so far.
    """

    places: jax.Array
    policies: Policies
    optimizer: Any
    memory: Any
    key: jax.Array
    updates: jax.Array


@struct.dataclass
class TwoTimescale(TwoTimescaleHyperParameters):
    """The designer, of any game whose mechanisms have bounds.

    In every update the agents move towards their responses, ``responses_per_update`` times, and the
    mechanism once along the estimated gradient. Keyword arguments are the
    ``TwoTimescaleHyperParameters``, documented there.

    Attributes:
      env, params: an ``IncentiveDesign`` and its parameters, of which the game and its parameters
        are used.
      gradient: how the gradient is found, one of ``ImplicitGradient``, ``UnrolledGradient``,
        ``TwoPointGradient`` and ``OnePointGradient``.
      optimizer: makes of gradients the directions that step sizes multiply, upwards: one of the
        ``optax.scale_by_*``, which have neither a step size nor a sign of their own. Static.

    Raises:
      ValueError: mechanisms that are shares of a whole, or a hyper-parameter out of its range.
    """

    env: IncentiveDesign = struct.field(pytree_node=False)
    params: IncentiveDesignParams
    gradient: GradientEstimator = struct.field(default=ImplicitGradient(), kw_only=True)
    optimizer: optax.GradientTransformation = struct.field(
        pytree_node=False, default=optax.scale_by_adam(), kw_only=True
    )

    @property
    def problem(self) -> Problem:
        """The game and its parameters."""
        return Problem(self.env.game, self.params.game)

    def init(self, key: jax.Array) -> TwoTimescaleState:
        """The mechanism in the middle of its bounds, agents untold; nothing is drawn.

        Raises:
          InvalidValueError: mechanisms are shares of a whole.
        """
        space = self.env.action_space(self.params)
        if not isinstance(space, spaces.Box):
            raise InvalidValueError("env", space, "games whose mechanisms lie between bounds")
        places = jnp.zeros(space.shape, space.dtype)
        policies = self.env.game.initial_policies(self.params.game)
        count = self.gradient.num_played
        return TwoTimescaleState(
            places=places,
            policies=jax.tree.map(lambda leaf: jnp.stack([leaf] * count), policies),
            optimizer=self.optimizer.init(places),
            memory=self.gradient.init(self.problem),
            key=key,
            updates=jnp.zeros((), jnp.int32),
        )

    def update(self, state: TwoTimescaleState) -> tuple[TwoTimescaleState, dict[str, jax.Array]]:
        """Agents respond, and the mechanism takes a step.

        Returns:
          The next state and metrics, float [] each: ``objective``, expected, of the mechanism
          before the step, as agents who respond to it once more act under it;
          ``response_distance``, the largest change of a number of the policies by a last response;
          ``gradient_norm``; the two step sizes, ``mechanism_step`` and ``response_step``; and
          ``episodes``, drawn so far.
        """
        problem, places = self.problem, state.places
        key, direction_key, play_key = jax.random.split(state.key, 3)
        fall = 1 + state.updates / self.settling
        response_step = self.response_rate / fall**self.response_decay
        mechanism_step = self.mechanism_rate / fall**self.mechanism_decay
        played = jnp.clip(self.gradient.played(places, direction_key), -1, 1)
        respond = jax.vmap(problem.respond)

        def moved(policies: Policies, _: Any) -> tuple[Policies, jax.Array]:
            response = respond(policies, played)
            distance = largest_difference(policies, response)
            return towards(policies, response, response_step), distance

        policies, distances = jax.lax.scan(moved, state.policies, length=self.responses_per_update)
        gradient, memory = self.gradient.estimate(
            problem, places, played, policies, state.memory, play_key
        )
        direction, optimizer = self.optimizer.update(gradient, state.optimizer, places)
        nearest = jax.tree.map(lambda leaf: leaf[0], policies)
        updates = state.updates + 1
        metrics = {
            "objective": problem.objective(problem.respond(nearest, places), places),
            "response_distance": distances[-1],
            "gradient_norm": jnp.linalg.norm(gradient),
            "mechanism_step": jnp.asarray(mechanism_step, places.dtype),
            "response_step": jnp.asarray(response_step, places.dtype),
            "episodes": jnp.asarray(updates * self.gradient.num_episodes, places.dtype),
        }
        state = TwoTimescaleState(
            places=jnp.clip(places + mechanism_step * direction, -1, 1).astype(places.dtype),
            policies=policies,
            optimizer=optimizer,
            memory=memory,
            key=key,
            updates=updates,
        )
        return state, metrics

    def mechanism(self, state: TwoTimescaleState) -> jax.Array:
        """What it has come to, float [coefficients]."""
        return self.problem.mechanism(state.places)

    def policy(self, state: TwoTimescaleState) -> FixedMechanism:
        """The mechanism that it has come to, whatever is observed."""
        return FixedMechanism(self.mechanism(state))


@struct.dataclass
class FixedMechanism:
    """The same mechanism in every round.

    Attributes:
      coefficients: float [coefficients].
    """

    coefficients: jax.Array

    def initial_carry(self) -> None:
        """Nothing is carried."""

    def act(self, observation: Any, carry: None, key: jax.Array | None) -> tuple[jax.Array, None]:
        """The mechanism, float [coefficients], and nothing."""
        del observation, carry, key
        return self.coefficients, None
