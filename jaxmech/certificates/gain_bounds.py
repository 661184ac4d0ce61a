"""What certificates share: drawing auctions, utilities, and gains with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents.values.joint import SignalsAndValues, ValuesAndQuality
from jaxmech.checks import InvalidValueError
from jaxmech.mechanisms import Outcome, PositionOutcome

Notion = Literal["ex_post", "interim"]
"""Of every profile of values, or of the mean over the others' values at the own one."""

Mechanism = Callable[..., Outcome]
"""From reports [bidders, ...] to the outcome of one auction; where the distribution draws
qualities, from reports and qualities [bidders]."""

Utility = Callable[[jax.Array, Outcome], jax.Array]
"""From true values [bidders, ...] and the outcome to utilities [bidders], in money."""


@dataclass(frozen=True)
class Budget:
    """How hard a better response was looked for.

    Attributes:
      profiles: value profiles that the gain was measured on.
      responses: alternative reports tried by each bidder.
      ascent_steps: steps of gradient ascent from the best of them; 0 for none.
      value_bins: bins of the own value, each with one response; 0 where a response may
        depend on all values, or is found for each value of a grid.
      response_range: lowest and highest response; None where responses are other draws.
    """

    profiles: int
    responses: int
    ascent_steps: int = 0
    value_bins: int = 0
    response_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class GainBound:
    """A lower bound of what bidders can gain by reporting otherwise.

    The search may have missed better responses, so a small number proves nothing: read it
    with its budget.

    Attributes:
      mean: expected gain found for the bidder who gains most, in units of the values.
      half_width: of its 95 % interval, which allows for the choice of that bidder.
      per_bidder: float [bidders], expected gain found for each bidder (or each group of
        equal bidders).
      per_bidder_half_width: float [bidders], of intervals that hold together; 0 for a quadrature.
      notion: "ex_post": the response may depend on all values; "interim": on the own value.
      budget: of the search.
      is_lower_bound: always true.
    """

    mean: float
    half_width: float
    per_bidder: NDArray[np.float64]
    per_bidder_half_width: NDArray[np.float64]
    notion: str
    budget: Budget
    is_lower_bound: bool = True

    @classmethod
    def of(
        cls,
        per_bidder: NDArray[np.float64],
        per_bidder_half_width: NDArray[np.float64],
        notion: str,
        budget: Budget,
    ) -> GainBound:
        """The bound whose headline is the bidder who gains most."""
        most = int(np.argmax(per_bidder))
        mean, half_width = float(per_bidder[most]), float(per_bidder_half_width[most])
        return cls(mean, half_width, per_bidder, per_bidder_half_width, notion, budget)

    def __str__(self) -> str:
        return f"at least {self.mean:.3g} +- {self.half_width:.2g} ({self.notion}; {self.budget})"


@struct.dataclass
class Draws:
    """Independent auctions.

    Attributes:
      truths: float [profiles, bidders, ...], what each bidder knows, and truthfully reports:
        its signal where it has one, else its value.
      values: float [profiles, bidders, ...], what utilities are measured with.
      quality: float [profiles, bidders], or None where the distribution draws none.
    """

    truths: jax.Array
    values: jax.Array
    quality: jax.Array | None = None


def outcome_of(mechanism: Mechanism, reports: jax.Array, quality: jax.Array | None) -> Outcome:
    """The outcome of one auction; the mechanism gets ``quality`` only where it is drawn."""
    return mechanism(reports) if quality is None else mechanism(reports, quality)


def quasilinear(values: jax.Array, outcome: Outcome) -> jax.Array:
    """What each bidder gets is worth to it, less its payment: float [bidders].

    Args:
      values: float [bidders] or [bidders, items]: additive where one gets several items.
      outcome: its allocation has the shape of ``values``.
    """
    if outcome.allocation.shape != values.shape:
        raise InvalidValueError(
            "utility",
            outcome.allocation,
            "equal shapes, quasilinear_in_clicks for position auctions, or a utility of your own",
            got=(
                f"an allocation of shape {outcome.allocation.shape} for values of shape "
                f"{values.shape}"
            ),
        )
    worth = values * outcome.allocation
    return jnp.sum(worth.reshape(worth.shape[0], -1), axis=-1) - outcome.payments


def quasilinear_in_clicks(values: jax.Array, outcome: Outcome) -> jax.Array:
    """What the expected clicks of a position auction are worth, less payments: float [bidders].

    Args:
      values: float [bidders], of a click.
      outcome: a ``PositionOutcome``.
    """
    if not isinstance(outcome, PositionOutcome) or outcome.clicks.shape != values.shape:
        raise InvalidValueError(
            "utility",
            outcome,
            "a PositionOutcome with clicks of that shape",
            got=f"{type(outcome).__name__} for values of shape {values.shape}",
            verb="allowed is",
        )
    return values * outcome.clicks - outcome.payments


