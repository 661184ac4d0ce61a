"""Environments by name, each the designer's decision process over a mechanism."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

from jaxmech.agents import SETTINGS, Setting
from jaxmech.agents import setting as named_setting
from jaxmech.agents.bidders.population import Kind, bidder_population
from jaxmech.agents.bidders.strategies import EquilibriumTable, PaymentRule
from jaxmech.agents.keywords.bid_history import BidBins
from jaxmech.agents.keywords.distribution import SampledKeywords, keyword_distribution
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.univariate import Uniform, UnivariateDistribution
from jaxmech.environments.repeated_auction.environment import RepeatedAuction, ValueDraws
from jaxmech.environments.repeated_auction.params import RepeatedAuctionParams, check_count
from jaxmech.environments.repeated_auction.params import params_of as auction_params_of
from jaxmech.environments.repeated_auction.state import RepeatedAuctionState, Round, RoundStatistic
from jaxmech.environments.reserve_pricing.environment import (
    HistoryStatistic,
    ReservePricing,
    ReservePricingState,
    RevenueMode,
)
from jaxmech.environments.reserve_pricing.params import ReservePricingParams
from jaxmech.environments.reserve_pricing.params import params_of as reserve_params_of
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.environments.sequential_price.environment import (
    SequentialPrice,
    SequentialPriceParams,
    SequentialPriceState,
    Statistic,
    params_of,
)
from jaxmech.mechanisms import Objective, max_min, revenue, welfare
from jaxmech.mechanisms.position import Filtering
from jaxmech.naming import lookup

OBJECTIVES: Mapping[str, Objective] = {
    "max_min": max_min,
    "revenue": revenue,
    "welfare": welfare,
}


def sequential_price(
    setting: str | Setting = "two_worlds",
    *,
    statistic: Statistic = "prices",
    objective: str | Objective = "welfare",
    subtract_offline_optimum: bool = False,
    buys_at_zero_utility: bool = False,
    price_high: float | None = None,
    **setting_options: Any,
) -> tuple[SequentialPrice, SequentialPriceParams]:
    """A sequential price mechanism in a setting, named or the user's own.

    Args:
      setting: a name from ``jaxmech.agents.SETTINGS``, with ``setting_options`` for it,
        or a ``Setting``.
      objective: a name from ``OBJECTIVES`` or a function of (allocation, payments,
        valuations).
      statistic, subtract_offline_optimum: see ``SequentialPrice``.
      buys_at_zero_utility, price_high: see ``SequentialPriceParams``.

    Raises:
      ValueError: an unknown name or option, or a value out of range.
    """
    allowed = _named_parameters(sequential_price)
    if isinstance(setting, str):
        allowed |= _named_parameters(lookup("setting", setting, SETTINGS))
    for option in setting_options:
        lookup(_option_of("sequential_price"), option, allowed)
    if isinstance(setting, str):
        setting = named_setting(setting, **setting_options)
    env = SequentialPrice(
        demand=setting.distribution.demand,
        num_agents=setting.distribution.num_agents,
        max_units=max(setting.units),
        statistic=statistic,
        objective=lookup("objective", objective, OBJECTIVES)
        if isinstance(objective, str)
        else objective,
        subtract_offline_optimum=subtract_offline_optimum,
    )
    params = params_of(setting, price_high=price_high, buys_at_zero_utility=buys_at_zero_utility)
    return env, params


def repeated_auction(
    bidders: Kind | Sequence[Kind] = "truthful",
    *,
    num_bidders: int | None = None,
    num_participants: int | None = None,
    num_slots: int | None = None,
    num_rounds: int = 20,
    distribution: UnivariateDistribution | CopulaValueQuality | None = None,
    value_draws: ValueDraws = "each_round",
    quality: Sequence[float] | None = None,
    click_rates: Sequence[float] | None = None,
    payment_rule: PaymentRule = "second_price",
    filtering: Filtering = "eager",
    personal_reserves: bool = False,
    random_ties: bool = False,
    statistic: RoundStatistic = "summary",
    objective: str | Objective = "revenue",
    bid_high: float | None = None,
    utility_scale: float | None = None,
    squash_high: float = 1.0,
    shading: float | Sequence[float] = 0.5,
    learning_rate: float | Sequence[float] = 0.1,
    exploration: float | Sequence[float] = 0.05,
    precision: float | Sequence[float] = 20.0,
    memory: float | Sequence[float] = 0.9,
    bid_grid: int | Sequence[float] = 21,
) -> tuple[RepeatedAuction, RepeatedAuctionParams]:
    """A position auction, of one slot by default, held every round.

    Args:
      bidders: the kind of each bidder, or of all alike.
      num_bidders: 2 unless given, or as many as there are ``bidders``.
      num_participants: bidders drawn to take part in a round; all unless given.
      num_slots: 1 unless given, or as many as there are ``click_rates``.
      value_draws, payment_rule, filtering, personal_reserves, random_ties,
        statistic: see ``RepeatedAuction``.
      num_rounds: of an episode.
      distribution: of the values; U[0, 1] unless given.
      quality, click_rates, bid_high, utility_scale, squash_high: see
        ``RepeatedAuctionParams`` and, for the defaults, its ``params_of``.
      objective: a name from ``OBJECTIVES`` or a function of (allocation, payments,
        valuations), of the participants of a round.
      shading, learning_rate, exploration, precision, memory, bid_grid: see
        ``bidder_population``.

    Raises:
      ValueError: a value out of range, or one that another rules out.
    """
    distribution = Uniform() if distribution is None else distribution
    if not isinstance(distribution, CopulaValueQuality) and not hasattr(distribution, "quantile"):
        raise ValueError(
            f"distribution: got {distribution!r}; allowed are a distribution of one value, with "
            "quantiles, and CopulaValueQuality"
        )
    if isinstance(bidders, str):
        count = 2 if num_bidders is None else num_bidders
        check_count("num_bidders", count, 1, None)
        bidders = (bidders,) * count
    elif num_bidders not in (None, len(bidders)):
        raise ValueError(f"num_bidders: got {num_bidders} with {len(bidders)} bidders")
    if num_slots is None:
        num_slots = 1 if click_rates is None else len(click_rates)
    participants = len(bidders) if num_participants is None else num_participants
    table = None
    if "equilibrium" in bidders:
        same_quality = quality is None or len(set(quality)) == 1
        if isinstance(distribution, CopulaValueQuality) or not same_quality:
            raise ValueError("bidders: got 'equilibrium' with unequal qualities; needed are equal")
        # The table would call them bidders.
        field = "num_bidders" if num_participants is None else "num_participants"
        if participants < 2:
            raise ValueError(
                f"{field}: got {participants}; allowed are integers of at least 2, with "
                "'equilibrium' bidders"
            )
        table = EquilibriumTable.of(distribution, participants)
    population = bidder_population(
        bidders,
        shading=shading,
        learning_rate=learning_rate,
        exploration=exploration,
        precision=precision,
        memory=memory,
        bid_grid=bid_grid,
        table=table,
    )
    env = RepeatedAuction(
        num_bidders=len(bidders),
        num_slots=num_slots,
        num_participants=participants,
        kinds=population.kinds,
        num_choices=population.num_choices,
        payment_rule=payment_rule,
        filtering=filtering,
        value_draws=value_draws,
        personal_reserves=personal_reserves,
        random_ties=random_ties,
        statistic=statistic,
        objective=lookup("objective", objective, OBJECTIVES)
        if isinstance(objective, str)
        else objective,
    )
    params = auction_params_of(
        distribution,
        population,
        num_slots=num_slots,
        quality=quality,
        click_rates=click_rates,
        bid_high=bid_high,
        utility_scale=utility_scale,
        squash_high=squash_high,
        num_rounds=num_rounds,
    )
    return env, params


def reserve_pricing(
    *,
    num_bidders: int = 3,
    num_slots: int | None = None,
    days: int = 240,
    num_bins: int | None = None,
    memory: int = 7,
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
      num_bidders, days, memory, auctions_per_day, revenue, statistic, filtering, squash: see
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
    allowed = _named_parameters(reserve_pricing) | _named_parameters(keyword_distribution)
    for option in keyword_options:
        lookup("option of environment 'reserve_pricing'", option, allowed)
    _check_keyword_options(**keyword_options)
    if bins is not None:
        if not isinstance(bins, BidBins):
            raise ValueError(
                f"bins: got {bins!r}; allowed are BidBins, such as load_bid_logs(...).bins"
            )
        for field, other in (("num_bins", num_bins), ("bid_low", bid_low), ("bid_high", bid_high)):
            if other is not None:
                raise ValueError(f"{field}: got {other!r} and bins; allowed is one of the two")
        num_bins = bins.num_bins
        bid_low, bid_high = float(bins.edges[1]), float(bins.edges[-1])
    env = ReservePricing(
        num_bidders=num_bidders,
        num_slots=min(num_bidders, 3) if num_slots is None else num_slots,
        days=days,
        num_bins=50 if num_bins is None else num_bins,
        memory=memory,
        auctions_per_day=auctions_per_day,
        revenue=revenue,
        statistic=statistic,
        filtering=filtering,
        squash=squash,
    )
    params = reserve_params_of(
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
    """ValueError for what is of another kind than needed, before it is looked into."""
    del other_options
    allowed = CopulaValueQuality | SampledKeywords
    if values_and_quality is not None and not isinstance(values_and_quality, allowed):
        raise ValueError(
            f"values_and_quality: got {values_and_quality!r}; allowed are "
            "CopulaValueQuality(values=..., quality=...) and your own bids, load_keywords(...)"
        )
    if kinds is not None and not isinstance(kinds, Mapping):
        raise ValueError(
            f"kinds: got {kinds!r}; allowed are weights by name, "
            '{"best_response": 1.0, "kpi_target": 1.0}'
        )


REGISTRY: Mapping[str, Callable[..., tuple[Any, Any]]] = {
    "repeated_auction": repeated_auction,
    "reserve_pricing": reserve_pricing,
    "sequential_price": sequential_price,
}


def make(name: str, **options: Any) -> tuple[Any, Any]:
    """The environment called ``name`` and its parameters, ``(env, params)``.

    Args:
      name: one of ``names()``.
      options: those of the function of that name, ``jaxmech.environments.repeated_auction``,
        ``jaxmech.environments.reserve_pricing`` or ``jaxmech.environments.sequential_price``,
        whose documentation has them all.

    Raises:
      ValueError: an unknown name, or options its function does not take.
    """
    function = lookup("environment", name, REGISTRY)
    if not _takes_any_option(function):
        for option in options:
            lookup(_option_of(name), option, _named_parameters(function))
    return function(**options)


def names() -> tuple[str, ...]:
    """All names ``make`` knows."""
    return tuple(sorted(REGISTRY))


def _option_of(name: str) -> str:
    return f"option of environment {name!r} (see help(jaxmech.environments.{name}))"


def _named_parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    return {
        name: parameter
        for name, parameter in signature(function).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    }


def _takes_any_option(function: Callable[..., Any]) -> bool:
    """Whether the function checks options itself, as it hands some of them on."""
    kinds = [parameter.kind for parameter in signature(function).parameters.values()]
    return Parameter.VAR_KEYWORD in kinds


__all__ = [
    "OBJECTIVES",
    "REGISTRY",
    "RelativeReserves",
    "RepeatedAuction",
    "RepeatedAuctionParams",
    "RepeatedAuctionState",
    "ReservePricing",
    "ReservePricingParams",
    "ReservePricingState",
    "Round",
    "SequentialPrice",
    "SequentialPriceParams",
    "SequentialPriceState",
    "make",
    "names",
    "params_of",
    "repeated_auction",
    "reserve_pricing",
    "sequential_price",
]
