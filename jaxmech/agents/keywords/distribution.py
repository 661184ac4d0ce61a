"""Random keywords: who bids on them, how they behave, and what they bid at first.

Values and qualities are jointly log-normal and Beta (Lahaie and Pennock 2007), or those of
the user's own bids.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import KPIS
from jaxmech.agents.keywords.daily_bidders import KINDS, DailyBidders
from jaxmech.agents.values.joint import CopulaValueQuality, ValuesAndQuality
from jaxmech.agents.values.numerical import Beta
from jaxmech.checks import InvalidValueError
from jaxmech.naming import lookup

DEFAULT_KINDS: Mapping[str, float] = dict.fromkeys(KINDS, 0.25)


@struct.dataclass
class SampledKeywords:
    """Keywords drawn from a list, each with all its bidders, so that what correlates stays so.

    Attributes:
      values: float [keywords, bidders], money per click.
      quality: float [keywords, bidders], from 0 to 1; where None, drawn independently of
        ``quality_distribution``.
    """

    values: jax.Array
    quality: jax.Array | None
    quality_distribution: Beta

    @property
    def num_keywords(self) -> int:
        return self.values.shape[0]

    @property
    def highest_value(self) -> float:
        return float(jnp.max(self.values))

    def only(self, places: ArrayLike) -> SampledKeywords:
        """The list of those keywords alone that are at ``places``, int [keywords left]."""
        places = jnp.asarray(places)
        quality = None if self.quality is None else self.quality[places]
        return SampledKeywords(self.values[places], quality, self.quality_distribution)

    @property
    def lowest_median(self) -> float:
        """The least of the keywords' medians of positive values."""
        return float(np.min(medians(np.asarray(self.values, np.float64))))

    def sample(self, key: jax.Array, num_bidders: int) -> ValuesAndQuality:
        """One keyword of the list, any alike.

        Raises:
          ValueError: ``num_bidders`` is not that of the list.
        """
        if num_bidders != self.values.shape[1]:
            raise InvalidValueError(
                "num_bidders",
                num_bidders,
                f"{self.values.shape[1]}, as many as bid on each keyword listed",
                verb="allowed is",
            )
        keyword_key, quality_key = jax.random.split(key)
        keyword = jax.random.randint(keyword_key, (), 0, self.values.shape[0])
        if self.quality is None:
            quality = self.quality_distribution.sample(quality_key, (num_bidders,))
        else:
            quality = self.quality[keyword]
        return ValuesAndQuality(self.values[keyword], quality)


