"""Learned equilibrium bid functions, beside the closed forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech.agents import Uniform, learn_equilibrium
from jaxmech.agents.bidders.auction_rules import AUCTION_RULES, SaleRule
from jaxmech.agents.bidders.bid_functions import BidFunction, BidFunctions, l2_distance
from jaxmech.certificates import interim_exploitability
from jaxmech.experiments.auctions.configuration import Equilibrium
from jaxmech.experiments.workspace import Workspace
from jaxmech.oracles import SymmetricAuction
from jaxmech.oracles.asymmetric_auctions import uniform_first_price_bids
from jaxmech.reports.findings import Certificate, Curve, Estimate, Figure, Findings, Record, Table

HostBids = Callable[[NDArray[np.float64]], NDArray[np.float64]]

SMALL_GAIN = 1e-3
"""What a bidder may gain by bidding otherwise in what passes for an equilibrium, in units of
values up to 1 or 2: ``learn_equilibrium`` is to reach this for 2 to 10 bidders."""


@dataclass(frozen=True)
class Auction:
    """An auction whose equilibrium is known.

    Attributes:
      rule: name in ``AUCTION_RULES``.
      highs: of each group of equal bidders; their values are uniform from 0 to this.
      group_sizes: bidders in each group.
    """

    rule: SaleRule
    highs: tuple[float, ...]
    group_sizes: tuple[int, ...]

    @property
    def is_asymmetric(self) -> bool:
        return len(self.highs) > 1

    @property
    def kind(self) -> str:
        """Those that differ by the number of bidders alone are shown together."""
        return f"{self.rule}_asymmetric" if self.is_asymmetric else self.rule

    @property
    def name(self) -> str:
        return self.kind if self.is_asymmetric else f"{self.rule}_{sum(self.group_sizes)}"

    @property
    def exact(self) -> tuple[HostBids, ...]:
        """The equilibrium bid function of each group, on the host."""
        if self.is_asymmetric:
            return tuple(
                partial(uniform_first_price_bids, high=own, other_high=other)
                for own, other in zip(self.highs, self.highs[::-1], strict=True)
            )
        (high,), (bidders,) = self.highs, self.group_sizes
        return (SymmetricAuction(self.rule, Uniform(0.0, high), bidders).bids,)


@dataclass(frozen=True)
class _Learned:
    """The bid functions learned for an auction, and how good they are.

    Attributes:
      profile: the bid functions.
      distances: from the closed form, of each group.
      gains: the most that was found to be gained by a bidder of each group.
      response_range: lowest and highest of the even bids that were tried.
    """

    auction: Auction
    profile: BidFunctions
    distances: list[float]
    gains: list[float]
    response_range: tuple[float, float]

    @property
    def groups(self) -> list[tuple[str, float, float]]:
        """What each group of equal bidders values and meets, its distance and its gain."""
        values = [f"U[0, {high:g}]" for high in self.auction.highs]
        others = [f" against {other}" for other in values[::-1]]
        if not self.auction.is_asymmetric:
            others = [""]
        found = zip(values, others, self.distances, self.gains, strict=True)
        return [(own + other, distance, gain) for own, other, distance, gain in found]


def compute(study: Equilibrium, workspace: Workspace) -> Findings:
    """Learns the equilibrium of each auction and compares it with the closed form."""
    auctions = [
        Auction(rule, (1.0,), (bidders,)) for rule in study.rules for bidders in study.bidders
    ]
    if study.asymmetric:
        auctions.append(Auction("first_price", (1.0, 2.0), (1, 1)))
    learned = [_learned(study, auction, workspace) for auction in auctions]
    farthest = max(distance for one in learned for distance in one.distances)
    gain = max(gain for one in learned for gain in one.gains)
    return Findings(
        headline=f"All learned bid functions are within {farthest:.4f} of the equilibrium (root "
        f"mean square); the most that was found to be gained against one of them is {gain:.2g}.",
        estimates={"learned": Estimate(farthest, over="the values of the bidder farthest off")},
        certificates={one.auction.name: _certificate(study, one) for one in learned},
        tables=(_table(study, learned),),
        figures=_figures(learned),
        records=tuple(
            Record(against, metric, number, cell=one.auction.name)
            for one in learned
            for against, distance, gain in one.groups
            for metric, number in (
                ("l2_distance", distance),
                ("exploitability_at_least", gain),
            )
        ),
    )


def learned_bids(
    auction: Auction, num_values: int, num_bids: int, iterations: int
) -> dict[str, Any]:
    """Levels float [grid], and values and bids float [groups, grid], of the bids learned."""
    profile = learn_equilibrium(
        AUCTION_RULES[auction.rule].interim,
        [Uniform(0.0, high) for high in auction.highs],
        auction.group_sizes,
        num_values=num_values,
        num_bids=num_bids,
        iterations=iterations,
    )
    return {name: np.asarray(getattr(profile, name)) for name in ("levels", "values", "bids")}


def quality_of_bids(auction: Auction, profile: BidFunctions, responses: int) -> dict[str, Any]:
    """How far each group's bids are from the closed form, and what is gained against them."""
    distances = l2_distance(profile, [_traceable(exact) for exact in auction.exact])
    found = interim_exploitability(AUCTION_RULES[auction.rule].interim, profile, num_bids=responses)
    return {
        "distances": [float(distance) for distance in distances],
        "gains": [float(gain) for gain in found.per_bidder],
        "response_range": found.budget.response_range,
    }


