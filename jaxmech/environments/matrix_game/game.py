"""A normal form of any number of players, whom a designer pays for what they do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, spaces
from jaxmech.agents.responses.finite_games import (
    FiniteGame,
    Policies,
    QuantalResponseEquilibrium,
    normal_form,
    quantal_response_equilibrium,
)
from jaxmech.environments.matrix_game.named import PRISONERS_DILEMMA
from jaxmech.environments.matrix_game.params import MatrixGameParams, params_of

PaidFor = Literal["actions", "outcomes"]


@dataclass(frozen=True)
class MatrixGame:
    """Players who act once, all at the same time, and are paid by the mechanism.

    Payments for actions are float [actions of the first + ... + actions of the last], to each
    player for each of its own actions. Payments for outcomes are float [players * joint actions],
    the entries of an array [players, actions of the first, ..., actions of the last] in a row; they
    depend on the others' actions as well. Negative ones are charges. Payments cost the designer
    nothing: the objective is of payoffs without them, and only their bound limits them.

    Policies are those of a ``FiniteGame`` without types: of each player float [1, actions].

    Attributes:
      num_actions: of each player.
      paid_for: what the mechanism pays for.

    Raises:
      InvalidValueError: no players, a player without actions, or another word for ``paid_for``.
    """

    num_actions: tuple[int, ...] = (2, 2)
    paid_for: PaidFor = "actions"

    def __post_init__(self) -> None:
        checks.some("num_actions", self.num_actions)
        sizes = tuple(checks.integer("num_actions", size) for size in self.num_actions)
        object.__setattr__(self, "num_actions", sizes)
        checks.one_of("paid_for", self.paid_for, get_args(PaidFor))

    @property
    def num_players(self) -> int:
        return len(self.num_actions)

    @property
    def num_coefficients(self) -> int:
        """Of a mechanism."""
        if self.paid_for == "actions":
            return sum(self.num_actions)
        return self.num_players * math.prod(self.num_actions)

    @property
    def name(self) -> str:
        return "matrix_game"

    @property
    def default_params(self) -> MatrixGameParams:
        """Those of the prisoner's dilemma.

        Raises:
          InvalidValueError: other sizes than two players with two actions each.
        """
        if self.num_actions != (2, 2):
            allowed = "(2, 2), of which the prisoner's dilemma is the default; give others payoffs"
            raise checks.InvalidValueError("num_actions", self.num_actions, allowed)
        return params_of(self, PRISONERS_DILEMMA)

    def mechanism_space(self, params: MatrixGameParams) -> spaces.Box:
        """Payments, each at most ``params.bound`` in size."""
        return spaces.Box(-params.bound, params.bound, (self.num_coefficients,))

    def payments(self, mechanism: jax.Array) -> jax.Array:
        """To each player in each outcome, float [players, actions of each]."""
        checks.shape("mechanism", mechanism, "[coefficients]", (self.num_coefficients,))
        shape = (self.num_players, *self.num_actions)
        if self.paid_for == "outcomes":
            return mechanism.reshape(shape)
        parts = jnp.split(mechanism, np.cumsum(self.num_actions)[:-1])
        of_players = [
            jnp.expand_dims(part, tuple(axis for axis in range(self.num_players) if axis != player))
            for player, part in enumerate(parts)
        ]
        return jnp.stack([jnp.broadcast_to(part, shape[1:]) for part in of_players])

    def paid(self, mechanism: jax.Array, params: MatrixGameParams) -> FiniteGame:
        """The game that players play: payoffs and payments."""
        return normal_form(params.payoffs + self.payments(mechanism))

    def initial_policies(self, params: MatrixGameParams) -> Policies:
        """All actions alike: the prior of bounded rationality."""
        return normal_form(params.payoffs).uniform()

    def respond(
        self, policies: Policies, mechanism: jax.Array, params: MatrixGameParams
    ) -> Policies:
        """The logit response of each player to ``policies``, all at once."""
        return self.paid(mechanism, params).respond(policies, params.temperature)

    def action_values(
        self, policies: Policies, mechanism: jax.Array, params: MatrixGameParams
    ) -> Policies:
        """Expected payoff and payment of each action, of each player float [1, actions]."""
        return self.paid(mechanism, params).action_values(policies)

    def equilibrium(
        self, mechanism: jax.Array, params: MatrixGameParams
    ) -> QuantalResponseEquilibrium:
        """The quantal response equilibrium on the principal branch.

        That is the branch that begins with uniform policies at an infinite temperature, followed
        down to ``params.temperature``, see ``quantal_response_equilibrium``. Where players and
        payments are alike it has them all do the same, even where they would be better off if one
        of them did not.
        """
        return quantal_response_equilibrium(self.paid(mechanism, params), params.temperature)

    def objective(
        self, policies: Policies, mechanism: jax.Array, params: MatrixGameParams
    ) -> jax.Array:
        """Expected payoffs without payments, weighted and summed, float [].

        What payments cost whoever makes them is no part of it.
        """
        del mechanism
        return jnp.sum(params.weights * normal_form(params.payoffs).utilities(policies))

    def utilities(
        self, policies: Policies, mechanism: jax.Array, params: MatrixGameParams
    ) -> jax.Array:
        """Expected payoffs and payments of each player, float [players].

        The cost of bounded rationality is no part of them.
        """
        return self.paid(mechanism, params).utilities(policies)

    def play(
        self, key: jax.Array, policies: Policies, mechanism: jax.Array, params: MatrixGameParams
    ) -> jax.Array:
        """Weighted sum of payoffs without payments where everybody has acted once, float []."""
        del mechanism
        keys = jax.random.split(key, self.num_players)
        actions = tuple(
            jax.random.categorical(one, jnp.log(policy[0]))
            for one, policy in zip(keys, policies, strict=True)
        )
        return jnp.sum(params.weights * params.payoffs[(slice(None), *actions)])
