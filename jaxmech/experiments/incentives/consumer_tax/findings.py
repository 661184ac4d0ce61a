"""What the study of consumers' taxes says of what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from jaxmech.experiments.incentives import statements
from jaxmech.experiments.incentives.consumer_tax.configuration import ConsumerTaxStudy
from jaxmech.experiments.incentives.consumer_tax.taxed import Taxed
from jaxmech.reports.findings import Certificate, Estimate, Findings, Oracle, Record, Table

GAP_TOLERANCE = 0.02
"""Up to which the taxes that were designed count as the best ones found."""

BELLMAN_TOLERANCE = 1e-8
"""Up to which consumers' values count as optimal; values are of the order of 10 to 1,000."""

SLOPE_TOLERANCE = 1e-2
"""Up to which the best taxes found count as having no better neighbours; the objective is of the
order of 50, its slopes at the start of up to 40."""

BEST_KNOWN = {0.1: 54.745, 0.3: 56.016}
"""What the best taxes known are worth at each temperature: reference values that an independent
computation gave in double precision, on a grid of 201 points of assets, by climbing from
several starts. No proof that there is nothing better; the study climbs anew."""

BEST_KNOWN_ROUNDING = 5e-4
"""Half a unit of their last digit."""

BEST_KNOWN_ASSETS = 201
"""Points of the grid that those values are of."""

PEER_STEPS = 3e9
"""Steps of the environment, about, of one run of Thoma et al. (2024)."""


def findings(study: ConsumerTaxStudy, found: dict[float, Taxed]) -> Findings:
    """Of all temperatures."""
    by_name = {f"temperature {temperature:g}": one for temperature, one in found.items()}
    reached = ", ".join(
        f"{one.reached:.3f} at {name} (rates of {study.start_rate:g}: {one.at_start:.3f}; best "
        f"found: {one.highest:.3f})"
        for name, one in by_name.items()
    )
    estimates: dict[str, Estimate] = {}
    oracles: dict[str, Oracle] = {}
    for name, one in by_name.items():
        estimates[f"{name}/learned"] = statements.learned(one.designed.outcomes)
        estimates[f"{name}/best seed"] = Estimate(one.reached)
        estimates[f"{name}/rates of {study.start_rate:g}"] = Estimate(one.at_start)
        oracles[f"{name}/best found"] = Oracle(one.highest, exact=False)
    known = {
        f"temperature {temperature:g}": BEST_KNOWN[temperature]
        for temperature in found
        if temperature in BEST_KNOWN and study.assets == BEST_KNOWN_ASSETS
    }
    oracles |= {f"{name}/best known": Oracle(best, exact=False) for name, best in known.items()}
    return Findings(
        headline=f"Taxes that were designed without a step of the environment: {reached}.",
        estimates=estimates,
        oracles=oracles,
        certificates=_certificates(by_name, known),
        learning_curves=tuple(one.designed.curves for one in found.values()),
        tables=_tables(study, found),
        records=tuple(_records(by_name)),
    )


def _certificates(found: dict[str, Taxed], known: dict[str, float]) -> dict[str, Certificate]:
    several = found.values()
    slope = float(np.max([one.slope for one in several]))
    near = {
        f"{name}, best found": statements.no_worse(
            "What the taxes that were designed are worth", one.reached, one.highest, GAP_TOLERANCE
        )
        for name, one in found.items()
    }
    near |= {
        f"{name}, {certified}": statements.no_worse(
            what, worth, best, GAP_TOLERANCE, rounding=BEST_KNOWN_ROUNDING
        )
        for name, best in known.items()
        for certified, what, worth in (
            (
                "best known",
                "What the taxes that were designed are worth",
                found[name].reached,
            ),
            (
                "best found beside best known",
                "What the best taxes found are worth",
                found[name].highest,
            ),
        )
    }
    return near | {
        "equilibrium": statements.at_rest(
            *(part.residual for one in several for part in (one.designed.outcomes, one.beside))
        ),
        **statements.followers_act_well(
            [one.checked.policies for one in several],
            agent="consumer",
            residual_tolerance=BELLMAN_TOLERANCE,
        ),
        "incentive compatibility": statements.true_to_type(
            *(one.checked.as_another for one in several),
            checked=[one.checked.policies for one in several],
            agent="consumer",
            type_word="type",
        ),
        "individual rationality": _takes_part(several),
        "stationarity": Certificate(
            slope <= SLOPE_TOLERANCE,
            f"At the best taxes found, slopes that do not lead out of bounds are {slope:.1e} at "
            "most.",
            slope,
            SLOPE_TOLERANCE,
        ),
    }


