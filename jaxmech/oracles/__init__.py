"""Exact values: what the best mechanism of a family is worth, to judge learned ones by."""

from jaxmech.oracles import sequential_price
from jaxmech.oracles.offline import offline_optimum

__all__ = ["offline_optimum", "sequential_price"]
