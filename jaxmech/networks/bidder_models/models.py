"""Models of how bidders will bid tomorrow, learned from the days before.

Tang (2017, section 4) has a recurrent network "adaptively learn from its past bidding data
and feedback, and predict its future bid distribution" for each advertiser. A model here is
for the bidders of one keyword, with the same weights for all of them. Its methods:

- ``__call__(history, reserves, quality, bins)``: logits, float [bidders, bins], of the
  distribution of bids on the day after ``history``;
- ``read(history, quality, bins)``: what the model keeps of a history;
- ``advance(kept, day, quality, bins)``: the same a day later, so that a planner that looks
  many days ahead need not read all days again for each;
- ``predict(kept, reserves, quality, bins)``: logits as above, from what is kept;
- ``predict_days(seen, reserves, bins)``: logits of many days in a row, the last of them the
  day after those in ``seen``, each from the days before it; float [days to predict, bidders,
  bins]. For training: what is seen of a day has no parameters and is computed once.

Their arguments:

- ``history``: a ``BidHistory`` of the last days; of those older than a model reads it
  makes no use, fewer raise ValueError;
- ``day``: one day of a history, that is its arrays without their first axis;
- ``reserves``: float [bidders], money per click, of the day to predict; for ``predict_days``
  float [days to predict, bidders];
- ``quality``: float [bidders], each bidder's factor of the click probability;
- ``bins``: the ``BidBins`` of the histograms.

All models but persistence share their features (``bid_features``) and the mixture they
predict (``bid_head``): they differ only in how they use the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar, get_args

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxmech import checks, struct
from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
from jaxmech.checks import InvalidValueError
from jaxmech.networks.bidder_models.features import (
    SeenDays,
    day_features,
    reserve_features,
    see_days,
    without_changes,
)
from jaxmech.networks.bidder_models.head import BidHead

T = TypeVar("T")
_State: TypeAlias = tuple[jax.Array, jax.Array]

BidderModelName = Literal["persistence", "linear", "mlp", "lstm"]


class _OfLastDays(nn.Module):
    """What models share that keep a history of the last days as it is."""

    def __call__(
        self, history: BidHistory, reserves: jax.Array, quality: jax.Array, bins: BidBins
    ) -> jax.Array:
        """See the module."""
        return _predict_next(self, history, reserves, quality, bins)

    def read(self, history: BidHistory, quality: jax.Array, bins: BidBins) -> BidHistory:
        """See the module."""
        del quality, bins
        return history

    def advance(
        self, kept: BidHistory, day: BidHistory, quality: jax.Array, bins: BidBins
    ) -> BidHistory:
        """See the module."""
        del quality, bins
        return kept.push(day.histograms, day.reserves, day.kpis)

    def predict(
        self, kept: BidHistory, reserves: jax.Array, quality: jax.Array, bins: BidBins
    ) -> jax.Array:
        """See the module."""
        return self(kept, reserves, quality, bins)

    def predict_days(self, seen: SeenDays, reserves: jax.Array, bins: BidBins) -> jax.Array:
        """See the module."""
        raise NotImplementedError


class PersistenceModel(_OfLastDays):
    """The last days' bids again: a weighted mean of their histograms, and a little of all bins.

    Its weights, one for each of ``history_days`` days and one for all bins, are learned.

    Attributes:
      history_days: days averaged.
    """

    history_days: int = 7

    @nn.compact
    def predict_days(self, seen: SeenDays, reserves: jax.Array, bins: BidBins) -> jax.Array:
        """See the module."""
        weights = nn.softmax(self.param("days", nn.initializers.zeros, (self.history_days,), float))
        everywhere = self.param("everywhere", nn.initializers.constant(-4.0), (), float)
        lags = _lags(seen.histograms, len(reserves), self.history_days)
        mean = sum(weights[day] * histograms for day, histograms in enumerate(lags))
        share = nn.sigmoid(everywhere)
        return jnp.log((1 - share) * mean + share / bins.num_bins)


class WindowModel(_OfLastDays):
    """A feed-forward network over the features of the last ``history_days`` days side by side.

    Attributes:
      hidden: widths of its layers; without any the model is linear.
      history_days: days read.
    """

    hidden: Sequence[int] = (64, 64)
    history_days: int = 7

    @nn.compact
    def predict_days(self, seen: SeenDays, reserves: jax.Array, bins: BidBins) -> jax.Array:
        """See the module."""
        lags = _lags(seen.features, len(reserves), self.history_days)
        last = _last(seen, len(reserves))
        asked = reserve_features(last.summary, reserves, bins)
        x = jnp.concatenate([without_changes(lags[0]), *lags[1:], asked], axis=-1)
        for width in self.hidden:
            x = nn.tanh(nn.Dense(width)(x))
        return BidHead()(x, last, reserves, bins)


@struct.dataclass
class Recollection:
    """What the recurrent model keeps of the days read.

    Attributes:
      cell, output: float [bidders, units], the state of the recurrent layer.
      last_day: as seen, its arrays without their first axis.
    """

    cell: jax.Array
    output: jax.Array
    last_day: SeenDays


class LSTMModel(nn.Module):
    """One recurrent layer, a long short-term memory, that reads the days one after another.

    ``advance`` remembers days that a history of fixed length has forgotten: after it the
    model has read one day more, and predicts a little otherwise than after ``read`` of the
    last days alone.

    Attributes:
      units: width of the recurrent layer.
      hidden: width of the layer between it and the head.
    """

    units: int = 48
    hidden: int = 48

    def setup(self) -> None:
        self.layer = nn.OptimizedLSTMCell(self.units, recurrent_kernel_init=_orthogonal)
        self.mix = nn.Dense(self.hidden)
        self.head = BidHead()

    def __call__(
        self, history: BidHistory, reserves: jax.Array, quality: jax.Array, bins: BidBins
    ) -> jax.Array:
        """See the module."""
        return _predict_next(self, history, reserves, quality, bins)

    def read(self, history: BidHistory, quality: jax.Array, bins: BidBins) -> Recollection:
        """See the module."""
        return jax.tree.map(lambda days: days[-1], self._read(see_days(history, quality, bins)))

    def advance(
        self, kept: Recollection, day: BidHistory, quality: jax.Array, bins: BidBins
    ) -> Recollection:
        """See the module."""
        last, features = day_features(kept.last_day.summary, day, quality, bins)
        (cell, output), _ = self.layer((kept.cell, kept.output), features)
        return Recollection(cell, output, SeenDays(day.histograms, features, last))

    def predict(
        self, kept: Recollection, reserves: jax.Array, quality: jax.Array, bins: BidBins
    ) -> jax.Array:
        """See the module."""
        del quality
        return self._logits(kept, reserves, bins)

    def predict_days(self, seen: SeenDays, reserves: jax.Array, bins: BidBins) -> jax.Array:
        """See the module; each day from all those before it."""
        return self._logits(_last(self._read(seen), len(reserves)), reserves, bins)

    def _logits(self, kept: Recollection, reserves: jax.Array, bins: BidBins) -> jax.Array:
        last = kept.last_day
        asked = reserve_features(last.summary, reserves, bins)
        x = jnp.concatenate([kept.output, last.features, asked], axis=-1)
        return self.head(nn.tanh(self.mix(x)), last, reserves, bins)

    def _read(self, seen: SeenDays) -> Recollection:
        """What is kept after each day."""
        features = seen.features.at[0].set(without_changes(seen.features[0]))

        def step(
            layer: nn.OptimizedLSTMCell, state: _State, features: jax.Array
        ) -> tuple[_State, _State]:
            state, _ = layer(state, features)
            return state, state

        nothing = jnp.zeros((features.shape[1], self.units), features.dtype)
        over_days = nn.scan(step, variable_broadcast="params", split_rngs={"params": False})
        _, (cell, output) = over_days(self.layer, (nothing, nothing), features)
        return Recollection(cell, output, SeenDays(seen.histograms, features, seen.summary))


BidderModel: TypeAlias = PersistenceModel | WindowModel | LSTMModel


def bidder_model(name: BidderModelName, history_days: int = 7) -> BidderModel:
    """A model of the usual size.

    Args:
      name: "persistence"; "linear", a ``WindowModel`` without layers; "mlp", one with two
        layers of 64; "lstm".
      history_days: days that each reads, at least 1; the recurrent one reads any number.

    Raises:
      ValueError: another name, or days below 1.
    """
    checks.integer("history_days", history_days)
    match name:
        case "persistence":
            return PersistenceModel(history_days)
        case "linear":
            return WindowModel((), history_days)
        case "mlp":
            return WindowModel((64, 64), history_days)
        case "lstm":
            return LSTMModel()
    raise checks.InvalidValueError("name", name, ", ".join(map(repr, get_args(BidderModelName))))


def _predict_next(
    model: _OfLastDays | LSTMModel,
    history: BidHistory,
    reserves: jax.Array,
    quality: jax.Array,
    bins: BidBins,
) -> jax.Array:
    seen = see_days(history, quality, bins)
    return model.predict_days(seen, reserves[None], bins)[0]


def _lags(days: jax.Array, num_predicted: int, history_days: int) -> list[jax.Array]:
    """For each of ``history_days`` days before, the oldest first, that day of every prediction.

    float [days, ...] -> ``history_days`` times [num_predicted, ...].

    Raises:
      ValueError: too few days.
    """
    spare = len(days) - history_days - num_predicted + 1
    if spare < 0:
        raise InvalidValueError(
            "history",
            len(days),
            f"this model reads {history_days} before each",
            got=f"{len(days)} days to predict {num_predicted} from",
            verb="",
        )
    return [days[spare + day : spare + day + num_predicted] for day in range(history_days)]


def _last(days: T, count: int) -> T:
    """The last days of arrays [days, ...]."""
    latest: T = jax.tree.map(lambda day: day[-count:], days)
    return latest


def _orthogonal(
    key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """An orthogonal matrix; of a batch, as of several seeds, one after another.

    Batched QR decompositions that run at once can wait for each other's threads for ever, on
    CPUs (seen in jaxlib 0.10.2 with two cores).
    """

    def one(key: jax.Array) -> jax.Array:
        return nn.initializers.orthogonal()(key, shape, dtype)

    matrix: jax.Array = jax.custom_batching.sequential_vmap(one)(key)
    return matrix
