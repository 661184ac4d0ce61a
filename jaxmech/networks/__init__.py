"""Flax modules, and the actions that their outputs stand for."""

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
from jaxmech.networks.deterministic import ActionValue, DeterministicActor
from jaxmech.networks.deterministic_actions import (
    ActionMap,
    BoundedActions,
    SimplexActions,
    actions_for,
)
from jaxmech.networks.recurrent import RecurrentActorCritic
from jaxmech.networks.sellers.actor_critic import SellerActorCritic
from jaxmech.networks.sellers.allocation import SellerActor, SellerCritic
from jaxmech.networks.symmetric import SymmetricActorCritic

__all__ = [
    "MLP",
    "ActionDistribution",
    "ActionMap",
    "ActionValue",
    "ActorCritic",
    "BidderModelName",
    "BoundedActions",
    "Categorical",
    "DeterministicActor",
    "DiagonalGaussian",
    "LSTMModel",
    "PersistenceModel",
    "RecurrentActorCritic",
    "SellerActor",
    "SellerActorCritic",
    "SellerCritic",
    "SimplexActions",
    "SymmetricActorCritic",
    "Visit",
    "VisitAndPrices",
    "WindowModel",
    "actions_for",
    "bidder_model",
    "distribution_for",
]
