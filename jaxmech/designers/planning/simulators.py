"""A keyword's days as plans see them: by a learned bidder model, or exactly."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.environments.reserve_pricing.day import auction_points, day_outcome
from jaxmech.environments.reserve_pricing.environment import ReservePricing, ReservePricingState
from jaxmech.mechanisms.position import Filtering
from jaxmech.networks.bidder_models.models import BidderModel


@struct.dataclass
class PredictedDays:
    """A keyword as a learned bidder model foresees it.

    Attributes:
      kept: what the model keeps of the days before.
      quality: float [bidders], each bidder's factor of the click probability.
    """

    kept: Any
    quality: jax.Array


@struct.dataclass
class LearnedSimulator:
    """Days as a bidder model predicts them; without randomness.

    A day's histogram is the predicted distribution of bids. Its revenue and what each bidder
    gets of it are means over ``num_auctions`` auctions, whose bids stand for that distribution
    by evenly spread quantiles, the same for all moves; bidders bid independently of each
    other, and clicks are expected ones.

    Attributes:
      model: the form of the bidder model.
      parameters: its parameters.
      bins: bins of bids; those of the logs that the model learnt from and of the environment.
      click_rates: float [slots], not rising.
      num_auctions: auctions that stand for a day.
      filtering, squash: of the auctions, as in the environment.

    Raises:
      ValueError: ``num_auctions`` below 1.
    """

    model: BidderModel = struct.field(pytree_node=False)
    parameters: Any
    bins: BidBins
    click_rates: jax.Array
    num_auctions: int = struct.field(pytree_node=False, default=32)
    filtering: Filtering = struct.field(pytree_node=False, default="eager")
    squash: float = struct.field(pytree_node=False, default=1.0)

    def __post_init__(self) -> None:
        checks.integer("num_auctions", self.num_auctions)

    def start(self, keyword: Any) -> PredictedDays:
        """The state after the days of ``keyword``, an environment's state or an observed one."""
        kept = self._apply("read", keyword.history, keyword.quality, self.bins)
        return PredictedDays(kept, keyword.quality)

    def step(
        self, state: PredictedDays, reserves: jax.Array, key: jax.Array
    ) -> tuple[PredictedDays, jax.Array]:
        """A day with ``reserves``, float [bidders]: the state after it, its mean revenue."""
        del key
        distribution = self.predict(state, reserves)
        bids = spread_bids(self.bins, distribution, self.num_auctions)
        outcome = day_outcome(
            bids,
            state.quality,
            self.click_rates,
            reserves,
            filtering=self.filtering,
            squash=self.squash,
        )
        day = BidHistory(distribution, reserves, outcome.kpis)
        return self.advance(state, day), outcome.revenue

    def predict(self, state: PredictedDays, reserves: jax.Array) -> jax.Array:
        """Distribution of the bids of a day with ``reserves``, float [bidders, bins]."""
        logits = self._apply("predict", state.kept, reserves, state.quality, self.bins)
        return jax.nn.softmax(logits, axis=-1)

    def advance(self, state: PredictedDays, day: BidHistory) -> PredictedDays:
        """The state after one more ``day``, a history's arrays without their first axis."""
        kept = self._apply("advance", state.kept, day, state.quality, self.bins)
        return PredictedDays(kept, state.quality)

    def _apply(self, method: str, *arguments: Any) -> Any:
        return self.model.apply(self.parameters, *arguments, method=method)


def spread_bids(bins: BidBins, distribution: jax.Array, num_auctions: int) -> jax.Array:
    """Bids that stand for a day's, float [auctions, bidders], of evenly spread quantiles.

    ``bins.quantile`` at ``auction_points``, in the form that is fast here: a plan needs it for
    each day, and looking up the bins of all bids took a third of the time of the bidder model.

    Args:
      bins: the bins.
      distribution: float [bidders, bins], weights of the bins, not all 0.
      num_auctions: how many.
    """
    num_bidders, num_bins = distribution.shape
    points = jnp.asarray(auction_points(num_auctions, num_bidders), distribution.dtype)
    places = points.T * jnp.sum(distribution, axis=-1, keepdims=True)
    log_edges = jnp.log(bins.edges[1:])
    widths = jnp.diff(log_edges)
    positive = distribution[:, 1:]
    slopes = widths[None] / jnp.where(positive > 0, positive, jnp.inf)
    # Unrolled over bins, so that XLA keeps all in registers and vectorises over auctions.
    no_bid = below = distribution[:, :1]
    log_bids = jnp.zeros_like(places)
    for bin_ in range(num_bins - 1):
        inside = jnp.minimum((places - below) * slopes[:, bin_, None], widths[bin_])
        log_bids = jnp.where(places >= below, log_edges[bin_] + inside, log_bids)
        below = below + positive[:, bin_, None]
    return jnp.where(places >= no_bid, jnp.exp(log_bids), 0).T


@struct.dataclass
class ExactSimulator:
    """The environment itself: what no designer has, for bounds and ablations.

    Its state is the environment's. The noise of a day is drawn from the plan's key, not from
    the one with which the environment will play the day.

    Attributes:
      env, params: the environment and its parameters.
    """

    env: ReservePricing = struct.field(pytree_node=False)
    params: Any

    def start(self, keyword: Any) -> Any:
        """``keyword``, the environment's state.

        Raises:
          ValueError: it is something else, as what is read off an observation.
        """
        if not isinstance(keyword, ReservePricingState):
            raise InvalidValueError(
                "keyword",
                keyword,
                (
                    "ExactSimulator needs the environment's state: play in "
                    "jaxmech.wrappers.state_observed(env), or call the planner's "
                    "reserves(state, key)"
                ),
                got=type(keyword).__name__,
                verb="",
            )
        return keyword

    def step(self, state: Any, reserves: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
        """A day with ``reserves``, float [bidders]: the state after it, its mean revenue."""
        _, state, revenue, _, _ = self.env.step_env(key, state, reserves, self.params)
        return state, revenue
