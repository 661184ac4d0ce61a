"""Equilibria and revenues of sealed-bid auctions with iid private values.

Risk-neutral bidders with unit demand, identical items. Everything follows from the interim
payment (Krishna, Auction Theory, chapters 2 to 5): with ``G(v)`` the probability that value
``v`` wins, a bidder who takes part pays ``v G(v) - U - integral of G from the entry value``
in expectation, ``U`` the utility at the entry value. Computed on the host in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from jaxmech import checks
from jaxmech.agents import Empirical, UnivariateDistribution
from jaxmech.agents.bidders.auction_rules import AUCTION_RULES, Pays, SaleRule
from jaxmech.agents.values.host import Floats, HostDistribution, integrals
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup
from jaxmech.oracles.refusals import NotKnownError


@dataclass(frozen=True)
class SymmetricAuction:
    """The symmetric equilibrium of an auction with iid private values.

    A losing bid pays nothing, except under ``all_pay``; the price of ``uniform_price`` is the
    highest losing bid or the reserve.

    Attributes:
      rule: one of ``AUCTION_RULES``.
      distribution: of each bidder's value, of concrete numbers and finite mean.
      num_bidders: how many there are.
      units: how many items are for sale; 1 for ``first_price`` and ``second_price``.
      reserve: lowest bid that takes part, in units of money.
      entry_fee: paid by every bidder who takes part.

    Raises:
      ValueError: an unknown rule, or a number out of range.
    """

    rule: SaleRule
    distribution: UnivariateDistribution
    num_bidders: int
    units: int = 1
    reserve: float = 0.0
    entry_fee: float = 0.0

    def __post_init__(self) -> None:
        lookup("rule", self.rule, AUCTION_RULES)
        for field in ("num_bidders", "units"):
            checks.integer(field, getattr(self, field))
        if self.units > 1 and not (AUCTION_RULES[self.rule].sells_units or self._all_pay):
            raise InvalidValueError("units", self.units, f"allowed for {self.rule} is 1", verb="")
        for field in ("reserve", "entry_fee"):
            checks.number(field, getattr(self, field), low=0)

    @property
    def pays(self) -> Pays:
        """What a bidder pays who takes part."""
        return AUCTION_RULES[self.rule].pays

    def win_probability(self, values: ArrayLike) -> Floats:
        """That fewer than ``units`` of the others have a higher value, elementwise."""
        from scipy.special import betainc

        if self.units >= self.num_bidders:
            return np.ones_like(values, np.float64)
        # A binomial cdf, in the form that keeps its digits at low values.
        return betainc(self.num_bidders - self.units, self.units, self._host.cdf(values))

    @cached_property
    def entry_value(self) -> float:
        """The lowest value that takes part; infinite where none does.

        Raises:
          NotKnownError: values with atoms and an entry fee, or a reserve where all pay: those at
            the entry value mix between taking part and not.
        """
        low, high = self._host.support
        start = low if self._all_pay else max(low, self.reserve)
        if start > high:
            return np.inf
        if self.entry_fee > 0 or (self._all_pay and self.reserve > 0):
            self._refuse_atoms()
        if self._utility_at_entry(start) >= 0:
            return start
        end = high if np.isfinite(high) else max(2 * start, 1.0)
        while self._utility_at_entry(end) < 0:
            if np.isfinite(high):
                return np.inf
            end *= 2
        from scipy.optimize import brentq

        return float(brentq(self._utility_at_entry, start, end, xtol=1e-14))

    def bids(self, values: ArrayLike) -> Floats:
        """Equilibrium bids, elementwise; 0 for values that do not take part.

        Raises:
          NotKnownError: values with atoms, unless the highest losing bid is paid and there is no
            entry fee: such equilibria are mixed.
        """
        values = np.asarray(values, np.float64)
        takes_part = values >= self.entry_value
        if self.pays == "highest losing bid":
            return np.where(takes_part, values, 0.0)
        self._refuse_atoms()
        inside = np.where(takes_part, values, self._panels[0])
        paid = self._interim_payment(inside) - self.entry_fee
        if not self._all_pay:
            winning = self.win_probability(inside)
            paid = np.where(winning > 0, paid / np.where(winning > 0, winning, 1), inside)
        return np.where(takes_part, paid, 0.0)

    @cached_property
    def expected_revenue(self) -> float:
        """Of the seller, entry fees included.

        Raises:
          NotKnownError: as for ``bids``.
        """
        if not np.isfinite(self.entry_value):
            return 0.0
        if self.pays == "highest losing bid":
            return self._highest_losing_bid_revenue()
        self._refuse_atoms()
        return self.num_bidders * self._mean_over_entrants(self._interim_payment)

    @cached_property
    def expected_welfare(self) -> float:
        """Sum of the winners' values.

        Raises:
          NotKnownError: values with atoms.
        """
        if not np.isfinite(self.entry_value):
            return 0.0
        self._refuse_atoms()
        return self.num_bidders * self._mean_over_entrants(
            lambda values: values * self.win_probability(values)
        )

    @cached_property
    def _host(self) -> HostDistribution:
        return HostDistribution(self.distribution)

    @property
    def _all_pay(self) -> bool:
        return self.pays == "own bid, win or lose"

    def _utility_at_entry(self, value: float) -> float:
        """Of the lowest value to take part: it bids the reserve and wins only unopposed."""
        winning = float(self.win_probability(value))
        if self._all_pay:
            return value * winning - self.reserve - self.entry_fee
        return (value - self.reserve) * winning - self.entry_fee

    def _interim_payment(self, values: Floats) -> Floats:
        """Expected payment of those who take part, entry fee included, elementwise."""
        at_entry = max(self._utility_at_entry(self.entry_value), 0.0)
        return values * self.win_probability(values) - self._utility_gain(values) - at_entry

    def _utility_gain(self, values: Floats) -> Floats:
        """The integral of the probability of winning, from the entry value."""
        ends = self._panels
        panel = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, len(ends) - 2)
        return self._gain_before[panel] + integrals(self.win_probability, ends[panel], values)

    @cached_property
    def _gain_before(self) -> Floats:
        ends = self._panels
        pieces = integrals(self.win_probability, ends[:-1], ends[1:])
        return np.append(0.0, np.cumsum(pieces))

    @cached_property
    def _panels(self) -> Floats:
        """Values from the entry value up, close enough for Gauss quadrature between them."""
        return np.unique(np.append(self.entry_value, self._host.quantile(self._shares)))

    @cached_property
    def _shares(self) -> Floats:
        """Shares of the bidders below, from the entry value up, dense at both ends."""
        tails = 2.0 ** -np.arange(5, 51)
        shares = np.concatenate([np.linspace(0, 1, 33)[1:-1], tails, 1 - tails])
        _, high = self._host.support
        if np.isfinite(high):
            shares = np.append(shares, 1.0)
        entrants = float(1 - self._host.at_least(self.entry_value))
        return np.unique(np.append(shares[shares > entrants], entrants))

    def _mean_over_entrants(self, function: Callable[[Floats], Floats]) -> float:
        """Of a function of the value that is 0 for those who do not take part."""
        ends = self._shares
        return float(
            np.sum(integrals(lambda u: function(self._host.quantile(u)), ends[:-1], ends[1:]))
        )

    def _highest_losing_bid_revenue(self) -> float:
        """From the distribution of the order statistic that sets the price."""
        from scipy.special import betainc

        entry, number, units = self.entry_value, self.num_bidders, self.units
        entrant = float(self._host.at_least(entry))
        if units >= number:
            return number * entrant * (self.reserve + self.entry_fee)

        def more_than_units(probability: ArrayLike) -> Floats:
            return betainc(units + 1, number - units, probability)

        ends = self._panels
        if isinstance(self.distribution, Empirical):
            samples = np.asarray(self.distribution.samples, np.float64)
            ends = np.unique(np.append(entry, samples[samples > entry]))
        above_entry = np.sum(
            integrals(lambda x: more_than_units(self._host.survival(x)), ends[:-1], ends[1:])
        )
        price = entry * more_than_units(entrant) + above_entry
        # Of each entrant: that fewer than `units` of the others take part too.
        uncontested = betainc(number - units, units, 1 - entrant)
        at_reserve = number * entrant * uncontested * self.reserve
        return float(units * price + at_reserve + number * entrant * self.entry_fee)

    def _refuse_atoms(self) -> None:
        if getattr(self.distribution, "has_atoms", False):
            raise NotKnownError(
                f"{type(self.distribution).__name__} has atoms, so that bidders mix in the "
                f"equilibrium of {self.rule}"
            )
