"""Transfers designed for agents in lanes, and what they are worth in equilibrium."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmech import struct
from jaxmech.agents import LearningAgents, MirrorDescent, equilibrium
from jaxmech.designers import (
    PPO,
    AnnealedTemperature,
    ImplicitGradient,
    OnePointGradient,
    SocialGradient,
    TwoPointGradient,
    TwoTimescale,
    UnrolledGradient,
)
from jaxmech.designers.two_timescale.gradients import GradientEstimator
from jaxmech.environments import IncentiveDesign, IncentiveDesignParams
from jaxmech.environments.incentives import incentive_design
from jaxmech.environments.incentives.environment import allowed
from jaxmech.environments.multilane import Multilane
from jaxmech.experiments.incentives.climbing import highest_climbed
from jaxmech.experiments.incentives.designing import EVALUATIONS, two_timescale
from jaxmech.experiments.incentives.multilane.configuration import (
    Case,
    MultilaneStudy,
    TransferName,
)
from jaxmech.experiments.incentives.multilane.findings import findings
from jaxmech.experiments.incentives.multilane.outcomes import (
    BestTransfer,
    DesignedLanes,
    LaneOutcomes,
    LearnersOutcomes,
    lane_outcomes,
    learners_outcomes,
    learners_outcomes_at_rest,
)
from jaxmech.experiments.incentives.multilane.transfers import starting_transfers
from jaxmech.experiments.workspace import Workspace
from jaxmech.reports.findings import Findings

LanesDesigner = TwoTimescale | AnnealedTemperature | PPO
"""Who designs transfers."""

LAST_TEMPERATURE = 1e-3
"""To which the temperature falls in the design of transfers for agents of temperature 0, at which
they are judged."""


def compute(study: MultilaneStudy, workspace: Workspace) -> Findings:
    """Designs all transfers that the study asks for, and finds what they are worth."""
    kinds = [(number, transfer) for number in study.num_agents for transfer in study.transfers]
    best = {kind: best_transfer(study, workspace, *kind) for kind in kinds}
    found = [_designed(study, workspace, case) for case in study.cases]
    if study.ppo_updates:
        found += [_by_ppo(study, workspace, *kind) for kind in kinds]
    beside = [replace(one, best=best[one.case.num_agents, one.case.transfer]) for one in found]
    return findings(study, beside)


def best_transfer(
    study: MultilaneStudy, workspace: Workspace, num_agents: int, transfer: TransferName
) -> BestTransfer | None:
    """The best transfer that climbing finds, from a grid or from some that are drawn.

    At temperature 0 there is no slope to climb.
    """
    if study.resolved_temperature == 0:
        return None
    env, params = study.build(num_agents, transfer)
    (size,) = env.action_space(params).shape
    starts = starting_transfers(size, study.bound)
    name = f"{num_agents}_agents_{transfer}_best"
    return BestTransfer(**workspace.kept_on_host(name, highest_climbed, env, params, starts))


@struct.dataclass
class WelfareInEquilibrium:
    """What the mechanism that was designed so far is worth, and how much an episode may differ.

    Attributes:
      designer: who designs it.
      env, params: in which it is judged.
    """

    designer: LanesDesigner
    env: IncentiveDesign = struct.field(pytree_node=False)
    params: IncentiveDesignParams

    def __call__(self, state: Any, key: jax.Array) -> dict[str, jax.Array]:
        """``welfare`` and ``deviation``, float []."""
        del key
        game, params = self.env.game, self.params.game
        assert isinstance(game, Multilane)
        mechanism = mechanism_of(self.designer, state, self.env, self.params)
        policies = equilibrium(game, mechanism, params).point
        welfare = game.objective(policies, mechanism, params)
        return {"welfare": welfare, "deviation": game.deviation(policies, params)}


def mechanism_of(
    designer: LanesDesigner,
    state: Any,
    env: IncentiveDesign,
    params: IncentiveDesignParams,
) -> jax.Array:
    """What a designer has come to, float [coefficients]; of a policy, what it likeliest does first,
    within bounds."""
    if not isinstance(designer, PPO):
        return designer.mechanism(state)
    observation, _ = env.reset(jax.random.key(0), params)
    policy = designer.policy(state)
    action, _ = policy.act(observation, policy.initial_carry(), None)
    space = env.action_space(params)
    return allowed(space, jnp.asarray(action, space.dtype))


def designer_of(
    study: MultilaneStudy, case: Case, env: IncentiveDesign, params: IncentiveDesignParams
) -> TwoTimescale:
    """The designer that the study asks for."""
    gradients: dict[str, GradientEstimator] = {
        "implicit": ImplicitGradient(),
        "unrolled": UnrolledGradient(study.unrolled_steps),
        "social": SocialGradient(),
        "two_point": TwoPointGradient(study.radius, study.episodes),
        "one_point": OnePointGradient(study.radius, study.baseline_rate, study.episodes),
    }
    hyper_parameters = study.resolved().two_timescale
    return two_timescale(env, params, hyper_parameters, gradient=gradients[case.found_by])


def falling_temperature(
    study: MultilaneStudy, designer: TwoTimescale, updates: int
) -> TwoTimescale | AnnealedTemperature:
    """The designer, among agents whose temperature falls where the study asks for that.

    Args:
      updates: that it will make.
    """
    last, first = study.resolved_temperature, study.resolved_first_temperature
    if first == last:
        return designer
    last = min(first, last or LAST_TEMPERATURE)
    return AnnealedTemperature(designer, first=first, last=last, updates=updates)


def designed_in(
    study: MultilaneStudy, env: IncentiveDesign, params: IncentiveDesignParams
) -> tuple[IncentiveDesign, IncentiveDesignParams]:
    """Where mechanisms are designed: where they are judged, but for agents who learn."""
    if study.agents != "learning":
        return env, params
    learner = MirrorDescent(study.learning_rate, study.resolved_temperature)
    assert isinstance(env.game, Multilane)
    game = LearningAgents(env.game, learner)
    return incentive_design(game, replace(game.default_params, game=params.game))


def _designed(study: MultilaneStudy, workspace: Workspace, case: Case) -> DesignedLanes:
    env, params = study.build(case.num_agents, case.transfer)
    designer = designer_of(study, case, *designed_in(study, env, params))
    updates = study.updates_with(case.found_by)
    is_random = designer.gradient.is_random
    valued = designer.gradient.num_played * updates if is_random else 0
    falling = falling_temperature(study, designer, updates)
    designed = _trained(study, workspace, case, falling, env, params, updates, valued)
    game = designer.env.game
    if not isinstance(game, LearningAgents):
        return designed
    # Of the mechanisms that are played at once, the first stands for the designer's own.
    states = designed.result.states.policies[:, 0]
    name, mechanisms = f"{case.name}_learners", jnp.asarray(designed.mechanisms)
    learners: LearnersOutcomes
    if is_random:
        learners = workspace.kept(
            name,
            learners_outcomes_at_rest,
            env,
            params,
            mechanisms,
            designer.env,
            jax.tree.map(jnp.asarray, designer.params),
            states,
        )
    else:
        policies = game.policies(states, designer.params.game)
        learners = workspace.kept(name, learners_outcomes, env, params, mechanisms, policies)
    return replace(designed, learners=jax.tree.map(np.asarray, learners))


def _by_ppo(
    study: MultilaneStudy, workspace: Workspace, num_agents: int, transfer: TransferName
) -> DesignedLanes:
    """What a learner comes to that is told the welfare of every mechanism it tries."""
    env, params = study.build(num_agents, transfer)
    given = {one.name: getattr(study.ppo, one.name) for one in fields(study.ppo)}
    if given["anneal_updates"] is None:
        given["anneal_updates"] = float(study.ppo_updates)
    designer = PPO(env, params, **given)
    case = study.case(num_agents, transfer, "PPO")
    valued = study.ppo.num_environments * designer.length * study.ppo_updates
    return _trained(study, workspace, case, designer, env, params, study.ppo_updates, valued)


def _trained(
    study: MultilaneStudy,
    workspace: Workspace,
    case: Case,
    designer: LanesDesigner,
    env: IncentiveDesign,
    params: IncentiveDesignParams,
    updates: int,
    valued: int,
) -> DesignedLanes:
    result = workspace.train(
        case.name,
        designer,
        updates=updates,
        seeds=study.seeds,
        evaluate=WelfareInEquilibrium(designer, env, params),
        evaluate_every=max(1, updates // EVALUATIONS),
    )
    mechanisms = jax.vmap(lambda state: mechanism_of(designer, state, env, params))(result.states)
    several = jnp.concatenate([mechanisms, jnp.zeros_like(mechanisms[:1])])
    found: LaneOutcomes = workspace.kept(
        f"{case.name}_outcomes", lane_outcomes, env, params, several
    )
    found = jax.tree.map(np.asarray, found)
    return DesignedLanes(
        case,
        np.asarray(mechanisms, np.float64),
        jax.tree.map(lambda leaf: leaf[:-1], found),
        jax.tree.map(lambda leaf: leaf[-1:], found),
        result,
        updates,
        valued,
    )
