"""The environment of daily reserve prices by its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.agents.keywords.distribution import SampledKeywords, keyword_distribution
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.checks import InvalidValueError
from jaxmech.environments.registry import check_options
from jaxmech.environments.reserve_pricing.environment import (
    HistoryStatistic,
    ReservePricing,
    RevenueMode,
)
from jaxmech.environments.reserve_pricing.params import ReservePricingParams, params_of
from jaxmech.mechanisms.position import Filtering


def make(
    *,
    num_bidders: int = 3,
    num_slots: int | None = None,
    days: int = 240,
    num_bins: int | None = None,
    history_days: int = 7,
    auctions_per_day: int = 32,
    revenue: RevenueMode = "expected",
    statistic: HistoryStatistic = "history",
    filtering: Filtering = "eager",
    squash: float = 1.0,
    click_rates: Sequence[float] | None = None,
    deployed_reserves: float | Sequence[float] = 0.2,
    reserve_high: float | None = None,
    bid_low: float | None = None,
    bid_high: float | None = None,
    bins: BidBins | None = None,
    **keyword_options: Any,
) -> tuple[ReservePricing, ReservePricingParams]:
    """Daily reserve prices for the bidders on a keyword of sponsored search.

    Args:
      num_bidders, days, history_days, auctions_per_day, revenue, statistic, filtering, squash: see
        ``ReservePricing``.
      num_bins: bins of bids, 50 unless given.
      num_slots: 3, or ``num_bidders`` if fewer, unless given.
      click_rates, deployed_reserves, reserve_high, bid_low, bid_high: see ``params_of`` in
        ``jaxmech.environments.reserve_pricing.params``.
      bins: of bids, in place of ``num_bins``, ``bid_low`` and ``bid_high``; such as those of
        the user's logs, ``load_bid_logs(...).bins``, for plans on a model learned from these.
      keyword_options: arguments of ``jaxmech.agents.keywords.distribution``: the mix of
        ``kinds`` of bidders, their parameters, and as ``values_and_quality`` the user's own
        keywords, see ``load_keywords`` there.

    Raises:
      ValueError: an unknown option, or a value out of range.
    """
    check_options("reserve_pricing", keyword_options, make, keyword_distribution)
    _check_keyword_options(**keyword_options)
    if bins is not None:
        if not isinstance(bins, BidBins):
            raise InvalidValueError("bins", bins, "BidBins, such as load_bid_logs(...).bins")
        for field, other in (("num_bins", num_bins), ("bid_low", bid_low), ("bid_high", bid_high)):
            if other is not None:
                got = f"{other!r} and bins"
                raise InvalidValueError(field, other, "one of the two", got=got, verb="allowed is")
        num_bins = bins.num_bins
        bid_low, bid_high = float(bins.edges[1]), float(bins.edges[-1])
    env = ReservePricing(
        num_bidders=num_bidders,
        num_slots=min(num_bidders, 3) if num_slots is None else num_slots,
        days=days,
        num_bins=50 if num_bins is None else num_bins,
        history_days=history_days,
        auctions_per_day=auctions_per_day,
        revenue=revenue,
        statistic=statistic,
        filtering=filtering,
        squash=squash,
    )
    params = params_of(
        env,
        keyword_distribution(**keyword_options),
        click_rates=click_rates,
        deployed_reserves=deployed_reserves,
        reserve_high=reserve_high,
        bid_low=bid_low,
        bid_high=bid_high,
    )
    return env, params if bins is None else replace(params, bins=bins)


def _check_keyword_options(
    values_and_quality: Any = None, kinds: Any = None, **other_options: Any
) -> None:
    """InvalidValueError for what is of another kind than needed, before it is looked into."""
    del other_options
    allowed = CopulaValueQuality | SampledKeywords
    if values_and_quality is not None and not isinstance(values_and_quality, allowed):
        raise InvalidValueError(
            "values_and_quality",
            values_and_quality,
            "CopulaValueQuality(values=..., quality=...) and your own bids, load_keywords(...)",
        )
    if kinds is not None and not isinstance(kinds, Mapping):
        raise InvalidValueError(
            "kinds", kinds, 'weights by name, {"best_response": 1.0, "kpi_target": 1.0}'
        )
