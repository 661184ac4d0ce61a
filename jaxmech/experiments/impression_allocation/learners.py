"""Who learns to allocate impressions, by name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from flax import linen as nn

from jaxmech.designers import DDPG, PPO
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.experiments.impression_allocation.configuration import Comparison, LearnerName
from jaxmech.networks.sellers.actor_critic import SellerActorCritic
from jaxmech.networks.sellers.allocation import SellerActor, SellerCritic

LABELS: dict[str, str] = {
    "ia_gru": "IA(GRU)",
    "ddpg": "DDPG, two dense layers",
    "dense": "IA, dense in place of GRU",
    "no_background": "IA(GRU), no background",
    "not_additive": "IA(GRU), not additive",
    "ppo": "PPO, network over sellers",
}
"""What they are called in print."""

_VARIANTS: dict[LearnerName, dict[str, Any]] = {
    "ia_gru": {},
    "dense": {"encoder": "dense"},
    "no_background": {"background": False},
    "not_additive": {},
}


def ia_networks(name: LearnerName) -> tuple[nn.Module, nn.Module]:
    """Actor and critic of IA(GRU), or of a variant of it."""
    variant = _VARIANTS[name]
    return SellerActor(**variant), SellerCritic(**variant, additive=name != "not_additive")


def learner(
    name: LearnerName,
    study: Comparison,
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
) -> DDPG | PPO:
    """The learner called ``name``."""
    if name == "ppo":
        # A distribution over scores, which the environment makes into shares.
        return PPO(
            replace(env, action_form="scores"),
            params,
            network=SellerActorCritic(env.num_records),
            **_given(study.ppo),
        )
    actor, critic = (None, None) if name == "ddpg" else ia_networks(name)
    return DDPG(env, params, actor=actor, critic=critic, **_given(study.ddpg))


def _given(hyper_parameters: Any) -> dict[str, Any]:
    return {one.name: getattr(hyper_parameters, one.name) for one in fields(hyper_parameters)}
