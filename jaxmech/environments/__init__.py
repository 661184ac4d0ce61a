"""Environments by name, each the designer's decision process over a mechanism.

Names are imported on first use, so ``jaxmech.environments.registry`` needs no JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmech.environments.registry import make, names, register
from jaxmech.lazy import exports

if TYPE_CHECKING:
    from jaxmech.environments.impression_allocation import (
        ImpressionAllocation,
        ImpressionAllocationParams,
        ImpressionAllocationState,
    )
    from jaxmech.environments.incentives import (
        IncentiveDesign,
        IncentiveDesignParams,
        IncentiveDesignState,
    )
    from jaxmech.environments.protocol import Environment
    from jaxmech.environments.repeated_auction import (
        RepeatedAuction,
        RepeatedAuctionParams,
        RepeatedAuctionState,
        Round,
    )
    from jaxmech.environments.reserve_pricing import (
        RelativeReserves,
        ReservePricing,
        ReservePricingParams,
        ReservePricingState,
    )
    from jaxmech.environments.sequential_price import (
        SequentialPrice,
        SequentialPriceParams,
        SequentialPriceState,
    )

    # For the type checker: each is an environment.
    _ENVIRONMENTS: tuple[type[Environment], ...] = (
        ImpressionAllocation,
        IncentiveDesign,
        RelativeReserves,
        RepeatedAuction,
        ReservePricing,
        SequentialPrice,
    )

__all__ = [
    "Environment",
    "ImpressionAllocation",
    "ImpressionAllocationParams",
    "ImpressionAllocationState",
    "IncentiveDesign",
    "IncentiveDesignParams",
    "IncentiveDesignState",
    "RelativeReserves",
    "RepeatedAuction",
    "RepeatedAuctionParams",
    "RepeatedAuctionState",
    "ReservePricing",
    "ReservePricingParams",
    "ReservePricingState",
    "Round",
    "SequentialPrice",
    "SequentialPriceParams",
    "SequentialPriceState",
    "make",
    "names",
    "register",
]

_EXPORTS = {
    "impression_allocation": (
        "ImpressionAllocation",
        "ImpressionAllocationParams",
        "ImpressionAllocationState",
    ),
    "incentives": ("IncentiveDesign", "IncentiveDesignParams", "IncentiveDesignState"),
    "protocol": ("Environment",),
    "repeated_auction": (
        "RepeatedAuction",
        "RepeatedAuctionParams",
        "RepeatedAuctionState",
        "Round",
    ),
    "reserve_pricing": (
        "RelativeReserves",
        "ReservePricing",
        "ReservePricingParams",
        "ReservePricingState",
    ),
    "sequential_price": ("SequentialPrice", "SequentialPriceParams", "SequentialPriceState"),
}

__getattr__ = exports(__name__, _EXPORTS)
