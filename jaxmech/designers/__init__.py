"""Learners, and what plays planners and fixed mechanisms: ``init`` and ``update``."""

from jaxmech.designers.bidder_model_training import (
    BidderModelTraining,
    held_out_cross_entropy,
    train_bidder_model,
)
from jaxmech.designers.fixed import RandomSerialDictatorship, StaticPrices
from jaxmech.designers.held_days import HeldDays
from jaxmech.designers.initial_reserves import InitialReserves
from jaxmech.designers.play import Play, PlayState
from jaxmech.designers.ppo import PPO, PPOState
from jaxmech.designers.reserve_planners import (
    FixedReserves,
    ObservedKeyword,
    ReservePlanner,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.reserve_planning import ExhaustiveSearch, Moves, Planning
from jaxmech.designers.reserve_simulators import ExactSimulator, LearnedSimulator
from jaxmech.designers.simulated_bid_logs import simulate_bid_logs
from jaxmech.designers.training import Designer, train
from jaxmech.designers.tree_search import TreeSearch

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
