"""``make("income_tax")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from jaxmech.checks import InvalidValueError
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.income_tax.criteria import Criterion, weighted_utility
from jaxmech.environments.income_tax.game import IncomeTax
from jaxmech.environments.income_tax.labour import ExactLabour, LabourResponse
from jaxmech.environments.income_tax.params import params_of
from jaxmech.environments.income_tax.schedules import LinearTax, TaxSchedule
from jaxmech.environments.registry import check_options


def make(
    *,
    schedule: TaxSchedule | None = None,
    labour: LabourResponse | None = None,
    criterion: Criterion = weighted_utility,
    skills: ArrayLike | None = None,
    **options: Any,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """An income tax that is paid out to all alike, and how people work under it.

    Args:
      schedule: the family of taxes; linear ones where it is None.
      labour: how people choose what to earn; exactly, where it is None.
      criterion: see ``IncomeTax``.
      skills: float [types], see ``params_of``; those of ``IncomeTax.default_params``, with all that
        belongs to them, where it is None.
      options: shares, weights, elasticity and temperature, with skills, see
        ``jaxmech.environments.income_tax.params_of``; and of rounds, see
        ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("income_tax", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = IncomeTax(
        LinearTax() if schedule is None else schedule,
        ExactLabour() if labour is None else labour,
        criterion,
    )
    if skills is None and numbers:
        name, value = next(iter(numbers.items()))
        raise InvalidValueError(name, value, "values beside skills", got=f"{value!r} without any")
    params = game.default_params if skills is None else params_of(skills, **numbers)
    return incentive_design(game, params, **rounds)