def _learned(study: Equilibrium, auction: Auction, workspace: Workspace) -> _Learned:
    arrays = workspace.kept_on_host(
        auction.name, learned_bids, auction, study.num_values, study.num_bids, study.iterations
    )
    profile = BidFunctions(
        **{field: jnp.asarray(array) for field, array in arrays.items()},
        group_sizes=auction.group_sizes,
    )
    quality = workspace.kept_on_host(
        f"{auction.name}_quality", quality_of_bids, auction, profile, study.responses
    )
    return _Learned(auction, profile, **quality)


def _traceable(exact: HostBids) -> BidFunction:
    """On concrete values, in their precision."""
    return lambda values: jnp.asarray(exact(np.asarray(values, np.float64)), values.dtype)


def _certificate(study: Equilibrium, learned: _Learned) -> Certificate:
    gain = max(learned.gains)
    low, high = learned.response_range
    return Certificate(
        holds=gain <= SMALL_GAIN,
        statement=f"against the bids learned, no bidder gains more than {SMALL_GAIN:g} in "
        f"expectation by another bid of those tried: {study.responses:,} even ones from {low:.4g} "
        f"to {high:.4g} and the learned ones, at {study.num_values} values; the most is "
        f"{gain:.2g}, and a finer search may find more",
        value=gain,
        tolerance=SMALL_GAIN,
    )


def _table(study: Equilibrium, learned: Sequence[_Learned]) -> Table:
    rows = tuple(
        (
            one.auction.rule,
            str(sum(one.auction.group_sizes)),
            against,
            f"{distance:.5f}",
            f"{gain:.6f}",
        )
        for one in learned
        for against, distance, gain in one.groups
    )
    notes = (
        "L2 distance: root mean square difference from the closed form over the bidder's values, "
        "in their units.",
        "Exploitability: a lower bound of the expected gain of a best response, which depends on "
        f"the own value; the best of {study.responses:,} bids and the learned ones was "
        f"looked for at {study.num_values} values. By quadrature: there is no sampling, and "
        "so no interval; what a finer search may find is not known.",
        f"Learned in {study.iterations:,} updates; bidders of one auction learn together.",
    )
    return Table(
        "Learned equilibria",
        ("Rule", "Bidders", "Values", "L2 distance", "Exploitability, at least"),
        rows,
        notes,
    )


def _figures(learned: Sequence[_Learned]) -> tuple[Figure, ...]:
    """A figure for each rule with symmetric bidders, and one for asymmetric ones."""
    by_kind: dict[str, list[_Learned]] = {}
    for one in learned:
        by_kind.setdefault(one.auction.kind, []).append(one)
    figures = []
    for kind, of_kind in by_kind.items():
        auction = of_kind[0].auction
        words = f"Bids in the {auction.rule.replace('_', ' ')} auction"
        if auction.is_asymmetric:
            words += " of one bidder with values U[0, 1] and one with U[0, 2]"
        figures.append(
            Figure(
                name=kind,
                caption=f"{words}. Dashed: the closed forms.",
                x_label="value",
                y_label="bid",
                curves=tuple(curve for one in of_kind for curve in _curves(one)),
            )
        )
    return tuple(figures)


def _curves(learned: _Learned) -> list[Curve]:
    auction, profile = learned.auction, learned.profile
    curves = []
    for group, (high, exact) in enumerate(zip(auction.highs, auction.exact, strict=True)):
        values = np.asarray(profile.values[group], np.float64)
        x = tuple(map(float, values))
        symmetric = f"{auction.group_sizes[group]} bidders"
        label = f"U[0, {high:g}]" if auction.is_asymmetric else symmetric
        curves.append(Curve(label, x, tuple(map(float, profile.bids[group]))))
        curves.append(Curve("", x, tuple(map(float, exact(values))), drawn="reference"))
    return curves
