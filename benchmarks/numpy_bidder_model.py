"""A keyword's days by the recurrent bidder model, in plain NumPy: no JAX, nothing compiled.

What a user without JAX would write: the features, the network and the auctions of
``jaxmech.designers.planning.simulators.LearnedSimulator`` once more, for one keyword, its
bidders and the auctions of a day taken together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FAR = 3.0
CHANGE_SCALE = 10.0
NEWEST_WEIGHT = 0.4
NUM_RIVALS = 3
FLOOR = 1e-4
STARTS = np.array([-0.2, 0.0, 0.2, 0.0])


@dataclass(frozen=True)
class Kept:
    """What the model keeps of the days before.

    Attributes:
      cell, output: [bidders, units], of the recurrent layer.
      histogram, mean_histogram: [bidders, bins], of the last day and of all.
      features: [bidders, features], of the last day.
      location, spread, log_reserve, impressions: [bidders].
    """

    cell: Array
    output: Array
    histogram: Array
    mean_histogram: Array
    features: Array
    location: Array
    spread: Array
    log_reserve: Array
    impressions: Array


class NumpyKeyword:
    """One keyword as the model foresees it.

    Args:
      parameters: of the network, by layer, then "kernel" or "bias".
      edges: [bins + 1], of the bins of bids.
      quality: [bidders].
      click_rates: [slots].
      points: [auctions, bidders], the quantiles of a day's bids.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        edges: Array,
        quality: Array,
        click_rates: Array,
        points: Array,
    ) -> None:
        layer = parameters["layer"]
        # The gates side by side, so that a step of the recurrent layer is two products.
        self.inputs = np.hstack([layer["i" + gate]["kernel"] for gate in "ifgo"])
        self.recurrent = np.hstack([layer["h" + gate]["kernel"] for gate in "ifgo"])
        self.bias = np.hstack([layer["h" + gate]["bias"] for gate in "ifgo"])
        self.mix = parameters["mix"]
        self.head = parameters["head"]["Dense_0"]
        self.quality, self.click_rates, self.points = quality, click_rates, points
        self.low, self.high = edges[1], edges[-1]
        self.log_edges = np.log(edges[1:])
        self.num_bins = len(edges) - 1
        self.width = (self.log_edges[-1] - self.log_edges[0]) / (self.num_bins - 1)
        self.centres = np.append(0.0, np.sqrt(edges[1:-1] * edges[2:]))
        self.log_centres = np.log(self.centres[1:])
        self.has_quality = quality > 0
        self.positive_quality = np.where(self.has_quality, quality, 1)
        self.log_quality = np.log(self.positive_quality)
        self.others = ~np.eye(len(quality), dtype=bool)

    def step(self, kept: Kept, reserves: Array) -> tuple[Kept, float]:
        """A day with ``reserves``, [bidders]: what is kept after it, its mean revenue."""
        distribution = self.predict(kept, reserves)
        kpis = self.auctions(self.bids(distribution), reserves)
        return self.advance(kept, distribution, reserves, *kpis), float(kpis[2].sum())

    def predict(self, kept: Kept, reserves: Array) -> Array:
        """Distribution of the bids, [bidders, bins]."""
        log_reserve = np.log(np.clip(reserves, self.low, self.high))
        asked = [
            kept.location - log_reserve,
            CHANGE_SCALE * (log_reserve - kept.log_reserve),
            self._eligible_share(kept.mean_histogram, reserves),
        ]
        seen = np.hstack([kept.output, kept.features, _cut(np.stack(asked, axis=-1))])
        hidden = np.tanh(seen @ self.mix["kernel"] + self.mix["bias"])
        numbers = hidden @ self.head["kernel"] + self.head["bias"]
        moves, stretches, weights = numbers[:, :4], numbers[:, 4:8], _softmax(numbers[:, 8:])
        around = np.stack([kept.location] * 3 + [log_reserve], axis=-1) + STARTS + moves
        spread = kept.spread[:, None] * np.exp(np.clip(stretches, -3, 3))
        spread = np.maximum(spread, self.width / 3)
        distance = (self.log_centres - around[..., None]) / spread[..., None]
        log_normals = _softmax(-np.square(distance) / 2)
        moved = np.sum(weights[:, :4, None] * log_normals, axis=1)
        mixture = np.hstack([weights[:, 6:7], moved])
        mixture += weights[:, 4:5] * kept.histogram + weights[:, 5:6] * kept.mean_histogram
        mixture += weights[:, 7:8] / self.num_bins
        mixture = (1 - FLOOR) * mixture + FLOOR / self.num_bins
        return np.asarray(mixture / mixture.sum(axis=-1, keepdims=True))

    def bids(self, distribution: Array) -> Array:
        """Evenly spread quantiles, [auctions, bidders], log-uniform within a bin."""
        bids = np.empty_like(self.points)
        for bidder, weights in enumerate(distribution):
            cumulative = np.cumsum(weights)
            places = self.points[:, bidder] * cumulative[-1]
            log_bids = np.interp(places, cumulative, self.log_edges)
            bids[:, bidder] = np.where(places >= cumulative[0], np.exp(log_bids), 0)
        return bids

    def auctions(self, bids: Array, reserves: Array) -> tuple[Array, Array, Array]:
        """Generalised second price: mean impressions, clicks and cost, [bidders] each."""
        takes_part = (bids > 0) & (bids >= reserves)
        scores = np.where(takes_part, self.quality * bids, -np.inf)
        order = np.argsort(-scores, axis=1, kind="stable")
        ranked = np.take_along_axis(scores, order, axis=1)
        following = np.hstack([ranked[:, 1:], np.full((len(bids), 1), -np.inf)])
        impressions, clicks, cost = np.zeros((3, len(self.quality)))
        rows = np.arange(len(bids))
        for slot, click_rate in enumerate(self.click_rates):
            who = order[:, slot]
            shown = takes_part[rows, who]
            sets_price = shown & self.has_quality[who] & (following[:, slot] > 0)
            needed = np.where(sets_price, following[:, slot], 0) / self.positive_quality[who]
            price = np.minimum(np.maximum(needed, reserves[who]), bids[rows, who])
            clicked = click_rate * self.quality[who] * shown
            np.add.at(impressions, who, shown)
            np.add.at(clicks, who, clicked)
            np.add.at(cost, who, np.where(shown, clicked * price, 0))
        count = len(bids)
        return impressions / count, clicks / count, cost / count

    def advance(
        self,
        kept: Kept,
        histogram: Array,
        reserves: Array,
        impressions: Array,
        clicks: Array,
        cost: Array,
    ) -> Kept:
        """What is kept one day later."""
        total = histogram[:, 1:].sum(axis=-1)
        has_bids = total > 0
        positive = histogram[:, 1:] / np.where(has_bids, total, 1)[:, None]
        mean = positive @ self.log_centres
        variance = np.sum(positive * np.square(self.log_centres - mean[:, None]), axis=-1)
        spread = np.sqrt(np.maximum(variance, (self.width / 2) ** 2))
        location = np.where(has_bids, mean, kept.location)
        spread = np.where(has_bids, spread, kept.spread)
        log_reserve = np.log(np.clip(reserves, self.low, self.high))
        before = kept.mean_histogram
        weight = np.maximum(NEWEST_WEIGHT, before[:, :1])
        newest = before + weight * (np.pad(positive, ((0, 0), (1, 0))) - before)
        has_cost = (clicks > 0) & (cost > 0)
        log_price = np.log(np.where(has_cost, cost, 1) / np.where(has_cost, clicks, 1))
        eligible = self._eligible_share(histogram, reserves)
        own = [
            histogram[:, 0],
            np.log(spread) + 1,
            CHANGE_SCALE * (location - kept.location),
            location - log_reserve,
            CHANGE_SCALE * (log_reserve - kept.log_reserve),
            eligible,
            impressions,
            CHANGE_SCALE * (impressions - kept.impressions),
            np.where(self.has_quality, clicks / self.positive_quality, 0),
            np.where(has_cost, log_price - location, -FAR),
            cost / (self.positive_quality * np.exp(location)),
            self.log_quality + 2.5,
        ]
        rivals = self._rivals(self.log_quality + location, eligible)
        features = np.hstack([_cut(np.stack(own, axis=-1)), rivals])
        gates = features @ self.inputs + kept.output @ self.recurrent + self.bias
        enter, forget, new, out = np.split(gates, 4, axis=-1)
        cell = _sigmoid(forget) * kept.cell + _sigmoid(enter) * np.tanh(new)
        return Kept(
            cell=cell,
            output=_sigmoid(out) * np.tanh(cell),
            histogram=histogram,
            mean_histogram=np.where(has_bids[:, None], newest, before),
            features=features,
            location=location,
            spread=spread,
            log_reserve=log_reserve,
            impressions=impressions,
        )

    def _eligible_share(self, histogram: Array, reserves: Array) -> Array:
        reaches = (self.centres > 0) & (self.centres >= reserves[:, None])
        return np.asarray(np.sum(histogram * reaches, axis=-1))

    def _rivals(self, log_score: Array, eligible: Array) -> Array:
        """Leads and shares of the strongest rivals, [bidders, 2 * NUM_RIVALS]."""
        competes = self.others & self.has_quality & (eligible > 0)
        own = np.where(self.has_quality, log_score, 0)
        lead = np.where(competes, _cut(log_score - own[:, None]), -FAR)
        share = np.where(competes, eligible, 0)
        rows = np.arange(len(lead))
        columns = []
        for _ in range(NUM_RIVALS):
            strongest = np.argmax(lead, axis=1)
            columns += [lead[rows, strongest], share[rows, strongest]]
            lead[rows, strongest], share[rows, strongest] = -FAR, 0
        return np.stack(columns, axis=-1)


