"""Taxes on the earnings of people who differ in skill."""

from jaxmech.environments.income_tax.criteria import (
    least_utility,
    log_utility,
    revenue,
    weighted_utility,
)
from jaxmech.environments.income_tax.factory import make
from jaxmech.environments.income_tax.game import IncomeTax
from jaxmech.environments.income_tax.labour import ExactLabour, GridLabour
from jaxmech.environments.income_tax.params import IncomeTaxParams, params_of
from jaxmech.environments.income_tax.populations import lognormal_skills, pareto_skills
from jaxmech.environments.income_tax.schedules import BracketTax, LinearTax, NetworkTax

__all__ = [
    "BracketTax",
    "ExactLabour",
    "GridLabour",
    "IncomeTax",
    "IncomeTaxParams",
    "LinearTax",
    "NetworkTax",
    "least_utility",
    "log_utility",
    "lognormal_skills",
    "make",
    "params_of",
    "pareto_skills",
    "revenue",
    "weighted_utility",
]
