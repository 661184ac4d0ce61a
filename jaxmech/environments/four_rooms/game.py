"""The four rooms as a game of a leader and a follower.

Thoma, Pasztor, Krause, Ramponi and Hu, "Contextual Bilevel Reinforcement Learning for Incentive
Alignment" (2024). A follower walks from its start to a goal that it knows and the leader does not,
and is paid on arrival, when the episode ends. The leader posts penalties, one for each cell, that
the follower pays for every step that begins there, and wants it to pass a certain cell on its
way; it pays for penalties that it has posted, not for those that are paid. The follower is
smoothed: it gains by the entropy of what it does.

The published numbers are of moves that slip with probability .44, as in the matrix with which the
authors solve for the follower, not .33 as in their simulator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.agents.responses.decision_processes import (
    DecisionProcess,
    policy_values,
    soft_policy,
    soft_policy_iteration,
    soft_policy_values,
)
from jaxmech.agents.responses.fixed_points import FixedPoint, largest_difference
from jaxmech.agents.responses.game import is_rational
from jaxmech.environments.four_rooms.grid import Grid
from jaxmech.environments.four_rooms.params import FourRoomsParams, params_of
from jaxmech.spaces import Simplex

_Walk = tuple[jax.Array, jax.Array, jax.Array, jax.Array]
"""Steps made, the cell, what a reward is worth now, and what has been earned."""


@dataclass(frozen=True)
class FourRooms:
    """The game. A mechanism is float [cells + 1]: shares of the budget, the last of it unspent.

    Policies are float [goals, cells, moves], probabilities of the moves up, right, down and left,
    of a follower with each goal. Cells are numbered row by row.

    Attributes:
      grid: the rooms.
      max_steps: a sampled episode is cut there; at a discount of .99 nothing is lost by it.
    """

    grid: Grid = field(default_factory=Grid)
    max_steps: int = 2000

    def __post_init__(self) -> None:
        checks.integer("max_steps", self.max_steps)

    @property
    def num_coefficients(self) -> int:
        """Of a mechanism."""
        return self.grid.num_cells + 1

    @property
    def num_goals(self) -> int:
        return len(self.grid.goals)

    @property
    def name(self) -> str:
        return "four_rooms"

    @property
    def default_params(self) -> FourRoomsParams:
        """Those of ``params_of`` where nothing is given."""
        return params_of(self)

    def responses_jump(self, params: FourRoomsParams) -> bool:
        """Whether agents choose the best of finitely many actions."""
        return is_rational(params.temperature)

    def mechanism_space(self, params: FourRoomsParams) -> Simplex:
        return Simplex(self.num_coefficients)

    def initial_policies(self, params: FourRoomsParams) -> jax.Array:
        """Those of a follower who knows of no penalties, float [goals, cells, moves]."""
        unspent = jnp.zeros(self.num_coefficients).at[-1].set(1)
        return self.equilibrium(unspent, params).point

    def respond(
        self, policies: jax.Array, mechanism: jax.Array, params: FourRoomsParams
    ) -> jax.Array:
        """One step of soft policy iteration, float [goals, cells, moves].

        In each cell it is the best smoothed response to what the follower itself will do from
        the next cell on.
        """

        def of_goal(goal: jax.Array, policy: jax.Array) -> jax.Array:
            process = self.process(goal, mechanism, params)
            values = soft_policy_values(process, policy, params.temperature)
            return soft_policy(process, values, params.temperature)

        return jax.vmap(of_goal)(self._goals, policies)

    def equilibrium(
        self,
        mechanism: jax.Array,
        params: FourRoomsParams,
        policies: jax.Array | None = None,
    ) -> FixedPoint:
        """The optimal smoothed policies, exact and differentiable, whatever the follower does now.

        Args:
          policies: float [goals, cells, moves], to begin the search with.
        """

        def of_goal(goal: jax.Array, policy: jax.Array | None) -> tuple[jax.Array, jax.Array]:
            process = self.process(goal, mechanism, params)
            start = (
                None if policy is None else soft_policy_values(process, policy, params.temperature)
            )
            found = soft_policy_iteration(process, params.temperature, start)
            return soft_policy(process, found.values, params.temperature), found.solves

        point, solves = jax.vmap(of_goal)(self._goals, policies)
        residual = largest_difference(self.respond(point, mechanism, params), point)
        return FixedPoint(point, residual, jnp.max(solves))

    def objective(
        self, policies: jax.Array, mechanism: jax.Array, params: FourRoomsParams
    ) -> jax.Array:
        """The leader's expected discounted sum over the goals, float []."""

        def of_goal(goal: jax.Array, policy: jax.Array) -> jax.Array:
            process = self.process(goal, mechanism, params)
            earned = self.earned(goal, mechanism, params)
            return self._from_start(process, policy, earned[:, None])

        return jnp.dot(params.goal_probabilities, jax.vmap(of_goal)(self._goals, policies))

    def utilities(
        self, policies: jax.Array, mechanism: jax.Array, params: FourRoomsParams
    ) -> jax.Array:
        """Of a follower with each goal, penalties included and entropy not, float [goals]."""

        def of_goal(goal: jax.Array, policy: jax.Array) -> jax.Array:
            process = self.process(goal, mechanism, params)
            return self._from_start(process, policy, process.rewards)

        return jax.vmap(of_goal)(self._goals, policies)

    def play(
        self,
        key: jax.Array,
        policies: jax.Array,
        mechanism: jax.Array,
        params: FourRoomsParams,
    ) -> jax.Array:
        """What the leader earns in one sampled episode, float []."""
        key_goal, key_walk = jax.random.split(key)
        which = jax.random.categorical(key_goal, jnp.log(params.goal_probabilities))
        goal, policy = self._goals[which], policies[which]
        neighbours = jnp.asarray(self.grid.neighbours)
        moved = self.slips(params)

        def under_way(state: _Walk) -> jax.Array:
            step, cell, _, _ = state
            return (cell != goal) & (step < self.max_steps)

        def walk(state: _Walk) -> _Walk:
            step, cell, worth, earned = state
            earned += jnp.where(cell == self.grid.wanted, worth * params.visit_reward, 0)
            key = jax.random.fold_in(key_walk, step)
            move = jax.random.categorical(key, jnp.log(policy[cell] @ moved))
            return step + 1, neighbours[cell, move], worth * params.discount, earned

        one = jnp.ones((), policies.dtype)
        start = jnp.asarray(self.grid.start, neighbours.dtype)
        begin = (jnp.zeros((), jnp.int32), start, one, 0 * one)
        _, cell, worth, earned = jax.lax.while_loop(under_way, walk, begin)
        earned += jnp.where(cell == self.grid.wanted, worth * params.visit_reward, 0)
        paid = params.spending_cost * jnp.sum(self.penalties(mechanism, params))
        return earned - jnp.where(cell == goal, worth * paid, 0)

    def earned(self, goal: jax.Array, mechanism: jax.Array, params: FourRoomsParams) -> jax.Array:
        """What the leader earns in each cell when the follower has this goal, float [cells]."""
        cells = jnp.arange(self.grid.num_cells)
        paid = params.spending_cost * jnp.sum(self.penalties(mechanism, params))
        earned = jnp.where(cells == self.grid.wanted, params.visit_reward, 0)
        return jnp.where(cells == goal, earned - paid, earned)

    def penalties(self, mechanism: jax.Array, params: FourRoomsParams) -> jax.Array:
        """What the leader posts for each cell, float [cells]."""
        return params.budget * mechanism[:-1]

    def process(
        self, goal: jax.Array, mechanism: jax.Array, params: FourRoomsParams
    ) -> DecisionProcess:
        """The problem of a follower with this goal, the number of a cell."""
        arrived = jnp.arange(self.grid.num_cells) == goal
        rewards = jnp.where(arrived, params.arrival_reward, -self.penalties(mechanism, params))
        places = np.eye(self.grid.num_cells)[self.grid.neighbours]
        slips = self.slips(params)
        return DecisionProcess(
            transition=jnp.einsum("am,smt->sat", slips, places.astype(slips.dtype)),
            rewards=jnp.broadcast_to(rewards[:, None], self.grid.neighbours.shape),
            discount=jnp.where(arrived, 0, params.discount),
        )

    def slips(self, params: FourRoomsParams) -> jax.Array:
        """Probabilities of the move made by the move meant, float [moves, moves]."""
        moves = self.grid.neighbours.shape[1]
        same = jnp.eye(moves)
        return (1 - params.slip) * same + params.slip / (moves - 1) * (1 - same)

    @property
    def _goals(self) -> jax.Array:
        return jnp.asarray(self.grid.goals)

    def _from_start(self, process: DecisionProcess, policy: jax.Array, rewards: Any) -> jax.Array:
        return policy_values(process, policy, rewards)[self.grid.start]
