"""``make("stackelberg_pricing")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options
from jaxmech.environments.stackelberg_pricing.game import StackelbergPricing
from jaxmech.environments.stackelberg_pricing.params import params_of


def make(**options: Any) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """A leader prices what followers take of a capacity that they share.

    By default followers are in equilibrium in every round. With ``responses_per_round`` they
    respond so many times, see ``StackelbergPricing.respond`` for when that comes to rest.

    Args:
      options: followers' costs and what the leader wants, see
        ``jaxmech.environments.stackelberg_pricing.params_of``; and of rounds, see
        ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("stackelberg_pricing", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    return incentive_design(StackelbergPricing(), params_of(**numbers), **rounds)
