"""``make("consumer_tax")``: from options to the environment and its parameters."""

from __future__ import annotations

from typing import Any

from jaxmech.environments.consumer_tax.choices import Choices
from jaxmech.environments.consumer_tax.game import ConsumerTax
from jaxmech.environments.consumer_tax.params import params_of
from jaxmech.environments.incentives.environment import IncentiveDesign
from jaxmech.environments.incentives.factory import incentive_design, of_rounds
from jaxmech.environments.incentives.params import IncentiveDesignParams
from jaxmech.environments.registry import check_options


def make(
    *,
    choices: Choices | None = None,
    num_assets: int = 201,
    max_steps: int = 200,
    **options: Any,
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Taxes on income and on each good, for consumers who work, spend and save.

    Args:
      choices: what consumers may do; those of ``Choices`` where it is None.
      num_assets, max_steps: see ``ConsumerTax``.
      options: temperature, preferences and the numbers of the economy, see
        ``jaxmech.environments.consumer_tax.params_of``; and of rounds, see
        ``jaxmech.environments.incentives.incentive_design``.

    Raises:
      ValueError: an unknown option or a value out of range.
    """
    check_options("consumer_tax", options, make, params_of, incentive_design)
    rounds, numbers = of_rounds(options)
    game = ConsumerTax(Choices() if choices is None else choices, num_assets, max_steps)
    return incentive_design(game, params_of(game.choices, **numbers), **rounds)
