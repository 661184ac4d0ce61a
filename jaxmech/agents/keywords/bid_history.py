"""What a search engine keeps of a keyword's past days: bids in bins, reserves and indicators.

The state of the designer's process of Tang (2017, section 4). A bid of 0 stands for a bidder
that dropped out.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct

KPIS = ("impressions", "clicks", "cost")
"""Key performance indicators of a bidder's day, each per auction, in this order."""


@struct.dataclass
class BidBins:
    """Bins that tell a distribution of bids; the first is for no bid.

    Positive bids beyond the bins count in the nearest bin, so bin b holds bids from
    ``edges[b]`` up to ``edges[b + 1]``.

    Attributes:
      edges: float [bins + 1], money per click, 0 and then rising; the first bin is [0].
    """

    edges: jax.Array

    @classmethod
    def log_spaced(cls, low: float, high: float, num_bins: int) -> BidBins:
        """Bins of equal ratio from ``low`` to ``high``, after the one for no bid.

        Raises:
          ValueError: not ``0 < low < high < infinity``, or fewer than 2 bins.
        """
        checks.integer("num_bins", num_bins, low=2)
        checks.number("low", low, above=0)
        checks.above_low(low, high)
        edges = np.concatenate([[0.0], np.geomspace(low, high, num_bins)])
        return cls(jnp.asarray(edges, float))

    @property
    def num_bins(self) -> int:
        return self.edges.shape[-1] - 1

    @property
    def centres(self) -> jax.Array:
        """Geometric middle of each bin, 0 for no bid, float [bins]."""
        return jnp.concatenate([jnp.zeros(1), jnp.sqrt(self.edges[1:-1] * self.edges[2:])])

    def index(self, bids: jax.Array) -> jax.Array:
        """The bin of each bid, int32 like ``bids``."""
        return jnp.sum(
            bids[..., None] >= self._lowest_inside(bids.ndim + 1),
            axis=-1,
            dtype=jnp.int32,
        )

    def histogram(self, bids: jax.Array) -> jax.Array:
        """Share of the bids in each bin, float [..., bins], of bids float [..., samples]."""
        samples = bids.shape[-1]
        # Counted in integers: no rounding in the differences, and XLA vectorises only that.
        counts = jnp.sum(
            bids[..., None] >= self._lowest_inside(bids.ndim + 1),
            axis=-2,
            dtype=jnp.int32,
        )
        everything = jnp.full((*counts.shape[:-1], 1), samples, jnp.int32)
        at_least = jnp.concatenate([everything, counts, jnp.zeros_like(everything)], axis=-1)
        return (at_least[..., :-1] - at_least[..., 1:]).astype(self.edges.dtype) / samples

    def quantile(self, distribution: jax.Array, probability: jax.Array) -> jax.Array:
        """The bid below which a share lies, bids being log-uniform within a bin, float.

        Args:
          distribution: float [..., bins], weights of the bins, not all 0.
          probability: float [*shape, ...], from 0 to 1; so is the result.
        """
        rank = max(distribution.ndim, jnp.ndim(probability) + 1)
        distribution = jax.lax.broadcast_to_rank(distribution, rank)
        cumulative = jnp.cumsum(distribution, axis=-1)
        total = cumulative[..., -1:]
        before = cumulative[..., :-1]
        positive = distribution[..., 1:]
        place = (probability * total[..., 0])[..., None]
        inside = (place - before) / jnp.where(positive > 0, positive, 1)
        # An empty bin is skipped, unless no weight is left beyond it.
        skipped = (place >= before) & (before < total)
        share = jnp.where(positive > 0, jnp.clip(inside, 0, 1), skipped)
        log_edges = jnp.log(self.edges[1:])
        widths = jax.lax.broadcast_to_rank(jnp.diff(log_edges), share.ndim)
        log_bid = log_edges[0] + jnp.sum(share * widths, axis=-1)
        bids = jnp.clip(jnp.exp(log_bid), self.edges[1], self.edges[-1])
        no_bid = cumulative[..., 0]
        return jnp.where((place[..., 0] >= no_bid) & (no_bid < total[..., 0]), bids, 0)

    def _lowest_inside(self, rank: int) -> jax.Array:
        """The lowest bid that counts in each bin after the first, float [1, ..., 1, bins - 1]."""
        tiny = jnp.full(1, jnp.finfo(self.edges.dtype).tiny, self.edges.dtype)
        lowest = jnp.concatenate([tiny, self.edges[2:-1]])
        return jax.lax.broadcast_to_rank(lowest, rank)


@struct.dataclass
class BidHistory:
    """The last days of a keyword, the oldest first.

    Attributes:
      histograms: float [history_days, bidders, bins], share of a day's bids in each bin.
      reserves: float [history_days, bidders], money per click.
      kpis: float [history_days, bidders, 3], ``KPIS`` of the day per auction.
    """

    histograms: jax.Array
    reserves: jax.Array
    kpis: jax.Array

    @property
    def history_days(self) -> int:
        """Days kept."""
        return self.reserves.shape[-2]

    def push(self, histogram: jax.Array, reserves: jax.Array, kpis: jax.Array) -> BidHistory:
        """The history a day later: the oldest day goes, this one becomes the last.

        Args:
          histogram: float [bidders, bins].
          reserves: float [bidders].
          kpis: float [bidders, 3].
        """
        return jax.tree.map(
            lambda past, day: jnp.concatenate([past[1:], day[None]]),
            self,
            BidHistory(histogram, reserves, kpis),
        )
