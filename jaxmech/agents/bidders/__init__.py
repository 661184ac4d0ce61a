"""Bidders in auctions: strategies, learners, and equilibria.

Modules are imported on first use, so ``auction_rules`` needs no JAX.
"""

from jaxmech.lazy import exports

__getattr__ = exports(__name__, {})