def medians(bids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each keyword's positive bids, float64 [keywords]."""
    return np.array([np.median(row[row > 0]) for row in bids])


@struct.dataclass
class KeywordDistribution:
    """How keywords are drawn, each bidder of a kind of its own; see ``keyword_distribution``.

    Attributes:
      values_and_quality: of the bidders of a keyword.
      kind_probabilities: float [kinds], in the order of ``KINDS``.
      activity: float [kinds].
      precision: float [], of quantal responses.
      adjustment_rate: float [], change of a KPI bidder's log bid per share of the clicks of
        the first slot that it misses.
      target_range: float [2], of KPI bidders' targets, as such shares.
      shading_range: float [2], of all bidders' first bids, as shares of their values.
      scatter: float [].
    """

    values_and_quality: CopulaValueQuality | SampledKeywords
    kind_probabilities: jax.Array
    activity: jax.Array
    precision: jax.Array
    adjustment_rate: jax.Array
    target_range: jax.Array
    shading_range: jax.Array
    scatter: jax.Array

    @property
    def highest_value(self) -> float:
        """Of the list of keywords, or the value exceeded with probability .001."""
        if isinstance(self.values_and_quality, SampledKeywords):
            return self.values_and_quality.highest_value
        values = self.values_and_quality.values
        highest = float(values.support[1])
        return highest if np.isfinite(highest) else float(values.quantile(0.999))

    def sample(
        self, key: jax.Array, num_bidders: int, click_rate: jax.Array
    ) -> tuple[DailyBidders, jax.Array]:
        """A keyword's bidders and their first strategy bids, float [bidders].

        Args:
          click_rate: float [], of the first slot.
        """
        joint_key, key = jax.random.split(key)
        drawn = self.values_and_quality.sample(joint_key, num_bidders)
        dtype = drawn.values.dtype
        for_kind, for_target, for_bid = jax.random.uniform(key, (3, num_bidders), dtype)
        shares = jnp.cumsum(self.kind_probabilities)
        kind = jnp.sum(for_kind[:, None] * shares[-1] >= shares[None, :-1], axis=-1)
        is_kind = kind[:, None] == jnp.arange(len(KINDS))[None]
        best_clicks = drawn.quality * click_rate
        visible = best_clicks > 0
        target = best_clicks * _between(self.target_range, for_target)
        bidders = DailyBidders(
            values=drawn.values,
            quality=drawn.quality,
            activity=jnp.sum(jnp.where(is_kind, self.activity, 0), axis=-1),
            precision=jnp.where(
                is_kind[:, KINDS.index("quantal_response")], self.precision, jnp.inf
            ),
            aims_at_kpi=is_kind[:, KINDS.index("kpi_target")],
            kpi=jnp.full(num_bidders, KPIS.index("clicks"), jnp.int32),
            target=target,
            adjustment_rate=jnp.where(
                visible, self.adjustment_rate / jnp.where(visible, best_clicks, 1), 0
            ),
            scatter=jnp.full(num_bidders, self.scatter, dtype),
        )
        return bidders, drawn.values * _between(self.shading_range, for_bid)


def keyword_distribution(
    values_and_quality: CopulaValueQuality | SampledKeywords | None = None,
    *,
    kinds: Mapping[str, float] | None = None,
    inactive_activity: float = 0.02,
    response_activity: float = 0.3,
    precision: float = 20.0,
    adjustment_rate: float = 0.2,
    target_range: tuple[float, float] = (0.3, 0.9),
    shading_range: tuple[float, float] = (0.5, 1.0),
    scatter: float = 0.15,
) -> KeywordDistribution:
    """Keywords whose bidders are each of a kind drawn independently.

    Args:
      values_and_quality: values LN(.35, .71), qualities Beta(2.71, 25.43), Spearman's rank
        correlation .4, unless given.
      kinds: weights of ``KINDS``, 0 for those not named; all alike unless given.
      inactive_activity, response_activity: daily probability that an inactive bidder, or a
        quantal or best responder, reconsiders its bid; KPI bidders do so every day. At
        ``inactive_activity`` 0 inactive bidders never react.
      precision, adjustment_rate, target_range, shading_range, scatter: see
        ``KeywordDistribution``.

    Raises:
      ValueError: an unknown kind, or a number out of range.
    """
    weights = DEFAULT_KINDS if kinds is None else kinds
    if not isinstance(weights, Mapping):
        raise InvalidValueError(
            "kinds",
            weights,
            f"weights of kinds, such as {dict.fromkeys(KINDS, 1.0)}",
            verb="needed are",
        )
    for name, weight in weights.items():
        lookup("kind of bidder", name, DEFAULT_KINDS)
        checks.number(f"kinds[{name!r}]", weight, low=0)
    total = sum(weights.values())
    if not total > 0:
        raise InvalidValueError("kinds", dict(weights), "some weight must be above 0", verb="")
    checks.number("inactive_activity", inactive_activity, low=0, high=1)
    checks.number("response_activity", response_activity, low=0, high=1)
    checks.number("adjustment_rate", adjustment_rate, low=0)
    checks.number("scatter", scatter, low=0)
    checks.number("precision", precision, above=0, finite=False)
    for field, (low, high) in (("target_range", target_range), ("shading_range", shading_range)):
        if not 0 <= low <= high <= 1:
            raise InvalidValueError(field, (low, high), "0 <= low <= high <= 1")
    joint = CopulaValueQuality() if values_and_quality is None else values_and_quality
    activity = [inactive_activity, response_activity, response_activity, 1.0]
    numbers = [
        [weights.get(kind, 0) / total for kind in KINDS],
        activity,
        precision,
        adjustment_rate,
        target_range,
        shading_range,
        scatter,
    ]
    return KeywordDistribution(
        jax.tree.map(lambda leaf: jnp.asarray(leaf, float), joint),
        *(jnp.asarray(number, float) for number in numbers),
    )


def _between(bounds: jax.Array, share: jax.Array) -> jax.Array:
    return bounds[0] + (bounds[1] - bounds[0]) * share
