"""Ranking ads by bid times a power of their quality (Lahaie and Pennock 2007)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.agents import CopulaValueQuality
from jaxmech.experiments.auctions.configuration import Squashing
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, mean_of, normal_interval, ratio_of_means
from jaxmech.oracles import lowest_envy_free
from jaxmech.reports.findings import (
    Estimate,
    Figure,
    Findings,
    Record,
    Table,
    curves_of,
    with_interval,
)

PUBLISHED_GAIN = 0.25
"""How much more ranking by bid earns than by revenue, in the setting of Lahaie and Pennock."""

_PUBLISHED_SETTING = {"bidders": 13, "slots": 12, "click_decay": Squashing.click_decay}
_PUBLISHED_SPEARMAN = 0.4
_SPEARMAN_OF_KENDALL = 0.57
"""A Gaussian copula whose rank correlation by Kendall's tau is ``_PUBLISHED_SPEARMAN``."""

_AUCTIONS_AT_A_TIME = 1 << 14


@dataclass(frozen=True)
class _Ranking:
    """What ranking with one exponent does, at one rank correlation.

    Attributes:
      spearman: the rank correlation.
      squash: the exponent.
      measures: ``revenue`` and ``clicks`` of an impression, and ``revenue_share`` and
        ``efficiency``: revenue and worth of the clicks, as shares of those of exponent 1.
    """

    spearman: float
    squash: float
    measures: Mapping[str, Mean]

    @property
    def cell(self) -> str:
        return f"spearman_{self.spearman}"

    @property
    def scheme(self) -> str:
        return f"exponent_{self.squash}"


def compute(study: Squashing, workspace: Workspace) -> Findings:
    """Revenue, efficiency and clicks of each exponent, for each rank correlation."""
    rankings: list[_Ranking] = []
    for number, spearman in enumerate(study.spearman):
        key = jax.random.fold_in(jax.random.key(study.seed), number)
        means = workspace.kept(
            f"spearman_{spearman}",
            simulated_rankings,
            key,
            jnp.asarray(spearman, float),
            study.squash,
            study.bidders,
            study.slots,
            study.click_decay,
            study.auctions,
            then=means_by_exponent,
        )
        rankings += [
            _Ranking(spearman, squash, {name: Mean(*pair) for name, pair in of.items()})
            for squash, of in zip(study.squash, means, strict=True)
        ]
    return Findings(
        headline=_headline(study, rankings),
        estimates={
            f"{one.cell}_{one.scheme}": Estimate(revenue.mean, revenue.half_width, over="auctions")
            for one in rankings
            for revenue in [one.measures["revenue"]]
        },
        tables=(_table(study, rankings),),
        figures=_figures(rankings),
        records=(
            *(
                Record(one.scheme, metric, mean.mean, mean.half_width, one.cell)
                for one in rankings
                for metric, mean in one.measures.items()
            ),
            Record("Lahaie and Pennock 2007", "published_gain", PUBLISHED_GAIN),
        ),
    )