def _takes_part(found: Iterable[Taxed]) -> Certificate:
    """Taxes have no outside option; who would have none of them neither works nor spends."""
    slack = float(
        np.min([np.min(np.subtract(one.checked.utilities, one.checked.idle)) for one in found])
    )
    return Certificate(
        slack >= 0,
        f"Every consumer expects at least {slack:.3g} more, taxes included and entropy not, than "
        "who neither works nor spends."
        if slack >= 0
        else f"Some consumer expects {-slack:.3g} less, taxes included and entropy not, than who "
        "neither works nor spends.",
        slack,
        0.0,
    )


def _tables(study: ConsumerTaxStudy, found: dict[float, Taxed]) -> tuple[Table, Table]:
    worth, rates = [], []
    apart = float(np.max([np.ptp(one.ends) for one in found.values()]))
    of_seed = f"{study.updates:,}"
    for temperature, one in found.items():
        worth.append(
            (
                f"{temperature:g}",
                f"{one.at_start:.3f}",
                f"{one.reached:.4f}",
                f"{one.highest:.4f}",
                f"{one.highest - one.reached:.4f}",
            )
        )
        for name, mechanism, gradients in (
            ("designed", one.rates, of_seed),
            ("best found", one.best, f"{one.gradients:,}"),
        ):
            numbers = tuple(f"{rate:.4f}" for rate in mechanism)
            rates.append((f"{temperature:g}", name, *numbers, gradients))
    goods = tuple(f"Good {number}" for number in range(1, len(rates[0]) - 3))
    return (
        Table(
            "What taxes are worth",
            ("Temperature", f"Rates of {study.start_rate:g}", "Designed", "Best found", "Gap"),
            tuple(worth),
            (
                f"Expected, in equilibrium on a grid of {study.assets} assets, of consumption and "
                f"revenue. Designed are the taxes of the best seed, of {study.seeds}, on a grid of "
                f"{study.design_assets} assets, by slopes through consumers' responses.",
                "The best found are those where L-BFGS-B ends, on the finer grid, from where the "
                f"highest of {len(study.climb_starts)} climbs ended on the coarser one. These "
                f"began at rates of {', '.join(f'{rate:g}' for rate in study.climb_starts)}, and "
                f"what taxes were worth where they ended differs by {apart:.1e} at most.",
            ),
        ),
        Table(
            "Rates, and gradients that they took",
            ("Temperature", "Taxes", *goods, "Income", "Gradients"),
            tuple(rates),
            (
                "For each gradient of the best found, consumers' problem is solved once, on the "
                "finer grid; climbs on the coarser one, which lead there, are not counted. The "
                "designer's consumers respond once for each of its own, of which every seed takes "
                "as many.",
                "None takes a step of the environment. A run of Thoma et al. (2024), whose "
                f"consumers learn and so are others, takes about {PEER_STEPS:,.0f}.",
            ),
        ),
    )


def _records(found: dict[str, Taxed]) -> Iterator[Record]:
    for cell, one in found.items():
        coefficients = [*(f"rate_on_good_{place + 1}" for place in range(one.best.size - 1))]
        coefficients.append("rate_on_income")
        yield from statements.records_of(
            one.designed.outcomes, one.designed.mechanisms, cell=cell, coefficients=coefficients
        )
        beside = zip(("equal rates", "best found"), one.beside.objective.tolist(), strict=True)
        for scheme, objective in beside:
            yield Record(scheme, "objective", objective, cell=cell)
        for name, rate in zip(coefficients, one.best.tolist(), strict=True):
            yield Record("best found", name, rate, cell=cell)
        yield Record("best found", "gradients", one.gradients, cell=cell)
        yield Record("climbs", "gradients", one.gradients_there, cell=cell)
        for number, end in enumerate(one.ends.tolist()):
            yield Record("climbs", "objective", end, cell=cell, seed=number)
        yield Record("best found", "slope", one.slope, cell=cell)
        policies = one.checked.policies
        for metric, values in (
            ("bellman_residual", policies.residual),
            ("smoothed_gain", policies.smoothed_gain),
            ("gain", policies.gain),
            ("gain_as_another_type", one.checked.as_another),
        ):
            yield Record("all", metric, float(np.max(np.asarray(values))), cell=cell)