def numpy_keyword(simulator: Any, plans: Any, number: int) -> tuple[NumpyKeyword, Kept, Array]:
    """A keyword out of a batch, what is kept of its days, and its reserves, [bidders].

    Args:
      simulator: a ``LearnedSimulator`` on the recurrent model.
      plans: a batch of ``Plan`` on it.
      number: which of them.
    """
    from jaxmech.environments.reserve_pricing.day import auction_points

    parameters = _tree(simulator.parameters["params"])
    recollection, quality = plans.simulated.kept, plans.simulated.quality
    last, summary = recollection.last_day, recollection.last_day.summary

    def chosen(rows: Any) -> Array:
        return np.asarray(rows[number], np.float64)

    keyword = NumpyKeyword(
        parameters,
        np.asarray(simulator.bins.edges, np.float64),
        chosen(quality),
        np.asarray(simulator.click_rates, np.float64),
        auction_points(simulator.num_auctions, quality.shape[-1]),
    )
    kept = Kept(
        cell=chosen(recollection.cell),
        output=chosen(recollection.output),
        histogram=chosen(last.histograms),
        mean_histogram=chosen(summary.histogram),
        features=chosen(last.features),
        location=chosen(summary.location),
        spread=chosen(summary.spread),
        log_reserve=chosen(summary.log_reserve),
        impressions=chosen(summary.impressions),
    )
    return keyword, kept, chosen(plans.reserves)


def _tree(parameters: Any) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _tree(value) for name, value in parameters.items()}
    return np.asarray(parameters, np.float64)


def _cut(numbers: Array) -> Array:
    return np.clip(numbers, -FAR, FAR)


def _sigmoid(numbers: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-numbers)))


def _softmax(numbers: Array) -> Array:
    powers = np.exp(numbers - numbers.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
