"""The leader's gradient from trajectories of the follower, without knowing where moves lead.

Walkers are followers who begin anew whenever they arrive. The leader sees where they are, what they
do and where that leads; it knows what it earns itself, what the follower is paid and how smooth it
is, and what the follower does under the penalties that are posted. The hyper policy gradient of
Thoma, Pasztor, Krause, Ramponi and Hu (2024) is given the follower's policy and rewards too. Here
the frequencies of transitions are learned from the trajectories. A penalty changes what the
follower expects of each move by the visits that follow, and so its policy, and the policy what
the leader earns: all by temporal differences over the transitions that were seen, as if each came
as often as it was seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.responses.decision_processes import action_values, policy_values
from jaxmech.checks import InvalidValueError
from jaxmech.designers.two_timescale.problem import Problem
from jaxmech.environments.four_rooms import FourRooms, FourRoomsParams


@struct.dataclass
class Walkers:
    """Where followers are, and what was seen of them.

    Attributes:
      goals: int [walkers], the number of the goal of each among the goals.
      cells: int [walkers].
      seen: float [cells, moves, cells], how often a move in a cell led to a cell.
    """

    goals: jax.Array
    cells: jax.Array
    seen: jax.Array


@struct.dataclass
class TrajectoryGradient:
    """A gradient estimator of ``jaxmech.designers.TwoTimescale`` for the four rooms.

    It counts transitions, and so learns their frequencies, a model of where moves lead, from its
    trajectories. The follower's policy and rewards it knows, as hyper policy gradient descent does.

    Attributes:
      walkers: followers who walk at once. Static.
      steps: that each makes in an update. Static.
      remembers: whether transitions of earlier updates count too, since penalties do not change
        where moves lead; else every gradient is of its own update's steps. Static.

    Raises:
      ValueError: a number below 1.
    """

    walkers: int = struct.field(pytree_node=False, default=100)
    steps: int = struct.field(pytree_node=False, default=100)
    remembers: bool = struct.field(pytree_node=False, default=True)

    def __post_init__(self) -> None:
        checks.integer("walkers", self.walkers)
        checks.integer("steps", self.steps)
        checks.one_of("remembers", self.remembers, (False, True))

    @property
    def environment_steps(self) -> int:
        """Of an update."""
        return self.walkers * self.steps

    @property
    def is_random(self) -> bool:
        """Noise is left, that only falling step sizes average out."""
        return True

    @property
    def num_played(self) -> int:
        return 1

    @property
    def num_episodes(self) -> int:
        """Walkers begin anew whenever they arrive: steps are counted, not episodes."""
        return 0

    def init(self, problem: Problem) -> Walkers:
        """All at the start with the first goal; nothing has been seen.

        Raises:
          InvalidValueError: another game than the four rooms.
        """
        game = problem.game
        if not isinstance(game, FourRooms):
            raise InvalidValueError("env.game", game, "FourRooms")
        cells, moves = game.grid.neighbours.shape
        return Walkers(
            goals=jnp.zeros(self.walkers, jnp.int32),
            cells=jnp.full(self.walkers, game.grid.start, jnp.int32),
            seen=jnp.zeros((cells, moves, cells), problem.space.dtype),
        )

    def played(self, problem: Problem, places: jax.Array, key: jax.Array) -> jax.Array:
        """The penalties themselves."""
        del problem, key
        return places[None]

    def estimate(
        self,
        problem: Problem,
        places: jax.Array,
        played: jax.Array,
        policies: jax.Array,
        memory: Walkers,
        key: jax.Array,
    ) -> tuple[jax.Array, Walkers]:
        """See ``jaxmech.designers.two_timescale.gradients.GradientEstimator``."""
        del played
        game: Any = problem.game
        if not self.remembers:
            memory = replace(memory, seen=jnp.zeros_like(memory.seen))
        memory = walked(game, policies[0], memory, self.steps, problem.params, key)
        transition = frequencies(memory.seen)
        gradient = jax.grad(objective_nearby, argnums=3)(
            game, policies[0], transition, places, problem.params
        )
        return gradient, memory


def walked(
    game: FourRooms,
    policies: jax.Array,
    walkers: Walkers,
    steps: int,
    params: FourRoomsParams,
    key: jax.Array,
) -> Walkers:
    """Walkers after some steps each, of which setting out anew is one.

    Args:
      policies: float [goals, cells, moves], what followers do.
    """
    goal_cells, neighbours = jnp.asarray(game.grid.goals), jnp.asarray(game.grid.neighbours)
    of_goals = jnp.cumsum(params.goal_probabilities)
    of_moves, of_slips = jnp.cumsum(policies, axis=-1), jnp.cumsum(game.slips(params), axis=-1)

    def step(state: tuple[jax.Array, jax.Array], drawn: jax.Array) -> tuple[Any, Any]:
        goals, cells = state
        arrived = cells == goal_cells[goals]
        moves = _chosen(of_moves[goals, cells], drawn[0])
        made = _chosen(of_slips[moves], drawn[1])
        following = jnp.where(arrived, game.grid.start, neighbours[cells, made])
        others = jnp.where(arrived, _chosen(of_goals[None], drawn[2]), goals)
        state = (others.astype(goals.dtype), following.astype(cells.dtype))
        return state, (cells, moves, state[1], ~arrived)

    drawn = jax.random.uniform(key, (steps, 3, walkers.goals.size), policies.dtype)
    state, (cells, moves, following, counts) = jax.lax.scan(
        step, (walkers.goals, walkers.cells), drawn
    )
    seen = walkers.seen.at[cells, moves, following].add(counts.astype(walkers.seen.dtype))
    return Walkers(*state, seen)


def _chosen(cumulative: jax.Array, drawn: jax.Array) -> jax.Array:
    """Which of several happens, int [walkers], of their probabilities summed up to each.

    Args:
      cumulative: float [walkers or 1, possibilities].
      drawn: float [walkers], uniform from 0 to 1.
    """
    # The last is what is left, so that rounding of the sum chooses nothing beyond it.
    return jnp.sum(drawn[:, None] >= cumulative[:, :-1], axis=1)


def frequencies(seen: jax.Array) -> jax.Array:
    """How often moves led to cells, float [cells, moves, cells], as shares of sum 1 at most.

    To what was seen of a move comes one transition as all moves in that cell made them, so that a
    move that was never seen is about as good as those that were. To what was seen of a cell comes
    one transition that leads nowhere: else those who stayed where they had come but once would
    seem to stay for ever, and a penalty there to change everything.

    Args:
      seen: float [cells, moves, cells].
    """
    from_cell = jnp.sum(seen, axis=1)
    usual = from_cell / (1 + jnp.sum(from_cell, axis=-1, keepdims=True))
    return (seen + usual[:, None]) / (1 + jnp.sum(seen, axis=-1, keepdims=True))


def objective_nearby(
    game: FourRooms,
    policies: jax.Array,
    transition: jax.Array,
    mechanism: jax.Array,
    params: FourRoomsParams,
) -> jax.Array:
    """What the leader expects, float [], to be differentiated where the follower has settled.

    Its slope by the mechanism is that of the objective in equilibrium, if moves lead where
    ``transition`` says. The policy follows ``1 / temperature`` times what a penalty does to the
    worth of a move beyond that of the cell; that the policy changes does not change these worths,
    since it is optimal.

    Args:
      policies: float [goals, cells, moves], optimal under ``mechanism``.
      transition: float [cells, moves, cells].
      mechanism: float [cells + 1].
      params: with a temperature above 0.
    """
    smallest = jnp.finfo(policies.dtype).tiny

    def of_goal(goal: jax.Array, policy: jax.Array) -> jax.Array:
        process = replace(game.process(goal, mechanism, params), transition=transition)
        worth = action_values(process, policy_values(process, policy))
        change = (worth - jax.lax.stop_gradient(worth)) / params.temperature
        nearby = jax.nn.softmax(jnp.log(jnp.maximum(policy, smallest)) + change)
        earned = game.earned(goal, mechanism, params)
        return policy_values(process, nearby, earned[:, None])[game.grid.start]

    goals = jnp.asarray(game.grid.goals)
    return jnp.dot(params.goal_probabilities, jax.vmap(of_goal)(goals, policies))
