"""Games in which everybody has to be willing to take part, for a designer who pays for none of it.

Individual rationality asks that a mechanism leaves no agent, or type of one, with less than staying
away is worth to it. There are two ways to see to it. ``WithParticipation`` puts the constraints
into the objective with a multiplier each, by the augmented Lagrangian (Powell 1969, Hestenes 1969):
rounds of design between which ``with_updated_multipliers`` raises the multipliers of whoever
expects too little. Where a mechanism has a subsidy, the same to everybody whatever they do, no
search is needed: the least that is enough is ``least_subsidy``.

Mguni and Tomczak (2018, section 2.2) put a multiplier on an agent's own constraint instead, ``(1 +
lambda)`` times its objective. That has the same maximum as the objective, whatever the multiplier:
an agent does its best in any case, and it is for the designer to make that enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.fixed_points import FixedPoint
from jaxmech.agents.responses.game import Game, MechanismSpace, Policies, equilibrium
from jaxmech.agents.responses.outside_options import outside_options

Knowing = Literal["nothing", "type"]


class GameWithInterimUtilities(Game, Protocol):
    """A game of agents who are alike and know their own type."""

    def interim_utilities(self, policies: Policies, mechanism: jax.Array, params: Any) -> jax.Array:
        """What each action of each type is worth, transfers included, float [types, actions].

        ``policies`` are float [types, actions], the probabilities of each type's actions.
        """
        ...

    def type_probabilities(self, params: Any) -> jax.Array:
        """How likely each type is, float [types]."""
        ...


@struct.dataclass
class ParticipationParams:
    """What can be swept.

    Attributes:
      game: parameters of the game.
      outside_option: float [] or [constraints], what staying away is worth.
      multipliers: float [constraints], at least 0, of each agent's or type's constraint.
      penalty: float [], above 0, of the square of what an agent lacks; in units of the objective
        by those of utility, squared.
    """

    game: Any
    outside_option: Any
    multipliers: jax.Array
    penalty: Any


@dataclass(frozen=True)
class WithParticipation:
    """A game whose objective counts what agents lack who would rather stay away; a ``Game`` itself.

    From the objective of the game it takes, for every constraint, ``(max(0, multiplier - penalty *
    slack)^2 - multiplier^2) / (2 penalty)``, where the slack is what an agent expects less its
    outside option. Agents respond as they do in the game. What transfers cost counts where the
    game's own objective charges for it, and nowhere else. A type of probability 0 never occurs and
    has no constraint: its slack is infinite, and its multiplier stays 0.

    Attributes:
      game: see ``jaxmech.agents.responses.game.Game``.
      knowing: what agents know who decide whether to take part: nothing, with a constraint for
        each agent; or their own type, with one for each type, in games that have
        ``interim_utilities`` and ``type_probabilities``.

    Raises:
      ValueError: a word of another meaning, or a game without interim utilities or probabilities
        of types where agents know their type.
    """

    game: Game
    knowing: Knowing = "nothing"

    def __post_init__(self) -> None:
        checks.one_of("knowing", self.knowing, get_args(Knowing))
        needed = ("interim_utilities", "type_probabilities")
        if self.knowing == "type" and not all(hasattr(self.game, name) for name in needed):
            allowed = f"games that have {' and '.join(needed)}"
            raise checks.InvalidValueError("game", self.game, allowed)
        checks.hashable_fields(self)

    @property
    def name(self) -> str:
        """That of the game."""
        return self.game.name

    @property
    def default_params(self) -> ParticipationParams:
        """Those of the game, outside options of 0, and multipliers of 0."""
        return self.params_of(self.game.default_params)

    def params_of(
        self, game_params: Any, *, outside_option: Any = 0.0, penalty: Any = 1.0
    ) -> ParticipationParams:
        """Parameters around those of the game, all multipliers 0.

        Args:
          outside_option: float [] or [constraints].

        Raises:
          ValueError: an outside option of another shape or not finite, or a penalty not above 0.
        """
        checks.leaf("penalty", penalty, above=0)
        shape = jax.eval_shape(self._expected_at_first, game_params)
        axis = "agents" if self.knowing == "nothing" else "types"
        outside = outside_options(outside_option, axis, shape.shape[0], shape.dtype)
        return ParticipationParams(
            game=game_params,
            outside_option=outside,
            multipliers=jnp.zeros(shape.shape, shape.dtype),
            penalty=jnp.asarray(penalty, shape.dtype),
        )

    def mechanism_space(self, params: ParticipationParams) -> MechanismSpace:
        """That of the game."""
        return self.game.mechanism_space(params.game)

    def initial_policies(self, params: ParticipationParams) -> Policies:
        """Those of the game."""
        return self.game.initial_policies(params.game)

    def respond(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> Policies:
        """The response in the game."""
        return self.game.respond(policies, mechanism, params.game)

    def equilibrium(self, mechanism: jax.Array, params: ParticipationParams) -> FixedPoint:
        """That of the game."""
        return equilibrium(self.game, mechanism, params.game)

    def slack(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        """What each agent or type expects less its outside option, float [constraints].

        Infinity for types that never occur.
        """
        slack = self._expected(policies, mechanism, params.game) - params.outside_option
        return jnp.where(self._occur(params), slack, jnp.inf)

    def objective(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        """That of the game less what the constraints cost, float []."""
        own = self.game.objective(policies, mechanism, params.game)
        return own - self._cost(policies, mechanism, params)

    def utilities(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        """Those of the game, float [agents]."""
        return self.game.utilities(policies, mechanism, params.game)

    def play(
        self, key: jax.Array, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        """That of one episode of the game, less what the constraints cost in expectation."""
        own = self.game.play(key, policies, mechanism, params.game)
        return own - self._cost(policies, mechanism, params)

    def with_updated_multipliers(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> ParticipationParams:
        """Parameters for the next round of design, after one that came to ``mechanism``.

        A multiplier rises by ``penalty`` for what its agent lacks, and falls for what it has to
        spare, to 0 at least.
        """
        return replace(params, multipliers=self._pressure(policies, mechanism, params))

    def _pressure(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        occur = self._occur(params)
        # Not infinite, for the derivatives.
        slack = jnp.where(occur, self.slack(policies, mechanism, params), 0)
        return jnp.where(occur, jnp.maximum(params.multipliers - params.penalty * slack, 0), 0)

    def _cost(
        self, policies: Policies, mechanism: jax.Array, params: ParticipationParams
    ) -> jax.Array:
        squares = self._pressure(policies, mechanism, params) ** 2 - params.multipliers**2
        return jnp.sum(squares, where=self._occur(params)) / (2 * params.penalty)

    def _occur(self, params: ParticipationParams) -> jax.Array:
        """Which agents or types there are, bool [constraints]."""
        if self.knowing == "nothing":
            return jnp.ones(params.multipliers.shape, bool)
        game: Any = self.game
        occur: jax.Array = game.type_probabilities(params.game) > 0
        return occur

    def _expected(self, policies: Policies, mechanism: jax.Array, params: Any) -> jax.Array:
        """What each agent or type expects, float [constraints]."""
        if self.knowing == "nothing":
            return self.game.utilities(policies, mechanism, params)
        game: Any = self.game
        return jnp.sum(policies * game.interim_utilities(policies, mechanism, params), axis=-1)

    def _expected_at_first(self, params: Any) -> jax.Array:
        space = self.game.mechanism_space(params)
        mechanism = jnp.zeros(space.shape, space.dtype)
        return self._expected(self.game.initial_policies(params), mechanism, params)


def least_subsidy(slack: jax.Array) -> jax.Array:
    """What all must be paid in addition, whatever they do, for everybody to take part; float [].

    Args:
      slack: float [constraints], what each agent or type expects less its outside option, without
        a subsidy; infinity where nobody is, as for types that never occur.
    """
    return jnp.maximum(-jnp.min(slack), 0)
