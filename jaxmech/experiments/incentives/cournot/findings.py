"""What the study of emission taxes says of what it found."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.cournot.configuration import CournotStudy
from jaxmech.experiments.incentives.cournot.markets import Market
from jaxmech.reports.findings import (
    Certificate,
    Curve,
    Estimate,
    Figure,
    Findings,
    Oracle,
    Record,
    Table,
)

TAX_TOLERANCE = 1e-6
"""Up to which a tax counts as the best one."""

WELFARE_TOLERANCE = 1e-9
"""By which no tax that is tried may be better than the one designed."""


def findings(
    study: CournotStudy, markets: list[Market], permit: float, known_permit: Oracle
) -> Findings:
    """Of all markets.

    Args:
      permit, known_permit: the price of a permit, as found and in closed form.
    """
    first = markets[0]
    return Findings(
        headline=(
            f"Where emissions E do damage {first.damage:g} E^2 / 2, a tax of {first.tax:.7g} per "
            f"unit of emissions raises welfare from {first.untaxed:.7g} to {first.welfare:.7g}."
        ),
        estimates={
            f"{one.cell}/learned": statements.learned(one.designed.outcomes) for one in markets
        }
        | {f"{one.cell}/tax": Estimate(one.tax) for one in markets}
        | {f"{one.cell}/untaxed": Estimate(one.untaxed) for one in markets}
        | {"permit price": Estimate(permit)},
        oracles={
            f"{one.cell}/{name}": oracle
            for one in markets
            for name, oracle in one.oracles().items()
        }
        | {"permit price": known_permit},
        certificates=_certificates(study, markets, permit, known_permit),
        learning_curves=tuple(one.designed.curves for one in markets),
        tables=(_table(study, markets, permit),),
        figures=(_figure(markets),),
        records=tuple(_records(markets, permit)),
    )


def _certificates(
    study: CournotStudy, markets: list[Market], permit: float, known_permit: Oracle
) -> dict[str, Certificate]:
    outcomes = [found for one in markets for found in (one.designed.outcomes, one.swept)]
    certificates = {
        "equilibrium": statements.at_rest(*(one.residual for one in outcomes)),
        "individual rationality": statements.takes_part(
            *(one.designed.outcomes.utilities for one in markets), agent="firm"
        ),
    }
    rational = [one.gains for one in markets if one.temperature == 0]
    if rational:
        certificates["exploitability"] = statements.exploitability(*rational, agent="firm")
    for one in markets:
        if one.temperature > 0:
            # A choice by logit maximises the mean plus the temperature times the entropy.
            certificates[f"{one.cell}/exploitability"] = statements.exploitability(
                one.gains, tolerance=one.temperature * math.log(study.nodes), agent="firm"
            )
        excess = float(np.max(np.asarray(one.swept.objective))) - one.welfare
        certificates[f"{one.cell}/no better tax"] = Certificate(
            excess <= WELFARE_TOLERANCE,
            f"None of {one.taxes.size} taxes between the bounds brings more welfare than the one "
            "designed."
            if excess <= WELFARE_TOLERANCE
            else f"Some tax between the bounds brings {excess:.2g} more welfare than the one "
            "designed.",
            excess,
            WELFARE_TOLERANCE,
        )
        known = one.oracles().get("tax")
        if known is not None and known.value is not None:
            certificates[f"{one.cell}/best tax"] = statements.reaches(
                "The tax that was designed", one.tax, known.value, TAX_TOLERANCE
            )
    if known_permit.value is not None:
        certificates["permit price"] = statements.reaches(
            "The price of a permit", permit, known_permit.value, TAX_TOLERANCE
        )
    return certificates


def _table(study: CournotStudy, markets: list[Market], permit: float) -> Table:
    rows = []
    for one in markets:
        oracles = one.oracles()
        rows.append(
            (
                f"{one.damage:g}",
                f"{one.temperature:g}",
                f"{one.untaxed:.5f}",
                f"{one.welfare:.5f}",
                _shown(oracles["first best"]),
                f"{one.tax:.6f}",
                _shown(oracles.get("tax"), ".6f"),
                f"{np.max(one.gains[one.designed.best]):.1g}",
            )
        )
    return Table(
        "Welfare with a tax on emissions, which is paid back to consumers",
        (
            "Damage",
            "Tempera\u00adture",
            "Untaxed",
            "Taxed",
            "First best",
            "Tax",
            "Best tax",
            "Gain",
        ),
        tuple(rows),
        (
            "The tax is the best of those designed, per unit of emissions; the best tax is in "
            "closed form, where firms choose best (temperature 0). The first best is what a "
            "planner reaches who sets quantities.",
            "The gain is the largest that a firm would have from the best of all quantities: firms "
            "of a temperature above 0 choose with errors.",
            f"Permits for {study.cap:g} units of emissions that firms who choose best trade are "
            f"worth {permit:.7f} each: a tax of as much keeps emissions to that.",
        ),
    )


def _shown(oracle: Oracle | None, form: str = ".5f") -> str:
    return "" if oracle is None or oracle.value is None else f"{oracle.value:{form}}"


def _figure(markets: list[Market]) -> Figure:
    curves = []
    for one in markets:
        label = f"damage {one.damage:g}, temperature {one.temperature:g}"
        x, y = (
            tuple(np.asarray(values)[1:].tolist()) for values in (one.taxes, one.swept.objective)
        )
        curves.append(Curve(label, tuple(x), tuple(y)))
        curves.append(Curve("", (one.tax,), (one.welfare,), drawn="points"))
    return Figure(
        "welfare_by_tax",
        "Welfare in equilibrium under every tax; points are the taxes that were designed.",
        "tax per unit of emissions",
        "welfare",
        tuple(curves),
    )


def _records(markets: list[Market], permit: float) -> Iterator[Record]:
    yield Record("permits", "price", permit)
    for one in markets:
        yield Record("untaxed", "objective", one.untaxed, cell=one.cell)
        yield from statements.records_of(
            one.designed.outcomes, one.designed.mechanisms, cell=one.cell, coefficients=["tax"]
        )
        for seed, gain in enumerate(one.gains.max(axis=-1).tolist()):
            yield Record("learned", "largest_gain", gain, cell=one.cell, seed=seed)
        for name, oracle in one.oracles().items():
            scheme = "theory" if oracle.exact else "best tried"
            yield Record(scheme, name.replace(" ", "_"), oracle.value, cell=one.cell)
