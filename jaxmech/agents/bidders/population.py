"""Bidders of several kinds at once, told apart by numbers alone.

Every kind that may occur is computed for every bidder and a mask picks the bidder's own, so
populations of different mixtures share one program and thousands of them one ``vmap``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.bidders.no_regret import Exp3, Hedge, Learner, RegretMatching, draw_choice
from jaxmech.agents.bidders.strategies import (
    EquilibriumTable,
    LogitResponse,
    linear_shading,
    truthful,
)
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

BidderKind = Literal[
    "truthful", "shading", "equilibrium", "logit", "hedge", "exp3", "regret_matching"
]

LEARNING_KINDS: tuple[BidderKind, ...] = ("logit", "hedge", "exp3", "regret_matching")
FULL_FEEDBACK_KINDS: tuple[BidderKind, ...] = ("logit", "hedge", "regret_matching")


@struct.dataclass
class LearningParameters:
    """How each bidder learns; a kind reads only its own.

    Attributes:
      learning_rate: float [bidders], of ``hedge`` and ``exp3``.
      exploration: float [bidders], of ``exp3``.
      precision: float [bidders], of ``logit``.
      past_weight: float [bidders], of ``logit``.
    """

    learning_rate: jax.Array
    exploration: jax.Array
    precision: jax.Array
    past_weight: jax.Array


@struct.dataclass
class BidderPopulation:
    """Who bids how. Learners choose the fraction of its value a bidder bids, from a grid.

    Attributes:
      kind: int32 [bidders], place in ``kinds``.
      shading: float [bidders], fraction of its value that a ``shading`` bidder bids.
      learning: of the kinds that learn.
      bid_grid: float [choices], fractions of the value that learners choose between.
      table: the bids of ``equilibrium``; None where that is not among ``kinds``.
      kinds: the kinds that may occur, and so are computed for everybody.
    """

    kind: jax.Array
    shading: jax.Array
    learning: LearningParameters
    bid_grid: jax.Array
    table: EquilibriumTable | None
    kinds: tuple[BidderKind, ...] = struct.field(pytree_node=False)

    @property
    def num_bidders(self) -> int:
        return self.kind.shape[-1]

    @property
    def num_choices(self) -> int:
        return self.bid_grid.shape[-1]

    @property
    def learns(self) -> bool:
        """Whether a kind that learns may occur."""
        return any(kind in LEARNING_KINDS for kind in self.kinds)

    @property
    def needs_full_feedback(self) -> bool:
        """Whether a kind that learns from what it did not do may occur."""
        return any(kind in FULL_FEEDBACK_KINDS for kind in self.kinds)

    def init(self) -> jax.Array:
        """Scores before the first round, float [bidders, choices]; no choices if none learns."""
        return jnp.zeros((self.num_bidders, self.num_choices if self.learns else 0))

    def select(self, take: Callable[[jax.Array], jax.Array]) -> BidderPopulation:
        """Some of the bidders: ``take`` maps [bidders] to [participants]."""
        return replace(
            self,
            kind=take(self.kind),
            shading=take(self.shading),
            learning=jax.tree.map(take, self.learning),
        )

    def bids(
        self, scores: jax.Array, values: jax.Array, uniforms: jax.Array, reserve: Any = 0.0
    ) -> tuple[jax.Array, jax.Array]:
        """A bid of each bidder, float [bidders], and its choice on the grid, int32 [bidders].

        Args:
          scores: float [bidders, choices], as ``init`` and ``update`` give them.
          values: float [bidders].
          uniforms: float [bidders], uniform on [0, 1); read by those who choose at random.
          reserve: scalar or [bidders], known to ``equilibrium`` bidders.
        """
        choices = jnp.zeros(values.shape, jnp.int32)
        learned = values
        if self.learns:
            choices = jax.vmap(draw_choice)(self._probabilities(scores), uniforms)
            on_grid = jnp.arange(self.num_choices)[None] == choices[:, None]
            learned = values * jnp.sum(jnp.where(on_grid, self.bid_grid, 0), axis=-1)
        bids = jnp.zeros_like(values)
        for place, kind in enumerate(self.kinds):
            match kind:
                case "truthful":
                    bid = truthful(values)
                case "shading":
                    bid = linear_shading(values, self.shading)
                case "equilibrium":
                    assert self.table is not None
                    bid = self.table.first_price(values, reserve)
                case _:
                    bid = learned
            bids = jnp.where(self.kind == place, bid, bids) if len(self.kinds) > 1 else bid
        return bids, choices

    def alternatives(self, values: jax.Array) -> jax.Array:
        """The bids that each bidder could choose, float [bidders, choices]."""
        return values[:, None] * self.bid_grid[None]

    def update(self, scores: jax.Array, choices: jax.Array, utilities: jax.Array) -> jax.Array:
        """The next scores, float [bidders, choices]; those who do not learn keep theirs.

        Args:
          choices: int32 [bidders].
          utilities: float [bidders, choices], what each choice would have earned, scaled to
            lie between 0 and 1; only that of the choice made is read unless
            ``needs_full_feedback``.
        """
        updated = scores
        for place, kind in enumerate(self.kinds):
            if kind in LEARNING_KINDS:
                own = jax.vmap(
                    lambda learning, row, choice, earned, kind=kind: _learner(
                        kind, learning
                    ).update(row, choice, earned)
                )(self.learning, scores, choices, utilities)
                updated = jnp.where((self.kind == place)[:, None], own, updated)
        return updated

    def _probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [bidders, choices]; anything for those who do not learn."""
        probabilities = jnp.full_like(scores, 1 / self.num_choices)
        for place, kind in enumerate(self.kinds):
            if kind in LEARNING_KINDS:
                own = jax.vmap(
                    lambda learning, row, kind=kind: _learner(kind, learning).probabilities(row)
                )(self.learning, scores)
                probabilities = jnp.where((self.kind == place)[:, None], own, probabilities)
        return probabilities


