"""Planning reserves with a model of the bidders: what a plan is, and searching all plans.

Tang (2017, section 4): the designer's actions are discretised to local moves around the
current reserves, and a search looks ahead on a learned model of the bidders. Everything is for
one keyword; keywords are batched by ``vmap``.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Protocol, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError

LeafValue = Literal["none", "held", "held_forever"]

_ROUNDING = 1e-6
"""Values nearer to each other than this share of the best count as equal."""


class Simulator(Protocol):
    """A keyword's days as a plan sees them; see ``jaxmech.designers.planning.simulators``."""

    def start(self, keyword: Any) -> Any:
        """The state after the days of ``keyword``, which has ``history`` and ``quality``."""
        ...

    def step(self, state: Any, reserves: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        """A day with ``reserves``, float [bidders]: the state after it, its mean revenue."""
        ...


@struct.dataclass
class Moves:
    """What a plan may do in a day: keep the reserves, or scale one bidder's.

    Move 0 keeps all; move ``1 + bidder * len(factors) + place`` scales that bidder's reserve
    by ``factors[place]``, and moves it into the bounds, so that reserves of 0 can rise too. A
    factor below 1 never raises a reserve: one that is below ``low`` stays. Any other never
    lowers one: one that is above ``high`` stays.

    Attributes:
      num_bidders: how many bidders there are.
      factors: what a reserve can be multiplied by.
      low, high: float [], bounds of a reserve that is moved, money per click.

    Raises:
      ValueError: ``num_bidders`` below 1, factors that are not above 0, none at all, or
        bounds that are not ``0 <= low <= high``.
    """

    num_bidders: int = struct.field(pytree_node=False)
    factors: tuple[float, ...] = struct.field(pytree_node=False, default=(0.95, 1.05))
    low: float | jax.Array = 0.0
    high: float | jax.Array = math.inf

    def __post_init__(self) -> None:
        checks.integer("num_bidders", self.num_bidders)
        checks.some("factors", self.factors)
        checks.numbers("factors", self.factors, above=0)
        bounds = (self.low, self.high)
        # Inside a transformation a leaf may be a tracer or a placeholder.
        if all(isinstance(bound, int | float) for bound in bounds) and not (
            0 <= self.low <= self.high
        ):
            raise InvalidValueError("low, high", bounds, "0 <= low <= high")

    @property
    def num_moves(self) -> int:
        return 1 + self.num_bidders * len(self.factors)

    def apply(self, reserves: jax.Array, move: jax.Array) -> jax.Array:
        """The reserves after ``move``, int []; float [bidders]."""
        bidder, place = jnp.divmod(move - 1, len(self.factors))
        factor = jnp.asarray(self.factors, reserves.dtype)[place]
        moved = jnp.clip(reserves * factor, self.low, self.high).astype(reserves.dtype)
        moved = jnp.where(factor < 1, jnp.minimum(moved, reserves), jnp.maximum(moved, reserves))
        chosen = (jnp.arange(self.num_bidders) == bidder) & (move > 0)
        return jnp.where(chosen, moved, reserves)


@struct.dataclass
class Plan:
    """A keyword after the days planned so far.

    Attributes:
      simulated: the simulator's state.
      reserves: float [bidders], of the last day.
      revenue: float [], mean revenue per auction of the last day; 0 before the first.
      day: int32 [], days planned.
    """

    simulated: Any
    reserves: jax.Array
    revenue: jax.Array
    day: jax.Array

    @classmethod
    def start(cls, simulated: Any, reserves: jax.Array) -> Plan:
        """Before the first day."""
        reserves = jnp.asarray(reserves, float)
        return cls(simulated, reserves, jnp.zeros((), reserves.dtype), jnp.zeros((), jnp.int32))


@struct.dataclass
class Planning:
    """The decision problem that every search solves: greatest discounted revenue.

    Attributes:
      simulator: what the plans are tried on.
      moves: what can be done in a day.
      depth: days looked ahead.
      leaf_value: worth of the days after those a plan has tried. "none": nothing. "held":
        the last day's revenue on every day left of ``depth``, so that plans of all lengths
        compare. "held_forever": on every day to come.
      gamma: discount factor of a day.

    Raises:
      ValueError: ``depth`` below 1, another ``leaf_value``, or ``gamma`` outside [0, 1), or
        1 where revenue is held forever.
    """

    simulator: Simulator
    moves: Moves
    depth: int = struct.field(pytree_node=False, default=1)
    leaf_value: LeafValue = struct.field(pytree_node=False, default="held")
    gamma: float | jax.Array = 0.95

    def __post_init__(self) -> None:
        checks.integer("depth", self.depth)
        checks.one_of("leaf_value", self.leaf_value, get_args(LeafValue))
        end = "below" if self.leaf_value == "held_forever" else "high"
        checks.leaf("gamma", self.gamma, low=0, **{end: 1})

    def step(self, plan: Plan, move: jax.Array, key: jax.Array) -> tuple[Plan, jax.Array]:
        """The plan with one more day, and what the days after it are worth, float [].

        Args:
          plan: the plan before it.
          move: int [], what to do.
          key: of the search. All plans meet the same randomness on the same day, so that
            they differ by their moves alone.
        """
        reserves = self.moves.apply(plan.reserves, move)
        day_key = jax.random.fold_in(key, plan.day)
        simulated, revenue = self.simulator.step(plan.simulated, reserves, day_key)
        plan = Plan(simulated, reserves, revenue.astype(plan.revenue.dtype), plan.day + 1)
        return plan, self._value_after(plan)

    def _value_after(self, plan: Plan) -> jax.Array:
        match self.leaf_value:
            case "none":
                return jnp.zeros_like(plan.revenue)
            case "held_forever":
                return plan.revenue / (1 - self.gamma)
        discounts = jnp.asarray(self.gamma, plan.revenue.dtype) ** jnp.arange(self.depth)
        left = jnp.arange(self.depth) < self.depth - plan.day
        return plan.revenue * jnp.sum(jnp.where(left, discounts, 0))


@struct.dataclass
class ExhaustiveSearch:
    """Tries all ``num_moves ** depth`` plans; with depth 1 the greedy choice of a move."""

    def values(self, planning: Planning, plan: Plan, key: jax.Array) -> jax.Array:
        """Greatest discounted revenue of the plans that begin with each move, float [moves]."""

        def values(plan: Plan, days_left: int) -> jax.Array:
            def of_move(move: jax.Array) -> jax.Array:
                after, value = planning.step(plan, move, key)
                if days_left > 1:
                    value = jnp.max(values(after, days_left - 1))
                return after.revenue + planning.gamma * value

            return jax.vmap(of_move)(jnp.arange(planning.moves.num_moves))

        return values(plan, planning.depth)


def best_move(values: jax.Array) -> jax.Array:
    """The first move of the greatest value, but for rounding, int32 []."""
    best = jnp.max(values)
    margin = jnp.where(jnp.isfinite(best), _ROUNDING * jnp.abs(best), 0)
    return jnp.argmax(values >= best - margin).astype(jnp.int32)
