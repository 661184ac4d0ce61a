"""Actions and parameters that an environment of impression allocation refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jaxmech import checks
from jaxmech.agents.sellers.population import is_traced
from jaxmech.checks import InvalidValueError
from jaxmech.environments.impression_allocation.params import ImpressionAllocationParams
from jaxmech.spaces import Simplex

if TYPE_CHECKING:
    from jaxmech.environments.impression_allocation.environment import ImpressionAllocation


def check_action(env: ImpressionAllocation, action: Any) -> None:
    """Refuses an action of another shape, and one that is not traced and no allocation.

    Raises:
      ValueError: it is such an action.
    """
    if isinstance(action, list | tuple):
        # Its numbers may be traced.
        action = jnp.asarray(action)
    if is_traced(action):
        checks.shape("action", action, env.action_form, (env.num_sellers,))
    elif env.action_form == "shares":
        Simplex(env.num_sellers).check("action", action)
    else:
        given = np.asarray(action)
        checks.shape("action", given, env.action_form, (env.num_sellers,))
        checks.numbers("action", given)


def check_params(env: ImpressionAllocation, params: ImpressionAllocationParams) -> None:
    """Refuses parameters of another environment.

    Raises:
      ValueError: they are of another number of sellers or rounds, or of kinds that do not occur
        here; or sellers leave or enter at a rate that is not traced, and here none does.
    """
    population = params.population
    checks.shape("params.population.kind", population.kind, "[sellers]", (env.num_sellers,))
    if not set(population.kinds) <= set(env.kinds):
        raise InvalidValueError(
            "params.population.kinds",
            population.kinds,
            f"those of the environment, {', '.join(env.kinds)}",
        )
    if params.max_steps_in_episode != env.num_rounds:
        raise InvalidValueError(
            "params.max_steps_in_episode",
            params.max_steps_in_episode,
            f"num_rounds of the environment, {env.num_rounds}",
            verb="needed are",
        )
    if env.turnover:
        return
    for field in ("entry_rate", "exit_rate"):
        rate = getattr(params, field)
        if not is_traced(rate) and np.any(np.asarray(rate) > 0):
            raise InvalidValueError(
                f"params.{field}", rate, "0, or an environment with turnover", verb="needed is"
            )
