"""Learners and planners of mechanisms: ``init`` and ``update``."""

from jaxmech.designers.bidder_model_training import held_out_cross_entropy, train_bidder_model
from jaxmech.designers.fixed import RandomSerialDictatorship, StaticPrices
from jaxmech.designers.ppo import PPO, PPOState
from jaxmech.designers.reserve_planners import (
    FixedReserves,
    greedy_planner,
    tree_search_planner,
)
from jaxmech.designers.reserve_simulators import LearnedSimulator
from jaxmech.designers.training import Designer, train
from jaxmech.designers.tree_search import TreeSearch

__all__ = [
    "PPO",
    "Designer",
    "FixedReserves",
    "LearnedSimulator",
    "PPOState",
    "RandomSerialDictatorship",
    "StaticPrices",
    "TreeSearch",
    "greedy_planner",
    "held_out_cross_entropy",
    "train",
    "train_bidder_model",
    "tree_search_planner",
]
