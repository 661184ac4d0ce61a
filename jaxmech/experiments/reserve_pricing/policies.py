"""Learned policies that set reserves: PPO and policy gradient."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxmech.designers import PPO, train
from jaxmech.environments import ReservePricing, ReservePricingParams, ReservePricingState
from jaxmech.environments.reserve_pricing.relative import RelativeReserves
from jaxmech.experiments.reserve_pricing.configuration import ReservePricingStudy
from jaxmech.experiments.reserve_pricing.keywords import Choose, Clock, Given


def learned_policies(
    study: ReservePricingStudy, env: ReservePricing, params: ReservePricingParams, clock: Clock
) -> dict[str, Choose]:
    """PPO and policy gradient, trained on keywords drawn from ``params`` and then frozen.

    None of them where no updates are asked for.

    Their action is each bidder's reserve as a share of yesterday's mean bid. Policy gradient
    is PPO with one step on all of the experience, where clipping has no effect.
    """
    settings = study.policies
    if not settings.updates:
        return {}
    relative = RelativeReserves(env)
    base = PPO(
        relative,
        params,
        num_environments=settings.environments,
        rollout_length=settings.rollout_days,
        gamma=settings.gamma,
        learning_rate=3e-3,
        anneal_updates=settings.updates,
        initial_log_scale=-1.0,
        normalize_observations=True,
    )
    learners = {
        "policy_gradient": replace(base, num_epochs=1, num_minibatches=1, clip=jnp.inf),
        "ppo": base,
    }
    key = jax.random.fold_in(jax.random.key(study.seed), 3)
    chosen = {}
    for name, learner in learners.items():
        learnt, _ = clock.run(name, partial(train, learner, updates=settings.updates), key)
        chosen[name] = _frozen(learner, learnt, relative, params)
    return chosen


def _frozen(
    learner: PPO, learnt: Any, relative: RelativeReserves, params: ReservePricingParams
) -> Choose:
    def choose(
        given: Given,
        of_keyword: Any,
        observation: jax.Array,
        state: ReservePricingState,
        key: jax.Array,
    ) -> jax.Array:
        del given, of_keyword, key
        return relative.reserves(
            state, learner.policy(learnt).act(observation, None, None)[0], params
        )

    return choose
