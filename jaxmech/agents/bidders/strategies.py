"""How a bidder turns its value into a bid.

Each strategy is a pure function of one value, its parameters and, where it is random, a
key. Equilibrium bids are those of symmetric bidders with independent values who know how
many take part, and the reserve (Krishna 2010, chapters 2 and 3).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks, struct
from jaxmech.agents.bidders.no_regret import ScoredChoices, draw_choice
from jaxmech.agents.values.host import Floats, HostDistribution, integrals
from jaxmech.agents.values.univariate import UnivariateDistribution
from jaxmech.checks import InvalidValueError


def truthful(value: jax.Array) -> jax.Array:
    """The value itself: dominant with one item at the second price."""
    return value


def linear_shading(value: jax.Array, fraction: Any) -> jax.Array:
    """A fraction of the value.

    With ``fraction = (n - 1) / n`` the first-price equilibrium of n bidders with values
    U[0, high].
    """
    return fraction * value


@struct.dataclass
class EquilibriumTable:
    """Equilibrium bids for any distribution, tabulated once, interpolated linearly.

    With n bidders of distribution F, ``W = F ** (n - 1)`` is the probability that a bidder
    wins, and ``G(v)`` the integral of W up to v, its expected utility. Values above the
    table bid as the highest in it.

    Attributes:
      values: float [points], ascending: quantiles, at even steps of the standard normal.
      win_probability: float [points], W.
      utility: float [points], G.
      first_price_bids: float [points], ``v - G / W``, the bids without a reserve.
    """

    values: jax.Array
    win_probability: jax.Array
    utility: jax.Array
    first_price_bids: jax.Array

    @classmethod
    def of(
        cls, distribution: UnivariateDistribution, num_bidders: int, *, points: int = 1025
    ) -> EquilibriumTable:
        """The table for ``num_bidders`` bidders whose values are iid of ``distribution``.

        It ends where the distribution does, or at the value exceeded with probability 1e-9.

        Raises:
          ValueError: fewer than 2 bidders or points, or a value of positive probability
            (found from 1e-6), at which equilibrium bids would be random.
        """
        for field, count in (("num_bidders", num_bidders), ("points", points)):
            checks.integer(field, count, low=2)
        exact = HostDistribution(distribution)
        values = _values_of_table(exact, points)
        atoms = exact.at_least(values) - exact.survival(values) > 1e-6
        if np.any(atoms):
            raise InvalidValueError(
                "distribution",
                values[atoms][0],
                "continuous distributions",
                got=f"the value {values[atoms][0]:g} with positive probability",
            )
        cdf = exact.cdf(values)
        ends = np.where(cdf > 0, cdf, 1)[1:]
        # Relative to W at the upper end: W itself underflows where many bidders bid more.
        pieces = integrals(
            lambda inside: (exact.cdf(inside) / ends[:, None]) ** (num_bidders - 1),
            values[:-1],
            values[1:],
        )
        shading = np.zeros(points)
        for cell, kept in enumerate((cdf[:-1] / ends) ** (num_bidders - 1)):
            shading[cell + 1] = shading[cell] * kept + pieces[cell]
        win_probability = cdf ** (num_bidders - 1)
        columns = (values, win_probability, shading * win_probability, values - shading)
        return cls(*(jnp.asarray(column, float) for column in columns))

    def first_price(self, value: jax.Array, reserve: Any = 0.0) -> jax.Array:
        """The bid in a first-price auction with a known reserve, float like ``value``.

        ``b(v) = v - (G(v) - G(reserve)) / W(v)``. A value below the reserve bids 0.
        """
        bid, win_probability = self._at(value, self.first_price_bids, self.win_probability)
        (utility_at_reserve,) = self._at(reserve, self.utility)
        premium = utility_at_reserve / jnp.where(win_probability > 0, win_probability, 1)
        bid = jnp.clip(bid + premium, reserve, jnp.maximum(value, reserve))
        return jnp.where(value >= reserve, bid, 0)

    def _at(self, value: Any, *columns: jax.Array) -> list[jax.Array]:
        """Each column at ``value``, float like ``value``."""
        value = jnp.clip(value, self.values[0], self.values[-1])
        cell = jnp.searchsorted(self.values, value, side="right") - 1
        cell = jnp.clip(cell, 0, len(self.values) - 2)
        step = self.values[cell + 1] - self.values[cell]
        # Quantiles closer than the precision are equal.
        weight = (value - self.values[cell]) / jnp.where(step > 0, step, 1)
        return [column[cell] + weight * (column[cell + 1] - column[cell]) for column in columns]


def draw_logit(key: jax.Array, bids: jax.Array, utilities: jax.Array, precision: Any) -> jax.Array:
    """A quantal response: a bid drawn with weight ``exp(precision * utility)``, float [].

    McKelvey and Palfrey (1995). At precision 0 uniform; the higher, the closer to a best
    response. ``LogitResponse`` is the same for a learner, and ``responses.logit.logit_response``
    has the probabilities, by the temperature, one over the precision.

    Args:
      bids, utilities: float [choices].
      precision: scalar, per unit of utility.

    Raises:
      ValueError: ``precision`` negative or not finite.
    """
    checks.leaf("precision", precision, low=0)
    choice = draw_choice(jax.nn.softmax(precision * utilities), jax.random.uniform(key))
    return bids[choice]


@struct.dataclass
class LogitResponse(ScoredChoices):
    """A learner, see ``no_regret``, that responds by logit to utilities it remembers.

    Its scores are averages of past utilities with weights that fall by ``past_weight`` a round:
    at past_weight 0 it responds to the last round alone.

    Attributes:
      precision: float [], at least 0 and finite.
      past_weight: float [], 0 to 1.

    Raises:
      ValueError: a number out of range.
    """

    precision: Any
    past_weight: Any = 0.0

    def __post_init__(self) -> None:
        checks.leaf("precision", self.precision, low=0)
        checks.leaf("past_weight", self.past_weight, low=0, high=1)

    def probabilities(self, scores: jax.Array) -> jax.Array:
        """Of each choice, float [choices]."""
        return jax.nn.softmax(self.precision * scores)

    def update(self, scores: jax.Array, choice: jax.Array, utilities: jax.Array) -> jax.Array:
        """The next scores, float [choices]."""
        del choice
        return self.past_weight * scores + (1 - self.past_weight) * utilities


def _values_of_table(exact: HostDistribution, points: int) -> Floats:
    """Ascending float [points], over all of the support but what is almost never seen."""
    from scipy.special import ndtr

    values = exact.quantile(ndtr(np.linspace(-6, 6, points)))
    low, high = exact.support
    last = high if np.isfinite(high) else values[-1]
    return np.maximum.accumulate(np.concatenate([[low], values[1:-1], [last]]))
