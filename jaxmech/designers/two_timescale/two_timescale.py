"""Two-timescale mechanism design: agents respond at once, the mechanism moves slowly.

Mguni and Tomczak (2018), Algorithm 1, whose header prints the two learning rates the wrong way
round: the mechanism's steps are the smaller ones, in the limit infinitely so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmech import checks, struct
from jaxmech.agents.responses.fixed_points import largest_difference
from jaxmech.agents.responses.game import Policies
from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.gradients import GradientEstimator, ImplicitGradient
from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
from jaxmech.designers.two_timescale.mirror_descent import (
    exponentiated_gradient,
    scale_by_recent_size,
)
from jaxmech.designers.two_timescale.problem import Problem
from jaxmech.environments.incentives.environment import IncentiveDesign, towards
from jaxmech.environments.incentives.params import IncentiveDesignParams


@struct.dataclass
class TwoTimescaleState:
    """All that one update hands to the next.

    Attributes:
      places: float [coefficients], from -1 to 1 between bounds, or shares of a whole; what they
        stand for is ``TwoTimescale.mechanism(state)``.
      policies: what agents do under each mechanism that was played in the last update, every array
        [played, ...]. Gradients that are computed play the mechanism before its step alone, whose
        policies are entry 0; a ``TwoPointGradient`` plays one on either side of it, and a
        ``OnePointGradient`` one beside it. None are those of the mechanism after the step.
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


BETWEEN_BOUNDS = optax.adam(1.0)
"""What makes steps of gradients where mechanisms lie between bounds."""

OF_SHARES = optax.chain(scale_by_recent_size(), exponentiated_gradient(1.0))
"""What makes steps of gradients where mechanisms are shares of a whole: mirror descent."""


