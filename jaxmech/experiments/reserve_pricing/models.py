"""The learned bidder models of the study: training, held-out error, and error of foresight.

Where the reference setting has a model read the last 7 days and learn at the rate 1e-3, the
LSTM that is planned on reads 28, and all but persistence learn at 3e-3. The others read 7 and
28; what 7 days are worth to the LSTM is told beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.data.bid_logs import BidLogs, split_logs
from jaxmech.designers.bidder_models.simulated_logs import simulate_bid_logs
from jaxmech.designers.bidder_models.training import (
    BidderModelTraining,
    held_out_cross_entropy,
    histogram_cross_entropy,
    train_bidder_model,
)
from jaxmech.designers.planning.planners import local_moves
from jaxmech.designers.planning.plans import Simulator
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.keywords import Clock, Given, Keywords
from jaxmech.experiments.reserve_pricing.schemes import simulator_of
from jaxmech.experiments.reserve_pricing.settings import (
    DAYS_IN_A_ROW,
    MEMORY,
    WINDOW,
    ModelTraining,
)
from jaxmech.networks.bidder_models.models import BidderModelName, bidder_model

HORIZONS = (1, 5, 10)
"""Days ahead at which foresight is compared with the truth."""

_TRUE_RUNS = 16
"""Runs of the simulator whose mean stands for the expected revenue."""

_DAYS_BEFORE = 14
"""Days of random moves before the first day foreseen."""

_PERSISTENCE_LEARNING_RATE = 0.03
"""It has a number for each day to learn, and one for all bins."""


@dataclass(frozen=True)
class TrainedModels:
    """The bidder models.

    Attributes:
      parameters: of each by name; of those that read a window, with ``WINDOW`` days.
      cross_entropy: float [keywords] of each, nats per bid on later days of unseen keywords;
        of those that read a window also with ``MEMORY`` days, and of the LSTM, the same one,
        also where it reads only ``WINDOW``, see ``reading``.
      entropy: float [keywords], of the histograms themselves: no model's can be below.
    """

    parameters: dict[str, Any]
    cross_entropy: dict[str, NDArray[np.float64]]
    entropy: NDArray[np.float64]


def train_models(
    training: ModelTraining,
    env: ReservePricing,
    params: ReservePricingParams,
    key: jax.Array,
    clock: Clock,
    names: Sequence[BidderModelName],
) -> TrainedModels:
    """Trains the models of these names on the same logs of keywords drawn from ``params``."""
    logs_key, training_key = jax.random.split(key)

    def simulate(key: jax.Array, params: ReservePricingParams) -> BidLogs:
        return simulate_bid_logs(
            key,
            env,
            params,
            num_keywords=training.keywords + training.held_out_keywords,
            num_days=training.days,
        )

    logs = clock.run("logs", simulate, logs_key, params)
    known, held_out = split_logs(
        logs,
        held_out_keywords=training.held_out_keywords,
        held_out_days=training.held_out_days,
        memory=MEMORY,
    )
    parameters: dict[str, Any] = {}
    cross_entropy: dict[str, NDArray[np.float64]] = {}

    def trained(name: BidderModelName, window: int, *called: str) -> Any:
        model = bidder_model(name, window)
        settings = BidderModelTraining(
            memory=window,
            days_in_a_row=DAYS_IN_A_ROW,
            batch_size=16,
            num_steps=training.steps,
            learning_rate=3e-3 if name != "persistence" else _PERSISTENCE_LEARNING_RATE,
        )

        def learn(key: jax.Array, known: BidLogs, held_out: BidLogs) -> tuple[Any, list[jax.Array]]:
            learned, _ = train_bidder_model(key, model, known, settings)
            entropies = [held_out_cross_entropy(model, learned, held_out, memory=MEMORY)]
            if len(called) > 1:
                # The same days are predicted.
                fewer = jax.tree.map(lambda days: days[:, MEMORY - WINDOW :], held_out.days)
                shorter = replace(held_out, days=fewer)
                entropies.append(held_out_cross_entropy(model, learned, shorter, memory=WINDOW))
            return learned, entropies

        learned, entropies = clock.run(f"train {called[0]}", learn, training_key, known, held_out)
        for one, of_keywords in zip(called, entropies, strict=True):
            cross_entropy[one] = np.asarray(of_keywords, np.float64)
        return learned

    for name in names:
        if name == "lstm":
            parameters[name] = trained(name, WINDOW, name, reading(name, WINDOW))
        else:
            parameters[name] = trained(name, WINDOW, name)
            trained(name, MEMORY, reading(name, MEMORY))
    histograms = held_out.days.histograms[:, MEMORY:]
    entropy = histogram_cross_entropy(jnp.log(histograms + 1e-12), histograms)
    return TrainedModels(parameters, cross_entropy, np.asarray(entropy.mean((1, 2)), np.float64))


def reading(name: str, days: int) -> str:
    """What a model is called that reads other days than usual."""
    return f"{name}, {days} days"


def foresight(
    env: ReservePricing,
    given: Given,
    keywords: Keywords,
    start: jax.Array,
    auctions: int,
    clock: Clock,
) -> dict[str, NDArray[np.float64]]:
    """Revenue foreseen for random moves, and "true", each float [keywords, longest horizon].

    Every keyword first has some days of random moves from reserves ``start``, float
    [keywords, bidders]. Foreseen: revenue of each of the days after, all from what is known
    before the first of them. True: its mean over runs of the simulator.

    Args:
      env: the environment.
      given: its parameters, and the bidder models.
      keywords, start: see above.
      auctions: that stand for a day on a model.
      clock: counts the seconds.
    """
    longest = max(HORIZONS)
    # Episodes of the study may be shorter.
    env = replace(env, days=_DAYS_BEFORE + longest)

    def before(
        given: Given, keyword: Keywords, start: jax.Array
    ) -> tuple[Any, jax.Array, jax.Array]:
        params = given.params
        moves = local_moves(env, params)
        key = jax.random.fold_in(keyword.day_keys[0], 2)
        steps_key, moves_key, runs_key = jax.random.split(key, 3)
        numbers = jax.random.randint(moves_key, (_DAYS_BEFORE + longest,), 0, moves.num_moves)

        def move(reserves: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
            reserves = moves.apply(reserves, number)
            return reserves, reserves

        _, reserves = jax.lax.scan(move, start, numbers)

        def day(state: Any, day: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
            return env.step_env(day[0], state, day[1], params)[1], None

        days = (jax.random.split(steps_key, _DAYS_BEFORE), reserves[:_DAYS_BEFORE])
        state, _ = jax.lax.scan(day, keyword.states, days)
        return state, reserves[_DAYS_BEFORE:], runs_key

    def truth(given: Given, state: Any, reserves: jax.Array, key: jax.Array) -> jax.Array:
        def run(key: jax.Array) -> jax.Array:
            def day(state: Any, day: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
                _, state, revenue, _, _ = env.step_env(day[0], state, day[1], given.params)
                return state, revenue

            days = (jax.random.split(key, longest), reserves)
            return jax.lax.scan(day, state, days)[1]

        return jnp.mean(jax.vmap(run)(jax.random.split(key, _TRUE_RUNS)), axis=0)

    def foreseen(simulator: Simulator, state: Any, reserves: jax.Array) -> jax.Array:
        def day(simulated: Any, reserves: jax.Array) -> tuple[Any, jax.Array]:
            return simulator.step(simulated, reserves, jax.random.key(0))

        return jax.lax.scan(day, simulator.start(state), reserves)[1]

    def everything(given: Given, keywords: Keywords, start: jax.Array) -> dict[str, jax.Array]:
        states, reserves, keys = jax.vmap(partial(before, given))(keywords, start)
        found = {"true": jax.vmap(partial(truth, given))(states, reserves, keys)}
        for name in given.models:
            simulator = simulator_of(name, given, env, auctions)
            found[name] = jax.vmap(partial(foreseen, simulator))(states, reserves)
        return found

    found = clock.run("foresight", everything, given, keywords, start)
    # A program returns names in alphabetical order.
    return {name: np.asarray(found[name], np.float64) for name in ("true", *given.models)}