def simulated_rankings(
    key: jax.Array,
    spearman: jax.Array,
    squash: tuple[float, ...],
    bidders: int,
    slots: int,
    click_decay: float,
    auctions: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Revenue, welfare and clicks, each float [auctions, exponents + 1]; the last exponent is 1.

    Args:
      key: of the draws.
      spearman: float [], the rank correlation of values and qualities.
      squash: the other exponents.
      bidders, slots: how many there are.
      click_decay: how many times less often a slot is clicked than the one above.
      auctions: how many are drawn.
    """
    exponents = jnp.asarray([*squash, 1.0], float)
    click_rates = click_decay ** -jnp.arange(slots, dtype=float)
    chunk = min(auctions, _AUCTIONS_AT_A_TIME)

    def measures(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        drawn = CopulaValueQuality(spearman).sample(key, bidders)

        def of(squash: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            found = lowest_envy_free(drawn.values, drawn.quality, click_rates, squash=squash)
            welfare = jnp.sum(found.clicks * drawn.values)
            return jnp.sum(found.payments), welfare, jnp.sum(found.clicks)

        return jax.vmap(of)(exponents)

    keys = jax.random.split(key, -(-auctions // chunk) * chunk)
    revenue, welfare, clicks = jax.lax.map(measures, keys, batch_size=chunk)
    return revenue[:auctions], welfare[:auctions], clicks[:auctions]


def means_by_exponent(
    samples: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> list[dict[str, tuple[float, float | None]]]:
    """Mean and half-width of each measure, for every exponent but the last, which is 1.

    Args:
      samples: what ``simulated_rankings`` returns.
    """
    revenue, welfare, clicks = (np.asarray(of, np.float64) for of in samples)
    means = []
    for place in range(revenue.shape[1] - 1):
        of = {
            "revenue": mean_of(revenue[:, place], normal_interval),
            "clicks": mean_of(clicks[:, place], normal_interval),
            "revenue_share": ratio_of_means(revenue[:, place], revenue[:, -1], normal_interval),
            "efficiency": ratio_of_means(welfare[:, place], welfare[:, -1], normal_interval),
        }
        means.append({name: (one.mean, one.half_width) for name, one in of.items()})
    return means


def _percent(share: Mean) -> str:
    half_width = None if share.half_width is None else 100 * share.half_width
    return with_interval(Mean(100 * share.mean, half_width), ".2f")


def _gain(ranking: _Ranking) -> str:
    """Revenue above that of exponent 1, in percent of it."""
    share = ranking.measures["revenue_share"]
    return _percent(Mean(share.mean - 1, share.half_width))


def _headline(study: Squashing, rankings: Sequence[_Ranking]) -> str:
    gains = [
        f"{_gain(one)} % more at rank correlation {one.spearman:g}"
        for one in rankings
        if one.squash == 0
    ]
    if not gains:
        return "Ranking by bid, exponent 0, was not asked for."
    words = f"Ranking by bid earns, against ranking by revenue, {' and '.join(gains)}."
    if _is_published(study):
        words += (
            f" Lahaie and Pennock publish {100 * PUBLISHED_GAIN:.0f} % at {_PUBLISHED_SPEARMAN:g}."
        )
    return words


def _is_published(study: Squashing) -> bool:
    """Whether the published figure is one of those computed."""
    asked = 0.0 in study.squash and _PUBLISHED_SPEARMAN in study.spearman
    return asked and all(getattr(study, name) == of for name, of in _PUBLISHED_SETTING.items())


def _table(study: Squashing, rankings: Sequence[_Ranking]) -> Table:
    rows = tuple(
        (
            f"{one.spearman:g}",
            f"{one.squash:g}",
            with_interval(one.measures["revenue"], ".5f"),
            _gain(one),
            _percent(one.measures["efficiency"]),
            with_interval(one.measures["clicks"], ".5f"),
        )
        for one in rankings
    )
    heads = (
        "Rank correlation",
        "Exponent",
        "Revenue",
        "Gain on exponent 1, %",
        "Efficiency, %",
        "Clicks",
    )
    notes = [
        f"Means of {study.auctions:,} auctions in the lowest envy-free equilibrium, and 95 % "
        "intervals over auctions. All exponents rank the same bidders; gain and efficiency "
        "compare auction by auction.",
        "Values of a click LN(0.35, 0.71), qualities Beta(2.71, 25.43), joined by a Gaussian "
        "copula of the given rank correlation (Spearman). Revenue and clicks are of an impression.",
        "Efficiency: the worth of the clicks to the bidders, as a share of the greatest possible, "
        "that of exponent 1.",
    ]
    if _is_published(study):
        notes.append(
            f"Lahaie and Pennock (2007) publish a gain of {100 * PUBLISHED_GAIN:.0f} % at "
            f"rank correlation {_PUBLISHED_SPEARMAN:g}, which this model of their setting does not "
            "reach. Which of their choices is another is not established."
        )
        notes += [
            f"The gain at rank correlation {one.spearman:g}, which by Kendall's tau is "
            f"{_PUBLISHED_SPEARMAN:g}, is {_gain(one)} %."
            for one in rankings
            if (one.spearman, one.squash) == (_SPEARMAN_OF_KENDALL, 0)
        ]
    return Table(f"{study.bidders} bidders, {study.slots} slots", heads, rows, tuple(notes))


def _figures(rankings: Sequence[_Ranking]) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            name=name,
            caption=f"{y_label.capitalize()}, by the exponent of the quality: 0 ranks by bid, "
            "1 by revenue. 95 % intervals over auctions.",
            x_label="exponent of the quality in the ranking",
            y_label=y_label,
            curves=curves_of(
                (f"rank correlation {one.spearman:g}", one.squash, one.measures[measure])
                for one in sorted(rankings, key=lambda one: one.squash)
            ),
        )
        for name, measure, y_label in (
            ("revenue", "revenue_share", "revenue as a share of that of exponent 1"),
            ("efficiency", "efficiency", "efficiency"),
            ("clicks", "clicks", "clicks of an impression"),
        )
    )
