"""What can be said for certain of posted prices, and whether played episodes agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax

from jaxmech.agents import Samples, Valuations
from jaxmech.certificates import incentive_regret, individual_rationality
from jaxmech.environments import SequentialPrice, SequentialPriceParams
from jaxmech.evaluation import Policy, play
from jaxmech.experiments.sequential_price.problem import CERTIFICATES, LearningProblem
from jaxmech.mechanisms import Outcome
from jaxmech.reports.findings import Certificate

if TYPE_CHECKING:
    from jaxmech.experiments.workspace import Workspace

PROFILES = 256
"""Episodes in which taking part is checked."""

REPORTS = 4
"""Other reports that each agent tries."""

EPISODES = 4096
"""Episodes, about, in which other reports are tried."""

ROUNDING = 1e-5
"""Of the highest price, that a gain or a loss may be and still count as nothing."""


def certificates_of(
    problem: LearningProblem, policy: Policy, workspace: Workspace
) -> dict[str, Certificate]:
    """Individual rationality and truthfulness of a learned mechanism."""
    # Of the outcome alone, so that the offline optimum of every episode is not computed.
    env = replace(problem.env, subtract_offline_optimum=False)
    asked = (env, problem.test_params, policy, problem.key(CERTIFICATES))
    found = workspace.kept_on_host("certificates", checked, *asked, PROFILES, REPORTS, EPISODES)
    return {
        "individually_rational": Certificate(
            holds=found["lowest_utility"] >= -found["tolerance"],
            statement=(
                "an agent takes nothing that costs more than it is worth to it, so nobody is worse "
                f"off than by staying away; lowest utility in {found['profiles']} episodes "
                f"{found['lowest_utility']:.3g}"
            ),
            value=found["lowest_utility"],
            tolerance=found["tolerance"],
        ),
        "truthful": Certificate(
            holds=found["gain"] <= found["tolerance"],
            statement=(
                "an agent is visited once and takes what it likes best at prices that its own "
                "values do not move, so no other report serves it better; greatest mean gain of "
                f"any agent from {found['reports']} other reports in each of "
                f"{found['profiles_of_reports']} episodes {found['gain']:.3g}"
            ),
            value=found["gain"],
            tolerance=found["tolerance"],
        ),
    }


def checked(
    env: SequentialPrice,
    params: SequentialPriceParams,
    policy: Policy,
    key: jax.Array,
    profiles: int,
    reports: int,
    episodes: int,
) -> dict[str, Any]:
    """The lowest utility and the greatest gain from another report, in played episodes.

    Args:
      env, params: the environment.
      policy: that plays, without randomness of its own.
      key: for all draws.
      profiles: episodes in which taking part is checked.
      reports: other reports that each agent tries.
      episodes: to play at most for these, if that makes two profiles of values.
    """

    def mechanism(reports: jax.Array) -> Outcome:
        """The outcome where agents buy as if their values were ``reports``, [agents, ...]."""
        alone = replace(params, distribution=Samples(reports[None], env.demand))
        # Without randomness of its own, the key decides nothing.
        outcome: Outcome = play(env, alone, policy, jax.random.key(0)).state.outcome
        return outcome

    def utility(values: jax.Array, outcome: Outcome) -> jax.Array:
        """What each agent gets is worth to it, less its payment: float [agents]."""
        return Valuations(values, env.demand).of(outcome.allocation) - outcome.payments

    part_key, gain_key = jax.random.split(key)
    part = individual_rationality(
        mechanism, params.distribution, part_key, utility=utility, num_profiles=profiles
    )
    tried = max(2, episodes // (env.num_agents * (reports + 1)))
    regret = incentive_regret(
        mechanism,
        params.distribution,
        gain_key,
        utility=utility,
        num_profiles=tried,
        num_reports=reports,
        ascent_steps=0,
    )
    return {
        "lowest_utility": float(part.lowest_utility.min()),
        "gain": regret.mean,
        "profiles": profiles,
        "profiles_of_reports": tried,
        "reports": reports,
        "tolerance": ROUNDING * float(params.price_high.max()),
    }
