"""Equilibria and revenues where the item is worth the same to all, who see signals of it.

With ``v(x, x)`` the expected value given that one's signal and the highest other are both
``x``, the second-price equilibrium bids ``v(x, x)``; the first-price one bids its average
over ``y < x`` with weights that follow from the joint law of signals (Milgrom and Weber 1982;
Krishna, Auction Theory, chapter 6). Computed on the host in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks
from jaxmech.agents.bidders.auction_rules import PaymentRule
from jaxmech.agents.values.host import Floats

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
# Nodes on [0, 1], crowded at 0, where the bids for few bidders have a logarithm.
_SHARES = ((_NODES + 1) / 2) ** 3
_SHARE_WEIGHTS = _WEIGHTS / 2 * 3 * ((_NODES + 1) / 2) ** 2


@dataclass(frozen=True)
class MineralRightsAuction:
    """Symmetric equilibrium for ``agents.MineralRights``: V ~ U[0, high], X_i ~ U[0, 2V].

    With ``s = x / (2 high)``, the second-price bid is ``high s (n-1)/(n-2) (1 - s^(n-2)) /
    (1 - s^(n-1))``, for two bidders ``-high s log(s) / (1 - s)``, for three
    ``2 x high / (2 high + x)``. The first-price bid is its average over the highest of
    ``n - 1`` uniform draws from [0, x], as the reversed hazard rate of the highest other
    signal is ``(n - 1) / x``. The example of Krishna, Auction Theory, chapter 6, is that
    of three bidders.

    Attributes:
      rule: "first_price" or "second_price", without a reserve.
      num_bidders: at least 2.
      high: highest common value, in units of money.

    Raises:
      ValueError: an unknown rule, fewer than two bidders, ``high`` not above 0 or not finite.
    """

    rule: PaymentRule
    num_bidders: int
    high: float = 1.0

    def __post_init__(self) -> None:
        checks.one_of("rule", self.rule, get_args(PaymentRule))
        checks.integer("num_bidders", self.num_bidders, low=2)
        checks.number("high", self.high, above=0)

    def bids(self, signals: ArrayLike) -> Floats:
        """Equilibrium bids, elementwise, of signals in [0, 2 high]."""
        share = np.asarray(signals, np.float64) / (2 * self.high)
        if self.rule == "second_price":
            return self.high * self._value_of_pivot(share)
        others = self.num_bidders - 1
        weights = _SHARE_WEIGHTS * others * _SHARES ** (others - 1)
        return self.high * (self._value_of_pivot(share[..., None] * _SHARES) @ weights)

    @cached_property
    def expected_revenue(self) -> float:
        """Of the seller; below the expected value of the item, ``high / 2``."""
        from scipy.stats import beta

        # The bid that is paid is of the highest signal, or of the second highest.
        rank = self.num_bidders - (self.rule == "second_price")
        density = beta.pdf(_SHARES, rank, self.num_bidders + 1 - rank)
        signals = 2 * self.high * _SHARES[:, None] * _SHARES
        return float(_SHARE_WEIGHTS @ self.bids(signals) @ (_SHARE_WEIGHTS * density))

    def _value_of_pivot(self, share: Floats) -> Floats:
        """``v(x, x) / high`` at ``x / (2 high)``: the posterior of V is as ``V^-n`` above it."""
        inside = np.clip(share, 1e-300, 1 - 1e-12)
        if self.num_bidders == 2:
            return -inside * np.log(inside) / (1 - inside)
        others = self.num_bidders - 1
        # expm1 and log keep the digits of 1 - s^k near s = 1.
        rest = np.expm1((others - 1) * np.log(inside)) / np.expm1(others * np.log(inside))
        return inside * others / (others - 1) * rest


@dataclass(frozen=True)
class AffiliatedSignalsAuction:
    """Equilibrium of two bidders for ``agents.AffiliatedSignals``, common value ``(X1 + X2)/2``.

    Second price: bid ``x``, revenue 5/6. First price: ``2x/3``, revenue 7/9: by the linkage
    principle less, as signals are affiliated. Krishna, Auction Theory, chapter 6.

    Attributes:
      rule: "first_price" or "second_price", without a reserve.

    Raises:
      ValueError: an unknown rule.
    """

    rule: PaymentRule

    def __post_init__(self) -> None:
        checks.one_of("rule", self.rule, get_args(PaymentRule))

    def bids(self, signals: ArrayLike) -> Floats:
        """Equilibrium bids, elementwise, of signals in [0, 2]."""
        return np.asarray(signals, np.float64) * (1 if self.rule == "second_price" else 2 / 3)

    @property
    def expected_revenue(self) -> float:
        """Of the seller."""
        return 5 / 6 if self.rule == "second_price" else 7 / 9
