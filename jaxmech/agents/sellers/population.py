"""Sellers of several kinds at once, told apart by numbers alone.

Every kind that may occur is computed for every seller and a mask picks the seller's own, so
populations of different mixtures share one program and thousands of them one ``vmap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import betaincinv

from jaxmech import checks, struct
from jaxmech.agents.sellers.price_learning import GridKind, PriceLearning
from jaxmech.agents.sellers.records import Records
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

SellerKind = Literal["resampling", "epsilon_greedy", "epsilon_first", "exp3", "ucb1"]

ON_A_GRID: tuple[GridKind, ...] = get_args(GridKind)
"""The kinds that learn which price of a grid earns most."""

STRATEGIC_EXPLORATION = 0.3
"""The probability with which a seller that sets its prices strategically seeks the price that
earned most."""


@struct.dataclass
class SellerPopulation:
    """Who sets prices how.

    A ``resampling`` seller (Tang 2017, section 3.2) asks with probability ``exploration`` the
    price of the round of its records that earned most, profits of older rounds counting less,
    with normal noise on top; else one of the prices of its records, each as likely. Where rounds
    earned alike the latest one counts, so a seller without impressions keeps its last price.

    The others choose from a grid (Cai et al. 2018): ``epsilon_greedy`` a random price with
    probability ``exploration``, else the best on average; ``epsilon_first`` random ones in the
    first part of an episode, of the share ``exploration``, then likewise the best; ``exp3`` draws
    by weights that are mixed with a uniform draw, whose share is ``exploration``; ``ucb1`` takes
    the highest confidence bound and reads no ``exploration``. They learn the profit per
    impression, as a share of ``price_high`` and at least 0, from rounds in which they were shown;
    among prices that did alike they keep the one that they ask already.

    Attributes:
      kind: int32 [sellers], place in ``kinds``.
      exploration: float [sellers], 0 to 1.
      noise: float [sellers], standard deviation of a resampling seller's noise, in money.
      discount: float [], what a round counts for less a round later, of resampling sellers.
      price_grid: float [choices], prices of those on a grid.
      price_high: float [], the highest price.
      kinds: the kinds that may occur, and so are computed for everybody.
    """

    kind: jax.Array
    exploration: jax.Array
    noise: jax.Array
    discount: jax.Array
    price_grid: jax.Array
    price_high: jax.Array
    kinds: tuple[SellerKind, ...] = struct.field(pytree_node=False)

    @property
    def num_sellers(self) -> int:
        return self.kind.shape[-1]

    @property
    def learns(self) -> bool:
        """Whether a kind that learns on the grid may occur."""
        return bool(self._on_a_grid)

    @property
    def num_choices(self) -> int:
        """Prices on the grid; 0 where nobody learns on it."""
        return self.price_grid.shape[-1] if self.learns else 0

    def init(self) -> PriceLearning:
        """Nothing learned yet."""
        nothing = jnp.zeros((self.num_sellers, self.num_choices))
        return PriceLearning(nothing, nothing)

    def first_prices(self, uniforms: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Any price, float [sellers], and its place on the grid of those on one, int32 [sellers].

        Args:
          uniforms: float [sellers], uniform on [0, 1).
        """
        anything = self.price_high * uniforms
        if not self.learns:
            return anything, jnp.zeros(self.kind.shape, jnp.int32)
        size = self.num_choices
        choices = jnp.minimum((uniforms * size).astype(jnp.int32), size - 1)
        on_a_grid = jnp.isin(self.kind, jnp.array([self.kinds.index(k) for k in self._on_a_grid]))
        return jnp.where(on_a_grid, self.price_grid[choices], anything), choices

    @property
    def _on_a_grid(self) -> tuple[SellerKind, ...]:
        return tuple(kind for kind in self.kinds if kind in ON_A_GRID)

    def prices(
        self,
        learned: PriceLearning,
        records: Records,
        costs: jax.Array,
        uniforms: jax.Array,
        elapsed: jax.Array,
        choices: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """A price of each seller, float [sellers], and its place on the grid, int32 [sellers].

        Args:
          records: of the rounds so far.
          costs: float [sellers], of one unit sold.
          uniforms: float [sellers], uniform on [0, 1).
          elapsed: float [], the share of the episode that is over.
          choices: int32 [sellers], places on the grid of the prices asked last.
        """
        asked, last = jnp.zeros_like(costs), choices
        for place, kind in enumerate(self.kinds):
            if kind == "resampling":
                own, place_on_grid = self._resampled(records, costs, uniforms), last
            else:
                place_on_grid = learned.choices(kind, self.exploration, uniforms, elapsed, last)
                own = self.price_grid[place_on_grid]
            mine = self.kind == place
            asked = jnp.where(mine, own, asked)
            choices = jnp.where(mine, place_on_grid, choices)
        return jnp.clip(asked, 0, self.price_high), choices

    def update(
        self,
        learned: PriceLearning,
        choices: jax.Array,
        profits: jax.Array,
        impressions: jax.Array,
    ) -> PriceLearning:
        """What is learned from a round; sellers not on a grid learn nothing.

        Args:
          choices: int32 [sellers], those of ``prices``.
          profits: float [sellers], in money per buyer of a round.
          impressions: float [sellers], shares of a round's buyers.
        """
        if not self.learns:
            return learned
        shown = impressions > 0
        per_impression = profits / jnp.where(shown, impressions, 1)
        earned = jnp.clip(per_impression / self.price_high, 0, 1)[:, None]
        places = jnp.arange(self.num_choices)[None]
        tried = shown[:, None] & (places == choices[:, None])
        gained = jnp.broadcast_to(earned, tried.shape)
        if "exp3" in self.kinds:
            rate = self.exploration[:, None] / self.num_choices
            estimated = rate * earned / learned.exp3_probabilities(self.exploration)
            gained = jnp.where((self.kind == self.kinds.index("exp3"))[:, None], estimated, gained)
        return PriceLearning(learned.counts + tried, learned.totals + jnp.where(tried, gained, 0))

    def _resampled(self, records: Records, costs: jax.Array, uniforms: jax.Array) -> jax.Array:
        rounds = records.prices.shape[0]
        best = records.prices[0]
        most = jnp.full_like(best, -jnp.inf)
        for row in range(rounds):
            price = records.prices[row]
            weight = self.discount ** (rounds - row)
            profit = weight * (price - costs) * records.transactions[row]
            later_is_better = profit >= most
            best = jnp.where(later_is_better, price, best)
            most = jnp.where(later_is_better, profit, most)
        improves = uniforms < self.exploration
        # One draw serves all: where it lies within its part is uniform again.
        begin = jnp.where(improves, 0, self.exploration)
        size = jnp.where(improves, self.exploration, 1 - self.exploration)
        within = (uniforms - begin) / size
        # The middle of the numbers of a draw that are told apart: 0 and 1 have no normal. The
        # inverse of the error function takes half as long as that of the normal distribution.
        middle = jnp.clip(within, 1e-6, 1 - 1e-6)
        normal = 2**0.5 * jax.lax.erf_inv(2 * middle - 1)
        drawn = jnp.minimum((within * rounds).astype(jnp.int32), rounds - 1)
        earlier = records.prices[0]
        for row in range(1, rounds):
            earlier = jnp.where(drawn == row, records.prices[row], earlier)
        return jnp.where(improves, best + self.noise * normal, earlier)


def seller_population(
    kinds: Sequence[SellerKind],
    *,
    exploration: float | Sequence[float] = STRATEGIC_EXPLORATION,
    noise: float | Sequence[float] = 0.05,
    discount: float = 0.9,
    price_grid: int | Sequence[float] = 11,
    price_high: float = 1.0,
) -> SellerPopulation:
    """A population of one seller for each of ``kinds``.

    ``exploration``, ``noise`` and ``discount`` may be traced, and then are not looked into. The
    prices may not: a sweep over them replaces these fields of the population.

    Args:
      kinds: the kind of each seller.
      exploration, noise: of all sellers, or one of each; see ``SellerPopulation``.
      discount: above 0, at most 1.
      price_grid: at least 2 prices, from 0 to ``price_high``, or how many, evenly spaced over
        that.
      price_high: above 0.

    Raises:
      ValueError: an unknown kind, or a number that is out of range, or too many of them.
    """
    checks.some("kinds", kinds)
    kinds = tuple(kinds)
    for kind in kinds:
        lookup("kind", kind, dict.fromkeys(get_args(SellerKind)))
    check_untraced("discount", discount, above=0, high=1)
    checks.number("price_high", price_high, above=0)
    rates = per_seller("exploration", exploration, len(kinds), high=1)
    if not is_traced(rates) and any(
        kind == "exp3" and rate == 0 for kind, rate in zip(kinds, rates, strict=True)
    ):
        raise InvalidValueError(
            "exploration", exploration, "above 0 for 'exp3', which else never learns"
        )
    occurring = tuple(kind for kind in get_args(SellerKind) if kind in kinds)
    return SellerPopulation(
        kind=jnp.asarray([occurring.index(kind) for kind in kinds], jnp.int32),
        exploration=rates,
        noise=per_seller("noise", noise, len(kinds)),
        discount=jnp.asarray(discount, float),
        price_grid=_grid(price_grid, price_high),
        price_high=jnp.asarray(price_high, float),
        kinds=occurring,
    )


def realistic_exploration(num_sellers: int) -> list[float]:
    """How often each of ``num_sellers`` explores, as prices of real retailers suggest.

    Evenly spread quantiles of the Beta(4.83, 40.1) distribution, which fits series of retail
    prices; its mean is .1075. They rise from seller to seller: the first always explores least
    and the last most.

    Raises:
      ValueError: ``num_sellers`` is below 1.
    """
    checks.integer("num_sellers", num_sellers)
    places = (np.arange(num_sellers) + 0.5) / num_sellers
    return [float(quantile) for quantile in betaincinv(4.83, 40.1, places)]


def per_seller(
    field: str,
    numbers: float | Sequence[float],
    num_sellers: int,
    *,
    high: float | None = None,
) -> jax.Array:
    """One number for all sellers, or one of each, from 0, as float [sellers].

    Raises:
      ValueError: the numbers are too many or too few; or they are not traced, and out of range.
    """
    axes = "a number or [sellers]"
    if is_traced(numbers):
        traced = jnp.asarray(numbers, float)
        checks.shape(field, traced, axes, (), (num_sellers,))
        return jnp.broadcast_to(traced, num_sellers)
    array = np.asarray(numbers, np.float64)
    checks.shape(field, array, axes, (), (num_sellers,))
    checks.numbers(field, array, low=0, high=high)
    return jnp.asarray(np.broadcast_to(array, num_sellers), float)


def check_untraced(field: str, number: Any, **bounds: Any) -> None:
    """As ``checks.number``, but what is traced passes."""
    if not is_traced(number):
        checks.number(field, number, **bounds)


def is_traced(numbers: Any) -> bool:
    """Whether one of the numbers, of an array, a list or a tree, is traced."""
    return any(isinstance(number, jax.core.Tracer) for number in jax.tree.leaves(numbers))


def _grid(price_grid: int | Sequence[float], price_high: float) -> jax.Array:
    if np.ndim(price_grid) == 0:
        return jnp.linspace(0, price_high, checks.integer("price_grid", price_grid, low=2))
    array = np.asarray(price_grid, np.float64)
    checks.axes("price_grid", array, "choices")
    if len(array) < 2:
        raise InvalidValueError("price_grid", price_grid, "2 prices", verb="needed are at least")
    checks.numbers("price_grid", array, low=0, high=price_high)
    return jnp.asarray(array, float)
