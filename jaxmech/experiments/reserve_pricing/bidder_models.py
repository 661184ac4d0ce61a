"""The learned bidder models of the study: trained on simulated logs, and what they foresee.

Where the reference setting has a model read the last 7 days and learn at the rate 1e-3, the
LSTM that is planned on reads 28, and all but persistence learn at 3e-3. The others read 7 and
28; what 7 days are worth to the LSTM is told beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.data import BidLogs, split_logs
from jaxmech.designers import (
    BidderModelTraining,
    ExactSimulator,
    held_out_cross_entropy,
    simulate_bid_logs,
    train_bidder_model,
)
from jaxmech.designers.bidder_models.training import histogram_cross_entropy
from jaxmech.designers.planning.planners import local_moves
from jaxmech.designers.planning.plans import Simulator
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.keywords import Keywords
from jaxmech.experiments.reserve_pricing.schemes import simulator_of
from jaxmech.experiments.reserve_pricing.settings import (
    DAYS_IN_A_ROW,
    MEMORY,
    WINDOW,
    ModelTraining,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.networks.bidder_models.models import BidderModelName, bidder_model

_LEARNING_RATE = 3e-3

_PERSISTENCE_LEARNING_RATE = 0.03
"""It has a number for each day to learn, and one for all bins."""

_BATCH_SIZE = 16
"""Runs of days per gradient step."""

HORIZONS = (1, 5, 10)
"""Days ahead at which foresight is compared with the truth."""

_TRUE_RUNS = 16
"""Runs of the simulator whose mean stands for the expected revenue."""

_DAYS_BEFORE = 14
"""Days of random moves before the first day foreseen."""


@dataclass(frozen=True)
class TrainedModels:
    """The bidder models.

    Attributes:
      parameters: of each by name; of those that read a window, with ``WINDOW`` days.
      cross_entropy: float64 [keywords] of each, nats per bid on later days of unseen keywords;
        of those that read a window also with ``MEMORY`` days, and of the LSTM, the same one,
        also where it reads only ``WINDOW``, see ``reading``.
      entropy: float64 [keywords], of the histograms themselves: no model's can be below.
    """

    parameters: dict[BidderModelName, Any]
    cross_entropy: dict[str, NDArray[np.float64]]
    entropy: NDArray[np.float64]


def train_models(
    workspace: Workspace,
    training: ModelTraining,
    env: ReservePricing,
    params: ReservePricingParams,
    key: jax.Array,
    names: Sequence[BidderModelName],
    suffix: str = "",
) -> TrainedModels:
    """Trains the models of these names on the same logs of keywords drawn from ``params``.

    Args:
      workspace: keeps the logs and each model.
      training, env, params: how, and on which keywords.
      key: of the keywords, the first parameters and the runs drawn.
      names: of the models.
      suffix: of the names under which the workspace keeps them.
    """
    logs_key, training_key = jax.random.split(key)
    logs = workspace.kept("logs" + suffix, simulate_logs, env, params, training, logs_key)
    known, held_out = split_logs(
        logs,
        held_out_keywords=training.held_out_keywords,
        held_out_days=training.held_out_days,
        history_days=MEMORY,
    )
    parameters: dict[BidderModelName, Any] = {}
    cross_entropy: dict[str, NDArray[np.float64]] = {}

    def train(name: BidderModelName, days: int, stage: str, *called: str) -> Any:
        of_model = (name, days, training.steps, training_key, known, held_out)
        learned, entropies = workspace.kept(f"train_{stage}{suffix}", learn, *of_model)
        for one, of_keywords in zip(called, entropies, strict=True):
            cross_entropy[one] = np.asarray(of_keywords, np.float64)
        return learned

    for name in names:
        if name == "lstm":
            parameters[name] = train(name, WINDOW, name, name, reading(name, WINDOW))
        else:
            parameters[name] = train(name, WINDOW, name, name)
            train(name, MEMORY, f"{name}_{MEMORY}_days", reading(name, MEMORY))
    histograms = held_out.days.histograms[:, MEMORY:]
    entropy = histogram_cross_entropy(jnp.log(histograms + 1e-12), histograms)
    return TrainedModels(parameters, cross_entropy, np.asarray(entropy.mean((1, 2)), np.float64))


def reading(name: str, days: int) -> str:
    """What a model is called that reads other days than usual."""
    return f"{name}, {days} days"


def simulate_logs(
    env: ReservePricing, params: ReservePricingParams, training: ModelTraining, key: jax.Array
) -> BidLogs:
    """The logs that models are trained and compared on; pure."""
    return simulate_bid_logs(
        key,
        env,
        params,
        num_keywords=training.keywords + training.held_out_keywords,
        num_days=training.days,
    )


def learn(
    name: BidderModelName,
    days: int,
    steps: int,
    key: jax.Array,
    known: BidLogs,
    held_out: BidLogs,
) -> tuple[Any, list[jax.Array]]:
    """A model's parameters, and its cross-entropies, each float [keywords held out]; pure.

    The LSTM has a second one, where it predicts the same days from ``days`` before them alone.

    Args:
      name: of the model.
      days: that it reads while it is trained; the LSTM reads more afterwards.
      steps: gradient steps.
      key: of the first parameters and the runs drawn.
      known, held_out: logs to learn from, and to be judged on.
    """
    model = bidder_model(name, days)
    settings = BidderModelTraining(
        history_days=days,
        days_in_a_row=DAYS_IN_A_ROW,
        batch_size=_BATCH_SIZE,
        num_steps=steps,
        learning_rate=_PERSISTENCE_LEARNING_RATE if name == "persistence" else _LEARNING_RATE,
    )
    learned, _ = train_bidder_model(key, model, known, settings)
    entropies = [held_out_cross_entropy(model, learned, held_out, history_days=MEMORY)]
    if name == "lstm":
        fewer = jax.tree.map(lambda leaf: leaf[:, MEMORY - days :], held_out.days)
        shorter = replace(held_out, days=fewer)
        entropies.append(held_out_cross_entropy(model, learned, shorter, history_days=days))
    return learned, entropies


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
    exact, moves = ExactSimulator(env, params), local_moves(env, params)
    simulators = {
        name: simulator_of(name, parameters, env, params, auctions)
        for name, parameters in models.items()
    }

    def move(reserves: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        reserves = moves.apply(reserves, number)
        return reserves, reserves

    def of_keyword(keyword: Keywords, start: jax.Array) -> dict[str, jax.Array]:
        key = jax.random.fold_in(keyword.day_keys[0], 2)
        before_key, moves_key, runs_key = jax.random.split(key, 3)
        numbers = jax.random.randint(moves_key, (env.days,), 0, moves.num_moves)
        _, reserves = jax.lax.scan(move, start, numbers)
        before, after = reserves[:_DAYS_BEFORE], reserves[_DAYS_BEFORE:]
        state, _ = _days(exact, keyword.states, before, before_key)
        runs = jax.vmap(lambda key: _days(exact, state, after, key)[1])
        true = jnp.mean(runs(jax.random.split(runs_key, _TRUE_RUNS)), axis=0)
        return {"true": true} | {
            name: _days(simulator, simulator.start(state), after, runs_key)[1]
            for name, simulator in simulators.items()
        }

    return jax.vmap(of_keyword)(keywords, start)


def _days(
    simulator: Simulator, state: Any, reserves: jax.Array, key: jax.Array
) -> tuple[Any, jax.Array]:
    """The state after days with ``reserves``, float [days, bidders], and revenue, float [days]."""

    def day(state: Any, day: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
        return simulator.step(state, *day)

    found: tuple[Any, jax.Array] = jax.lax.scan(
        day, state, (reserves, jax.random.split(key, len(reserves)))
    )
    return found
