"""Sequential price mechanisms.

Names are imported on first use, so ``Statistic`` needs no JAX.
"""

from typing import TYPE_CHECKING

from jaxmech.environments.sequential_price.statistic import Statistic
from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.environments.sequential_price.environment import (
        SequentialPrice,
        SequentialPriceState,
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

__getattr__ = exports(
    __name__,
    {
        "environment": ("SequentialPrice", "SequentialPriceState"),
        "factory": ("make",),
        "params": ("SequentialPriceParams", "params_of"),
    },
)
