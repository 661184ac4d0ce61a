"""Learners, and what plays planners and fixed mechanisms: ``init`` and ``update``."""

from jaxmech.designers.baselines import RandomSerialDictatorship, StaticPrices
from jaxmech.designers.bidder_models.simulated_logs import simulate_bid_logs
from jaxmech.designers.bidder_models.training import (
    BidderModelTraining,
    held_out_cross_entropy,
    train_bidder_model,
)
from jaxmech.designers.planning.held_days import HeldDays
from jaxmech.designers.planning.initial_reserves import InitialReserves
from jaxmech.designers.planning.planners import (
    FixedReserves,
    ObservedKeyword,
    ReservePlanner,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.planning.plans import ExhaustiveSearch, Moves, Planning
from jaxmech.designers.planning.simulators import ExactSimulator, LearnedSimulator
from jaxmech.designers.planning.tree_search import TreeSearch
from jaxmech.designers.play import Play, PlayState
from jaxmech.designers.ppo.ppo import PPO, PPOState
from jaxmech.designers.training import Designer, train

__all__ = [
    "PPO",
    "BidderModelTraining",
    "Designer",
    "ExactSimulator",
    "ExhaustiveSearch",
    "FixedReserves",
    "HeldDays",
    "InitialReserves",
    "LearnedSimulator",
    "Moves",
    "ObservedKeyword",
    "PPOState",
    "Planning",
    "Play",
    "PlayState",
    "RandomSerialDictatorship",
    "ReservePlanner",
    "StaticPrices",
    "TreeSearch",
    "greedy_planner",
    "held_out_cross_entropy",
    "simulate_bid_logs",
    "train",
    "train_bidder_model",
    "tree_search_planner",
]
