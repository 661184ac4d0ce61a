"""Reserves fixed in advance: Myerson's, the best for bids that stay, and the best in hindsight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import special, stats

from jaxmech import checks
from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.designers.planning.plans import Simulator
from jaxmech.environments.reserve_pricing.day import auction_points, day_outcome
from jaxmech.mechanisms.position import Filtering

_ALL = -1
"""In place of a bidder: the reserves of all change."""

_LOWEST_NORMAL = 12.0
"""No reserve lies more standard deviations below the mean, on the logarithmic scale."""

_HALVINGS = 40
"""Of the interval in which a reserve is looked for; beyond float32's digits."""

_NEARBY = 15
"""Reserves tried for each bidder, up to 18 % around the best level; the middle is that."""


def myerson_reserves(history: BidHistory, bins: BidBins) -> jax.Array:
    """Myerson's reserve for the bids of a keyword, taken for values, float [bidders].

    One for all bidders: the optimal auction's reserve per click does not depend on the number
    of bidders nor on their quality where that is independent of the value (Ostrovsky and
    Schwarz 2011). Values are taken to be log-normal, of the mean and standard deviation of the
    positive bids' logarithms. 0 where nobody bids. Pure.

    Args:
      history: of the initial days; all of them count alike.
      bins: those of its histograms.
    """
    weights = jnp.sum(history.histograms, axis=(0, 1))[1:]
    total = jnp.sum(weights)
    shares = weights / jnp.where(total > 0, total, 1)
    logarithms = jnp.log(bins.centres[1:])
    mean = shares @ logarithms
    # Bids lie log-uniformly within their bin.
    within = jnp.diff(jnp.log(bins.edges[1:])) ** 2 / 12
    deviation = jnp.sqrt(shares @ ((logarithms - mean) ** 2 + within))
    reserve = _log_normal_reserve(mean, jnp.where(total > 0, deviation, 1))
    return jnp.full(history.reserves.shape[-1], jnp.where(total > 0, reserve, 0))