@struct.dataclass
class TwoTimescale(TwoTimescaleHyperParameters):
    """The designer, of any game whose mechanisms lie between bounds or are shares of a whole.

    In every update the agents move towards their responses, ``responses_per_update`` times, or go
    to an equilibrium, and the mechanism takes one step along the estimated gradient. Keyword
    arguments are the ``TwoTimescaleHyperParameters``, documented there.

    From a state, ``designer.mechanism(state)`` is the mechanism, float [coefficients]. What it
    leads to is asked of the game, ``env.game``, and its parameters, ``params.game``, which
    ``params`` wraps::

        env, params = jaxmech.make("matrix_game")
        designer = TwoTimescale(env, params)
        state, metrics = train(designer, jax.random.key(0), updates=500)
        mechanism = designer.mechanism(state)
        policies = equilibrium(env.game, mechanism, params.game).point
        objective = env.game.objective(policies, mechanism, params.game)

    ``point`` of a ``FixedPoint`` is what agents do, the policies, and no mechanism.

    Attributes:
      env, params: an ``IncentiveDesign`` and its parameters, of which the game, ``env.game``, and
        its parameters, ``params.game``, are used. How agents respond is set here, not there.
      gradient: how the gradient is found, one of ``ImplicitGradient``, ``SocialGradient``,
        ``UnrolledGradient``, ``TwoPointGradient`` and ``OnePointGradient``.
      optimizer: any optimiser of optax, such as ``optax.adam(1.0)`` or ``optax.sgd(1.0)``. It is
        told to minimise: it is given the negative gradient by the places of the mechanism, which
        are from -1 to 1 between its bounds, or its shares, and its steps are multiplied by the step
        sizes of the mechanism, on top of its own learning rate. What would leave the space is
        brought back to the nearest mechanism. None for ``optax.adam(1.0)`` between bounds, and for
        shares for ``exponentiated_gradient(1.0)`` after ``scale_by_recent_size()``. Static:
        programs are told apart by the object, so make one and hand the same one to all.

    Raises:
      InvalidValueError: another kind of environment, parameters, gradient or optimiser; a
        hyper-parameter out of its range; step sizes that fall too slowly for a random gradient; an
        environment with responses of its own, or with episodes that are drawn where the gradient is
        that of the expected objective.
    """

    env: IncentiveDesign = struct.field(pytree_node=False)
    params: IncentiveDesignParams
    gradient: GradientEstimator = struct.field(default=ImplicitGradient(), kw_only=True)
    optimizer: optax.GradientTransformation | None = struct.field(
        pytree_node=False, default=None, kw_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_kinds()
        if self.env.responses_per_round is not None:
            raise InvalidValueError(
                "env.responses_per_round",
                self.env.responses_per_round,
                "None: set responses_per_update of the designer instead",
            )
        # Where a transformation puts something in the place of the gradient, nothing is known.
        if self.env.sampled and getattr(self.gradient, "num_episodes", None) == 0:
            raise InvalidValueError(
                "env.sampled",
                True,
                "False, or a gradient that draws episodes, such as TwoPointGradient(episodes=8)",
            )
        self._check_decay()

    def _check_kinds(self) -> None:
        if not isinstance(self.env, IncentiveDesign):
            raise InvalidValueError(
                "env",
                self.env,
                "an IncentiveDesign, such as jaxmech.make('matrix_game') and incentive_design give",
                got=_kind(self.env),
            )
        methods = (getattr(self.optimizer, name, None) for name in ("init", "update"))
        if self.optimizer is not None and not all(map(callable, methods)):
            raise InvalidValueError(
                "optimizer", self.optimizer, "None, and optimisers such as optax.adam(1.0)"
            )
        # Where a transformation puts something in the place of the others, nothing is known: only
        # what it would not put there is refused.
        params: Any = self.params
        is_other = is_dataclass(params) or isinstance(params, Mapping | str)
        if is_other and not isinstance(params, IncentiveDesignParams):
            raise self._other_params()
        if isinstance(self.gradient, str | type):
            raise self._other_gradient()

    def _other_params(self) -> InvalidValueError:
        allowed = "IncentiveDesignParams, which jaxmech.make and incentive_design give beside env"
        return InvalidValueError("params", self.params, allowed, got=_kind(self.params))

    def _other_gradient(self) -> InvalidValueError:
        allowed = "gradient estimators, such as ImplicitGradient() and TwoPointGradient(0.05)"
        return InvalidValueError("gradient", self.gradient, allowed)

    def _check_decay(self) -> None:
        decay = checks.known(self.mechanism_decay)
        if getattr(self.gradient, "is_random", False) and checks.is_number(decay) and decay <= 0.5:
            raise InvalidValueError(
                "mechanism_decay",
                decay,
                "numbers above 0.5 to 1 for a random gradient, so that its noise averages out",
            )

    @property
    def problem(self) -> Problem:
        """The game and its parameters."""
        return Problem(self.env.game, self.params.game)

    def init(self, key: jax.Array) -> TwoTimescaleState:
        """The mechanism in the middle of its space, or drawn around it; agents untold.

        Raises:
          InvalidValueError: an attribute of another kind than the class says, or out of its range,
            also in an array that is not traced; a game that cannot be climbed, such as one without
            bounds of its mechanisms, parameters of another game, or a temperature of it that is
            out of range, see ``Problem.check``; a gradient that is computed through responses which
            are known to jump.
        """
        if not isinstance(self.params, IncentiveDesignParams):
            raise self._other_params()
        if not hasattr(self.gradient, "estimate"):
            raise self._other_gradient()
        self.check_arrays()
        problem = self.problem
        problem.check(episodes=self.gradient.num_episodes > 0)
        self._check_slopes()
        key, start_key = jax.random.split(key)
        places = problem.start(start_key, self.initial_spread)
        policies = self.env.game.initial_policies(self.params.game)
        count = self.gradient.num_played
        return TwoTimescaleState(
            places=places,
            policies=jax.tree.map(lambda leaf: jnp.stack([leaf] * count), policies),
            optimizer=self._optimizer.init(places),
            memory=self.gradient.init(problem),
            key=key,
            updates=jnp.zeros((), jnp.int32),
        )

    def _check_slopes(self) -> None:
        jump = getattr(self.env.game, "responses_jump", None)
        if jump is not None and not self.gradient.is_random and jump(self.params.game):
            raise InvalidValueError(
                "gradient",
                self.gradient,
                "TwoPointGradient and OnePointGradient where agents choose the best of finitely "
                "many actions, at temperature 0: their responses jump, and have derivatives of 0",
            )

    def update(self, state: TwoTimescaleState) -> tuple[TwoTimescaleState, dict[str, jax.Array]]:
        """Agents respond, and the mechanism takes a step.

        Returns:
          The next state and metrics, float [] each: ``objective``, expected, of the mechanism
          before the step, as agents who respond to it once more act under it;
          ``response_distance``, the largest change of a number of the policies by a last response;
          ``gradient_norm``; the two step sizes, ``mechanism_step`` and ``response_step``;
          ``episodes``, drawn so far; ``arrived``, 0 where a search for the equilibrium of some
          mechanism played did not come to its end, so that agents may be in another equilibrium
          than the one that the game selects, and 1 elsewhere, also where a game does not tell or
          where agents respond step by step and search for nothing; and ``skipped``, 1 where no
          gradient was found, 0 elsewhere. The mechanism then stays as it is while agents go on to
          respond, and the norm is 0.
        """
        problem, places = self.problem, state.places
        key, direction_key, play_key = jax.random.split(state.key, 3)
        fall = 1 + state.updates / self.settling
        response_step = self.response_rate / fall**self.response_decay
        mechanism_step = self.mechanism_rate / fall**self.mechanism_decay
        played = self.gradient.played(problem, places, direction_key)
        policies, distance, arrived = self._responses(state.policies, played, response_step)
        gradient, memory = self.gradient.estimate(
            problem, places, played, policies, state.memory, play_key
        )
        gradient = problem.along(gradient)
        found = jnp.all(jnp.isfinite(gradient))
        gradient = jnp.where(found, gradient, 0)
        step, optimizer = self._optimizer.update(-gradient, state.optimizer, places)
        step = jnp.where(found, step, 0)
        optimizer = jax.tree.map(partial(jnp.where, found), optimizer, state.optimizer)
        nearest = jax.tree.map(lambda leaf: leaf[0], policies)
        updates = state.updates + 1
        metrics = {
            "objective": problem.objective(problem.respond(nearest, places), places),
            "response_distance": distance,
            "gradient_norm": jnp.linalg.norm(gradient),
            "mechanism_step": jnp.asarray(mechanism_step, places.dtype),
            "response_step": jnp.asarray(response_step, places.dtype),
            "episodes": jnp.asarray(updates * self.gradient.num_episodes, places.dtype),
            "arrived": jnp.asarray(arrived, places.dtype),
            "skipped": jnp.asarray(~found, places.dtype),
        }
        state = TwoTimescaleState(
            places=problem.nearest(places + mechanism_step * step).astype(places.dtype),
            policies=policies,
            optimizer=optimizer,
            memory=memory,
            key=key,
            updates=updates,
        )
        return state, metrics

    @property
    def _optimizer(self) -> optax.GradientTransformation:
        if self.optimizer is not None:
            return self.optimizer
        return OF_SHARES if self.problem.of_shares else BETWEEN_BOUNDS

    def _responses(
        self, policies: Policies, played: jax.Array, rate: jax.Array
    ) -> tuple[Policies, jax.Array, Any]:
        """What agents do under each mechanism played, how far off their last response was, and
        whether all searches for equilibria came to their end."""
        if self.responses_per_update is None:
            found = jax.vmap(self.problem.equilibrium)(played)
            return found.point, jnp.max(found.residual), jnp.all(getattr(found, "arrived", True))
        respond = jax.vmap(self.problem.respond)

        def moved(policies: Policies, _: Any) -> tuple[Policies, jax.Array]:
            response = respond(policies, played)
            distance = largest_difference(policies, response)
            return towards(policies, response, rate), distance

        policies, distances = jax.lax.scan(moved, policies, length=self.responses_per_update)
        return policies, distances[-1], True

    def mechanism(self, state: TwoTimescaleState) -> jax.Array:
        """What it has come to, float [coefficients]."""
        return self.problem.mechanism(state.places)

    def policy(self, state: TwoTimescaleState) -> FixedMechanism:
        """The mechanism that it has come to, whatever is observed."""
        return FixedMechanism(self.mechanism(state))


def _kind(value: Any) -> str:
    """For messages, which a whole environment or its parameters would fill."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


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
