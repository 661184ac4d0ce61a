"""Learned policies that set reserves: PPO and policy gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech.designers import PPO
from jaxmech.environments import ReservePricing, ReservePricingParams
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.experiments.reserve_pricing.settings import LearnedPolicies
from jaxmech.experiments.workspace import Workspace

PolicyName = Literal["policy_gradient", "ppo"]


@dataclass(frozen=True)
class Learned:
    """A policy that has been learned.

    Attributes:
      name: of the learner.
      settings: how.
      params: of the environment that it learned in.
      state: of the learner at the end.
    """

    name: PolicyName
    settings: LearnedPolicies
    params: ReservePricingParams
    state: Any


def learned_policies(
    workspace: Workspace,
    settings: LearnedPolicies,
    env: ReservePricing,
    params: ReservePricingParams,
    key: jax.Array,
) -> dict[str, Learned]:
    """PPO and policy gradient, trained on keywords drawn from ``params``.

    None of them where no updates are asked for.
    """
    if not settings.updates:
        return {}
    learned: dict[str, Learned] = {}
    for name in get_args(PolicyName):
        learner = learner_of(name, settings, env, params)
        result = workspace.train(name, learner, updates=settings.updates, seeds=1, keys=[key])
        learned[name] = Learned(
            name, settings, params, jax.tree.map(lambda leaf: leaf[0], result.states)
        )
    return learned


def learner_of(
    name: PolicyName, settings: LearnedPolicies, env: ReservePricing, params: ReservePricingParams
) -> PPO:
    """The learner, whose action is each bidder's reserve as a share of yesterday's mean bid.

    Policy gradient is PPO with one step on all of the experience, where clipping has no effect.
    """
    ppo = PPO(
        RelativeReserves(env),
        params,
        num_environments=settings.environments,
        rollout_length=settings.rollout_days,
        gamma=settings.gamma,
        learning_rate=3e-3,
        anneal_updates=settings.updates,
        initial_log_scale=-1.0,
        normalize_observations=True,
    )
    if name == "ppo":
        return ppo
    return replace(ppo, num_epochs=1, num_minibatches=1, clip=jnp.inf)