def _log_normal_reserve(mean: jax.Array, deviation: jax.Array) -> jax.Array:
    """Where the virtual value of a log-normal value is 0; its logarithm's mean and deviation.

    ``jaxmech.oracles.myerson_reserve`` finds it for any distribution, but on the host.
    """

    def virtual_value_is_positive(normal: jax.Array) -> jax.Array:
        log_mills_ratio = special.log_ndtr(-normal) - stats.norm.logpdf(normal)
        return jnp.log(deviation) + log_mills_ratio < 0

    def halve(_: int, bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bounds
        middle = (low + high) / 2
        above = virtual_value_is_positive(middle)
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    # Mills' ratio is below 1 / z at every z above 0, so the root is below the deviation.
    start = jnp.full_like(deviation, -_LOWEST_NORMAL), deviation
    low, _ = jax.lax.fori_loop(0, _HALVINGS, halve, start)
    return jnp.exp(mean + deviation * low)


def revenue_of_histograms(
    history: BidHistory,
    bins: BidBins,
    quality: jax.Array,
    click_rates: jax.Array,
    *,
    num_auctions: int = 256,
    filtering: Filtering = "eager",
    squash: float = 1.0,
) -> Callable[[jax.Array], jax.Array]:
    """Revenue per auction as a function of reserves, for bids as in ``history``.

    Bidders do not react, and bid independently of each other. What the function is given is
    float [bidders], what it returns float [].

    Args:
      history: of the initial days; all of them count alike.
      bins: those of its histograms.
      quality: float [bidders].
      click_rates: float [slots], not rising.
      num_auctions: that stand for the distribution of the bids.
      filtering, squash: of the auctions; see ``jaxmech.mechanisms.generalized_second_price``.

    Raises:
      ValueError: ``num_auctions`` below 1.
    """
    checks.integer("num_auctions", num_auctions)
    histogram = jnp.mean(history.histograms, axis=0)
    points = jnp.asarray(auction_points(num_auctions, histogram.shape[0]), histogram.dtype)
    bids = bins.quantile(histogram, points)

    def revenue(reserves: jax.Array) -> jax.Array:
        return day_outcome(
            bids, quality, click_rates, reserves, filtering=filtering, squash=squash
        ).revenue

    return revenue


def revenue_of_days(
    simulator: Simulator, state: Any, keys: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """Mean revenue per auction as a function of reserves that stay for days.

    On a simulator in which bidders react; the days' noise is the same for all reserves.

    Args:
      simulator: ``ExactSimulator`` for the best in hindsight.
      state: its state before the first day.
      keys: of the days, key [days]; those of the environment for the best in hindsight.

    Raises:
      ValueError: no ``keys``, or a single one.
    """
    if not keys.ndim or not len(keys):
        raise InvalidValueError(
            "keys", keys, "[days], at least one", got=f"shape {keys.shape}", verb="needed is"
        )

    def revenue(reserves: jax.Array) -> jax.Array:
        def one_day(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            return simulator.step(state, reserves, key)

        return jnp.mean(jax.lax.scan(one_day, state, keys)[1])

    return revenue


def best_reserves(
    revenue: Callable[[jax.Array], jax.Array],
    grid: jax.Array,
    num_bidders: int,
    *,
    sweeps: int = 2,
    candidates: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Reserves of the greatest revenue, by a search along one coordinate at a time.

    Starts from the best of the common reserves of the grid and the candidates, and never does
    worse. Pure. The result is a local optimum of the grid once a sweep changes nothing.

    Args:
      revenue: from reserves, float [bidders], to float [].
      grid: float [levels], reserves to try; should hold 0.
      num_bidders: how many bidders there are.
      sweeps: times that every bidder's reserve is tried at all levels.
      candidates: float [candidates, bidders], other reserves to start from.

    Returns:
      reserves, float [bidders], and their revenue, float [].

    Raises:
      ValueError: an empty grid, ``num_bidders`` below 1 or ``sweeps`` below 0.
    """
    grid = jnp.asarray(grid, float)
    checks.axes("grid", grid, "levels")
    checks.integer("num_bidders", num_bidders)
    checks.integer("sweeps", sweeps, low=0)
    revenues = jax.vmap(revenue)
    common = jnp.broadcast_to(grid[:, None], (grid.size, num_bidders))
    starts = common if candidates is None else jnp.concatenate([common, candidates])
    # Starts and levels are tried in one loop, so that the days they are tried on, which may be
    # those of a learned model, are compiled once.
    levels = jnp.concatenate([grid, jnp.broadcast_to(grid[:1], len(starts) - grid.size)])

    def improve(
        best: tuple[jax.Array, jax.Array], bidder: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        reserves, earned = best
        is_bidder = jnp.arange(num_bidders) == bidder
        along_one = jnp.where(is_bidder, levels[:, None], reserves)
        tried = jnp.where(bidder == _ALL, starts, along_one)
        of_tried = revenues(tried)
        level = jnp.argmax(of_tried)
        better = of_tried[level] > earned
        chosen = (
            jnp.where(better, tried[level], reserves),
            jnp.where(better, of_tried[level], earned),
        )
        return chosen, None

    bidders = jnp.concatenate([jnp.full(1, _ALL), jnp.tile(jnp.arange(num_bidders), sweeps)])
    worst = jnp.asarray(-jnp.inf, jax.eval_shape(revenue, starts[0]).dtype)
    best, _ = jax.lax.scan(improve, (starts[0], worst), bidders)
    return best


def best_nearby_reserves(
    revenue: Callable[[jax.Array], jax.Array],
    grid: jax.Array,
    candidates: jax.Array,
    reserve_high: jax.Array,
) -> jax.Array:
    """``best_reserves`` up to a bound, then the best around them, float [bidders].

    The second search tries levels as near to each other as planners' moves are, else these
    would find better reserves to stay at.

    Args:
      revenue, grid: see ``best_reserves``.
      candidates: float [candidates, bidders], other reserves to start from.
      reserve_high: float [], the highest reserve allowed, money per click.

    Raises:
      ValueError: an empty grid.
    """

    def allowed(reserves: jax.Array) -> jax.Array:
        return jnp.minimum(reserves, reserve_high)

    num_bidders = candidates.shape[-1]
    coarse, _ = best_reserves(revenue, allowed(grid), num_bidders, candidates=allowed(candidates))
    nearby, _ = best_reserves(
        lambda factors: revenue(allowed(coarse * factors)),
        jnp.geomspace(0.85, 1 / 0.85, _NEARBY),
        num_bidders,
        sweeps=1,
        candidates=jnp.ones((1, num_bidders)),
    )
    return allowed(coarse * nearby)


def reserve_grid(bins: BidBins, reserve_high: jax.Array, num_levels: int) -> jax.Array:
    """Reserves to try, money per click, float [1 + levels]: 0, and the lowest bid to the highest.

    Args:
      bins: of bids; reserves begin where the first bin of positive ones does.
      reserve_high: float [], the highest.
      num_levels: evenly spaced in the logarithm.
    """
    levels = jnp.geomspace(bins.edges[1], reserve_high, num_levels)
    return jnp.concatenate([jnp.zeros(1, levels.dtype), levels])
