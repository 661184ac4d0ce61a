"""What transfers for agents in lanes are worth in equilibrium, and what a design came to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents import WithSubsidy, equilibrium
from jaxmech.certificates import interim_deviations, largest_logit_gains
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.multilane import Multilane
from jaxmech.experiments.incentives.designing import Outcomes, outcome
from jaxmech.experiments.incentives.multilane.configuration import Case
from jaxmech.runner import RunResult


@struct.dataclass
class LaneOutcomes:
    """What mechanisms are worth in equilibrium; every array [mechanisms, ...].

    Attributes:
      judged: as of any game.
      deviation: float [mechanisms], standard deviation of the welfare of one episode.
      exploitability: float [mechanisms], expected gain of an agent's best response.
      allowed: float [mechanisms], what agents of that rationality may leave of it.
      regret: float [mechanisms], the most that an agent gains by acting as from another position.
      slack: float [mechanisms], the least that an agent expects who knows its position.
      subsidised_welfare, subsidised_slack: float [mechanisms], where all are paid in addition what
        the one lacks who expects least.
    """

    judged: Outcomes
    deviation: jax.Array
    exploitability: jax.Array
    allowed: jax.Array
    regret: jax.Array
    slack: jax.Array
    subsidised_welfare: jax.Array
    subsidised_slack: jax.Array


@dataclass(frozen=True)
class DesignedLanes:
    """What a design came to.

    Attributes:
      case: which.
      mechanisms: float [seeds, coefficients].
      outcomes: of each of them.
      without: of no mechanism, one entry.
      result: of the training.
      updates: made in it.
      valued: mechanisms that were valued for it; 0 where derivatives were used.
    """

    case: Case
    mechanisms: NDArray[np.float64]
    outcomes: LaneOutcomes
    without: LaneOutcomes
    result: RunResult
    updates: int
    valued: int


def lane_outcomes(
    env: IncentiveDesign, params: IncentiveDesignParams, mechanisms: jax.Array
) -> LaneOutcomes:
    """What each mechanism, float [mechanisms, coefficients], is worth in equilibrium."""
    game, own = env.game, params.game
    assert isinstance(game, Multilane)
    subsidised = replace(game, transfer=WithSubsidy(game.transfer))

    def of(mechanism: jax.Array) -> LaneOutcomes:
        policies = equilibrium(game, mechanism, own).point
        utilities = game.interim_utilities(policies, mechanism, own)
        weights = own.position_weights
        found = interim_deviations(utilities, policies, weights)
        prior = game.initial_policies(own)
        allowed = largest_logit_gains(utilities, policies, prior, own.temperature)
        paid = jnp.concatenate([found.least_subsidy[None], mechanism])
        again = equilibrium(subsidised, paid, own).point
        with_subsidy = subsidised.interim_utilities(again, paid, own)
        return LaneOutcomes(
            judged=outcome(game, policies, mechanism, own),
            deviation=game.deviation(policies, own),
            exploitability=found.exploitability,
            allowed=jnp.sum(weights * allowed),
            regret=found.regret,
            slack=found.slack,
            subsidised_welfare=subsidised.objective(again, paid, own),
            subsidised_slack=interim_deviations(with_subsidy, again, weights).slack,
        )

    return jax.lax.map(of, mechanisms)
