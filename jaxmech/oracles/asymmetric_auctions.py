"""Equilibria of auctions whose bidders' values have different distributions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks


def uniform_first_price_bids(
    values: ArrayLike, high: float, other_high: float
) -> NDArray[np.float64]:
    """Equilibrium bids of one of two bidders, U[0, high] against U[0, other_high], elementwise.

    First price without a reserve (Krishna, Auction Theory, section 4.3.1):
    ``b(v) = v / (1 + sqrt(1 - k v^2))`` with ``k = 1 / high^2 - 1 / other_high^2``. Both bid up
    to ``high other_high / (high + other_high)``; at equal values the weaker bids more.

    Args:
      values: float [...], from 0 to ``high``, in units of money.
      high: the highest value of the bidder.
      other_high: the highest value of the other.

    Raises:
      ValueError: a highest value not above 0 or not finite, or values out of range.
    """
    for field, number in (("high", high), ("other_high", other_high)):
        checks.number(field, number, above=0)
    values = np.asarray(values, np.float64)
    checks.numbers("values", values, low=0, high=high)
    k = 1 / high**2 - 1 / other_high**2
    return np.asarray(values / (1 + np.sqrt(1 - k * values**2)))
