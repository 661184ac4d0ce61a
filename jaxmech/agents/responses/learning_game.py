"""Agents who learn, in the place of those who respond at once: a game around a game."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import optimistix

from jaxmech import checks, struct
from jaxmech.agents.responses.fixed_points import FixedPoint, fixed_point
from jaxmech.agents.responses.game import GameWithActionValues, MechanismSpace, Policies
from jaxmech.agents.responses.learners import Learner, MirrorDescent, State

MAX_ROUNDS = 20_000
"""Rounds after which learners stop in any case where an equilibrium is looked for."""


@struct.dataclass
class LearningAgentsParams:
    """What can be swept.

    Attributes:
      game: parameters of the game.
      learner: of all agents, with its hyper-parameters. Without a prior of its own it has that of
        the game, what agents do who have not been told of any mechanism.
    """

    game: Any
    learner: Learner


@dataclass(frozen=True)
class LearningAgents:
    """A game whose agents learn from what their actions are worth; a ``Game`` itself.

    What it has for policies are the states of the learners, and a response is one step of them,
    all at once, by expected values. So a designer meets agents who are still on their way, and may
    differentiate through their steps. Where the learner has a temperature, that of the game is of
    no account unless what actions are worth depends on it.

    Attributes:
      game: one of finitely many actions that has ``action_values``; where it has ``num_nodes``, a
        number of them.
      learner: the default of the parameters.

    Raises:
      ValueError: a game without ``action_values``, or whose ``num_nodes`` is None, so that agents
        choose from all of an interval; a learner that has no hash, such as one with
        an array among its numbers: put that in the parameters.
    """

    game: GameWithActionValues
    learner: Learner = field(default_factory=MirrorDescent)

    def __post_init__(self) -> None:
        if not hasattr(self.game, "action_values"):
            raise checks.InvalidValueError("game", self.game, "games that have action_values")
        if getattr(self.game, "num_nodes", 0) is None:
            raise checks.InvalidValueError("game", self.game, "games of some num_nodes, not None")
        checks.hashable_fields(self)

    @property
    def name(self) -> str:
        """That of the game."""
        return self.game.name

    @property
    def default_params(self) -> LearningAgentsParams:
        """Those of the game, and the learner."""
        return LearningAgentsParams(self.game.default_params, self.learner)

    def mechanism_space(self, params: LearningAgentsParams) -> MechanismSpace:
        """That of the game."""
        return self.game.mechanism_space(params.game)

    def policies(self, states: State, params: LearningAgentsParams) -> Policies:
        """What agents do who have learned so far, as the game has it."""
        return self._learner(params).policies(states)

    def initial_policies(self, params: LearningAgentsParams) -> State:
        """Learners who do what agents do that have not been told of any mechanism."""
        return params.learner.init(self.game.initial_policies(params.game))

    def respond(self, policies: State, mechanism: jax.Array, params: LearningAgentsParams) -> State:
        """The states of the learners after one step."""
        learner = self._learner(params)
        values = self.game.action_values(learner.policies(policies), mechanism, params.game)
        return learner.update(policies, values)

    def equilibrium(self, mechanism: jax.Array, params: LearningAgentsParams) -> FixedPoint:
        """The states in which learners come to rest, who learn from the initial ones on.

        See ``at_rest_from``.
        """
        return self.at_rest_from(self.initial_policies(params), mechanism, params)

    def at_rest_from(
        self, states: State, mechanism: jax.Array, params: LearningAgentsParams
    ) -> FixedPoint:
        """The states in which learners come to rest, who learn from ``states`` on.

        They learn for as long as states move, in single precision by more than 2e-6 and in double
        precision by more than 4e-15, absolutely and relatively, and at most ``MAX_ROUNDS`` rounds.
        Learners need not come to rest: at temperature 0 they may circle, or approach certainty
        ever more slowly. The residual is how far the states would move in the next round.

        Derivatives are by the implicit function theorem, of least norm along directions in which
        states may move at will, such as one number added to the logits of all actions: those of
        ``policies`` do not depend on that. They mean nothing where the residual is not small.
        """
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(states)]
        precision = 16 * max(float(jnp.finfo(dtype).eps) for dtype in dtypes)
        return fixed_point(
            lambda states, given: self.respond(states, *given),
            states,
            (mechanism, params),
            solver=optimistix.FixedPointIteration(rtol=precision, atol=precision),
            max_steps=MAX_ROUNDS,
        )

    def objective(
        self, policies: State, mechanism: jax.Array, params: LearningAgentsParams
    ) -> jax.Array:
        """That of the game, float []."""
        return self.game.objective(self.policies(policies, params), mechanism, params.game)

    def utilities(
        self, policies: State, mechanism: jax.Array, params: LearningAgentsParams
    ) -> jax.Array:
        """Those of the game, float [agents]."""
        return self.game.utilities(self.policies(policies, params), mechanism, params.game)

    def play(
        self, key: jax.Array, policies: State, mechanism: jax.Array, params: LearningAgentsParams
    ) -> jax.Array:
        """The objective of one episode of the game, float []."""
        return self.game.play(key, self.policies(policies, params), mechanism, params.game)

    def _learner(self, params: LearningAgentsParams) -> Learner:
        return params.learner.with_prior(self.game.initial_policies(params.game))
