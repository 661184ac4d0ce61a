"""Learned equilibrium bid functions, beside the closed forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import Uniform
from jaxmech.agents.bidders import interim_rules
from jaxmech.agents.bidders.bid_functions import BidFunction, BidFunctions, l2_distance
from jaxmech.agents.bidders.equilibrium import learn_equilibrium
from jaxmech.certificates import interim_exploitability
from jaxmech.experiments.auctions.configuration import Equilibrium
from jaxmech.oracles import SymmetricAuction
from jaxmech.oracles.asymmetric_auctions import uniform_first_price_bids
from jaxmech.reports.earlier_findings import Curve, Figure, Findings, Table

HostBids = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class _Auction:
    """An auction whose equilibrium is known.

    Attributes:
      rule: name in ``interim_rules``.
      highs: of each group of equal bidders; their values are uniform from 0 to this.
      group_sizes: bidders in each group.
      exact: the equilibrium bid function of each group, on the host.
    """

    rule: str
    highs: tuple[float, ...]
    group_sizes: tuple[int, ...]
    exact: tuple[HostBids, ...]


@dataclass(frozen=True)
class _Learned:
    """The bid functions learned for an auction, and what the table says of them."""

    auction: _Auction
    profile: BidFunctions
    records: list[dict[str, Any]]


def equilibrium(experiment: Equilibrium) -> Findings:
    """Learns the equilibrium of each auction and compares it with the closed form."""
    learned = [_learn(experiment, auction) for auction in _auctions(experiment)]
    records = [record for one in learned for record in one.records]
    return Findings(
        headline=_headline(records),
        results={"equilibria": records},
        tables=(_table(experiment, records),),
        figures=_figures(learned),
        seconds=sum(one.records[0]["seconds"] for one in learned),
        compile_seconds=sum(one.records[0]["compile_seconds"] for one in learned),
    )


def _auctions(experiment: Equilibrium) -> list[_Auction]:
    auctions = [
        _Auction(rule, (1.0,), (bidders,), (SymmetricAuction(rule, Uniform(), bidders).bids,))
        for rule in experiment.rules
        for bidders in experiment.bidders
    ]
    if experiment.asymmetric:
        weak = partial(uniform_first_price_bids, high=1.0, other_high=2.0)
        strong = partial(uniform_first_price_bids, high=2.0, other_high=1.0)
        auctions.append(_Auction("first_price", (1.0, 2.0), (1, 1), (weak, strong)))
    return auctions


def _learn(experiment: Equilibrium, auction: _Auction) -> _Learned:
    rule = getattr(interim_rules, auction.rule)

    def learn() -> BidFunctions:
        profile = learn_equilibrium(
            rule,
            [Uniform(0.0, high) for high in auction.highs],
            auction.group_sizes,
            num_values=experiment.num_values,
            num_bids=experiment.num_bids,
            iterations=experiment.iterations,
        )
        return jax.block_until_ready(profile)

    start = time.perf_counter()
    learn()
    compiled = time.perf_counter()
    profile = learn()
    seconds = time.perf_counter() - compiled
    compile_seconds = max(compiled - start - seconds, 0.0)

    distances = l2_distance(profile, [_traceable(exact) for exact in auction.exact])
    found = interim_exploitability(rule, profile, num_bids=experiment.responses)
    records = [
        {
            "rule": auction.rule,
            "bidders": sum(auction.group_sizes),
            "values": f"U[0, {high:g}]",
            "others": ", ".join(f"U[0, {other:g}]" for other in auction.highs if other != high),
            "l2_distance": float(distance),
            "exploitability_at_least": float(gain),
            "seconds": seconds,
            "compile_seconds": compile_seconds,
        }
        for high, distance, gain in zip(auction.highs, distances, found.per_bidder, strict=True)
    ]
    return _Learned(auction, profile, records)


def _traceable(exact: HostBids) -> BidFunction:
    """On concrete values, in their precision."""
    return lambda values: jnp.asarray(exact(np.asarray(values, np.float64)), values.dtype)


def _headline(records: Sequence[dict[str, Any]]) -> str:
    distance = max(one["l2_distance"] for one in records)
    gain = max(one["exploitability_at_least"] for one in records)
    return (
        f"All learned bid functions are within {distance:.4f} of the equilibrium (root mean "
        f"square); the most that was found to be gained against one of them is {gain:.2g}."
    )


def _table(experiment: Equilibrium, records: Sequence[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            one["rule"],
            str(one["bidders"]),
            one["values"] + (f" against {one['others']}" if one["others"] else ""),
            f"{one['l2_distance']:.5f}",
            f"{one['exploitability_at_least']:.6f}",
            f"{one['seconds']:.3f}",
            f"{one['compile_seconds']:.2f}",
        )
        for one in records
    )
    heads = (
        "Rule",
        "Bidders",
        "Values",
        "L2 distance",
        "Exploitability, at least",
        "Seconds",
        "of compiling",
    )
    notes = (
        "L2 distance: root mean square difference from the closed form over the bidder's values, "
        "in their units.",
        "Exploitability: a lower bound of the expected gain of a best response, which depends on "
        f"the own value; the best of {experiment.responses:,} bids and the learned ones was "
        f"looked for at {experiment.num_values} values. By quadrature: there is no sampling, and "
        "so no interval; what a finer search may find is not known.",
        f"Seconds: of {experiment.iterations:,} updates, once compiled, measured once; bidders "
        "of one auction learn together. Programs kept from an earlier run need little compiling.",
    )
    return Table("Learned equilibria", heads, rows, notes)


def _figures(learned: Sequence[_Learned]) -> tuple[Figure, ...]:
    """A figure for each rule with symmetric bidders, and one for asymmetric ones."""
    figures = []
    kinds = dict.fromkeys((one.auction.rule, len(one.auction.highs) > 1) for one in learned)
    for rule, asymmetric in kinds:
        chosen = [
            one
            for one in learned
            if (one.auction.rule, len(one.auction.highs) > 1) == (rule, asymmetric)
        ]
        words = f"Bids in the {rule.replace('_', ' ')} auction"
        if asymmetric:
            words += " of one bidder with values U[0, 1] and one with U[0, 2]"
        figures.append(
            Figure(
                name=f"{rule}_asymmetric" if asymmetric else rule,
                caption=f"{words}. Dashed: the closed forms.",
                x_label="value",
                y_label="bid",
                curves=tuple(curve for one in chosen for curve in _curves(one)),
            )
        )
    return tuple(figures)


def _curves(learned: _Learned) -> list[Curve]:
    auction, profile = learned.auction, learned.profile
    curves = []
    for group, high in enumerate(auction.highs):
        values = np.asarray(profile.values[group], np.float64)
        x = tuple(map(float, values))
        label = f"{auction.group_sizes[group]} bidders"
        if len(auction.highs) > 1:
            label = f"U[0, {high:g}]"
        bids = tuple(map(float, profile.bids[group]))
        curves.append(Curve(label, x, bids))
        curves.append(
            Curve("", x, tuple(map(float, auction.exact[group](values))), drawn="reference")
        )
    return curves
