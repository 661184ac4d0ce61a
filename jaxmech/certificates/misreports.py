"""How much a bidder can gain by not reporting its true values."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.certificates.gain_bounds import (
    Budget,
    Draws,
    GainBound,
    Mechanism,
    Notion,
    Utility,
    draw_auctions,
    outcome_of,
    quasilinear,
    response_gains,
)
from jaxmech.checks import InvalidValueError
from jaxmech.intervals import simultaneous_intervals

SHRINKAGE = 0.8
"""Of the ascent's step, from one to the next."""

SIMULTANEOUS_PROFILES = 1024


def incentive_regret(
    mechanism: Mechanism,
    distribution: Any,
    key: jax.Array,
    *,
    num_bidders: int | None = None,
    notion: Notion = "ex_post",
    utility: Utility = quasilinear,
    search_mechanism: Mechanism | None = None,
    num_profiles: int = 4096,
    num_reports: int = 64,
    ascent_steps: int = 20,
    num_bins: int = 64,
    highest_report: float | None = None,
) -> GainBound:
    """Largest expected gain found from misreporting, while all others report the truth.

    With the notion "ex_post" each bidder knows all values (Duetting et al. 2019, section
    2.2): its report is the best of a grid, improved by gradient ascent, for each profile. The
    gain is always measured with ``mechanism`` itself. With "interim" it knows its own value
    and responds as in ``exploitability``, on a grid without ascent. A truthful mechanism has
    regret 0 by both notions; one that is only Bayesian incentive compatible by the second.
    Where the distribution has signals, the signal takes the place of the value in reports.

    Args:
      mechanism: from reports [bidders] or [bidders, items] to the outcome; see
        ``gain_bounds.Mechanism``.
      distribution: of values: see ``gain_bounds.draw_auctions``.
      key: for all draws.
      num_bidders: how many bidders, unless the distribution says it.
      notion: "ex_post" or "interim".
      utility: of true values and outcome.
      search_mechanism: whose gradient the ascent follows, such as a soft version; by default
        ``mechanism``, whose gradient does not see that another report may win.
      num_profiles: value profiles that gains are measured on.
      num_reports: reports tried: evenly spaced from 0 to ``highest_report`` for one value,
        other draws of the bidder's values for several.
      ascent_steps: steps from the best report tried, the first as wide as the grid.
      num_bins: bins of the own value, for "interim".
      highest_report: by default the highest value, or signal, drawn.

    Raises:
      ValueError: an unknown notion, "interim" with several values for each bidder, or numbers
        too small to estimate from.
    """
    checks.one_of("notion", notion, get_args(Notion))
    checks.integer("num_profiles", num_profiles, low=2)
    checks.integer("num_reports", num_reports, low=2)
    checks.integer("num_bins", num_bins)
    checks.integer("ascent_steps", ascent_steps, low=0)
    values_key, reports_key = jax.random.split(key)
    draws = num_profiles if notion == "ex_post" else 2 * num_profiles
    auctions = draw_auctions(distribution, values_key, draws, num_bidders)
    truths = auctions.truths
    top = float(jnp.max(truths)) if highest_report is None else highest_report
    if notion == "interim":
        if truths.ndim != 2:
            raise InvalidValueError(
                "notion",
                notion,
                "'ex_post', as responses by bins need one value for each bidder",
                got=f"'interim' for values of shape {truths.shape[1:]}",
                verb="allowed is",
            )
        reports = jnp.linspace(0.0, top, num_reports)
        gains = response_gains(mechanism, utility, auctions, truths, reports, num_bins)
        budget = Budget(num_profiles, num_reports, value_bins=num_bins, response_range=(0.0, top))
    else:
        response_range = None
        if truths.ndim == 2:
            even = jnp.linspace(0.0, top, num_reports)
            tried = jnp.broadcast_to(even[:, None], (num_reports, truths.shape[1]))
            response_range = (0.0, top)
        else:
            tried = draw_auctions(distribution, reports_key, num_reports, num_bidders).truths
        search = mechanism if search_mechanism is None else search_mechanism
        gains = _ex_post_gains(mechanism, search, utility, ascent_steps, auctions, tried, top)
        budget = Budget(num_profiles, num_reports, ascent_steps, response_range=response_range)
    per_bidder = np.asarray(gains, np.float64)
    return GainBound.of(
        per_bidder.mean(axis=-1), simultaneous_intervals(per_bidder), notion, budget
    )


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _ex_post_gains(
    mechanism: Mechanism,
    search_mechanism: Mechanism,
    utility: Utility,
    ascent_steps: int,
    auctions: Draws,
    tried: jax.Array,
    highest: float,
) -> jax.Array:
    """Gains float [bidders, profiles], from reports ``tried: float [reports, bidders, ...]``."""
    first_step = highest / tried.shape[0]

    def gain(bidder: jax.Array, draw: Draws) -> jax.Array:
        def utility_in(rule: Mechanism, report: jax.Array) -> jax.Array:
            outcome = outcome_of(rule, draw.truths.at[bidder].set(report), draw.quality)
            return utility(draw.values, outcome)[bidder]

        truthful = utility_in(mechanism, draw.truths[bidder])
        reports = jnp.concatenate([draw.truths[bidder][None], tried[:, bidder]])
        found = jax.vmap(partial(utility_in, mechanism))(reports)
        best = jnp.argmax(found)

        def ascend(
            step: jax.Array, state: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            report, highest_found = state
            slope = jax.grad(partial(utility_in, search_mechanism))(report)
            length = jnp.sqrt(jnp.sum(slope**2))
            direction = jnp.where(length > 0, slope / jnp.where(length > 0, length, 1), 0)
            moved = report + first_step * SHRINKAGE**step * direction
            moved = jnp.clip(moved, 0, highest).astype(report.dtype)
            return moved, jnp.maximum(highest_found, utility_in(mechanism, moved))

        if not ascent_steps:
            return found[best] - truthful
        start = (reports[best], found[best])
        _, reached = jax.lax.fori_loop(0, ascent_steps, ascend, start)
        return reached - truthful

    def gains(draw: Draws) -> jax.Array:
        return jax.vmap(gain, in_axes=(0, None))(jnp.arange(draw.truths.shape[0]), draw)

    return jax.lax.map(gains, auctions, batch_size=SIMULTANEOUS_PROFILES).T
