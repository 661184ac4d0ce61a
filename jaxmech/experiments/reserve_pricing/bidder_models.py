"""The learned bidder models of the study: simulated logs, training, and held-out error.

Where the reference setting has a model read the last 7 days and learn at the rate 1e-3, the
LSTM that is planned on reads 28, and all but persistence learn at 3e-3. The others read 7 and
28; what 7 days are worth to the LSTM is told beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.experiments.reserve_pricing.settings import (
    DAYS_IN_A_ROW,
    MEMORY,
    WINDOW,
    ModelTraining,
)
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, PairedComparison, mean_of, paired_comparison
from jaxmech.networks.bidder_models.models import BidderModelName, bidder_model

_LEARNING_RATE = 3e-3

_PERSISTENCE_LEARNING_RATE = 0.03
"""It has a number for each day to learn, and one for all bins."""

_BATCH_SIZE = 16
"""Runs of days per gradient step."""


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


@dataclass(frozen=True)
class HeldOutError:
    """How well a model predicts days it has not seen, in nats per bid, over keywords.

    Attributes:
      nats: its cross-entropy.
      above_entropy: less the entropy of the histograms.
      above_lstm: less the LSTM's, keyword by keyword.
    """

    nats: Mean
    above_entropy: Mean
    above_lstm: PairedComparison


def held_out_errors(models: TrainedModels) -> dict[str, HeldOutError]:
    """Of each model by name, the LSTM among them."""
    lstm = models.cross_entropy["lstm"]
    return {
        name: HeldOutError(
            mean_of(nats), mean_of(nats - models.entropy), paired_comparison(nats, lstm)
        )
        for name, nats in models.cross_entropy.items()
    }


@dataclass(frozen=True)
class Lesson:
    """What is trained, on what, and how it is judged.

    Attributes:
      model: by its name.
      days: that it reads while it is trained; the recurrent model reads more afterwards.
      also_reading: whether it is judged a second time, by predictions from ``days`` alone.
      steps: gradient steps.
    """

    model: BidderModelName
    days: int
    also_reading: bool
    steps: int


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

    def trained(lesson: Lesson, stage: str, *called: str) -> Any:
        learned, entropies = workspace.kept(
            f"train_{stage}{suffix}", learn, lesson, training_key, known, held_out
        )
        for one, of_keywords in zip(called, entropies, strict=True):
            cross_entropy[one] = np.asarray(of_keywords, np.float64)
        return learned

    for name in names:
        if name == "lstm":
            lesson = Lesson(name, WINDOW, True, training.steps)
            parameters[name] = trained(lesson, name, name, reading(name, WINDOW))
        else:
            lesson = Lesson(name, WINDOW, False, training.steps)
            parameters[name] = trained(lesson, name, name)
            longer = replace(lesson, days=MEMORY)
            trained(longer, f"{name}_{MEMORY}_days", reading(name, MEMORY))
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
    lesson: Lesson, key: jax.Array, known: BidLogs, held_out: BidLogs
) -> tuple[Any, list[jax.Array]]:
    """A model's parameters, and its cross-entropies, each float [keywords held out]; pure."""
    model = bidder_model(lesson.model, lesson.days)
    persists = lesson.model == "persistence"
    settings = BidderModelTraining(
        history_days=lesson.days,
        days_in_a_row=DAYS_IN_A_ROW,
        batch_size=_BATCH_SIZE,
        num_steps=lesson.steps,
        learning_rate=_PERSISTENCE_LEARNING_RATE if persists else _LEARNING_RATE,
    )
    learned, _ = train_bidder_model(key, model, known, settings)
    entropies = [held_out_cross_entropy(model, learned, held_out, history_days=MEMORY)]
    if lesson.also_reading:
        # The same days are predicted.
        fewer = jax.tree.map(lambda days: days[:, MEMORY - lesson.days :], held_out.days)
        shorter = replace(held_out, days=fewer)
        entropies.append(held_out_cross_entropy(model, learned, shorter, history_days=lesson.days))
    return learned, entropies
