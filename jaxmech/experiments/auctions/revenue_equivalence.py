"""Simulated revenue of auction rules in equilibrium, beside the closed forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech.agents import Exponential, LogNormal, Power, Uniform, UnivariateDistribution
from jaxmech.agents.bidders.auction_rules import AUCTION_RULES
from jaxmech.agents.values.host import HostDistribution
from jaxmech.experiments.auctions.configuration import RevenueEquivalence
from jaxmech.experiments.workspace import Workspace
from jaxmech.intervals import Mean, mean_of, normal_interval, standard_error
from jaxmech.oracles import SymmetricAuction, myerson_reserve, optimal_revenue
from jaxmech.reports.findings import (
    Estimate,
    Figure,
    Findings,
    Oracle,
    Record,
    Table,
    curves_of,
    with_interval,
)

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
class _Revenue:
    """The revenue of a rule for one distribution and number of bidders.

    Attributes:
      distribution: its name.
      auction: with the rule.
      simulated: with its interval over auctions.
      exact: the closed form.
      standard_errors: how far the simulated revenue is from the closed form.
      optimal: what the optimal auction earns; None for several items.
    """

    distribution: str
    auction: SymmetricAuction
    simulated: Mean
    exact: float
    standard_errors: float
    optimal: float | None

    @property
    def rule(self) -> str:
        return self.auction.rule

    @property
    def cell(self) -> str:
        return f"{self.distribution}_{self.auction.num_bidders}"


def compute(study: RevenueEquivalence, workspace: Workspace) -> Findings:
    """Revenue of every rule, for each distribution and number of bidders."""
    revenues: list[_Revenue] = []
    cases = [(name, bidders) for name in study.distributions for bidders in study.bidders]
    for number, (name, bidders) in enumerate(cases):
        auctions = _auctions(study, name, bidders)
        key = jax.random.fold_in(jax.random.key(study.seed), number)
        cell = f"{name}_{bidders}"
        simulated = workspace.kept(
            cell, simulated_revenues, key, auctions, study.auctions, then=moments
        )
        exact = workspace.kept_on_host(f"{cell}_exact", exact_revenues, auctions)
        found = zip(auctions, simulated, exact["revenues"], strict=True)
        revenues += [
            _Revenue(
                distribution=name,
                auction=auction,
                simulated=Mean(mean, half_width),
                exact=revenue,
                standard_errors=(mean - revenue) / error if error else 0.0,
                optimal=exact["optimal"],
            )
            for auction, (mean, half_width, error), revenue in found
        ]
    farthest = max(abs(one.standard_errors) for one in revenues)
    return Findings(
        headline=f"{len(revenues)} simulated revenues, of which the farthest from its closed form "
        f"is {farthest:.1f} standard errors away.",
        estimates={
            f"{one.cell}_{one.rule}": Estimate(
                one.simulated.mean, one.simulated.half_width, over="auctions"
            )
            for one in revenues
        },
        oracles={
            **{f"{one.cell}_{one.rule}": Oracle(one.exact) for one in revenues},
            # The revenue curve is taken as straight between many quantiles.
            **{
                f"{one.cell}_optimal": Oracle(one.optimal, exact=False)
                for one in revenues
                if one.optimal is not None
            },
        },
        tables=(_table(study, revenues),),
        figures=(_figure(revenues),),
        records=tuple(record for one in revenues for record in _records(one)),
    )


def simulated_revenues(
    key: jax.Array, auctions: tuple[SymmetricAuction, ...], draws: int
) -> jax.Array:
    """The revenue of each rule on the same draws, float [rules, draws].

    Args:
      key: of the draws.
      auctions: those of one distribution and number of bidders, each with its rule.
      draws: how many auctions are simulated.
    """
    bidders, distribution = auctions[0].num_bidders, auctions[0].distribution
    chunk = min(draws, max(1, _VALUES_AT_A_TIME // bidders))
    # The bids of the equilibrium are computed by Python, before they are part of a program.
    with jax.ensure_compile_time_eval():
        bids = [_equilibrium_bids(auction) for auction in auctions]

    def revenue(
        auction: SymmetricAuction, bid: Callable[[jax.Array], jax.Array], values: jax.Array
    ) -> jax.Array:
        rule = AUCTION_RULES[auction.rule]
        outcome = rule.clear(bid(values), auction.units, reserve=auction.reserve)
        return jnp.sum(outcome.payments)

    def revenues(key: jax.Array) -> jax.Array:
        values = distribution.sample(key, (chunk, bidders))
        rules = zip(auctions, bids, strict=True)
        return jnp.stack([jax.vmap(partial(revenue, *rule))(values) for rule in rules])

    drawn = jax.lax.map(revenues, jax.random.split(key, -(-draws // chunk)))
    return jnp.moveaxis(drawn, 0, 1).reshape(len(auctions), -1)[:, :draws]


def moments(revenues: np.ndarray) -> list[tuple[float, float | None, float | None]]:
    """Mean, half-width of its interval and standard error of each row of float [rules, draws]."""
    found = []
    for row in np.asarray(revenues, np.float64):
        mean, error = mean_of(row, normal_interval), standard_error(row)
        found.append((mean.mean, mean.half_width, None if error is None else float(error)))
    return found


def exact_revenues(auctions: tuple[SymmetricAuction, ...]) -> dict[str, Any]:
    """Expected revenue of each auction, and of the optimal one where one item is sold."""
    first = auctions[0]
    optimal = optimal_revenue(first.distribution, first.num_bidders) if first.units == 1 else None
    return {"revenues": [auction.expected_revenue for auction in auctions], "optimal": optimal}


def _auctions(study: RevenueEquivalence, name: str, bidders: int) -> tuple[SymmetricAuction, ...]:
    """The auction of each rule, with values of the distribution called ``name``.

    The same values take part in each.
    """
    distribution = _DISTRIBUTIONS[name](**asdict(getattr(study, name)))
    lowest = myerson_reserve(distribution) if study.myerson_reserve else study.reserve
    auctions = []
    for rule in study.resolved().rules or ():
        auction = SymmetricAuction(rule, distribution, bidders, study.units, lowest)
        if auction.pays == "own bid, win or lose":
            auction = replace(auction, reserve=lowest * float(auction.win_probability(lowest)))
        auctions.append(auction)
    return tuple(auctions)


def _equilibrium_bids(auction: SymmetricAuction) -> Callable[[jax.Array], jax.Array]:
    """The auction's equilibrium bids, traceable and elementwise.

    Linear between values that are evenly spaced in the logarithm of the probability to be
    exceeded, so that tails are as fine as the rest.
    """
    entry, reserve = auction.entry_value, auction.reserve
    if auction.pays == "highest losing bid" or not np.isfinite(entry):
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


def _records(one: _Revenue) -> list[Record]:
    numbers = {
        "closed_form": one.exact,
        "standard_errors": one.standard_errors,
        "entry_value": one.auction.entry_value,
        "reserve": one.auction.reserve,
        "optimal_revenue": one.optimal,
    }
    simulated = one.simulated
    return [
        Record(one.rule, "revenue", simulated.mean, simulated.half_width, one.cell),
        *(
            Record(one.rule, metric, number, cell=one.cell)
            for metric, number in numbers.items()
            if number is not None
        ),
    ]


def _table(study: RevenueEquivalence, revenues: Sequence[_Revenue]) -> Table:
    rows = tuple(
        (
            one.distribution,
            str(one.auction.num_bidders),
            one.rule,
            with_interval(one.simulated, ".5f"),
            f"{one.exact:.5f}",
            f"{one.standard_errors:+.1f}",
            *(() if one.optimal is None else (f"{one.optimal:.5f}",)),
        )
        for one in revenues
    )
    heads = ["Values", "Bidders", "Rule", "Simulated revenue", "Closed form", "Standard errors off"]
    units = "1 item" if study.units == 1 else f"{study.units} identical items"
    notes = [
        f"Simulated: mean of {study.auctions:,} auctions in the symmetric equilibrium, and "
        "95 % interval over auctions. All rules clear the same draws, so that their errors are "
        "not independent of each other; numbers of bidders and distributions have draws of their "
        "own.",
        "Closed form: computed for each rule; the revenue equivalence theorem makes them equal.",
    ]
    if study.myerson_reserve or study.reserve:
        values = {one.distribution: one.auction.entry_value for one in revenues}
        words = ", ".join(f"{name} {value:.5g}" for name, value in values.items())
        notes.append(
            f"Lowest value that takes part: {words}. In all-pay auctions the "
            "reserve is the bid that leaves it indifferent."
        )
    if study.units == 1:
        heads.append("Optimal auction")
        notes.append("Optimal auction: the most that any auction of the item earns (Myerson 1981).")
    return Table(f"Revenue of {units}", tuple(heads), rows, tuple(notes))


def _figure(revenues: Sequence[_Revenue]) -> Figure:
    """Simulated revenues on the lines of the closed forms."""
    simulated = curves_of(
        ((one.rule, float(one.auction.num_bidders), one.simulated) for one in revenues),
        drawn="points",
    )
    exact = curves_of(
        (f"{one.distribution}, closed form", float(one.auction.num_bidders), Mean(one.exact, None))
        for one in revenues
        if one.rule == revenues[0].rule
    )
    return Figure(
        name="revenues",
        caption="Revenue by number of bidders; the marks of the rules lie on top of each other. "
        "95 % intervals are over auctions.",
        x_label="bidders",
        y_label="revenue, in units of the values",
        curves=(*simulated, *exact),
    )
