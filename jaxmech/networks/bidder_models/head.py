"""From numbers of a network to the distribution of tomorrow's bids."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.networks.bidder_models.features import SeenDays, bin_width, log_reserves

_FLOOR = 1e-4
"""Share of a prediction that is spread over all bins, so that no bid is ever impossible."""


class BidHead(nn.Module):
    """A mixture: bids as before, bids moved and stretched, bids near the reserve, no bid.

    That is yesterday's histogram and the mean one of the last days with bids, ``num_moves``
    log-normals around the last bids, one around the reserve of the day to predict, the bin of
    no bid and all bins alike.
    The weights, and of each log-normal how far its logarithms are moved and how much their
    spread is stretched, are linear in what the network has seen. A shift of all bids, which
    takes a free choice of logits many bins to tell, is here one number.

    Attributes:
      num_moves: log-normals around the last bids.
    """

    num_moves: int = 3

    @nn.compact
    def __call__(
        self, x: jax.Array, last: SeenDays, reserves: jax.Array, bins: BidBins
    ) -> jax.Array:
        """Logits, float [..., bidders, bins].

        Args:
          x: float [..., bidders, features].
          last: the day before the one to predict.
          reserves: float [..., bidders], money per click, of the day to predict.
          bins: the bins.
        """
        num_log_normals = self.num_moves + 1
        widths = [num_log_normals, num_log_normals, num_log_normals + 4]
        outputs = nn.Dense(sum(widths), kernel_init=nn.initializers.normal(0.01))(x)
        moves, stretches, weights = jnp.split(outputs, [widths[0], widths[0] + widths[1]], axis=-1)
        # Apart from the start, so that the log-normals learn to differ.
        starts = jnp.append(jnp.linspace(-0.2, 0.2, self.num_moves), 0.0)
        around = jnp.stack(
            [last.summary.location] * self.num_moves + [log_reserves(reserves, bins)], axis=-1
        )
        starts = jax.lax.broadcast_to_rank(starts, around.ndim)
        spread = last.summary.spread[..., None] * jnp.exp(jnp.clip(stretches, -3, 3))
        log_normals = _log_normal_bins(
            around + starts + moves,
            jnp.maximum(spread, bin_width(bins) / 3),
            bins,
        )
        weights = nn.softmax(weights, axis=-1)
        moved = jnp.sum(weights[..., :num_log_normals, None] * log_normals, axis=-2)
        kept, mean, none, everywhere = jnp.split(weights[..., num_log_normals:], 4, axis=-1)
        mixture = jnp.concatenate([none, moved], axis=-1)
        mixture += kept * last.histograms + mean * last.summary.histogram
        mixture += everywhere / bins.num_bins
        return jnp.log((1 - _FLOOR) * mixture + _FLOOR / bins.num_bins)


def _log_normal_bins(location: jax.Array, spread: jax.Array, bins: BidBins) -> jax.Array:
    """Log-normals over the bins of positive bids, by their density, float [..., bins - 1]."""
    log_centres = jax.lax.broadcast_to_rank(jnp.log(bins.centres[1:]), location.ndim + 1)
    distance = (log_centres - location[..., None]) / spread[..., None]
    return nn.softmax(-jnp.square(distance) / 2, axis=-1)
