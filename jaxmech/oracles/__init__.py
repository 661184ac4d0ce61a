"""Exact values: what the best mechanism of a family is worth, to judge learned ones by."""

from jaxmech.oracles import sequential_price
from jaxmech.oracles.offline import offline_optimum
from jaxmech.oracles.refusals import NotKnown

__all__ = ["NotKnown", "offline_optimum", "sequential_price"]
