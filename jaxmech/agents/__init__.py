"""How participants value bundles and behave.

Names are imported on first use, so what needs no JAX is at hand without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.agents.bidders import interim_rules
    from jaxmech.agents.bidders.auction_rules import AUCTION_RULES, AuctionRule
    from jaxmech.agents.bidders.bid_functions import BidFunctions, l2_distance, tabulated
    from jaxmech.agents.bidders.equilibrium import learn_equilibrium
    from jaxmech.agents.bidders.no_regret import Exp3, Hedge, RegretMatching
    from jaxmech.agents.bidders.population import BidderPopulation, bidder_population
    from jaxmech.agents.bidders.strategies import (
        EquilibriumTable,
        LogitResponse,
        draw_logit,
        linear_shading,
        truthful,
    )
    from jaxmech.agents.keywords.bid_history import BidBins, BidHistory
    from jaxmech.agents.keywords.daily_bidders import DailyBidders
    from jaxmech.agents.keywords.distribution import keyword_distribution
    from jaxmech.agents.responses.anchoring import anchored_optimum, anchored_response
    from jaxmech.agents.responses.decision_processes import (
        DecisionProcess,
        SoftOptimum,
        decision_process,
        policy_values,
        soft_policy,
        soft_policy_iteration,
    )
    from jaxmech.agents.responses.finite_games import (
        FiniteGame,
        QuantalResponseEquilibrium,
        bayesian,
        normal_form,
        quantal_response_equilibrium,
    )
    from jaxmech.agents.responses.fixed_points import FixedPoint, fixed_point
    from jaxmech.agents.responses.game import Game, equilibrium
    from jaxmech.agents.responses.learners import (
        Boltzmann,
        EpsilonGreedy,
        MirrorDescent,
        PolicyGradient,
        QLearning,
    )
    from jaxmech.agents.responses.learning_game import LearningAgents
    from jaxmech.agents.responses.logit import logit_response, smoothed_maximum
    from jaxmech.agents.responses.score_function import sampled_utilities, score_function_mean
    from jaxmech.agents.responses.transfers import (
        NetworkTransfer,
        PiecewiseLinear,
        Polynomial,
        Table,
        Transfer,
        WithSubsidy,
    )
    from jaxmech.agents.sellers.buyers import Buyers, Logistic
    from jaxmech.agents.sellers.conditional_logit import ConditionalLogit, fit_conditional_logit
    from jaxmech.agents.sellers.observation import SellerObservation, seller_observation
    from jaxmech.agents.sellers.population import SellerPopulation, seller_population
    from jaxmech.agents.sellers.records import Records
    from jaxmech.agents.settings.demand import (
        AdditiveDemand,
        BundleDemand,
        Demand,
        UnitDemand,
        Valuations,
    )
    from jaxmech.agents.settings.finite import finite_setting, one_of, surely
    from jaxmech.agents.settings.named import SETTINGS, named_setting
    from jaxmech.agents.settings.profiles import (
        CorrelatedUniform,
        FiniteMixture,
        Samples,
        UniformMixture,
        ValueDistribution,
    )
    from jaxmech.agents.settings.setting import Setting
    from jaxmech.agents.values.joint import (
        AffiliatedSignals,
        CopulaValueQuality,
        MineralRights,
        SignalsAndValues,
        ValuesAndQuality,
    )
    from jaxmech.agents.values.numerical import Beta, Empirical, FromDistrax
    from jaxmech.agents.values.univariate import (
        Exponential,
        LogNormal,
        Power,
        TruncatedEqualRevenue,
        Uniform,
        UnivariateDistribution,
    )
    from jaxmech.agents.values.virtual import (
        IronedVirtualValue,
        density,
        ironed_virtual_value,
        virtual_value,
    )

__all__ = [
    "AUCTION_RULES",
    "SETTINGS",
    "AdditiveDemand",
    "AffiliatedSignals",
    "AuctionRule",
    "Beta",
    "BidBins",
    "BidFunctions",
    "BidHistory",
    "BidderPopulation",
    "Boltzmann",
    "BundleDemand",
    "Buyers",
    "ConditionalLogit",
    "CopulaValueQuality",
    "CorrelatedUniform",
    "DailyBidders",
    "DecisionProcess",
    "Demand",
    "Empirical",
    "EpsilonGreedy",
    "EquilibriumTable",
    "Exp3",
    "Exponential",
    "FiniteGame",
    "FiniteMixture",
    "FixedPoint",
    "FromDistrax",
    "Game",
    "Hedge",
    "IronedVirtualValue",
    "LearningAgents",
    "LogNormal",
    "Logistic",
    "LogitResponse",
    "MineralRights",
    "MirrorDescent",
    "NetworkTransfer",
    "PiecewiseLinear",
    "PolicyGradient",
    "Polynomial",
    "Power",
    "QLearning",
    "QuantalResponseEquilibrium",
    "Records",
    "RegretMatching",
    "Samples",
    "SellerObservation",
    "SellerPopulation",
    "Setting",
    "SignalsAndValues",
    "SoftOptimum",
    "Table",
    "Transfer",
    "TruncatedEqualRevenue",
    "Uniform",
    "UniformMixture",
    "UnitDemand",
    "UnivariateDistribution",
    "Valuations",
    "ValueDistribution",
    "ValuesAndQuality",
    "WithSubsidy",
    "anchored_optimum",
    "anchored_response",
    "bayesian",
    "bidder_population",
    "decision_process",
    "density",
    "draw_logit",
    "equilibrium",
    "finite_setting",
    "fit_conditional_logit",
    "fixed_point",
    "interim_rules",
    "ironed_virtual_value",
    "keyword_distribution",
    "l2_distance",
    "learn_equilibrium",
    "linear_shading",
    "logit_response",
    "named_setting",
    "normal_form",
    "one_of",
    "policy_values",
    "quantal_response_equilibrium",
    "sampled_utilities",
    "score_function_mean",
    "seller_observation",
    "seller_population",
    "smoothed_maximum",
    "soft_policy",
    "soft_policy_iteration",
    "surely",
    "tabulated",
    "truthful",
    "virtual_value",
]

_EXPORTS = {
    "bidders": ["interim_rules"],
    "bidders.auction_rules": ["AUCTION_RULES", "AuctionRule"],
    "bidders.bid_functions": ["BidFunctions", "l2_distance", "tabulated"],
    "bidders.equilibrium": ["learn_equilibrium"],
    "bidders.no_regret": ["Exp3", "Hedge", "RegretMatching"],
    "bidders.population": ["BidderPopulation", "bidder_population"],
    "bidders.strategies": [
        "EquilibriumTable",
        "LogitResponse",
        "draw_logit",
        "linear_shading",
        "truthful",
    ],
    "keywords.bid_history": ["BidBins", "BidHistory"],
    "keywords.daily_bidders": ["DailyBidders"],
    "keywords.distribution": ["keyword_distribution"],
    "responses.anchoring": ["anchored_optimum", "anchored_response"],
    "responses.decision_processes": [
        "DecisionProcess",
        "SoftOptimum",
        "decision_process",
        "policy_values",
        "soft_policy",
        "soft_policy_iteration",
    ],
    "responses.finite_games": [
        "FiniteGame",
        "QuantalResponseEquilibrium",
        "bayesian",
        "normal_form",
        "quantal_response_equilibrium",
    ],
    "responses.fixed_points": ["FixedPoint", "fixed_point"],
    "responses.game": ["Game", "equilibrium"],
    "responses.learners": [
        "Boltzmann",
        "EpsilonGreedy",
        "MirrorDescent",
        "PolicyGradient",
        "QLearning",
    ],
    "responses.learning_game": ["LearningAgents"],
    "responses.logit": ["logit_response", "smoothed_maximum"],
    "responses.score_function": ["sampled_utilities", "score_function_mean"],
    "responses.transfers": [
        "NetworkTransfer",
        "PiecewiseLinear",
        "Polynomial",
        "Table",
        "Transfer",
        "WithSubsidy",
    ],
    "sellers.buyers": ["Buyers", "Logistic"],
    "sellers.conditional_logit": ["ConditionalLogit", "fit_conditional_logit"],
    "sellers.observation": ["SellerObservation", "seller_observation"],
    "sellers.population": ["SellerPopulation", "seller_population"],
    "sellers.records": ["Records"],
    "settings.demand": ["AdditiveDemand", "BundleDemand", "Demand", "UnitDemand", "Valuations"],
    "settings.finite": ["finite_setting", "one_of", "surely"],
    "settings.named": ["SETTINGS", "named_setting"],
    "settings.profiles": [
        "CorrelatedUniform",
        "FiniteMixture",
        "Samples",
        "UniformMixture",
        "ValueDistribution",
    ],
    "settings.setting": ["Setting"],
    "values.joint": [
        "AffiliatedSignals",
        "CopulaValueQuality",
        "MineralRights",
        "SignalsAndValues",
        "ValuesAndQuality",
    ],
    "values.numerical": ["Beta", "Empirical", "FromDistrax"],
    "values.univariate": [
        "Exponential",
        "LogNormal",
        "Power",
        "TruncatedEqualRevenue",
        "Uniform",
        "UnivariateDistribution",
    ],
    "values.virtual": ["IronedVirtualValue", "density", "ironed_virtual_value", "virtual_value"],
}

__getattr__ = exports(__name__, _EXPORTS)
