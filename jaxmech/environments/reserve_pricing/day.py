"""A day of auctions for one keyword: what it earns, and what each bidder gets of it."""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.mechanisms.position import Filtering, generalized_second_price


@struct.dataclass
class DayOutcome:
    """Means over the auctions of a day.

    Attributes:
      revenue: float [], money per auction.
      kpis: float [bidders, 3], impressions, clicks and cost of each bidder, per auction.
    """

    revenue: jax.Array
    kpis: jax.Array


def day_outcome(
    bids: jax.Array,
    quality: jax.Array,
    click_rates: jax.Array,
    reserves: jax.Array,
    *,
    key: jax.Array | None = None,
    filtering: Filtering = "eager",
    squash: float = 1.0,
) -> DayOutcome:
    """A day of weighted generalised second-price auctions with personal reserves.

    A bid of 0 is none, at reserve 0 too: who makes it is not shown.

    Args:
      bids: float [auctions, bidders], money per click.
      quality: float [bidders].
      click_rates: float [slots], not rising.
      reserves: float [bidders], money per click.
      key: draws who is clicked; by default clicks and costs are expected ones.
      filtering, squash: see ``jaxmech.mechanisms.generalized_second_price``.

    Raises:
      ValueError: what ``jaxmech.mechanisms.generalized_second_price`` refuses.
    """
    auction = partial(
        generalized_second_price,
        quality=quality,
        click_rates=click_rates,
        squash=squash,
        filtering=filtering,
    )
    # To the auction a bid of 0 meets a reserve of 0.
    outcome = jax.vmap(auction)(bids, reserve=jnp.where(bids > 0, reserves, jnp.inf))
    # Adding slot by slot: XLA adds up short rows far more slowly.
    shown = sum(outcome.allocation[..., slot] for slot in range(outcome.allocation.shape[-1]))
    clicks = outcome.clicks
    if key is not None:
        clicks = (jax.random.uniform(key, clicks.shape) < clicks).astype(clicks.dtype)
    cost = clicks * outcome.price_per_click
    kpis = jnp.stack(
        [jnp.mean(each, axis=0) for each in (jnp.asarray(shown, cost.dtype), clicks, cost)], axis=-1
    )
    return DayOutcome(jnp.sum(kpis[:, 2]), kpis)


@lru_cache
def auction_points(num_auctions: int, num_bidders: int) -> NDArray[np.float64]:
    """Evenly spread points in the unit cube, one for each auction, float64 [auctions, bidders].

    Bids drawn at these quantiles stand for a day's random ones with far less error: each
    bidder's points are one in each of ``num_auctions`` equal intervals, as in Latin hypercubes,
    and any two bidders' are spread over the square (Sobol's sequence, scrambled by a fixed
    seed). The same every day and for all keywords: common random numbers.
    """
    from scipy.stats import qmc

    spread = qmc.Sobol(num_bidders, scramble=True, seed=0).random_base2(
        max(num_auctions - 1, 0).bit_length()
    )[:num_auctions]
    # Ranks, so that every interval has its point whatever the number of auctions.
    ranks = np.argsort(np.argsort(spread, axis=0), axis=0)
    points = (ranks + 0.5) / num_auctions
    points.setflags(write=False)
    return points


@lru_cache
def auction_normals(num_auctions: int, num_bidders: int) -> NDArray[np.float64]:
    """Standard normals at ``auction_points``, float64 [auctions, bidders]."""
    from scipy.special import ndtri

    normals = ndtri(auction_points(num_auctions, num_bidders))
    normals.setflags(write=False)
    return normals
