"""What buyers do who are shown a seller: they buy less at a higher price, more from a known one."""

from __future__ import annotations

from typing import Any, Protocol

import jax

from jaxmech import checks, struct

Real = jax.Array | float


class Willingness(Protocol):
    """How much a buyer is willing to pay; the distributions of ``jaxmech.agents`` are such."""

    def survival(self, value: Real) -> jax.Array:
        """The probability of more than ``value``, elementwise."""
        ...


@struct.dataclass
class Logistic:
    """Logit demand: of those shown a price the share ``sigmoid((location - price) / scale)`` buys.

    Attributes:
      location: float [] or [sellers], the price at which half of them buy.
      scale: float [] or [sellers], above 0; the smaller, the more a price decides.

    Raises:
      ValueError: a ``location`` that is not finite, or a ``scale`` that is not above 0 or not
        finite; of numbers, as arrays are not looked into.
    """

    location: Any = 0.5
    scale: Any = 0.1

    def __post_init__(self) -> None:
        checks.leaf("location", self.location)
        checks.leaf("scale", self.scale, above=0)

    def cdf(self, value: Real) -> jax.Array:
        return jax.nn.sigmoid((value - self.location) / self.scale)

    def survival(self, value: Real) -> jax.Array:
        return jax.nn.sigmoid((self.location - value) / self.scale)


@struct.dataclass
class Buyers:
    """How likely a buyer is to buy from the seller shown.

    A seller of N sales in its records is trusted as ``H = N / (N + half_sales)``, and its price p
    is as good as ``p / (1 + reputation H)`` of a seller without sales (Tang 2017, section 3.2,
    has a probability that depends on the seller's record and does not publish it; the premium of
    an established identity is .081 in Resnick et al. 2006). What a seller offers may in addition
    be worth more or less than what others do, which nobody but the buyers knows: its appeal is
    uniform between 1 minus and 1 plus ``appeal_spread``, and divides its price too.

    Attributes:
      willingness: of a buyer to pay; its numbers are float [], or [sellers] where every seller
        has a demand of its own.
      reputation: float [], from 0, by how much of a price the most trusted may charge more.
      half_sales: float [], above 0, sales of the record that make half of the reputation.
      appeal_spread: float [], from 0 and below 1.

    Raises:
      ValueError: a number out of its range, or not finite; arrays are not looked into.
    """

    willingness: Willingness
    reputation: Any
    half_sales: Any
    appeal_spread: Any = 0.0

    def __post_init__(self) -> None:
        checks.leaf("reputation", self.reputation, low=0)
        checks.leaf("half_sales", self.half_sales, above=0)
        checks.leaf("appeal_spread", self.appeal_spread, low=0, below=1)

    def purchase_probability(
        self, prices: jax.Array, sales: jax.Array, appeal_quantile: jax.Array
    ) -> jax.Array:
        """That a buyer shown to the seller buys, float [sellers].

        Args:
          prices: float [sellers].
          sales: float [sellers], those of the record together.
          appeal_quantile: float [sellers], from 0 to 1, of the appeal of what the sellers offer
            among all that it might have been.
        """
        trusted = sales / (sales + self.half_sales)
        appeal = 1 + self.appeal_spread * (2 * appeal_quantile - 1)
        return self.willingness.survival(prices / ((1 + self.reputation * trusted) * appeal))
