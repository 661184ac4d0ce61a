"""What is taxed and why, cell by cell, with the best rate of each population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.income_tax import (
    BracketTax,
    ExactLabour,
    GridLabour,
    LinearTax,
    NetworkTax,
    least_utility,
    log_utility,
    lognormal_skills,
    make,
    pareto_skills,
    revenue,
    weighted_utility,
)
from jaxmech.environments.income_tax.criteria import Criterion
from jaxmech.environments.income_tax.schedules import TaxSchedule
from jaxmech.experiments.incentives.income_tax.configuration import IncomeTaxStudy
from jaxmech.networks import MLP
from jaxmech.oracles import income_tax as oracle

BRACKETS = (2.0, 5.0)
"""Where brackets end in which a maximin tax is learned."""

NARROW_BRACKETS = tuple(float(edge) for edge in np.geomspace(1.2, 100, 14))
"""Where those end of which a network says the rates."""

NETWORK_BOUND = 1.0
"""How far each parameter of the network may move."""

RAREST = 1e-8
"""Share of the rarest types where a tax of several rates is learned."""


@dataclass(frozen=True)
class Cell:
    """A tax to be learned.

    Attributes:
      name: of its stage.
      label: what it is about, in words.
      schedule: the family of taxes; ``first_rate`` is the first of its rates that is learned.
      criterion: what it is judged by.
      skills, shares, weights: float [types], of the population, and welfare weights.
      elasticity: of earnings.
      own: the best rate of this very population, which is about people who choose best.
      own_is_exact: whether it is the best of all taxes of the schedule; otherwise it is the best
        single rate, and a tax of several rates may do a little better on finitely many types.
      closed_form: that of the distribution which the population stands for; None where there is
        none.
      temperature: of people who choose labour by logit; 0 where they choose best.
      nodes: amounts of labour that those choose among.
    """

    name: str
    label: str
    schedule: TaxSchedule
    criterion: Criterion
    skills: NDArray[np.float64]
    shares: NDArray[np.float64]
    weights: NDArray[np.float64]
    elasticity: float
    own: float
    own_is_exact: bool = True
    closed_form: float | None = None
    first_rate: int = 0
    temperature: float = 0.0
    nodes: int = 2

    def build(self) -> tuple[IncentiveDesign, IncentiveDesignParams]:
        """The environment and its parameters."""
        return make(
            schedule=self.schedule,
            labour=GridLabour(self.nodes) if self.temperature else ExactLabour(),
            criterion=self.criterion,
            skills=self.skills,
            shares=self.shares,
            welfare_weights=self.weights,
            elasticity=self.elasticity,
            temperature=self.temperature,
        )


def cells_of(study: IncomeTaxStudy) -> Iterator[Cell]:
    """All that the study asks for."""
    yield from _fixed_weights(study)
    if study.mean_logarithm:
        yield from _mean_logarithms(study)
    yield from _top_rates(study)
    yield from _maximin(study)
    yield from _smoothed(study)


def _fixed_weights(study: IncomeTaxStudy) -> Iterator[Cell]:
    for sigma in study.sigmas:
        for elasticity in study.elasticities:
            for aversion in study.aversions:
                yield _fixed_weight(sigma, elasticity, aversion)


def _fixed_weight(sigma: float, elasticity: float, aversion: float, **others: Any) -> Cell:
    skills, shares = lognormal_skills(sigma)
    weights = skills**-aversion
    relative = oracle.lognormal_relative_weight(sigma, elasticity, aversion)
    given: dict[str, Any] = {
        "name": f"linear_s{sigma:g}_e{elasticity:g}_nu{aversion:g}",
        "label": f"Linear, weights n^-{aversion:g}, s {sigma:g}, e {elasticity:g}",
        "schedule": LinearTax(),
        "criterion": weighted_utility,
        "skills": skills,
        "shares": shares,
        "weights": weights,
        "elasticity": elasticity,
        "own": oracle.linear_rate(skills, elasticity, weights, shares=shares),
        "closed_form": oracle.linear_rate_at(relative, elasticity),
    }
    return Cell(**(given | others))


def _mean_logarithms(study: IncomeTaxStudy) -> Iterator[Cell]:
    for sigma in study.sigmas:
        for elasticity in study.elasticities:
            skills, shares = lognormal_skills(sigma)
            yield Cell(
                name=f"logarithm_s{sigma:g}_e{elasticity:g}",
                label=f"Linear, mean logarithm of utility, s {sigma:g}, e {elasticity:g}",
                schedule=LinearTax(),
                criterion=log_utility,
                skills=skills,
                shares=shares,
                weights=np.ones_like(skills),
                elasticity=elasticity,
                own=oracle.log_utility_optimum(skills, elasticity, shares=shares).rate,
            )


def _top_rates(study: IncomeTaxStudy) -> Iterator[Cell]:
    low, threshold = study.low_rate, study.threshold
    pairs = list(zip(study.tails, study.tail_elasticities, strict=True))
    for weight in study.top_weights:
        for tail, elasticity in pairs if weight == 0 else pairs[:1]:
            skills, shares = pareto_skills(
                tail * (1 + elasticity), elasticity, num_types=study.pareto_types
            )
            pays = skills ** (1 + elasticity) * (1 - low) ** elasticity > threshold
            # Of a mean of 1, so that a unit of revenue, which all get alike, is worth 1.
            rest = (1 - weight * np.sum(shares[pays])) / np.sum(shares[~pays])
            yield Cell(
                name=f"top_a{tail:g}_e{elasticity:g}_g{weight:g}",
                label=f"Top rate, a {tail:g}, e {elasticity:g}, weight {weight:g}",
                schedule=BracketTax((threshold,), low=low, high=(low, 0.99)),
                criterion=weighted_utility if weight else revenue,
                skills=skills,
                shares=shares,
                weights=np.where(pays, weight, rest),
                elasticity=elasticity,
                own=oracle.top_rate_of_population(
                    skills,
                    elasticity,
                    threshold=threshold,
                    low=low,
                    weight=weight,
                    shares=shares,
                ),
                closed_form=oracle.top_rate(tail, elasticity, weight=weight),
                first_rate=1,
            )


def _maximin(study: IncomeTaxStudy) -> Iterator[Cell]:
    tail, elasticity = study.maximin_tail, study.maximin_elasticity
    skills, shares = pareto_skills(
        tail * (1 + elasticity), elasticity, num_types=study.pareto_types, rarest=RAREST
    )
    own = oracle.linear_rate_at(
        float(np.min(skills) ** (1 + elasticity) / (shares @ skills ** (1 + elasticity))),
        elasticity,
    )
    for kind in study.schedules:
        yield Cell(
            name=f"maximin_{kind}",
            label=f"Maximin, {kind}, a {tail:g}, e {elasticity:g}",
            schedule=_schedule(kind),
            criterion=least_utility,
            skills=skills,
            shares=shares,
            weights=np.ones_like(skills),
            elasticity=elasticity,
            own=own,
            # Taxes all have the same best rate by Diamond's theorem, which is about the whole
            # Pareto distribution; of this population that rate is known of linear ones alone.
            own_is_exact=kind == "linear",
            closed_form=oracle.top_rate(tail, elasticity),
        )


def _schedule(kind: str) -> TaxSchedule:
    if kind == "linear":
        return LinearTax()
    if kind == "brackets":
        return BracketTax(BRACKETS)
    return NetworkTax(MLP((16,), 1, 0.01), NARROW_BRACKETS, bound=NETWORK_BOUND)


def _smoothed(study: IncomeTaxStudy) -> Iterator[Cell]:
    if not study.sigmas or not study.elasticities or not study.aversions:
        return
    sigma, elasticity, aversion = study.sigmas[0], study.elasticities[-1], study.aversions[-1]
    for temperature in study.temperatures:
        label = f"Linear, weights n^-{aversion:g}, s {sigma:g}, e {elasticity:g}"
        yield _fixed_weight(
            sigma,
            elasticity,
            aversion,
            name=f"logit_{temperature:g}",
            label=f"{label}, logit labour at temperature {temperature:g}",
            temperature=temperature,
            nodes=study.labour_nodes,
        )
