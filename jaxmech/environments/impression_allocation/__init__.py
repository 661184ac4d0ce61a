"""Buyer impressions divided among sellers who set their prices."""

from jaxmech.environments.impression_allocation.environment import ImpressionAllocation
from jaxmech.environments.impression_allocation.factory import make
from jaxmech.environments.impression_allocation.params import (
    ImpressionAllocationParams,
    params_of,
)
from jaxmech.environments.impression_allocation.state import ImpressionAllocationState

__all__ = [
    "ImpressionAllocation",
    "ImpressionAllocationParams",
    "ImpressionAllocationState",
    "make",
    "params_of",
]