def draw_auctions(
    distribution: Any, key: jax.Array, num_profiles: int, num_bidders: int | None
) -> Draws:
    """Independent auctions from any of the forms a distribution can have.

    Args:
      distribution: told apart by the parameters of its ``sample``,

        - ``sample(key, shape)``: of one value, each of ``num_bidders`` draws its own;
        - a sequence of those, one for each bidder;
        - ``sample(key, num_bidders)``: of one auction's ``SignalsAndValues``, whose signals
          the bidders report, or ``ValuesAndQuality``, whose quality the mechanism gets as
          its second argument;
        - ``sample(key)``: of one auction's values, float [bidders, ...].
      key: for the draws.
      num_profiles: how many auctions.
      num_bidders: how many bidders; may be None where the distribution says it.

    Raises:
      ValueError: the distribution has another form, or not as many bidders.
    """
    keys = jax.random.split(key, num_profiles)
    if isinstance(distribution, Sequence):
        if num_bidders not in (None, len(distribution)):
            raise InvalidValueError(
                "num_bidders",
                num_bidders,
                "one distribution for each bidder",
                got=f"{num_bidders} with {len(distribution)} distributions",
                verb="allowed is",
            )
        for own in distribution:
            if _form(own) != ["shape"]:
                raise _no_such_form(own)
        own_keys = jax.random.split(key, len(distribution))
        draws = [
            own.sample(own_key, (num_profiles,))
            for own, own_key in zip(distribution, own_keys, strict=True)
        ]
        values = jnp.stack(draws, axis=-1)
        return Draws(values, values)
    form = _form(distribution)
    if not form:
        values = jax.vmap(distribution.sample)(keys)
        if values.ndim < 2 or num_bidders not in (None, values.shape[1]):
            raise InvalidValueError(
                "num_bidders",
                num_bidders,
                "draws [bidders, ...] of as many",
                got=f"{num_bidders} with draws of shape {values.shape[1:]}",
            )
        return Draws(values, values)
    if form not in (["shape"], ["num_bidders"]):
        raise _no_such_form(distribution)
    if num_bidders is None:
        raise InvalidValueError(
            "num_bidders",
            None,
            "the number who draw from it",
            got="None with a distribution for any number of bidders",
            verb="allowed is",
        )
    if form == ["shape"]:
        values = distribution.sample(key, (num_profiles, num_bidders))
        return Draws(values, values)
    drawn = jax.vmap(lambda key: distribution.sample(key, num_bidders))(keys)
    if isinstance(drawn, SignalsAndValues):
        return Draws(drawn.signals, drawn.values)
    if isinstance(drawn, ValuesAndQuality):
        return Draws(drawn.values, drawn.values, drawn.quality)
    raise _no_such_form(distribution)


def _form(distribution: Any) -> list[str]:
    """The name of the parameter of ``sample`` after the key, if there is one."""
    if not callable(getattr(distribution, "sample", None)):
        raise _no_such_form(distribution)
    return list(signature(distribution.sample).parameters)[1:2]


def _no_such_form(distribution: Any) -> ValueError:
    return ValueError(
        f"distribution: got {distribution!r}; allowed are one with sample(key, shape) of one "
        "value, a sequence of those, or one with sample(key, num_bidders) of SignalsAndValues "
        "or ValuesAndQuality, or with sample(key) of all values"
    )


@partial(jax.jit, static_argnums=(0, 1, 5))
def response_gains(
    mechanism: Mechanism,
    utility: Utility,
    draws: Draws,
    bids: jax.Array,
    responses: jax.Array,
    num_bins: int,
) -> jax.Array:
    """What each bidder's best response by bins of its value gains, float [bidders, draws / 2].

    Args:
      mechanism: from bids [bidders] to the outcome.
      utility: of values and outcome.
      draws: truths [draws, bidders]; responses are chosen on the first half of the draws, and
        measured on the second.
      bids: float [draws, bidders], of the profile.
      responses: float [responses], bids to try.
      num_bins: bins of the own truth.
    """
    half = bids.shape[0] // 2
    bins = bins_of(draws.truths, draws.truths[:half], num_bins)

    def gains_of(bidder: jax.Array, draw: Draws, own_bids: jax.Array) -> jax.Array:
        def utility_of(bid: jax.Array) -> jax.Array:
            outcome = outcome_of(mechanism, own_bids.at[bidder].set(bid), draw.quality)
            return utility(draw.values, outcome)[bidder]

        # The profile's own bid is the first response, so that no gain is below 0 by choice.
        tried = jnp.concatenate([own_bids[bidder][None], responses])
        utilities = jax.vmap(utility_of)(tried)
        return utilities - utilities[0]

    def measured(bidder: jax.Array) -> jax.Array:
        gains = jax.vmap(partial(gains_of, bidder))(draws, bids)
        bin_of = bins[:, bidder]
        in_bins = jax.ops.segment_sum(gains[:half], bin_of[:half], num_bins)
        choice = jnp.argmax(in_bins, axis=-1)[bin_of[half:]]
        return jnp.take_along_axis(gains[half:], choice[:, None], axis=-1)[:, 0]

    return jax.lax.map(measured, jnp.arange(bids.shape[1]))


def bins_of(values: jax.Array, by: jax.Array, num_bins: int) -> jax.Array:
    """Which of ``num_bins`` equal shares of the draws ``by`` each value is in, int32.

    Args:
      values: float [draws, bidders].
      by: float [other draws, bidders], that set the shares of each bidder.
      num_bins: number of shares.
    """
    inner = jnp.quantile(by, jnp.arange(1, num_bins) / num_bins, axis=0)
    search = jax.vmap(jnp.searchsorted, in_axes=(1, 1), out_axes=1)
    return search(inner, values).astype(jnp.int32)


def check_bids(field: str, bids: jax.Array) -> None:
    """Refuse bids that are NaN, infinite or below 0.

    Args:
      field: what made the bids.
      bids: float [profiles, bidders, ...], concrete.

    Raises:
      ValueError: there is such a bid; names its bidder, counted from 0.
    """
    numbers = np.asarray(bids)
    # Written so that NaN counts as bad too.
    bad = np.argwhere(~((numbers >= 0) & (numbers < np.inf)))
    if len(bad):
        got = numbers[tuple(bad[0])]
        raise InvalidValueError(
            field, got, "finite numbers from 0", got=f"a bid of {got} by bidder {bad[0][1]}"
        )
