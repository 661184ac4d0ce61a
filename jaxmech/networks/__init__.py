"""Flax modules, and the action distributions they parametrise."""

from jaxmech.networks.action_distributions import (
    ActionDistribution,
    Categorical,
    DiagonalGaussian,
    Visit,
    VisitAndPrices,
    distribution_for,
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
from jaxmech.networks.symmetric import SymmetricActorCritic

__all__ = [
    "MLP",
    "ActionDistribution",
    "ActorCritic",
    "BidderModelName",
    "Categorical",
    "DiagonalGaussian",
    "LSTMModel",
    "PersistenceModel",
    "RecurrentActorCritic",
    "SymmetricActorCritic",
    "Visit",
    "VisitAndPrices",
    "WindowModel",
    "bidder_model",
    "distribution_for",
]
