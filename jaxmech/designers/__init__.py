"""Learners, and what plays planners and fixed mechanisms: ``init`` and ``update``.

Names are imported on first use, so hyper-parameters are at hand without JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.designers.allocation_policies.bandits import Exp3Shares, UCB1Shares
    from jaxmech.designers.allocation_policies.demand import (
        KnownDemand,
        LearnedDemand,
        LearnedSellerDemand,
    )
    from jaxmech.designers.allocation_policies.proportional import FixedShares, ProportionalShares
    from jaxmech.designers.baselines import RandomSerialDictatorship, StaticPrices
    from jaxmech.designers.bidder_models.simulated_logs import simulate_bid_logs
    from jaxmech.designers.bidder_models.training import (
        BidderModelTraining,
        held_out_cross_entropy,
        train_bidder_model,
    )
    from jaxmech.designers.ddpg.ddpg import DDPG, DDPGState
    from jaxmech.designers.ddpg.hyper_parameters import DDPGHyperParameters
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
    from jaxmech.designers.ppo.hyper_parameters import PPOHyperParameters
    from jaxmech.designers.ppo.ppo import PPO, PPOState
    from jaxmech.designers.protocols import Designer, Policy
    from jaxmech.designers.training import train
    from jaxmech.designers.two_timescale.annealing import AnnealedTemperature
    from jaxmech.designers.two_timescale.gradients import (
        ImplicitGradient,
        SocialGradient,
        UnrolledGradient,
    )
    from jaxmech.designers.two_timescale.hyper_parameters import TwoTimescaleHyperParameters
    from jaxmech.designers.two_timescale.random_gradients import OnePointGradient, TwoPointGradient
    from jaxmech.designers.two_timescale.two_timescale import (
        FixedMechanism,
        TwoTimescale,
        TwoTimescaleState,
    )

__all__ = [
    "DDPG",
    "PPO",
    "AnnealedTemperature",
    "BidderModelTraining",
    "DDPGHyperParameters",
    "DDPGState",
    "Designer",
    "ExactSimulator",
    "ExhaustiveSearch",
    "Exp3Shares",
    "FixedMechanism",
    "FixedReserves",
    "FixedShares",
    "HeldDays",
    "ImplicitGradient",
    "InitialReserves",
    "KnownDemand",
    "LearnedDemand",
    "LearnedSellerDemand",
    "LearnedSimulator",
    "Moves",
    "ObservedKeyword",
    "OnePointGradient",
    "PPOHyperParameters",
    "PPOState",
    "Planning",
    "Play",
    "PlayState",
    "Policy",
    "ProportionalShares",
    "RandomSerialDictatorship",
    "ReservePlanner",
    "SocialGradient",
    "StaticPrices",
    "TreeSearch",
    "TwoPointGradient",
    "TwoTimescale",
    "TwoTimescaleHyperParameters",
    "TwoTimescaleState",
    "UCB1Shares",
    "UnrolledGradient",
    "greedy_planner",
    "held_out_cross_entropy",
    "simulate_bid_logs",
    "train",
    "train_bidder_model",
    "tree_search_planner",
]

_EXPORTS = {
    "allocation_policies.bandits": ["Exp3Shares", "UCB1Shares"],
    "allocation_policies.demand": ["KnownDemand", "LearnedDemand", "LearnedSellerDemand"],
    "allocation_policies.proportional": ["FixedShares", "ProportionalShares"],
    "baselines": ["RandomSerialDictatorship", "StaticPrices"],
    "bidder_models.simulated_logs": ["simulate_bid_logs"],
    "bidder_models.training": [
        "BidderModelTraining",
        "held_out_cross_entropy",
        "train_bidder_model",
    ],
    "ddpg.ddpg": ["DDPG", "DDPGState"],
    "ddpg.hyper_parameters": ["DDPGHyperParameters"],
    "planning.held_days": ["HeldDays"],
    "planning.initial_reserves": ["InitialReserves"],
    "planning.planners": [
        "FixedReserves",
        "ObservedKeyword",
        "ReservePlanner",
        "greedy_planner",
        "tree_search_planner",
    ],
    "planning.plans": ["ExhaustiveSearch", "Moves", "Planning"],
    "planning.simulators": ["ExactSimulator", "LearnedSimulator"],
    "planning.tree_search": ["TreeSearch"],
    "play": ["Play", "PlayState"],
    "ppo.hyper_parameters": ["PPOHyperParameters"],
    "ppo.ppo": ["PPO", "PPOState"],
    "protocols": ["Designer", "Policy"],
    "training": ["train"],
    "two_timescale.annealing": ["AnnealedTemperature"],
    "two_timescale.gradients": ["ImplicitGradient", "SocialGradient", "UnrolledGradient"],
    "two_timescale.hyper_parameters": ["TwoTimescaleHyperParameters"],
    "two_timescale.random_gradients": ["OnePointGradient", "TwoPointGradient"],
    "two_timescale.two_timescale": ["FixedMechanism", "TwoTimescale", "TwoTimescaleState"],
}

__getattr__ = exports(__name__, _EXPORTS)