def bidder_population(
    kinds: Sequence[BidderKind],
    *,
    shading: float | Sequence[float] = 0.5,
    learning_rate: float | Sequence[float] = 0.1,
    exploration: float | Sequence[float] = 0.05,
    precision: float | Sequence[float] = 20.0,
    past_weight: float | Sequence[float] = 0.9,
    bid_grid: int | Sequence[float] = 21,
    table: EquilibriumTable | None = None,
) -> BidderPopulation:
    """A population of one bidder for each of ``kinds``.

    Args:
      kinds: the kind of each bidder.
      shading, learning_rate, exploration, precision, past_weight: of all bidders, or one of each;
        see ``BidderPopulation`` and ``LearningParameters``.
      bid_grid: fractions of the value, or how many, evenly spaced from 0 to 1.
      table: needed by ``"equilibrium"`` bidders.

    Raises:
      ValueError: an unknown kind, or a number that is out of range, or too many of them.
    """
    checks.some("kinds", kinds)
    kinds = tuple(kinds)
    for kind in kinds:
        lookup("kind", kind, dict.fromkeys(get_args(BidderKind)))
    occurring = tuple(kind for kind in get_args(BidderKind) if kind in kinds)
    if ("equilibrium" in kinds) and table is None:
        raise InvalidValueError(
            "table", None, "bidders of kind 'equilibrium' need one", got="None", verb=""
        )
    learning = LearningParameters(
        learning_rate=_per_bidder("learning_rate", learning_rate, len(kinds), np.inf),
        exploration=_per_bidder("exploration", exploration, len(kinds), 1),
        precision=_per_bidder("precision", precision, len(kinds), np.inf),
        past_weight=_per_bidder("past_weight", past_weight, len(kinds), 1),
    )
    return BidderPopulation(
        kind=jnp.asarray([occurring.index(kind) for kind in kinds], jnp.int32),
        shading=_per_bidder("shading", shading, len(kinds), np.inf),
        learning=learning,
        bid_grid=_grid(bid_grid),
        table=table if "equilibrium" in kinds else None,
        kinds=occurring,
    )


def utilities_of_alternatives(
    utilities: Callable[[jax.Array], jax.Array], bids: jax.Array, alternatives: jax.Array
) -> jax.Array:
    """What each bidder would have earned with each other bid of its own, float [bidders, choices].

    Args:
      utilities: of all bids, float [bidders], what each bidder earns, float [bidders].
      bids: float [bidders], those of the others.
      alternatives: float [bidders, choices].
    """

    def utility(own: jax.Array, bid: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(own, utilities(jnp.where(own, bid, bids)), 0))

    along_choices = jax.vmap(utility, in_axes=(None, 0))
    return jax.vmap(along_choices)(jnp.eye(len(bids), dtype=bool), alternatives)


def _learner(kind: BidderKind, learning: LearningParameters) -> Learner:
    match kind:
        case "logit":
            return LogitResponse(learning.precision, learning.past_weight)
        case "hedge":
            return Hedge(learning.learning_rate)
        case "exp3":
            return Exp3(learning.learning_rate, learning.exploration)
        case _:
            return RegretMatching()


def _per_bidder(
    field: str, numbers: float | Sequence[float], num_bidders: int, highest: float
) -> jax.Array:
    array = np.asarray(numbers, np.float64)
    checks.shape(field, array, "a number or [bidders]", (), (num_bidders,))
    checks.numbers(field, array, low=0, high=highest)
    return jnp.asarray(np.broadcast_to(array, num_bidders), float)


def _grid(bid_grid: int | Sequence[float]) -> jax.Array:
    if isinstance(bid_grid, int):
        checks.integer("bid_grid", bid_grid, low=2)
        return jnp.linspace(0, 1, bid_grid)
    array = np.asarray(bid_grid, np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.all((array >= 0) & np.isfinite(array)):
        raise InvalidValueError("bid_grid", bid_grid, "at least 2 finite fractions of at least 0")
    return jnp.asarray(array, float)
