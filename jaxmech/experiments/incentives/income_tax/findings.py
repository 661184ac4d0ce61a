"""What the study of income taxes says of what it found."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.income_tax.cells import Cell
from jaxmech.experiments.incentives.income_tax.checking import AMOUNTS
from jaxmech.experiments.incentives.income_tax.configuration import IncomeTaxStudy
from jaxmech.experiments.incentives.income_tax.learned import LearnedTax
from jaxmech.reports.findings import Certificate, Estimate, Findings, Oracle, Record, Table

HALF_A_POINT = 0.005
"""How far a learned rate may be from the best one."""

BALANCE = 1e-9
"""Up to which what is consumed is what is earned, as a share of it."""

SMALLEST_GAIN = 1e-9
"""Up to which another amount of labour counts as no better, as a share of earnings."""

LEAST_LOST = 4e-5
"""Of the least utility, in units of money, that a tax of several rates may give less than the best
single one, which itself loses 3.5e-5 where it is half a point off."""


def findings(study: IncomeTaxStudy, taxes: list[LearnedTax]) -> Findings:
    """Of all cells."""
    # A distance that is not a number is the furthest.
    furthest = taxes[int(np.argmax([tax.distance for tax in taxes]))]
    return Findings(
        headline=(
            f"Learned tax rates are within {100 * furthest.distance:.4f} percentage points of the "
            f"best ones of their populations, in {len(taxes)} cells."
        ),
        estimates={
            f"{tax.cell.name}/{scheme}": estimate
            for tax in taxes
            for scheme, estimate in (
                ("learned", _of_seeds(tax)),
                ("criterion", statements.learned(tax.designed.outcomes)),
            )
        },
        oracles={
            f"{tax.cell.name}/own": Oracle(
                tax.best, exact=tax.cell.own_is_exact and tax.cell.temperature == 0
            )
            for tax in taxes
        }
        | {
            f"{tax.cell.name}/closed form": Oracle(tax.cell.closed_form)
            for tax in taxes
            if tax.cell.closed_form is not None
        },
        certificates=_certificates(taxes, furthest),
        learning_curves=tuple(tax.designed.curves for tax in taxes),
        tables=(_table(study, taxes),),
        records=tuple(_records(taxes)),
    )


def _of_seeds(tax: LearnedTax) -> Estimate:
    return Estimate(float(np.mean(tax.learned)), per_seed=tuple(tax.learned.tolist()), over="seeds")


def _certificates(taxes: list[LearnedTax], furthest: LearnedTax) -> dict[str, Certificate]:
    exact = [tax for tax in taxes if tax.cell.temperature == 0]
    imbalance = float(np.max(np.abs(np.concatenate([tax.imbalances for tax in taxes]))))
    return {
        "every learned rate within half a point": Certificate(
            furthest.distance <= HALF_A_POINT,
            f"Of all rates that were learned, by any seed, the furthest from the best one of its "
            f"population is {100 * furthest.distance:.4f} percentage points away: "
            f"{furthest.cell.label}.",
            furthest.distance,
            HALF_A_POINT,
        ),
        "revenue is paid out": Certificate(
            imbalance <= BALANCE,
            "What people consume, demogrant included, is what they earn, up to a share of "
            f"{imbalance:.1e}: revenue and what is paid out balance.",
            imbalance,
            BALANCE,
        ),
        "individual rationality": statements.takes_part(
            *(tax.designed.outcomes.utilities for tax in taxes), agent="type"
        ),
        **(_of_best_choices(exact) if exact else {}),
        **_of_several_rates(exact),
        **_of_logit([tax for tax in taxes if tax.cell.temperature]),
    }


def _of_best_choices(taxes: list[LearnedTax]) -> dict[str, Certificate]:
    """Of people who choose best: no other amount of labour is better, which is searched for."""
    gains = np.concatenate([each for tax in taxes for each in tax.gains])
    gain = float(np.maximum(np.max(gains), 0))
    return {
        "exploitability": Certificate(
            gain <= SMALLEST_GAIN,
            f"By another amount of labour, of {AMOUNTS:,} that are tried of each type, nobody "
            f"gains more than {gain:.1e} of what it earns untaxed. Nobody is asked for its skill: "
            "to act as another type is to earn what that one does, and so another such amount.",
            gain,
            SMALLEST_GAIN,
        )
    }


def _of_several_rates(taxes: list[LearnedTax]) -> dict[str, Certificate]:
    """Of taxes whose population has no exact yardstick but the best single rate."""
    certificates = {}
    for tax in taxes:
        if tax.cell.own_is_exact:
            continue
        single = least_utility_at(tax.cell)
        least = float(np.asarray(tax.designed.outcomes.objective)[tax.designed.best])
        certificates[f"{tax.cell.name}/best single rate"] = statements.no_worse(
            "The least utility under the tax, beside that under the best single rate,",
            least,
            single,
            LEAST_LOST,
        )
    return certificates


def least_utility_at(cell: Cell) -> float:
    """The utility of the poorest under the best single rate of a population, exact."""
    kept = 1 - cell.own
    untaxed = cell.skills ** (1 + cell.elasticity)
    demogrant = cell.own * kept**cell.elasticity * (cell.shares @ untaxed)
    own = kept ** (1 + cell.elasticity) * np.min(untaxed) / (1 + cell.elasticity)
    return float(demogrant + own)


def _of_logit(taxes: list[LearnedTax]) -> dict[str, Certificate]:
    """Of people who choose by logit, at each temperature."""
    certificates = {}
    for tax in taxes:
        cell = tax.cell
        certificates[f"{cell.name}/equilibrium"] = statements.at_rest(*tax.errors)
        # A choice by logit maximises the mean plus the temperature times the entropy.
        certificates[f"{cell.name}/exploitability"] = statements.exploitability(
            *tax.gains, tolerance=cell.temperature * math.log(cell.nodes), agent="type"
        )
    if len(taxes) > 1:
        falling = sorted(taxes, key=lambda tax: -tax.cell.temperature)
        away = np.array([np.max(np.abs(tax.learned - tax.cell.own)) for tax in falling])
        # Rates that are there already may be learned a little nearer or further.
        nearer = (away[1:] <= away[:-1]) | (away[1:] <= HALF_A_POINT)
        listed = ", ".join(
            f"{100 * distance:.3f} at temperature {tax.cell.temperature:g}"
            for tax, distance in zip(falling, away, strict=True)
        )
        certificates["logit labour nears theory"] = Certificate(
            bool(np.all(nearer) and away[-1] <= HALF_A_POINT),
            "Percentage points between the rates learned for people who choose labour by logit and "
            f"the best one for those who choose best: {listed}. They may not rise as temperatures "
            "fall, unless they stay within half a point, which is allowed at the lowest.",
            float(away[-1]),
            HALF_A_POINT,
        )
    return certificates


def _table(study: IncomeTaxStudy, taxes: list[LearnedTax]) -> Table:
    rows = tuple(
        (
            tax.cell.label,
            f"{100 * tax.rate:.4f}",
            f"{100 * tax.best:.4f}",
            "" if tax.cell.closed_form is None else f"{100 * tax.cell.closed_form:.4f}",
            f"{100 * (tax.rate - tax.best):+.4f}",
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
            "The best of this population is exact, of its finitely many types, for taxes of one "
            "learned rate. For the poorest under several rates it is the best single rate, which "
            "by Diamond's theorem no other tax beats where skills are Pareto: of finitely many "
            "types some do, by a trifle.",
            "Closed forms are about people who choose best. For those who choose by logit, with "
            "their temperature in units of money, the best rate is searched for apart from the "
            "game.",
        ),
        emphasised=tuple(place for place, tax in enumerate(taxes) if tax.cell.temperature),
    )


def _records(taxes: list[LearnedTax]) -> Iterator[Record]:
    for tax in taxes:
        cell = tax.cell
        yield from statements.records_of(tax.designed.outcomes, cell=cell.name)
        for seed, rate in enumerate(tax.learned.tolist()):
            yield Record("learned", "rate", rate, cell=cell.name, seed=seed)
        yield Record("own", "rate", tax.best, cell=cell.name)
        if cell.closed_form is not None:
            yield Record("closed form", "rate", cell.closed_form, cell=cell.name)
        for bracket, rate in enumerate(tax.rates[tax.designed.best].tolist()):
            yield Record("learned", f"rate_of_bracket_{bracket + 1}", rate, cell=cell.name)
