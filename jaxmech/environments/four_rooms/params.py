"""What can be swept of the four rooms, and its defaults."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from jaxmech import checks, struct
from jaxmech.environments.incentives.params import probabilities_of


@struct.dataclass
class FourRoomsParams:
    """What can be swept.

    Attributes:
      temperature: float [], what the follower gains by a nat of entropy in each step.
      spending_cost: float [], what the leader loses by each unit of penalties that it has posted,
        once, when the follower arrives.
      budget: float [], the most that all penalties may sum to.
      discount: float [], of a step, for both.
      slip: float [], probability that a move is not the one meant; each other is as likely.
      goal_probabilities: float [goals], of each being the follower's.
      arrival_reward: float [], to the follower.
      visit_reward: float [], to the leader, for each step that begins in the wanted cell.
    """

    temperature: jax.Array = struct.number(low=0)
    spending_cost: jax.Array
    budget: jax.Array
    discount: jax.Array
    slip: jax.Array
    goal_probabilities: jax.Array
    arrival_reward: jax.Array
    visit_reward: jax.Array


class Sizes(Protocol):
    """What parameters have to fit: the game, or anything with its sizes."""

    @property
    def num_goals(self) -> int: ...


def params_of(
    sizes: Sizes,
    *,
    temperature: float = 0.001,
    spending_cost: float = 1.0,
    budget: float = 0.2,
    discount: float = 0.99,
    slip: float = 0.44,
    goal_probabilities: ArrayLike | None = None,
    arrival_reward: float = 1.0,
    visit_reward: float = 1.0,
) -> FourRoomsParams:
    """Parameters, by default the first of the nine cells of Thoma et al. (2024).

    Args:
      sizes: the game.
      goal_probabilities: equal unless given.

    Raises:
      ValueError: a number out of range, or the wrong number of probabilities.
    """
    checks.number("temperature", temperature, low=0)
    checks.number("spending_cost", spending_cost, low=0)
    checks.number("budget", budget, low=0)
    checks.number("discount", discount, low=0, below=1)
    checks.number("slip", slip, low=0, high=1)
    checks.number("arrival_reward", arrival_reward)
    checks.number("visit_reward", visit_reward)
    chances = probabilities_of("goal_probabilities", goal_probabilities, "goals", sizes.num_goals)
    return FourRoomsParams(
        temperature=jnp.asarray(temperature, float),
        spending_cost=jnp.asarray(spending_cost, float),
        budget=jnp.asarray(budget, float),
        discount=jnp.asarray(discount, float),
        slip=jnp.asarray(slip, float),
        goal_probabilities=jnp.asarray(chances, float),
        arrival_reward=jnp.asarray(arrival_reward, float),
        visit_reward=jnp.asarray(visit_reward, float),
    )
