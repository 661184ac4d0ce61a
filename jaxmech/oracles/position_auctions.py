"""Envy-free equilibria of the weighted generalised second-price auction.

Edelman, Ostrovsky and Schwarz (2007) and Varian (2007); with ranking weights ``quality **
squash``, Lahaie and Pennock (2007), who call them symmetric. Bidders know each other's
values. One auction, pure and traceable; many by ``vmap``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import struct
from jaxmech.mechanisms.checks import Numbers, position_auction
from jaxmech.mechanisms.position import ranking_weights


@struct.dataclass
class PositionEquilibrium:
    """What bidders bid in equilibrium, get and pay.

    Attributes:
      bids: float [bidders], per click.
      price_per_click: float [bidders], 0 without a slot.
      clicks: float [bidders], expected clicks per impression.
      payments: float [bidders], expected payments per impression.
      utilities: float [bidders], expected per impression.
    """

    bids: jax.Array
    price_per_click: jax.Array
    clicks: jax.Array
    payments: jax.Array
    utilities: jax.Array


def lowest_envy_free(
    values: Numbers,
    quality: Numbers,
    click_rates: Numbers,
    *,
    squash: Numbers = 1.0,
) -> PositionEquilibrium:
    """The envy-free equilibrium of least revenue; no reserve.

    With weights ``w = quality ** squash`` and bidders sorted by ``w v``, the score to beat in
    slot k is ``s_k = sum_{j >= k} (a_j - a_{j+1}) w_{j+1} v_{j+1} / a_k``; the bidder of slot
    k pays ``s_k / w_k`` per click, and bids ``s_{k-1} / w_k``. The first bidder, whose bid
    nobody pays, and those without a slot or of weight 0 bid their values. At ``squash`` 1 the
    payments are those of Vickrey, Clarke and Groves.

    Args:
      values: float [bidders], of a click.
      quality: float [bidders], the bidder's factor of the click probability.
      click_rates: float [slots], the slot's factor ``a``, not rising; at most as many slots as
        bidders.
      squash: float [], exponent of the quality in the ranking: 1 ranks by revenue, 0 by bid.

    Raises:
      ValueError: a number is negative, NaN or infinite; there are more slots than bidders;
        ``click_rates`` rise; or a shape is another.
    """
    values, quality, click_rates, squash, _ = position_auction(
        {"values": values, "quality": quality}, click_rates, squash
    )
    num_bidders, num_slots = values.shape[0], click_rates.shape[0]
    weights = ranking_weights(quality, squash)
    order = jnp.argsort(-weights * values, stable=True)
    ranked_values, ranked_weights = values[order], weights[order]
    scores = jnp.append(ranked_values * ranked_weights, 0.0)
    steps = click_rates - jnp.append(click_rates[1:], 0.0)
    worth = jnp.cumsum((steps * scores[1 : num_slots + 1])[::-1])[::-1]
    # A slot that nobody clicks costs what the next bidder would pay for it.
    clicked = click_rates > 0
    to_beat = jnp.where(
        clicked, worth / jnp.where(clicked, click_rates, 1), scores[1 : num_slots + 1]
    )

    followers = min(num_slots, num_bidders - 1)
    bids = ranked_values.at[1 : followers + 1].set(
        _per_click(
            to_beat[:followers],
            ranked_weights[1 : followers + 1],
            otherwise=ranked_values[1 : followers + 1],
        )
    )
    unused = jnp.zeros(num_bidders - num_slots, values.dtype)
    prices = jnp.append(_per_click(to_beat, ranked_weights[:num_slots]), unused)
    clicks = jnp.append(click_rates, unused) * quality[order]
    place = jnp.argsort(order)
    bids, prices, clicks = bids[place], prices[place], clicks[place]
    return PositionEquilibrium(bids, prices, clicks, prices * clicks, (values - prices) * clicks)


def envy(
    values: Numbers,
    quality: Numbers,
    click_rates: Numbers,
    bids: Numbers,
    *,
    squash: Numbers = 1.0,
) -> jax.Array:
    """What each bidder would gain by another slot, or none, at that slot's price, [bidders].

    Slots are given and priced by the weighted generalised second-price rule without reserves,
    ties to the lowest index. At most 0 everywhere if and only if the outcome is envy-free.
    Arguments and errors as for ``lowest_envy_free``; ``bids`` float [bidders].
    """
    values, quality, bids, click_rates, squash, _ = position_auction(
        {"values": values, "quality": quality, "bids": bids}, click_rates, squash
    )
    weights = ranking_weights(quality, squash)
    score = weights * bids
    order = jnp.argsort(-score, stable=True)
    place = jnp.argsort(order)
    num_bidders, num_slots = values.shape[0], click_rates.shape[0]
    to_beat = jnp.append(score[order], 0.0)[1 : num_slots + 1]
    rates = jnp.append(click_rates, jnp.zeros(num_bidders - num_slots + 1, values.dtype))
    to_beat = jnp.append(to_beat, jnp.zeros(num_bidders - num_slots + 1, values.dtype))
    price = _per_click(to_beat[None], weights[:, None])
    utility = rates[None] * quality[:, None] * (values[:, None] - price)
    own = jnp.take_along_axis(utility, place[:, None], axis=1)[:, 0]
    return jnp.max(utility, axis=1) - own


def _per_click(
    scores: jax.Array, weights: jax.Array, otherwise: jax.Array | float = 0.0
) -> jax.Array:
    """The bids that reach ``scores``; ``otherwise`` for weights of 0, which reach only 0."""
    positive = weights > 0
    return jnp.where(positive, scores / jnp.where(positive, weights, 1), otherwise)
