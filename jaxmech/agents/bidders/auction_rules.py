"""Sealed-bid auctions whose highest bidders win: one record for each rule.

What is known of a rule is found from its record: how it clears an auction, how one bidder sees
it (``interim_rules``) and, as equilibria follow from who pays what, its closed forms
(``jaxmech.oracles.SymmetricAuction``). Nothing here imports JAX before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from jaxmech.agents.bidders.interim_rules import InterimRule
    from jaxmech.mechanisms import Outcome

PaymentRule = Literal["first_price", "second_price"]
"""A winner pays its own bid, or the lowest at which it would still win."""

SingleItemRule = Literal["first_price", "second_price", "all_pay"]

SaleRule = Literal[
    "first_price", "second_price", "all_pay", "discriminatory_price", "uniform_price"
]

Pays = Literal["own bid", "highest losing bid", "own bid, win or lose"]


@dataclass(frozen=True)
class AuctionRule:
    """A rule under which the highest bidders win a unit each.

    Attributes:
      name: of its function in ``jaxmech.mechanisms``.
      pays: what a bidder pays who takes part; losers pay nothing, but for the last.
      sells_units: whether it sells any number of units; else one.
    """

    name: SaleRule
    pays: Pays
    sells_units: bool = False

    @property
    def interim(self) -> InterimRule:
        """How a bidder sees the rule, for one unit: from bids and chances to what they bring."""
        from jaxmech.agents.bidders import interim_rules

        by_payment: dict[Pays, InterimRule] = {
            "own bid": interim_rules.first_price,
            "highest losing bid": interim_rules.second_price,
            "own bid, win or lose": interim_rules.all_pay,
        }
        return by_payment[self.pays]

    def clear(self, bids: Any, units: int = 1, **options: Any) -> Outcome:
        """The outcome of one auction.

        Args:
          bids: float [bidders].
          units: how many there are; 1 unless the rule sells units.
          options: those of the rule's function, such as ``reserve``.
        """
        from jaxmech import mechanisms

        rule: Callable[..., Outcome] = getattr(mechanisms, self.name)
        return rule(bids, units, **options) if self.sells_units else rule(bids, **options)


AUCTION_RULES: Mapping[str, AuctionRule] = {
    rule.name: rule
    for rule in (
        AuctionRule("first_price", "own bid"),
        AuctionRule("second_price", "highest losing bid"),
        AuctionRule("all_pay", "own bid, win or lose"),
        AuctionRule("discriminatory_price", "own bid", sells_units=True),
        AuctionRule("uniform_price", "highest losing bid", sells_units=True),
    )
}
