"""Flax modules, and the action distributions they parametrise."""

from jaxmech.networks.actor_critic import MLP, ActorCritic
from jaxmech.networks.policies import (
    CategoricalPolicy,
    GaussianPolicy,
    Policy,
    Visit,
    VisitAndPricePolicy,
    policy_for,
)

__all__ = [
    "MLP",
    "ActorCritic",
    "CategoricalPolicy",
    "GaussianPolicy",
    "Policy",
    "Visit",
    "VisitAndPricePolicy",
    "policy_for",
]
