"""Ranking ads by bid times a power of their quality (Lahaie and Pennock 2007)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import CopulaValueQuality
from jaxmech.experiments.auctions.configuration import Squashing
from jaxmech.intervals import NORMAL_QUANTILE_95
from jaxmech.oracles import lowest_envy_free
from jaxmech.reports.earlier_findings import Curve, Figure, Findings, Table

PUBLISHED_GAIN = 0.25
"""How much more ranking by bid earns than by revenue, in the setting of Lahaie and Pennock."""

_PUBLISHED_SETTING = {"bidders": 13, "slots": 12, "click_decay": 1.428}
_PUBLISHED_SPEARMAN = 0.4
_SPEARMAN_OF_KENDALL = 0.57
"""A Gaussian copula whose rank correlation by Kendall's tau is ``_PUBLISHED_SPEARMAN``."""

_AUCTIONS_AT_A_TIME = 1 << 14

_MEASURES = ("revenue", "welfare", "clicks")


def squashing(experiment: Squashing) -> Findings:
    """Revenue, efficiency and clicks of each exponent, for each rank correlation."""
    draw = _simulator(experiment)
    key = jax.random.key(experiment.seed)
    start = time.perf_counter()
    compiled = draw.lower(key, 0.0).compile()
    compile_seconds = time.perf_counter() - start

    start, results = time.perf_counter(), []
    for number, spearman in enumerate(experiment.spearman):
        drawn = compiled(jax.random.fold_in(key, number), jnp.asarray(spearman, float))
        samples = {
            name: np.asarray(of, np.float64)[: experiment.auctions]
            for name, of in zip(_MEASURES, drawn, strict=True)
        }
        results += _compared(experiment, spearman, samples)
    return Findings(
        headline=_headline(experiment, results),
        results={"rankings": results, "published_gain": PUBLISHED_GAIN},
        tables=(_table(experiment, results),),
        figures=_figures(results),
        seconds=time.perf_counter() - start,
        compile_seconds=compile_seconds,
    )


