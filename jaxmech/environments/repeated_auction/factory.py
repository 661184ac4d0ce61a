"""The environment of repeated auctions by its options."""

from __future__ import annotations

from collections.abc import Sequence

from jaxmech.agents.bidders.auction_rules import PaymentRule
from jaxmech.agents.bidders.population import BidderKind, bidder_population
from jaxmech.agents.bidders.strategies import EquilibriumTable
from jaxmech.agents.values.joint import CopulaValueQuality
from jaxmech.agents.values.univariate import Uniform, UnivariateDistribution
from jaxmech.checks import InvalidValueError
from jaxmech.environments.kinds import kind_of_each
from jaxmech.environments.repeated_auction.environment import RepeatedAuction, ValueDraws
from jaxmech.environments.repeated_auction.params import RepeatedAuctionParams, params_of
from jaxmech.environments.repeated_auction.state import RoundStatistic
from jaxmech.mechanisms.objectives import Objective, objective_of
from jaxmech.mechanisms.position import Filtering


def make(
    bidders: BidderKind | Sequence[BidderKind] = "truthful",
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
    past_weight: float | Sequence[float] = 0.9,
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
      objective: a name from ``jaxmech.mechanisms.OBJECTIVES`` or a function of (allocation,
        payments, valuations), of the participants of a round.
      shading, learning_rate, exploration, precision, past_weight, bid_grid: see
        ``bidder_population``.

    Raises:
      ValueError: a value out of range, or one that another rules out.
    """
    distribution = Uniform() if distribution is None else distribution
    if not isinstance(distribution, CopulaValueQuality) and not hasattr(distribution, "quantile"):
        raise InvalidValueError(
            "distribution",
            distribution,
            "a distribution of one value, with quantiles, and CopulaValueQuality",
        )
    bidders = kind_of_each("bidders", bidders, num_bidders, default=2)
    if num_slots is None:
        num_slots = 1 if click_rates is None else len(click_rates)
    participants = len(bidders) if num_participants is None else num_participants
    table = None
    if "equilibrium" in bidders:
        same_quality = quality is None or len(set(quality)) == 1
        if isinstance(distribution, CopulaValueQuality) or not same_quality:
            raise InvalidValueError(
                "bidders",
                bidders,
                "equal",
                got="'equilibrium' with unequal qualities",
                verb="needed are",
            )
        # The table would call them bidders.
        field = "num_bidders" if num_participants is None else "num_participants"
        if participants < 2:
            raise InvalidValueError(
                field, participants, "integers of at least 2, with 'equilibrium' bidders"
            )
        table = EquilibriumTable.of(distribution, participants)
    population = bidder_population(
        bidders,
        shading=shading,
        learning_rate=learning_rate,
        exploration=exploration,
        precision=precision,
        past_weight=past_weight,
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
        objective=objective_of(objective),
    )
    params = params_of(
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
