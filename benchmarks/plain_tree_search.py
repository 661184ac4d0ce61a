"""Tree search in plain Python: a dictionary for each node, a loop for each simulation.

The peer of ``jaxmech.designers.planning.tree_search`` and its reference: the same rules written
once more, for one keyword and any model that is a Python function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Step = Callable[[Any, int, int], tuple[Any, float, float]]
"""(state, move, day) to the state a day later, its revenue and what the days after are worth."""


@dataclass
class Node:
    """A plan.

    Attributes:
      state: of the model.
      revenue: of its last day.
      visits, values: of each move.
      children: by move, those tried.
    """

    state: Any
    revenue: float
    visits: list[int]
    values: list[float]
    children: dict[int, Node] = field(default_factory=dict)


def search(
    step: Step,
    state: Any,
    *,
    num_moves: int,
    num_simulations: int,
    depth: int,
    backup: str = "sarsa_lambda",
    trace: float = 0.8,
    exploration: float = math.sqrt(2),
    gamma: float = 0.95,
) -> Node:
    """The root, after ``num_simulations``; see ``jaxmech.designers.TreeSearch``."""

    def node(state: Any, revenue: float) -> Node:
        return Node(state, revenue, [0] * num_moves, [0.0] * num_moves)

    root = node(state, 0.0)
    for _ in range(num_simulations):
        path: list[tuple[Node, int]] = []
        here = root
        while True:
            move = _upper_confidence_move(here, exploration)
            path.append((here, move))
            child = here.children.get(move)
            if child is None or len(path) == depth:
                break
            here = child
        state, revenue, found = step(here.state, move, len(path) - 1)
        if child is None:
            here.children[move] = node(state, revenue)
        for parent, move in reversed(path):
            found = parent.children[move].revenue + gamma * found
            parent.visits[move] += 1
            if backup == "max":
                parent.values[move] = found
                found = max(parent.values[tried] for tried in parent.children)
            else:
                parent.values[move] += (found - parent.values[move]) / parent.visits[move]
                if backup == "sarsa_lambda":
                    found = trace * found + (1 - trace) * parent.values[move]
    return root


def _upper_confidence_move(node: Node, exploration: float) -> int:
    for move, visits in enumerate(node.visits):
        if not visits:
            return move
    low, high = min(node.values), max(node.values)
    spread = high - low or 1.0
    log_all = math.log(sum(node.visits))
    bounds = [
        (value - low) / spread + exploration * math.sqrt(log_all / visits)
        for value, visits in zip(node.values, node.visits, strict=True)
    ]
    return bounds.index(max(bounds))
