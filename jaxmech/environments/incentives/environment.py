"""A designer sets the mechanism of a game, round after round, and agents respond to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, spaces, struct
from jaxmech.agents.responses.game import Game, MechanismSpace, Policies, equilibrium
from jaxmech.environments.autoreset import step_with_reset
from jaxmech.environments.compiled import compiled
from jaxmech.environments.incentives.params import IncentiveDesignParams, params_of
from jaxmech.environments.protocol import params_or_default


@struct.dataclass
class IncentiveDesignState:
    """Between two rounds.

    Attributes:
      policies: what agents do, as the game has it.
      mechanism: float [coefficients], that of the last round.
      reward: float [], of the last round.
      earned: float [], in the rounds so far.
      time: int32 [], rounds so far.
    """

    policies: Policies
    mechanism: jax.Array
    reward: jax.Array
    earned: jax.Array
    time: jax.Array


@dataclass(frozen=True)
class IncentiveDesign:
    """The environment; follows the gymnax 1.x protocol.

    The action is the mechanism, float [coefficients], of the space of the game; what is beyond its
    bounds is clipped. The reward is the game's objective. Episodes end after ``num_rounds``.

    Attributes:
      game: see ``jaxmech.agents.responses.game.Game``.
      num_rounds: of an episode.
      responses_per_round: how often agents respond in each round to the mechanism and to each
        other, from where the last round left them, before they play; None for an equilibrium,
        whatever came before.
      sampled: whether the reward is that of one episode of the game that is drawn; else it is the
        expected objective.

    Raises:
      ValueError: a size below 1, another word than True or False, or a game that has no hash.
    """

    game: Game
    num_rounds: int = 1
    responses_per_round: int | None = None
    sampled: bool = False

    def __post_init__(self) -> None:
        checks.integer("num_rounds", self.num_rounds)
        if self.responses_per_round is not None:
            checks.integer("responses_per_round", self.responses_per_round)
        checks.one_of("sampled", self.sampled, (False, True))
        checks.hashable_fields(self)

    @property
    def name(self) -> str:
        """That of the game."""
        return self.game.name

    @property
    def truncates(self) -> bool:
        """No episode is cut short."""
        return False

    @property
    def default_params(self) -> IncentiveDesignParams:
        """Those of the game, and agents who move all the way to their response."""
        return params_of(self.game.default_params, num_rounds=self.num_rounds)

    def action_space(self, params: IncentiveDesignParams | None = None) -> MechanismSpace:
        """The mechanisms that the designer chooses from."""
        params = params_or_default(self, params)
        return self.game.mechanism_space(params.game)

    def observation_space(self, params: IncentiveDesignParams | None = None) -> spaces.Box:
        """Float [coefficients + 2]: the last mechanism, as ``relative`` has it, its reward, and the
        share of the episode that is over."""
        (size,) = self.action_space(params).shape
        return spaces.Box(-jnp.inf, jnp.inf, (size + 2,))

    @compiled
    def reset(
        self, key: jax.Array, params: IncentiveDesignParams | None = None
    ) -> tuple[jax.Array, IncentiveDesignState]:
        """Agents as they are before they are told of any mechanism. Nothing is drawn."""
        del key
        params = params_or_default(self, params)
        policies = self.game.initial_policies(params.game)
        mechanism = middle(self.action_space(params))
        zero = jnp.zeros((), mechanism.dtype)
        state = IncentiveDesignState(policies, mechanism, zero, zero, jnp.zeros((), jnp.int32))
        return self._observe(state, params), state

    @compiled
    def step_env(
        self,
        key: jax.Array,
        state: IncentiveDesignState,
        action: jax.Array,
        params: IncentiveDesignParams | None = None,
    ) -> tuple[jax.Array, IncentiveDesignState, jax.Array, jax.Array, dict[str, jax.Array]]:
        """One round under the mechanism ``action``.

        Returns:
          observation, state, reward, terminated and info: ``objective``, float [], the mean reward
          of the episode so far, and ``expected_objective``, float [], that of the round.

        Raises:
          ValueError: the action's shape is not that of the action space.
        """
        params = params_or_default(self, params)
        dtype, space = state.mechanism.dtype, self.action_space(params)
        action = jnp.asarray(action, dtype)
        checks.shape("action", action, "[coefficients]", space.shape)
        mechanism = allowed(space, action)
        policies = self._responses(state.policies, mechanism, params)
        expected = self.game.objective(policies, mechanism, params.game)
        drawn = self.game.play(key, policies, mechanism, params.game) if self.sampled else expected
        reward = jnp.asarray(drawn, dtype)
        state = IncentiveDesignState(
            policies, mechanism, reward, state.earned + reward, state.time + 1
        )
        info = {
            "objective": state.earned * (1 / state.time),
            "expected_objective": jnp.asarray(expected, dtype),
        }
        terminated = state.time >= params.max_steps_in_episode
        return self._observe(state, params), state, reward, terminated, info

    @compiled
    def step(
        self,
        key: jax.Array,
        state: IncentiveDesignState,
        action: jax.Array,
        params: IncentiveDesignParams | None = None,
    ) -> tuple[
        jax.Array, IncentiveDesignState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]
    ]:
        """``step_env``, then a fresh episode where this one ended.

        Returns:
          observation, state, reward, terminated, truncated (never true) and info, with
          ``final_observation``: the observation before any reset.
        """
        params = params_or_default(self, params)
        return step_with_reset(self, key, state, action, params)

    def _responses(
        self, policies: Policies, mechanism: jax.Array, params: IncentiveDesignParams
    ) -> Policies:
        if self.responses_per_round is None:
            return equilibrium(self.game, mechanism, params.game).point

        def respond(policies: Policies, _: Any) -> tuple[Policies, None]:
            response = self.game.respond(policies, mechanism, params.game)
            return towards(policies, response, params.response_rate), None

        return jax.lax.scan(respond, policies, length=self.responses_per_round)[0]

    def _observe(self, state: IncentiveDesignState, params: IncentiveDesignParams) -> jax.Array:
        over = state.time / params.max_steps_in_episode
        rest = jnp.stack([state.reward, over.astype(state.reward.dtype)])
        return jnp.concatenate([relative(self.action_space(params), state.mechanism), rest])


def towards(policies: Policies, response: Policies, rate: jax.Array) -> Policies:
    """What agents do who moved by ``rate``, 0 to 1, from ``policies`` to ``response``."""
    return jax.tree.map(lambda old, new: old + rate * (new - old), policies, response)


def allowed(space: MechanismSpace, mechanism: jax.Array) -> jax.Array:
    """The mechanism within the bounds of a box; as shares of a whole in a simplex."""
    if isinstance(space, spaces.Simplex):
        shares = jnp.maximum(mechanism, 0)
        total = jnp.sum(shares)
        return jnp.where(total > 0, shares / jnp.where(total > 0, total, 1), 1 / space.size)
    return jnp.clip(mechanism, space.low, space.high)


def relative(space: MechanismSpace, mechanism: jax.Array) -> jax.Array:
    """From -1 to 1 between the bounds of a box, 0 where they are the same; shares as they are."""
    if isinstance(space, spaces.Simplex):
        return mechanism
    low, high = _bounds(space)
    width = high - low
    # By the reciprocal, since programs for a batch and for one may round a quotient otherwise.
    per_width = 1 / jnp.where(width > 0, width, 1)
    return jnp.where(width > 0, (2 * mechanism - low - high) * per_width, 0)


def absolute(space: spaces.Box, places: jax.Array) -> jax.Array:
    """The mechanism at places from -1 to 1 between the bounds of a box: undoes ``relative``."""
    low, high = _bounds(space)
    return (low + high + places * (high - low)) / 2


def middle(space: MechanismSpace) -> jax.Array:
    if isinstance(space, spaces.Simplex):
        return jnp.full(space.shape, 1 / space.size, space.dtype)
    return absolute(space, jnp.zeros(space.shape, space.dtype))


def _bounds(space: spaces.Box) -> tuple[jax.Array, jax.Array]:
    low, high = (jnp.asarray(bound, space.dtype) for bound in (space.low, space.high))
    return jnp.broadcast_to(low, space.shape), jnp.broadcast_to(high, space.shape)
