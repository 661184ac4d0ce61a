"""How well the planner foresees revenue: bidder models against runs of the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.designers.planning.planners import local_moves
from jaxmech.designers.planning.plans import Simulator
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.planned import simulator_of
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, mean_of
from jaxmech.networks.bidder_models.models import BidderModelName

HORIZONS = (1, 5, 10)
"""Days ahead at which foresight is compared with the truth."""

_TRUE_RUNS = 16
"""Runs of the simulator whose mean stands for the expected revenue."""

_DAYS_BEFORE = 14
"""Days of random moves before the first day foreseen."""


@dataclass(frozen=True)
class ForesightError:
    """Of a bidder model, so many days ahead, in percent of the mean expected revenue.

    Attributes:
      model: its name.
      days_ahead: how far the revenue is foreseen.
      absolute_percent: mean absolute error over keywords.
      bias_percent: mean error over keywords.
    """

    model: str
    days_ahead: int
    absolute_percent: Mean
    bias_percent: Mean


def foresight_errors(foreseen: Mapping[str, NDArray[np.float64]]) -> tuple[ForesightError, ...]:
    """Of each model at each of ``HORIZONS``, of what ``foresight`` gives."""
    errors = []
    for name in foreseen:
        for ahead in HORIZONS if name != "true" else ():
            truth = foreseen["true"][:, ahead - 1]
            percent = 100 * (foreseen[name][:, ahead - 1] - truth) / np.mean(truth)
            errors.append(ForesightError(name, ahead, mean_of(np.abs(percent)), mean_of(percent)))
    return tuple(errors)


def foresight(
    workspace: Workspace,
    env: ReservePricing,
    params: ReservePricingParams,
    models: Mapping[BidderModelName, Any],
    keywords: Keywords,
    start: jax.Array,
    auctions: int,
) -> dict[str, NDArray[np.float64]]:
    """Revenue foreseen for random moves, and "true", each float64 [keywords, longest horizon].

    Every keyword first has some days of random moves from reserves ``start``, float
    [keywords, bidders]. Foreseen: revenue of each of the days after, all from what is known
    before the first of them. True: its mean over runs of the simulator.

    Args:
      workspace: keeps what is found.
      env, params: the environment and its parameters.
      models: parameters of the bidder models, by name.
      keywords, start: see above.
      auctions: that stand for a day on a model.
    """
    # Episodes of the study may be shorter.
    env = replace(env, days=_DAYS_BEFORE + max(HORIZONS))
    found = workspace.kept(
        "foresight", revenues_foreseen, env, auctions, params, dict(models), keywords, start
    )
    # A program returns names in alphabetical order.
    return {name: np.asarray(found[name], np.float64) for name in ("true", *models)}


def revenues_foreseen(
    env: ReservePricing,
    auctions: int,
    params: ReservePricingParams,
    models: Mapping[BidderModelName, Any],
    keywords: Keywords,
    start: jax.Array,
) -> dict[str, jax.Array]:
    """What ``foresight`` keeps; pure."""
    states, reserves, keys = jax.vmap(partial(_after_random_moves, env, params))(keywords, start)
    found = {"true": jax.vmap(partial(_true_revenue, env, params))(states, reserves, keys)}
    for name, parameters in models.items():
        simulator = simulator_of(name, parameters, env, params, auctions)
        found[name] = jax.vmap(partial(_foreseen_revenue, simulator))(states, reserves)
    return found


def _after_random_moves(
    env: ReservePricing, params: ReservePricingParams, keyword: Keywords, start: jax.Array
) -> tuple[Any, jax.Array, jax.Array]:
    """A keyword's state after the days before, the reserves of the days after, and a key."""
    moves = local_moves(env, params)
    key = jax.random.fold_in(keyword.day_keys[0], 2)
    steps_key, moves_key, runs_key = jax.random.split(key, 3)
    numbers = jax.random.randint(moves_key, (env.days,), 0, moves.num_moves)

    def move(reserves: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        reserves = moves.apply(reserves, number)
        return reserves, reserves

    _, reserves = jax.lax.scan(move, start, numbers)

    def day(state: Any, day: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
        return env.step_env(day[0], state, day[1], params)[1], None

    days = (jax.random.split(steps_key, _DAYS_BEFORE), reserves[:_DAYS_BEFORE])
    state, _ = jax.lax.scan(day, keyword.states, days)
    return state, reserves[_DAYS_BEFORE:], runs_key


def _true_revenue(
    env: ReservePricing,
    params: ReservePricingParams,
    state: Any,
    reserves: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """Mean revenue of each day over runs of the simulator, float [days]."""

    def run(key: jax.Array) -> jax.Array:
        def day(state: Any, day: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
            _, state, revenue, _, _ = env.step_env(day[0], state, day[1], params)
            return state, revenue

        days = (jax.random.split(key, len(reserves)), reserves)
        return jax.lax.scan(day, state, days)[1]

    return jnp.mean(jax.vmap(run)(jax.random.split(key, _TRUE_RUNS)), axis=0)


def _foreseen_revenue(simulator: Simulator, state: Any, reserves: jax.Array) -> jax.Array:
    """Revenue of each day on a bidder model, float [days]."""

    def day(simulated: Any, reserves: jax.Array) -> tuple[Any, jax.Array]:
        return simulator.step(simulated, reserves, jax.random.key(0))

    return jax.lax.scan(day, simulator.start(state), reserves)[1]
