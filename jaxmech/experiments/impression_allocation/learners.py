"""Who learns to allocate impressions, by name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from flax import linen as nn

from jaxmech.designers import DDPG, PPO
from jaxmech.environments import ImpressionAllocation, ImpressionAllocationParams
from jaxmech.experiments.impression_allocation.configuration import Comparison, LearnerName
from jaxmech.networks.sellers.actor_critic import SellerActorCritic
from jaxmech.networks.sellers.allocation import PooledCritic, SellerActor, SellerCritic
from jaxmech.networks.sellers.by_position import PositionalActor, PositionalCritic

LABELS: dict[str, str] = {
    "ia_gru": "IA(GRU)",
    "ddpg": "DDPG, two dense layers",
    "dense": "IA, dense in place of GRU",
    "no_background": "IA(GRU), no background",
    "not_additive": "IA(GRU), not additive",
    "ppo": "PPO, network over sellers",
}
"""What they are called in print."""


def networks(name: LearnerName, hidden: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    """Actor and critic of IA(GRU), of a variant of it, or of the DDPG of dense layers.

    Args:
      hidden: widths of the dense layers.
    """
    match name:
        case "ddpg":
            return PositionalActor(hidden), PositionalCritic(hidden)
        case "dense":
            return (
                SellerActor(encoder="dense", hidden=hidden),
                SellerCritic(encoder="dense", hidden=hidden),
            )
        case "no_background":
            return (
                SellerActor(background=False, hidden=hidden),
                SellerCritic(background=False, hidden=hidden),
            )
        case "not_additive":
            return SellerActor(hidden=hidden), PooledCritic(hidden=hidden)
        case _:
            return SellerActor(hidden=hidden), SellerCritic(hidden=hidden)


def learner(
    name: LearnerName,
    study: Comparison,
    env: ImpressionAllocation,
    params: ImpressionAllocationParams,
) -> DDPG | PPO:
    """The learner called ``name``."""
    if name == "ppo":
        ppo = study.ppo
        if ppo.anneal_updates is None:
            ppo = replace(ppo, anneal_updates=float(study.updates))
        # A distribution over scores, which the environment makes into shares.
        return PPO(
            replace(env, action_form="scores"),
            params,
            network=SellerActorCritic(env.num_records),
            **_given(ppo),
        )
    own = study.ddpg if name == "ddpg" else study.ia
    actor, critic = networks(name, own.hidden)
    return DDPG(env, params, actor=actor, critic=critic, **_given(own))


def _given(hyper_parameters: Any) -> dict[str, Any]:
    return {one.name: getattr(hyper_parameters, one.name) for one in fields(hyper_parameters)}
