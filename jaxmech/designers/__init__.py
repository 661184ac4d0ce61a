"""Learners and planners of mechanisms: ``init`` and ``update``."""

from jaxmech.designers.fixed import RandomSerialDictatorship, StaticPrices
from jaxmech.designers.ppo import PPO, PPOState
from jaxmech.designers.training import Designer, train

__all__ = [
    "PPO",
    "Designer",
    "PPOState",
    "RandomSerialDictatorship",
    "StaticPrices",
    "train",
]
