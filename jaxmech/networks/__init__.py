"""Flax modules, and the action distributions they parametrise."""

from jaxmech.networks.action_distributions import (
    CategoricalPolicy,
    GaussianPolicy,
    Policy,
    Visit,
    VisitAndPricePolicy,
    policy_for,
)
from jaxmech.networks.actor_critic import MLP, ActorCritic
from jaxmech.networks.bidder_models.models import (
    BidderModelName,
    LSTMModel,
    PersistenceModel,
    WindowModel,
    bidder_model,
)
from jaxmech.networks.recurrent import RecurrentActorCritic
from jaxmech.networks.selection import ActorSees, Architecture, Network, network_for
from jaxmech.networks.symmetric import SymmetricActorCritic

__all__ = [
    "MLP",
    "ActorCritic",
    "ActorSees",
    "Architecture",
    "BidderModelName",
    "CategoricalPolicy",
    "GaussianPolicy",
    "LSTMModel",
    "Network",
    "PersistenceModel",
    "Policy",
    "RecurrentActorCritic",
    "SymmetricActorCritic",
    "Visit",
    "VisitAndPricePolicy",
    "WindowModel",
    "bidder_model",
    "network_for",
    "policy_for",
]
