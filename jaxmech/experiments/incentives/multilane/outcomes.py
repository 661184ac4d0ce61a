"""What transfers for agents in lanes are worth in equilibrium, and what a design came to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxmech import struct
from jaxmech.agents import LearningAgents, WithSubsidy, equilibrium, smoothed_maximum
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


@struct.dataclass
class LearnersOutcomes:
    """What mechanisms are worth with what learners do; every array float [mechanisms].

    Attributes:
      objective: expected welfare.
      apart: the largest change of a probability by one logit response to the others.
      gain: what an agent would gain by that response, in expectation, what departing from the prior
        costs counted.
      exploitability: what an agent would gain by a best response, in expectation, without it.
    """

    objective: jax.Array
    apart: jax.Array
    gain: jax.Array
    exploitability: jax.Array


@dataclass(frozen=True)
class BestTransfer:
    """The best transfer of a kind that was found by climbing from several starts.

    Attributes:
      mechanism: float [coefficients].
      objective: what it is worth in equilibrium.
      slope: see ``jaxmech.experiments.incentives.climbing.climbed``.
      gradients: how many were computed, in all climbs.
      ends: float [starts], what the transfers are worth where the climbs end.
    """

    mechanism: NDArray[np.float64]
    objective: float
    slope: float
    gradients: int
    ends: NDArray[np.float64]


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
      best: the best transfer of that kind found; None where there is no slope to climb.
      learners: of each mechanism, with what agents do who learned while it was designed; None for
        other agents.
    """

    case: Case
    mechanisms: NDArray[np.float64]
    outcomes: LaneOutcomes
    without: LaneOutcomes
    result: RunResult
    updates: int
    valued: int
    best: BestTransfer | None = None
    learners: LearnersOutcomes | None = None


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


def learners_outcomes(
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    mechanisms: jax.Array,
    policies: jax.Array,
) -> LearnersOutcomes:
    """What each mechanism is worth while agents do as they have learned to.

    Args:
      env, params: in which agents respond by logit, of a temperature above 0.
      mechanisms: float [mechanisms, coefficients].
      policies: float [mechanisms, positions, actions].
    """
    game, own = env.game, params.game
    assert isinstance(game, Multilane)

    def of(given: tuple[jax.Array, jax.Array]) -> LearnersOutcomes:
        mechanism, learned = given
        judged = outcome(game, learned, mechanism, own)
        utilities = game.interim_utilities(learned, mechanism, own)
        prior = game.initial_policies(own)
        divergence = jnp.sum(jax.scipy.special.rel_entr(learned, prior), axis=-1)
        now = jnp.sum(utilities * learned, axis=-1) - own.temperature * divergence
        gains = smoothed_maximum(utilities, own.temperature, prior) - now
        return LearnersOutcomes(
            objective=judged.objective,
            apart=judged.residual,
            gain=jnp.sum(own.position_weights * gains),
            exploitability=interim_deviations(
                utilities, learned, own.position_weights
            ).exploitability,
        )

    return jax.lax.map(of, (mechanisms, policies))


def learners_outcomes_at_rest(
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    mechanisms: jax.Array,
    learning: IncentiveDesign,
    learning_params: IncentiveDesignParams,
    states: jax.Array,
) -> LearnersOutcomes:
    """What each mechanism is worth once learners have come to rest who go on to learn under it.

    For those who lived with other mechanisms, which were tried.

    Args:
      env, params, mechanisms: see ``learners_outcomes``.
      learning, learning_params: in which agents learn.
      states: of the learners, float [mechanisms, ...].
    """
    game, own = learning.game, learning_params.game
    assert isinstance(game, LearningAgents)

    def at_rest(given: tuple[jax.Array, jax.Array]) -> jax.Array:
        mechanism, state = given
        found: jax.Array = game.at_rest_from(state, mechanism, own).point
        return found

    settled = jax.lax.map(at_rest, (mechanisms, states))
    return learners_outcomes(env, params, mechanisms, game.policies(settled, own))
