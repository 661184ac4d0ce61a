"""The Escape Room of Yang et al. (2020), "Learning to incentivize other learning agents".

N agents are at the lever, at the start or at the door of a room, all at the start at first. In each
step all choose at once where to be next. The door is open in a step where at least M choose the
lever, whether they come or stay. Everybody who chooses the door while it is open gets a reward,
also who was there before; any other move has a cost, and to stay is free. The episode ends when
somebody has left, or after the last step. Who holds the lever gains nothing by it, unless paid.

The scores of the paper are sums of these rewards, without a discount, and without payments, which
cancel where agents pay each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, spaces
from jaxmech.agents.responses.finite_games import (
    QuantalResponseEquilibrium,
    normal_form,
    quantal_response_equilibrium,
)
from jaxmech.agents.responses.logit import logit_response, smoothed_maximum
from jaxmech.environments.escape_room.params import EscapeRoomParams, params_of

LEVER, START, DOOR = 0, 1, 2
"""Positions, and the actions that lead to them."""

_PLACES = 3


@dataclass(frozen=True)
class EscapeRoom:
    """Agents who hold a door open for each other, and are paid for where they choose to be.

    A state is where all agents are; there are ``3 ** num_agents``, in the order of
    ``positions``. Policies are float [steps, states, agents, 3], the probability of each
    action of each agent in each state with each number of steps gone. As an action leads where it
    says, joint actions are numbered as the states that they lead to.

    A mechanism is float [coefficients], payments for choosing lever, start and door, in each step
    of the game or in all alike; see ``payments``. They cost the designer nothing: the objective is
    of rewards without payments, and only their bound limits them.

    Attributes:
      num_agents: N, 2 to 5.
      num_holders: M, how many must choose the lever for the door to be open; below N.
      num_steps: at least 1.
      symmetric: whether all agents are paid alike. Otherwise each has payments of its own, and so a
        role.
      by_step: whether payments change from step to step.

    Raises:
      InvalidValueError: a number out of range.
    """

    num_agents: int = 2
    num_holders: int = 1
    num_steps: int = 5
    symmetric: bool = False
    by_step: bool = False

    def __post_init__(self) -> None:
        checks.integer("num_agents", self.num_agents, low=2, high=5)
        checks.integer("num_holders", self.num_holders, high=self.num_agents - 1)
        checks.integer("num_steps", self.num_steps)
        checks.one_of("symmetric", self.symmetric, (False, True))
        checks.one_of("by_step", self.by_step, (False, True))

    @property
    def num_states(self) -> int:
        return _PLACES**self.num_agents

    @property
    def first_state(self) -> int:
        """All at the start."""
        return self.num_states // 2

    @property
    def positions(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Of each agent in each state, int [states, agents]."""
        places = np.indices((_PLACES,) * self.num_agents)
        return places.reshape(self.num_agents, -1).T

    @property
    def name(self) -> str:
        return "escape_room"

    @property
    def default_params(self) -> EscapeRoomParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of()

    def mechanism_space(self, params: EscapeRoomParams) -> spaces.Box:
        """Payments from 0 to ``params.bound``."""
        shape = self._payment_shape
        return spaces.Box(0.0, params.bound, (int(np.prod(shape)),))

    def payments(self, mechanism: jax.Array) -> jax.Array:
        """For each action in each step, float [steps, agents, 3].

        Args:
          mechanism: float [coefficients], the entries of [steps, agents, 3] in a row, without the
            steps unless ``by_step`` and without the agents where ``symmetric``.
        """
        shape = self._payment_shape
        checks.shape("mechanism", mechanism, "[coefficients]", (int(np.prod(shape)),))
        whole = (self.num_steps, self.num_agents, _PLACES)
        return jnp.broadcast_to(mechanism.reshape(shape), whole)

    def initial_policies(self, params: EscapeRoomParams) -> jax.Array:
        """All actions alike, float [steps, states, agents, 3]: the prior of bounded rationality."""
        shape = (self.num_steps, self.num_states, self.num_agents, _PLACES)
        return jnp.full(shape, 1 / _PLACES, params.escape_reward.dtype)

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """The logit response of each agent to the others' ``policies``, by backward induction.

        What a state is worth to an agent is what it expects there of its own response, less what
        bounded rationality costs it.
        """

        def respond_in(
            following: jax.Array, step: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            policy, payments = step
            stages = self._stages(following, payments, params)
            values = _action_values(stages, policy)
            worth = smoothed_maximum(values, params.temperature)
            return worth, logit_response(values, params.temperature)

        return self._backward(respond_in, (policies, self.payments(mechanism)))

    def action_values(
        self, policies: jax.Array, mechanism: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """What each action is worth where all go on as ``policies`` say, own costs included.

        Those are what bounded rationality costs an agent in later steps, so that learners who
        respond by logit to these values come to rest in an equilibrium.

        Returns:
          float [steps, states, agents, 3].
        """

        def value_in(
            following: jax.Array, step: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            policy, payments = step
            values = _action_values(self._stages(following, payments, params), policy)
            nats = jnp.log(_PLACES * jnp.maximum(policy, jnp.finfo(policy.dtype).tiny))
            worth = jnp.sum(policy * (values - params.temperature * nats), axis=-1)
            return worth, values

        return self._backward(value_in, (policies, self.payments(mechanism)))

    def equilibrium(
        self, mechanism: jax.Array, params: EscapeRoomParams
    ) -> QuantalResponseEquilibrium:
        """Policies that are responses to themselves, on the principal branch in every state.

        By backward induction: given what every state is worth in the next step, agents play a
        normal form in each state of this one, and its quantal response equilibrium is that on
        the branch from uniform policies at an infinite temperature, see
        ``quantal_response_equilibrium``. Agents who are paid alike choose alike where they stand
        alike, and so cannot agree on who holds the door. Derivatives are by the implicit
        function theorem, in each state of each step.

        Returns:
          ``point`` float [steps, states, agents, 3]; the residual is the largest of any state's,
          ``steps`` the most that were taken in one, and ``arrived`` whether all branches were
          followed to the end.
        """

        def solve(
            following: jax.Array, payments: jax.Array
        ) -> tuple[jax.Array, QuantalResponseEquilibrium]:
            stages = self._stages(following, payments, params)
            found = jax.vmap(lambda stage: _stage_equilibrium(stage, params.temperature))(stages)
            values = _action_values(stages, found.point)
            worth = smoothed_maximum(values, params.temperature)
            return worth, found

        found = self._backward(solve, self.payments(mechanism))
        return QuantalResponseEquilibrium(
            found.point, jnp.max(found.residual), jnp.max(found.steps), jnp.all(found.arrived)
        )

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """Expected sum of all agents' rewards without payments, exact, float [].

        What payments cost whoever makes them is no part of it.
        """
        return jnp.sum(self._expected(policies, jnp.zeros_like(mechanism), params))

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """Expected rewards and payments of each agent, exact, float [agents].

        The cost of bounded rationality is no part of them.
        """
        return self._expected(policies, mechanism, params)

    def play(
        self,
        key: jax.Array,
        policies: jax.Array,
        mechanism: jax.Array,
        params: EscapeRoomParams,
    ) -> jax.Array:
        """Sum of all agents' rewards without payments in one episode, float []."""
        del mechanism
        room = _room(self.num_agents, self.num_holders)
        rewards = jnp.sum(self._rewards(params), axis=1)
        ends = jnp.asarray(room.ends)
        digits = jnp.asarray(_PLACES ** np.arange(self.num_agents)[::-1])

        def step(
            place: tuple[jax.Array, jax.Array], given: tuple[jax.Array, jax.Array]
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            state, over = place
            key, policy = given
            actions = jax.random.categorical(key, jnp.log(policy[state]), axis=-1)
            joint = jnp.sum(actions * digits)
            reward = jnp.where(over, 0, rewards[state, joint])
            return (joint, over | ends[joint]), reward

        keys = jax.random.split(key, self.num_steps)
        first = (jnp.sum(START * digits), jnp.zeros((), bool))
        _, received = jax.lax.scan(step, first, (keys, policies))
        return jnp.sum(received)

    @property
    def _payment_shape(self) -> tuple[int, int, int]:
        steps = self.num_steps if self.by_step else 1
        return (steps, 1 if self.symmetric else self.num_agents, _PLACES)

    def _expected(
        self, policies: jax.Array, mechanism: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """Rewards and payments of each agent from the first state on, float [agents]."""

        def expect(
            following: jax.Array, step: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            policy, payments = step
            stages = self._stages(following, payments, params)
            worth = jax.vmap(_utilities)(stages, policy)
            return worth, worth[self.first_state]

        return self._backward(expect, (policies, self.payments(mechanism)))[0]

    def _backward(self, step: Any, given: Any) -> Any:
        """Results of ``step`` in order of time, from what each state is worth in the next one.

        Args:
          step: from float [states, agents], what states of the next step are worth, and a slice
            of ``given`` to what those of this step are worth and a result.
          given: PyTree of [steps, ...].
        """
        dtype = jnp.result_type(*jax.tree.leaves(given))
        nothing = jnp.zeros((self.num_states, self.num_agents), dtype)
        _, results = jax.lax.scan(step, nothing, given, reverse=True)
        return results

    def _stages(
        self, following: jax.Array, payments: jax.Array, params: EscapeRoomParams
    ) -> jax.Array:
        """The normal form of each state, float [states, agents, 3, ..., 3]: with what follows.

        Args:
          following: float [states, agents], what states of the next step are worth.
          payments: float [agents, 3], of this step.
        """
        room = _room(self.num_agents, self.num_holders)
        paid = payments[np.arange(self.num_agents), self.positions]
        ahead = paid + jnp.where(jnp.asarray(room.ends)[:, None], 0, following)
        stages = self._rewards(params) + ahead.T[None]
        return stages.reshape(self.num_states, self.num_agents, *(_PLACES,) * self.num_agents)

    def _rewards(self, params: EscapeRoomParams) -> jax.Array:
        """Without payments, float [states, agents, joint actions]."""
        room = _room(self.num_agents, self.num_holders)
        gained = params.escape_reward * jnp.asarray(room.escapes, params.escape_reward.dtype)
        return gained[None] - params.move_cost * jnp.asarray(room.moves, gained.dtype)


class _Room(NamedTuple):
    """What joint actions lead to.

    Attributes:
      escapes: bool [agents, joint actions], who leaves.
      moves: bool [states, agents, joint actions], who moves without leaving.
      ends: bool [joint actions], whether anybody leaves.
    """

    escapes: np.ndarray[Any, np.dtype[np.bool_]]
    moves: np.ndarray[Any, np.dtype[np.bool_]]
    ends: np.ndarray[Any, np.dtype[np.bool_]]


@lru_cache(maxsize=8)
def _room(num_agents: int, num_holders: int) -> _Room:
    places = np.indices((_PLACES,) * num_agents).reshape(num_agents, -1)
    is_open = np.sum(places == LEVER, axis=0) >= num_holders
    escapes = (places == DOOR) & is_open
    moves = (places.T[:, :, None] != places[None]) & ~escapes
    return _Room(escapes, moves, np.any(escapes, axis=0))


def _split(policy: jax.Array) -> tuple[jax.Array, ...]:
    """float [agents, 3] as the policies of a finite game."""
    return tuple(jnp.split(policy, policy.shape[0]))


def _action_values(stages: jax.Array, policy: jax.Array) -> jax.Array:
    """What each action is worth to each agent in each state, float [states, agents, 3]."""

    def in_state(stage: jax.Array, policy: jax.Array) -> jax.Array:
        return jnp.concatenate(normal_form(stage).action_values(_split(policy)))

    return jax.vmap(in_state)(stages, policy)


def _utilities(stage: jax.Array, policy: jax.Array) -> jax.Array:
    """Of each agent in one state, float [agents]."""
    return normal_form(stage).utilities(_split(policy))


def _stage_equilibrium(stage: jax.Array, temperature: jax.Array) -> QuantalResponseEquilibrium:
    """Of one state, ``point`` float [agents, 3]."""
    found = quantal_response_equilibrium(normal_form(stage), temperature)
    return replace(found, point=jnp.concatenate(found.point))
