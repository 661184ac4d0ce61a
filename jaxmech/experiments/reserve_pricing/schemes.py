"""The schemes that set reserves: what they are called, and in which order they are shown."""

from __future__ import annotations

STATIC = ("deployed", "myerson", "static_initial", "static_model", "static_hindsight")
DYNAMIC = (
    "greedy",
    "greedy_from_static",
    "greedy_held",
    "greedy_held_from_static",
    "tree_search",
    "tree_search_from_static",
    "tree_search_larger_moves",
    "policy_gradient",
    "ppo",
)
EXACT = "greedy_held_exact"
"""Knows the simulator, as no scheme can."""

SCHEMES = (*STATIC, EXACT, *DYNAMIC)
"""In the order in which they are shown; see ``LABELS``."""

LABELS = {
    "deployed": "deployed fixed reserve",
    "myerson": "static Myerson on the initial bids",
    "static_initial": "static best on the initial bids",
    "static_model": "static best on the bidder model",
    "static_hindsight": "static best in hindsight",
    "greedy": "GREEDY",
    "greedy_from_static": "GREEDY from static best",
    "greedy_held": "patient GREEDY",
    "greedy_held_from_static": "patient GREEDY from static best",
    "greedy_held_exact": "patient GREEDY from static best, on the simulator itself",
    "tree_search": "tree search",
    "tree_search_from_static": "tree search from static best",
    "tree_search_larger_moves": "tree search from deployed, larger moves",
    "policy_gradient": "policy gradient",
    "ppo": "PPO",
}


DAYS_FORESEEN = 30
"""Days for which the bidder model is asked what static reserves would earn."""


def numbers(factors: tuple[float, ...]) -> str:
    """Factors of a move, in words."""
    return ", ".join(f"{factor:g}" for factor in factors)
