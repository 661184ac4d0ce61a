"""What the study of income taxes says of what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.designing import Designed
from jaxmech.experiments.incentives.income_tax.cells import Cell
from jaxmech.experiments.incentives.income_tax.configuration import IncomeTaxStudy
from jaxmech.reports.findings import Certificate, Estimate, Findings, Oracle, Record, Table

HALF_A_POINT = 0.005
"""How far a learned rate may be from the best one."""

BALANCE = 1e-9
"""Up to which what is consumed is what is earned, as a share of it."""

SMALLEST_GAIN = 1e-9
"""Up to which another amount of labour counts as no better, as a share of earnings."""


@dataclass(frozen=True)
class LearnedTax:
    """What was found in a cell.

    Attributes:
      cell: which.
      designed: the taxes.
      rates: float [seeds, brackets].
      earnings: float [seeds, types], expected.
      gains: of each seed, float [types], of other amounts of labour, as a share of what is earned
        untaxed; none where people choose by logit.
      imbalances: of each seed, what is consumed beyond what is earned, as a share of that; none
        where people choose by logit.
    """

    cell: Cell
    designed: Designed
    rates: NDArray[np.float64]
    earnings: NDArray[np.float64]
    gains: tuple[NDArray[np.float64], ...]
    imbalances: tuple[float, ...]

    @property
    def learned(self) -> NDArray[np.float64]:
        """The rate that somebody pays which is furthest from the best one, float [seeds].

        Of the brackets that are learned, those in which nobody earns are of no account.
        """
        thresholds, first = self.cell.schedule.thresholds, self.cell.first_rate
        furthest = []
        for rates, earnings in zip(self.rates, self.earnings, strict=True):
            paid = np.unique(np.searchsorted(thresholds, earnings))
            among = rates[paid[paid >= first]]
            furthest.append(among[np.argmax(np.abs(among - self.cell.own))])
        return np.array(furthest)

    @property
    def rate(self) -> float:
        """The learned rate of the best seed."""
        return float(self.learned[self.designed.best])

    @property
    def distance(self) -> float:
        """The largest of any seed's rate from the best one."""
        return float(np.max(np.abs(self.learned - self.cell.own)))


def findings(study: IncomeTaxStudy, taxes: list[LearnedTax]) -> Findings:
    """Of all cells."""
    exact = [tax for tax in taxes if tax.cell.temperature == 0]
    # A distance that is not a number is the furthest.
    furthest = exact[int(np.argmax([tax.distance for tax in exact]))]
    return Findings(
        headline=(
            f"Learned tax rates are within {100 * furthest.distance:.4f} percentage points of the "
            f"best ones of their populations, in {len(exact)} cells."
        ),
        estimates={
            f"{tax.cell.name}/{scheme}": estimate
            for tax in taxes
            for scheme, estimate in (
                ("learned", _of_seeds(tax)),
                ("criterion", statements.learned(tax.designed.outcomes)),
            )
        },
        oracles={f"{tax.cell.name}/own": Oracle(tax.cell.own) for tax in taxes}
        | {
            f"{tax.cell.name}/closed form": Oracle(tax.cell.closed_form)
            for tax in taxes
            if tax.cell.closed_form is not None
        },
        certificates=_certificates(exact, furthest),
        learning_curves=tuple(tax.designed.curves for tax in taxes),
        tables=(_table(study, taxes),),
        records=tuple(_records(taxes)),
    )


def _of_seeds(tax: LearnedTax) -> Estimate:
    return Estimate(float(np.mean(tax.learned)), per_seed=tuple(tax.learned.tolist()), over="seeds")


def _certificates(exact: list[LearnedTax], furthest: LearnedTax) -> dict[str, Certificate]:
    imbalance = float(np.max(np.abs(np.concatenate([tax.imbalances for tax in exact]))))
    return {
        "every learned rate within half a point": Certificate(
            furthest.distance <= HALF_A_POINT,
            f"Of all rates that were learned, by any seed, the furthest from the best one of its "
            f"population is {100 * furthest.distance:.4f} percentage points away: "
            f"{furthest.cell.label}.",
            furthest.distance,
            HALF_A_POINT,
        ),
        "equilibrium": statements.at_rest(*(tax.designed.outcomes.residual for tax in exact)),
        "best response of labour": statements.exploitability(
            *(np.maximum(gains, 0) for tax in exact for gains in tax.gains),
            tolerance=SMALLEST_GAIN,
            agent="type, as a share of its earnings,",
        ),
        "revenue is paid out": Certificate(
            imbalance <= BALANCE,
            "What people consume, demogrant included, is what they earn, up to a share of "
            f"{imbalance:.1e}: revenue and what is paid out balance.",
            imbalance,
            BALANCE,
        ),
        "individual rationality": statements.takes_part(
            *(tax.designed.outcomes.utilities for tax in exact), agent="type"
        ),
    }


def _table(study: IncomeTaxStudy, taxes: list[LearnedTax]) -> Table:
    rows = tuple(
        (
            tax.cell.label,
            f"{100 * tax.rate:.4f}",
            f"{100 * tax.cell.own:.4f}",
            "" if tax.cell.closed_form is None else f"{100 * tax.cell.closed_form:.4f}",
            f"{100 * (tax.rate - tax.cell.own):+.4f}",
            f"{100 * tax.distance:.4f}",
        )
        for tax in taxes
    )
    return Table(
        "Learned tax rates beside the best ones, in per cent",
        ("Cell", "Learned", "Best of this population", "Closed form", "Difference", "Largest"),
        rows,
        (
            f"Differences in percentage points: of the best of {study.seeds} restarts, and the "
            "largest of any. Where a tax has several rates, the one furthest from the best among "
            "those that somebody pays.",
            "s: deviation of the logarithm of skills; e: elasticity of earnings; a: exponent of "
            "Pareto earnings. The closed form is that of the distribution.",
            "Theory is about people who choose best: those who choose by logit are shown beside "
            "it, with their temperature in units of money.",
        ),
        emphasised=tuple(place for place, tax in enumerate(taxes) if tax.cell.temperature),
    )


def _records(taxes: list[LearnedTax]) -> Iterator[Record]:
    for tax in taxes:
        cell = tax.cell
        yield from statements.records_of(tax.designed.outcomes, cell=cell.name)
        for seed, rate in enumerate(tax.learned.tolist()):
            yield Record("learned", "rate", rate, cell=cell.name, seed=seed)
        yield Record("own", "rate", cell.own, cell=cell.name)
        if cell.closed_form is not None:
            yield Record("closed form", "rate", cell.closed_form, cell=cell.name)
        for bracket, rate in enumerate(tax.rates[tax.designed.best].tolist()):
            yield Record("learned", f"rate_of_bracket_{bracket + 1}", rate, cell=cell.name)
