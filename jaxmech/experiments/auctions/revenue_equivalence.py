"""Simulated revenue of auction rules in equilibrium, beside the closed forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import mechanisms
from jaxmech.agents import Exponential, LogNormal, Power, Uniform, UnivariateDistribution
from jaxmech.agents.values.host import HostDistribution
from jaxmech.experiments.auctions.configuration import RevenueEquivalence
from jaxmech.intervals import NORMAL_QUANTILE_95
from jaxmech.oracles import SymmetricAuction, myerson_reserve, optimal_revenue
from jaxmech.oracles.auctions import RULES
from jaxmech.reports.earlier_findings import Curve, Figure, Findings, Table

_DISTRIBUTIONS: dict[str, Callable[..., UnivariateDistribution]] = {
    "uniform": Uniform,
    "exponential": Exponential,
    "log_normal": LogNormal,
    "power": Power,
}

_VALUES_AT_A_TIME = 1 << 19
_BID_POINTS = 1 << 13
_LARGEST_LOG_SURVIVAL = 20.0
"""No single-precision draw is exceeded with a probability below exp(-20)."""


@dataclass(frozen=True)
class _Case:
    """The rules compared for one distribution and number of bidders."""

    name: str
    distribution: UnivariateDistribution
    auctions: tuple[SymmetricAuction, ...]


def revenue_equivalence(experiment: RevenueEquivalence) -> Findings:
    """Revenue of every rule, for each distribution and number of bidders."""
    results, seconds, compile_seconds = [], 0.0, 0.0
    for number, case in enumerate(_cases(experiment)):
        key = jax.random.fold_in(jax.random.key(experiment.seed), number)
        simulator = _simulator(case, experiment.auctions)
        start = time.perf_counter()
        simulate = simulator.lower(key).compile()
        compiled = time.perf_counter()
        revenues = np.asarray(simulate(key), np.float64)[:, : experiment.auctions]
        seconds += time.perf_counter() - compiled
        compile_seconds += compiled - start
        results += _compared(case, revenues)
    return Findings(
        headline=_headline(results),
        results={"revenues": results},
        tables=(_table(experiment, results),),
        figures=(_figure(results),),
        seconds=seconds,
        compile_seconds=compile_seconds,
    )


def _cases(experiment: RevenueEquivalence) -> list[_Case]:
    cases = []
    for name in experiment.distributions:
        distribution = _DISTRIBUTIONS[name](**asdict(getattr(experiment, name)))
        lowest = experiment.reserve
        if experiment.myerson_reserve:
            lowest = myerson_reserve(distribution)
        for bidders in experiment.bidders:
            auction_of = partial(_auction, distribution, bidders, experiment.units, lowest)
            auctions = tuple(auction_of(rule) for rule in experiment.resolved().rules or ())
            cases.append(_Case(name, distribution, auctions))
    return cases


def _auction(
    distribution: UnivariateDistribution, bidders: int, units: int, lowest: float, rule: str
) -> SymmetricAuction:
    """The auction under a rule in which values from ``lowest`` take part."""
    auction = SymmetricAuction(rule, distribution, bidders, units)
    reserve = lowest
    if RULES[rule] == "all pay":
        reserve *= float(auction.win_probability(lowest))
    return SymmetricAuction(rule, distribution, bidders, units, reserve)


def _simulator(case: _Case, auctions: int) -> jax.stages.Wrapped:
    """From a key to the revenue of each rule, float [rules, at least ``auctions``], jitted."""
    bidders = case.auctions[0].num_bidders
    chunk = min(auctions, max(1, _VALUES_AT_A_TIME // bidders))
    rules = [_revenue_of(auction) for auction in case.auctions]

    def revenues(key: jax.Array) -> jax.Array:
        values = case.distribution.sample(key, (chunk, bidders))
        return jnp.stack([jax.vmap(revenue)(values) for revenue in rules])

    @jax.jit
    def simulate(key: jax.Array) -> jax.Array:
        drawn = jax.lax.map(revenues, jax.random.split(key, -(-auctions // chunk)))
        return jnp.moveaxis(drawn, 0, 1).reshape(len(rules), -1)

    return simulate


def _revenue_of(auction: SymmetricAuction) -> Callable[[jax.Array], jax.Array]:
    """From the values [bidders] of an auction to its revenue in equilibrium."""
    bid = _equilibrium_bids(auction)
    rule = getattr(mechanisms, auction.rule)
    if auction.rule in ("uniform_price", "discriminatory_price"):
        rule = partial(rule, units=auction.units)
    return lambda values: jnp.sum(rule(bid(values), reserve=auction.reserve).payments)


def _equilibrium_bids(auction: SymmetricAuction) -> Callable[[jax.Array], jax.Array]:
    """The auction's equilibrium bids, traceable and elementwise.

    Linear between values that are evenly spaced in the logarithm of the probability to be
    exceeded, so that tails are as fine as the rest.
    """
    entry, reserve = auction.entry_value, auction.reserve
    if RULES[auction.rule] == "highest losing bid" or not np.isfinite(entry):
        return lambda values: jnp.where(values >= entry, values, 0)
    host = HostDistribution(auction.distribution)
    first = -np.log(float(host.at_least(entry)))
    places = np.linspace(first, max(first + 1, _LARGEST_LOG_SURVIVAL), _BID_POINTS)
    values_there = np.maximum(host.quantile(-np.expm1(-places)), entry)
    table = jnp.asarray(auction.bids(values_there), float)
    step = float(places[1] - places[0])

    def bids(values: jax.Array) -> jax.Array:
        place = (-jnp.log(auction.distribution.survival(values)) - first) / step
        place = jnp.clip(place, 0, _BID_POINTS - 1)
        below = jnp.minimum(place.astype(jnp.int32), _BID_POINTS - 2)
        share = place - below
        bid = table[below] * (1 - share) + table[below + 1] * share
        # Rounding must not take the entrants of the lowest value below the reserve.
        return jnp.where(values >= entry, jnp.maximum(bid, reserve), 0)

    return bids


def _compared(case: _Case, revenues: NDArray[np.float64]) -> list[dict[str, Any]]:
    """What there is to say of each rule, from its simulated revenues [rules, auctions]."""
    best = optimal_revenue(case.distribution, case.auctions[0].num_bidders)
    records = []
    for auction, sample in zip(case.auctions, revenues, strict=True):
        mean = float(sample.mean())
        error = float(sample.std(ddof=1) / np.sqrt(sample.size))
        exact = auction.expected_revenue
        records.append(
            {
                "distribution": case.name,
                "bidders": auction.num_bidders,
                "units": auction.units,
                "rule": auction.rule,
                "entry_value": auction.entry_value,
                "reserve": auction.reserve,
                "mean": mean,
                "ci95": NORMAL_QUANTILE_95 * error,
                "exact": exact,
                "standard_errors": (mean - exact) / error if error else 0.0,
                "optimal": best if auction.units == 1 else None,
            }
        )
    return records


def _headline(results: Sequence[dict[str, Any]]) -> str:
    farthest = max(abs(one["standard_errors"]) for one in results)
    return (
        f"{len(results)} simulated revenues, of which the farthest from its closed form is "
        f"{farthest:.1f} standard errors away."
    )


def _table(experiment: RevenueEquivalence, results: Sequence[dict[str, Any]]) -> Table:
    one_unit = experiment.units == 1
    rows = []
    for one in results:
        cells = [
            one["distribution"],
            str(one["bidders"]),
            one["rule"],
            f"{one['mean']:.5f} ± {one['ci95']:.5f}",
            f"{one['exact']:.5f}",
            f"{one['standard_errors']:+.1f}",
        ]
        rows.append(tuple([*cells, f"{one['optimal']:.5f}"] if one_unit else cells))
    heads = ["Values", "Bidders", "Rule", "Simulated revenue", "Closed form", "Standard errors off"]
    units = "1 item" if one_unit else f"{experiment.units} identical items"
    notes = [
        f"Simulated: mean of {experiment.auctions:,} auctions in the symmetric equilibrium, and "
        "95 % interval over auctions. All rules clear the same draws, so that their errors are "
        "not independent of each other; numbers of bidders and distributions have draws of their "
        "own.",
        "Closed form: computed for each rule; the revenue equivalence theorem makes them equal.",
    ]
    if experiment.myerson_reserve or experiment.reserve:
        lowest = dict.fromkeys((one["distribution"], one["entry_value"]) for one in results)
        words = {name: f"{name} {value:.5g}" for name, value in lowest}
        notes.append(
            f"Lowest value that takes part: {', '.join(words.values())}. In all-pay auctions the "
            "reserve is the bid that leaves it indifferent."
        )
    if one_unit:
        heads.append("Optimal auction")
        notes.append("Optimal auction: the most that any auction of the item earns (Myerson 1981).")
    return Table(f"Revenue of {units}", tuple(heads), tuple(rows), tuple(notes))


def _figure(results: Sequence[dict[str, Any]]) -> Figure:
    """Simulated revenues on the lines of the closed forms."""

    def curve(label: str, chosen: Sequence[dict[str, Any]], *, exact: bool) -> Curve:
        return Curve(
            label=label,
            x=tuple(float(one["bidders"]) for one in chosen),
            y=tuple(one["exact" if exact else "mean"] for one in chosen),
            half_width=None if exact else tuple(one["ci95"] for one in chosen),
            drawn="line" if exact else "points",
        )

    simulated = [
        curve(rule, [one for one in results if one["rule"] == rule], exact=False)
        for rule in dict.fromkeys(one["rule"] for one in results)
    ]
    rule = results[0]["rule"]
    exact = []
    for name in dict.fromkeys(one["distribution"] for one in results):
        chosen = [one for one in results if (one["distribution"], one["rule"]) == (name, rule)]
        exact.append(curve(f"{name}, closed form", chosen, exact=True))
    return Figure(
        name="revenues",
        caption="Revenue by number of bidders; the marks of the rules lie on top of each other. "
        "95 % intervals are over auctions.",
        x_label="bidders",
        y_label="revenue, in units of the values",
        curves=(*simulated, *exact),
    )
