"""The optimal mechanism for one bidder and two additive items, values iid U[0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from jaxmech import checks


@dataclass(frozen=True)
class TwoItemMenu:
    """Prices the bidder chooses from, and what they earn in expectation.

    Attributes:
      item_price: of either item alone.
      bundle_price: of both.
      revenue: expected payment.
    """

    item_price: float
    bundle_price: float
    revenue: float


def two_item_menu(item_price: float, bundle_price: float) -> TwoItemMenu:
    """A menu and its expected revenue; areas of the unit square.

    Raises:
      ValueError: not 0 <= item_price <= 1, or the bundle not priced from ``item_price`` to
        ``2 item_price``, outside of which a price is never paid.
    """
    checks.number("item_price", item_price, low=0, high=1)
    highest = min(2 * item_price, 1 + item_price)
    checks.number("bundle_price", bundle_price, low=item_price, high=highest)
    second = bundle_price - item_price
    buys_one = 2 * (1 - item_price) * second
    buys_both = (1 - second) ** 2 - (item_price - second) ** 2 / 2
    revenue = item_price * buys_one + bundle_price * buys_both
    return TwoItemMenu(item_price, bundle_price, revenue)


def two_item_optimum() -> TwoItemMenu:
    """The optimum of all mechanisms, ``(12 + 2 sqrt 2) / 27 = .549201``.

    Manelli and Vincent (2006): each item at 2/3, both at ``(4 - sqrt 2) / 3``. Sold
    separately the items earn .5, as a bundle ``(2 / 3) sqrt(2 / 3) = .5443``.
    """
    return two_item_menu(2 / 3, (4 - sqrt(2)) / 3)
