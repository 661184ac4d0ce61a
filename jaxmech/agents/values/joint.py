"""Joint distributions of what the bidders of one auction know, value and are worth.

``sample(key, num_bidders)`` draws one auction.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.values.numerical import Beta
from jaxmech.agents.values.univariate import (
    LogNormal,
    Real,
    UnivariateDistribution,
)


@struct.dataclass
class SignalsAndValues:
    """What bidders see before they bid, and what the item turns out to be worth to them.

    Attributes:
      signals: float [bidders].
      values: float [bidders], in units of money.
    """

    signals: jax.Array
    values: jax.Array


@struct.dataclass
class ValuesAndQuality:
    """Bidders of a position auction.

    Attributes:
      values: float [bidders], of a click.
      quality: float [bidders], the bidder's factor of the click probability.
    """

    values: jax.Array
    quality: jax.Array


@struct.dataclass
class MineralRights:
    """A common value ``V ~ U[0, high]``; given V, iid signals ``X_i ~ U[0, 2 V]``.

    The mineral-rights model with a uniform prior, Krishna, Auction Theory, chapter 6 and
    its examples; equilibria in ``jaxmech.oracles.common_value_auctions``.

    Raises:
      ValueError: ``high`` not above 0 or not finite.
    """

    high: Real = 1.0

    def __post_init__(self) -> None:
        checks.leaf("high", self.high, above=0)

    def sample(self, key: jax.Array, num_bidders: int) -> SignalsAndValues:
        uniform = jax.random.uniform(key, (num_bidders + 1,))
        value = self.high * uniform[0]
        return SignalsAndValues(2 * value * uniform[1:], jnp.full(num_bidders, value))


@struct.dataclass
class AffiliatedSignals:
    """``X_i = S_i + T`` with all of ``S_i, T ~ U[0, 1]`` independent; worth the mean signal.

    The signals are affiliated through T. Krishna, Auction Theory, chapter 6, the example of
    two bidders and ``V = (X_1 + X_2) / 2``; equilibria in
    ``jaxmech.oracles.common_value_auctions``.

    Attributes:
      private: whether a bidder's value is its own signal instead (affiliated private values).
    """

    private: bool = struct.field(pytree_node=False, default=False)

    def sample(self, key: jax.Array, num_bidders: int) -> SignalsAndValues:
        uniform = jax.random.uniform(key, (num_bidders + 1,))
        signals = uniform[0] + uniform[1:]
        values = signals if self.private else jnp.full(num_bidders, jnp.mean(signals))
        return SignalsAndValues(signals, values)


@struct.dataclass
class CopulaValueQuality:
    """Values and qualities of any two distributions, joined by a Gaussian copula.

    By default the distribution that Lahaie and Pennock (2007) fitted to bids and click rates
    of a keyword: values LN(.35, .71), qualities Beta(2.71, 25.43), Spearman's rank
    correlation .4. Bidders are independent of each other.

    Attributes:
      spearman: float [], rank correlation of a bidder's value and quality, -1 to 1.
      values, quality: their distributions.

    Raises:
      ValueError: ``spearman`` outside [-1, 1].
    """

    spearman: Real = 0.4
    values: UnivariateDistribution = struct.field(default_factory=lambda: LogNormal(0.35, 0.71))
    quality: UnivariateDistribution = struct.field(default_factory=lambda: Beta(2.71, 25.43))

    def __post_init__(self) -> None:
        checks.leaf("spearman", self.spearman, low=-1, high=1)

    def sample(self, key: jax.Array, num_bidders: int) -> ValuesAndQuality:
        normal = jax.random.normal(key, (2, num_bidders))
        # The correlation of bivariate normals whose ranks correlate by `spearman`.
        correlation = 2 * jnp.sin(jnp.pi / 6 * jnp.asarray(self.spearman))
        rest = jnp.sqrt(jnp.maximum(1 - correlation**2, 0))
        of_quality = correlation * normal[0] + rest * normal[1]
        return ValuesAndQuality(
            _of_normal(self.values, normal[0]), _of_normal(self.quality, of_quality)
        )


def _of_normal(distribution: UnivariateDistribution, normal: jax.Array) -> jax.Array:
    if hasattr(distribution, "of_normal"):
        return distribution.of_normal(normal)
    return distribution.quantile(jax.scipy.special.ndtr(normal))
