"""Learning bidder models from logs, and how well they predict days they have not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.data.bid_logs import BidLogs
from jaxmech.networks.bidder_models.features import SeenDays, see_days
from jaxmech.networks.bidder_models.models import BidderModel, BidderModelName, bidder_model


@dataclass(frozen=True)
class BidderModelTraining:
    """How a bidder model is trained: Adam on runs of days drawn at random from the logs.

    Attributes:
      history_days: days read before the first prediction of a run; 7 in the reference setting.
      days_in_a_row: days predicted in a run. The recurrent model predicts each from all the
        days of the run before it, so it learns to read up to ``history_days + days_in_a_row - 1``
        days, as a planner that looks that far ahead will have it do.
      num_steps: gradient steps.
      batch_size: runs per gradient step.
      learning_rate: of Adam at the start; it falls to 0 along a cosine.
      max_gradient_norm: longer gradients are shortened to this norm.

    Raises:
      ValueError: a count below 1, or a rate or norm not above 0.
    """

    history_days: int = 7
    days_in_a_row: int = 24
    num_steps: int = 3000
    batch_size: int = 16
    learning_rate: float = 3e-3
    max_gradient_norm: float = 1.0

    def __post_init__(self) -> None:
        for field in ("history_days", "days_in_a_row", "num_steps", "batch_size"):
            checks.integer(field, getattr(self, field))
        for field in ("learning_rate", "max_gradient_norm"):
            checks.number(field, getattr(self, field), above=0, finite=False)


@struct.dataclass
class _Learning:
    parameters: Any
    optimizer: optax.OptState


def train_bidder_model(
    key: jax.Array,
    model: BidderModel | BidderModelName,
    logs: BidLogs,
    training: BidderModelTraining = BidderModelTraining(),
) -> tuple[Any, jax.Array]:
    """Parameters that predict the days of ``logs``, and the loss of each gradient step.

    The loss is the cross-entropy of a day's histogram, in nats, a mean over bidders. Pure:
    it may be compiled whole, and mapped over keys.

    Args:
      key: of the first parameters and the runs drawn.
      model: see ``jaxmech.networks.bidder_model``; a name stands for
        ``bidder_model(name, training.history_days)``.
      logs: such as ``load_bid_logs`` reads.
      training: how.

    Returns:
      parameters of ``model``; losses, float [num_steps].

    Raises:
      ValueError: what is no model or no logs, or logs of too few days for one run.
    """
    if isinstance(model, str):
        model = bidder_model(model, training.history_days)
    if not isinstance(model, nn.Module):
        raise InvalidValueError(
            "model",
            model,
            (
                f"{', '.join(map(repr, get_args(BidderModelName)))} and what "
                "bidder_model(name, history_days) makes of them"
            ),
            got=type(model).__name__,
        )
    if not isinstance(logs, BidLogs):
        raise InvalidValueError(
            "logs",
            logs,
            "BidLogs: load_bid_logs(path)",
            got=repr(str(logs) if isinstance(logs, str | Path) else type(logs).__name__),
            verb="needed are",
        )
    length = training.history_days + training.days_in_a_row
    if logs.num_days < length:
        raise InvalidValueError(
            "logs",
            logs.num_days,
            (
                f"{length}, history_days ({training.history_days}) and days_in_a_row "
                f"({training.days_in_a_row})"
            ),
            got=f"{logs.num_days} days",
            verb="needed are",
        )
    key, start_key = jax.random.split(key)
    first = jax.tree.map(lambda days: days[0, : training.history_days], logs.days)
    parameters = model.init(start_key, first, first.reserves[-1], logs.quality[0], logs.bins)
    optimizer = optax.chain(
        optax.clip_by_global_norm(training.max_gradient_norm),
        optax.adam(optax.cosine_decay_schedule(training.learning_rate, training.num_steps)),
    )

    seen = jax.vmap(see_days, in_axes=(0, 0, None))(logs.days, logs.quality, logs.bins)

    def loss_of_run(
        parameters: Any, keyword: jax.Array, start: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        run: SeenDays = jax.tree.map(
            lambda days: jax.lax.dynamic_slice(
                days, (keyword, start, *(0,) * (days.ndim - 2)), (1, length, *days.shape[2:])
            )[0],
            seen,
        )
        first = start + training.history_days
        reserves = jax.lax.dynamic_slice_in_dim(
            logs.days.reserves[keyword], first, training.days_in_a_row
        )
        before = jax.tree.map(lambda days: days[:-1], run)
        logits: Any = model.apply(parameters, before, reserves, logs.bins, method="predict_days")
        losses = histogram_cross_entropy(logits, run.histograms[training.history_days :])
        return jnp.mean(losses, axis=0), logs.present[keyword]

    def loss(parameters: Any, keywords: jax.Array, starts: jax.Array) -> jax.Array:
        losses, present = jax.vmap(loss_of_run, in_axes=(None, 0, 0))(parameters, keywords, starts)
        return jnp.mean(losses, where=present)

    def gradient_step(learning: _Learning, key: jax.Array) -> tuple[_Learning, jax.Array]:
        keyword_key, start_key = jax.random.split(key)
        shape = (training.batch_size,)
        keywords = jax.random.randint(keyword_key, shape, 0, logs.num_keywords)
        starts = jax.random.randint(start_key, shape, 0, logs.num_days - length + 1)
        value, gradient = jax.value_and_grad(loss)(learning.parameters, keywords, starts)
        updates, optimizer_state = optimizer.update(gradient, learning.optimizer)
        parameters = optax.apply_updates(learning.parameters, updates)
        return _Learning(parameters, optimizer_state), value

    learning = _Learning(parameters, optimizer.init(parameters))
    keys = jax.random.split(key, training.num_steps)
    learning, losses = jax.lax.scan(gradient_step, learning, keys)
    return learning.parameters, losses


def histogram_cross_entropy(logits: jax.Array, histograms: jax.Array) -> jax.Array:
    """Nats per bid, float [...], of histograms float [..., bins] under predictions.

    It is least, the entropy of the histogram, where the prediction equals it.
    """
    return -jnp.sum(histograms * jax.nn.log_softmax(logits, axis=-1), axis=-1)


def held_out_cross_entropy(
    model: BidderModel,
    parameters: Any,
    logs: BidLogs,
    *,
    history_days: int = 7,
    whole_past: bool = False,
) -> jax.Array:
    """Mean cross-entropy of each keyword's days, float [keywords], in nats per bid.

    Each day that has ``history_days`` days before it is predicted, from these alone by every model.

    Args:
      history_days: days before the first to predict.
      whole_past: predict from all the days before instead. The recurrent model reads them all,
        the others keep from before their window only the features' running means.

    Raises:
      ValueError: the logs have no such day.
    """
    if logs.num_days <= history_days:
        raise InvalidValueError(
            "logs",
            logs.num_days,
            f"more than history_days, {history_days}",
            got=f"{logs.num_days} days",
            verb="needed are",
        )
    starts = jnp.arange(logs.num_days - history_days)

    def of_keyword(keyword: tuple[BidHistory, jax.Array, jax.Array]) -> jax.Array:
        days, quality, present = keyword
        if whole_past:
            seen = see_days(jax.tree.map(lambda day: day[:-1], days), quality, logs.bins)
            in_a_row: Any = model.apply(
                parameters, seen, days.reserves[history_days:], logs.bins, method="predict_days"
            )
            losses = histogram_cross_entropy(in_a_row, days.histograms[history_days:])
            return jnp.mean(losses, where=present)

        def of_day(start: jax.Array) -> jax.Array:
            history = jax.tree.map(
                lambda day: jax.lax.dynamic_slice_in_dim(day, start, history_days), days
            )
            reserves = days.reserves[start + history_days]
            logits: Any = model.apply(parameters, history, reserves, quality, logs.bins)
            return histogram_cross_entropy(logits, days.histograms[start + history_days])

        return jnp.mean(jax.vmap(of_day)(starts), where=present)

    entropies: jax.Array = jax.lax.map(of_keyword, (logs.days, logs.quality, logs.present))
    return entropies