def _simulator(experiment: Squashing) -> jax.stages.Wrapped:
    """From a key and a rank correlation to the measures, each float [auctions, exponents].

    At least as many auctions as asked for; the last exponent is 1, whatever was asked for.
    """
    exponents = jnp.asarray([*experiment.squash, 1.0], float)
    click_rates = experiment.click_decay ** -jnp.arange(experiment.slots, dtype=float)
    chunk = min(experiment.auctions, _AUCTIONS_AT_A_TIME)

    def measures(key: jax.Array, spearman: jax.Array) -> tuple[jax.Array, ...]:
        drawn = CopulaValueQuality(spearman).sample(key, experiment.bidders)

        def of(squash: jax.Array) -> tuple[jax.Array, ...]:
            found = lowest_envy_free(drawn.values, drawn.quality, click_rates, squash=squash)
            welfare = jnp.sum(found.clicks * drawn.values)
            return jnp.sum(found.payments), welfare, jnp.sum(found.clicks)

        return jax.vmap(of)(exponents)

    @jax.jit
    def simulate(key: jax.Array, spearman: jax.Array) -> tuple[jax.Array, ...]:
        keys = jax.random.split(key, -(-experiment.auctions // chunk) * chunk)
        return jax.lax.map(lambda one: measures(one, spearman), keys, batch_size=chunk)

    return simulate


def _compared(
    experiment: Squashing, spearman: float, samples: dict[str, NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """A record for each exponent, from the measures of each auction."""
    records = []
    for place, squash in enumerate(experiment.squash):
        record: dict[str, Any] = {"spearman": spearman, "squash": squash}
        for name in ("revenue", "clicks"):
            sample = samples[name][:, place]
            record[name] = {"mean": float(sample.mean()), "ci95": _half_width(sample)}
        for name, of in (("revenue_share", "revenue"), ("efficiency", "welfare")):
            record[name] = _ratio(samples[of][:, place], samples[of][:, -1])
        records.append(record)
    return records


def _ratio(sample: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float]:
    """The ratio of two means over the same auctions, with its interval by the delta method."""
    ratio = float(sample.mean() / other.mean())
    return {"mean": ratio, "ci95": _half_width(sample - ratio * other) / float(other.mean())}


def _half_width(sample: NDArray[np.float64]) -> float:
    return float(NORMAL_QUANTILE_95 * sample.std(ddof=1) / np.sqrt(sample.size))


def _percent(ratio: dict[str, float], *, above: float = 0.0) -> str:
    return f"{100 * (ratio['mean'] - above):.2f} ± {100 * ratio['ci95']:.2f}"


def _headline(experiment: Squashing, results: Sequence[dict[str, Any]]) -> str:
    by_bid = [one for one in results if one["squash"] == 0]
    gains = [
        f"{_percent(one['revenue_share'], above=1)} % more at rank correlation {one['spearman']:g}"
        for one in by_bid
    ]
    if not gains:
        return "Ranking by bid, exponent 0, was not asked for."
    words = f"Ranking by bid earns, against ranking by revenue, {' and '.join(gains)}."
    if _is_published(experiment):
        words += (
            f" Lahaie and Pennock publish {100 * PUBLISHED_GAIN:.0f} % at {_PUBLISHED_SPEARMAN:g}."
        )
    return words


def _is_published(experiment: Squashing) -> bool:
    """Whether the published figure is one of those computed."""
    setting = {name: getattr(experiment, name) for name in _PUBLISHED_SETTING}
    asked = 0.0 in experiment.squash and _PUBLISHED_SPEARMAN in experiment.spearman
    return asked and setting == _PUBLISHED_SETTING


def _table(experiment: Squashing, results: Sequence[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            f"{one['spearman']:g}",
            f"{one['squash']:g}",
            f"{one['revenue']['mean']:.5f} ± {one['revenue']['ci95']:.5f}",
            _percent(one["revenue_share"], above=1),
            _percent(one["efficiency"]),
            f"{one['clicks']['mean']:.5f} ± {one['clicks']['ci95']:.5f}",
        )
        for one in results
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
        f"Means of {experiment.auctions:,} auctions in the lowest envy-free equilibrium, and 95 % "
        "intervals over auctions. All exponents rank the same bidders; gain and efficiency "
        "compare auction by auction.",
        "Values of a click LN(0.35, 0.71), qualities Beta(2.71, 25.43), joined by a Gaussian "
        "copula of the given rank correlation (Spearman). Revenue and clicks are of an impression.",
        "Efficiency: the worth of the clicks to the bidders, as a share of the greatest possible, "
        "that of exponent 1.",
    ]
    if _is_published(experiment):
        notes.append(
            f"Lahaie and Pennock (2007) publish a gain of {100 * PUBLISHED_GAIN:.0f} % at "
            f"rank correlation {_PUBLISHED_SPEARMAN:g}, which this model of their setting does not "
            "reach. Which of their choices is another is not established."
        )
        notes += [
            f"The gain at rank correlation {one['spearman']:g}, which by Kendall's tau is "
            f"{_PUBLISHED_SPEARMAN:g}, is {_percent(one['revenue_share'], above=1)} %."
            for one in results
            if (one["spearman"], one["squash"]) == (_SPEARMAN_OF_KENDALL, 0)
        ]
    title = f"{experiment.bidders} bidders, {experiment.slots} slots"
    return Table(title, heads, rows, tuple(notes))


def _figures(results: Sequence[dict[str, Any]]) -> tuple[Figure, ...]:
    def figure(name: str, y_label: str, of: Callable[[dict[str, Any]], dict[str, float]]) -> Figure:
        curves = []
        for spearman in dict.fromkeys(one["spearman"] for one in results):
            chosen = [one for one in results if one["spearman"] == spearman]
            chosen = sorted(chosen, key=lambda one: float(one["squash"]))
            curves.append(
                Curve(
                    label=f"rank correlation {spearman:g}",
                    x=tuple(one["squash"] for one in chosen),
                    y=tuple(of(one)["mean"] for one in chosen),
                    half_width=tuple(of(one)["ci95"] for one in chosen),
                )
            )
        return Figure(
            name=name,
            caption=f"{y_label.capitalize()}, by the exponent of the quality: 0 ranks by bid, "
            "1 by revenue. 95 % intervals over auctions.",
            x_label="exponent of the quality in the ranking",
            y_label=y_label,
            curves=tuple(curves),
        )

    return (
        figure("revenue", "revenue as a share of that of exponent 1", lambda x: x["revenue_share"]),
        figure("efficiency", "efficiency", lambda one: one["efficiency"]),
        figure("clicks", "clicks of an impression", lambda one: one["clicks"]),
    )
