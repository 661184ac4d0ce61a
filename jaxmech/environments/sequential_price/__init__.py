"""Sequential price mechanisms."""

from jaxmech.environments.sequential_price.environment import (
    SequentialPrice,
    SequentialPriceState,
    Statistic,
)
from jaxmech.environments.sequential_price.factory import make
from jaxmech.environments.sequential_price.params import SequentialPriceParams, params_of

__all__ = [
    "SequentialPrice",
    "SequentialPriceParams",
    "SequentialPriceState",
    "Statistic",
    "make",
    "params_of",
]
