"""Monte Carlo tree search over reserve plans (Tang 2017, section 4), with several back-ups.

A simulation walks from the root by upper confidence bounds to a move never tried, or to the
last day of the plan, simulates that day, and tells the value it found to the moves on its way.
How it tells it is the back-up. ``mctx`` searches with one, the mean (``mctx_search``); the
others have a search of their own here, which keeps the way it came and writes it back at once.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxmech import checks, struct
from jaxmech.checks import InvalidValueError
from jaxmech.designers.planning.mctx_trees import Packed, mctx_search, packing
from jaxmech.designers.planning.plans import Plan, Planning

Backup = Literal["mean", "max", "sarsa_lambda"]


@struct.dataclass
class TreeSearch:
    """How a tree is searched.

    Attributes:
      num_simulations: days simulated; at least the number of moves, so that each is tried.
      backup: what a move's value is. "mean": the mean of the returns found below it (Monte
        Carlo). "max": its revenue and the greatest value among the moves after it, which is
        exact where days are not random, as on ``LearnedSimulator``.
        "sarsa_lambda": a mean of returns in which the value found at a day counts by ``trace``,
        and the value so far of the move made there by the rest, the back-up MCTS(lambda) of
        Khandelwal et al. (2016); Monte Carlo at 1.
      trace: lambda, from 0 to 1.
      exploration: weight of the bonus of moves seldom tried, on values scaled to [0, 1].

    Raises:
      ValueError: ``num_simulations`` below 1, another ``backup``, ``trace`` outside [0, 1] or
        ``exploration`` negative.
    """

    num_simulations: int = struct.field(pytree_node=False, default=200)
    backup: Backup = struct.field(pytree_node=False, default="max")
    trace: float | jax.Array = 0.8
    exploration: float | jax.Array = math.sqrt(2)

    def __post_init__(self) -> None:
        checks.integer("num_simulations", self.num_simulations)
        checks.one_of("backup", self.backup, get_args(Backup))
        checks.leaf("trace", self.trace, low=0, high=1)
        checks.leaf("exploration", self.exploration, low=0)

    def values(self, planning: Planning, plan: Plan, key: jax.Array) -> jax.Array:
        """Discounted revenue of the plans that begin with each move, float [moves].

        Raises:
          ValueError: fewer simulations than moves.
        """
        return self.search(planning, plan, key).values

    def search(self, planning: Planning, plan: Plan, key: jax.Array) -> RootValues:
        """What the search makes of each first move; pure, for one keyword.

        Raises:
          ValueError: fewer simulations than moves.
        """
        if self.num_simulations < planning.moves.num_moves:
            raise InvalidValueError(
                "num_simulations",
                self.num_simulations,
                f"at least one for each of {planning.moves.num_moves} moves",
                verb="needed is",
            )
        if self.backup != "mean":
            return search_by_paths(self, planning, plan, key)

        def select(values: jax.Array, visits: jax.Array) -> jax.Array:
            return upper_confidence_move(values, visits, self.exploration)

        found = mctx_search(planning, plan, key, select, num_simulations=self.num_simulations)
        return RootValues(*found)


@struct.dataclass
class RootValues:
    """The moves of the first day, after a search.

    Attributes:
      values: float [moves], discounted revenue.
      visits: int32 [moves], simulations that began with each.
    """

    values: jax.Array
    visits: jax.Array


@struct.dataclass
class _Tree:
    """Nodes are plans, numbered as they were added; node 0 is the root.

    Attributes:
      plans: each vector [nodes, size].
      revenues: float [nodes], of a plan's last day.
      children: int32 [nodes, moves], the node that a move leads to; 0 where never tried.
      visits: int32 [nodes, moves].
      values: float [nodes, moves], discounted revenue from the move on.
      next_moves: int32 [nodes], the move that the next simulation to come by will make.
      next_nodes: int32 [nodes], and where it leads.
    """

    plans: Packed
    revenues: jax.Array
    children: jax.Array
    visits: jax.Array
    values: jax.Array
    next_moves: jax.Array
    next_nodes: jax.Array


@struct.dataclass
class _Path:
    """The way of a simulation.

    Attributes:
      nodes, moves: int32 [depth], where it was and what it did there; node 0 after its end.
      length: int32 [].
      node: int32 [], where it is now; 0 where it just made a move never tried.
    """

    nodes: jax.Array
    moves: jax.Array
    length: jax.Array
    node: jax.Array


def search_by_paths(
    search: TreeSearch, planning: Planning, plan: Plan, key: jax.Array
) -> RootValues:
    """Tree search with any of the back-ups, for one keyword.

    ``mctx.search`` has the mean alone, and in a batch writes the whole tree anew for each day
    on the way up. Here a simulation reads and writes only the nodes on its way, all of them at
    once when it ends; bounds change nowhere else, so the next moves are found then too.
    """
    num_moves = planning.moves.num_moves
    pack, unpack = packing(plan)

    def simulate(number: jax.Array, tree: _Tree) -> _Tree:
        path = _walk(planning.depth, tree)
        last = path.length - 1
        parent, move = path.nodes[last], path.moves[last]
        before = unpack(jax.tree.map(lambda rows: rows[parent], tree.plans))
        after, value = planning.step(before, move, key)
        # At the plan's last day the same node may be simulated again: it keeps its number.
        child = jnp.where(path.node > 0, path.node, number + 1)
        tree = replace(
            tree,
            plans=jax.tree.map(
                lambda rows, row: rows.at[number + 1].set(row), tree.plans, pack(after)
            ),
            revenues=tree.revenues.at[number + 1].set(after.revenue),
            children=tree.children.at[parent, move].set(child),
        )
        return _back_up(search, planning, tree, path, after.revenue, value)

    def first_of(row: jax.Array) -> jax.Array:
        rows = jnp.zeros((search.num_simulations + 1, *row.shape), row.dtype)
        return rows.at[0].set(row)

    nothing = jnp.zeros((search.num_simulations + 1, num_moves), jnp.int32)
    tree = _Tree(
        plans=jax.tree.map(first_of, pack(plan)),
        revenues=first_of(plan.revenue),
        children=nothing,
        visits=nothing,
        values=nothing.astype(plan.revenue.dtype),
        next_moves=nothing[:, 0],
        next_nodes=nothing[:, 0],
    )
    tree = jax.lax.fori_loop(0, search.num_simulations, simulate, tree)
    return RootValues(tree.values[0], tree.visits[0])


def _walk(depth: int, tree: _Tree) -> _Path:
    """From the root to a move never tried or the plan's last day."""

    def is_on(path: _Path) -> jax.Array:
        return (path.length == 0) | ((path.node > 0) & (path.length < depth))

    def one_day(path: _Path) -> _Path:
        here = jnp.arange(depth) == path.length
        return _Path(
            nodes=jnp.where(here, path.node, path.nodes),
            moves=jnp.where(here, tree.next_moves[path.node], path.moves),
            length=path.length + 1,
            node=tree.next_nodes[path.node],
        )

    nothing = jnp.zeros(depth, jnp.int32)
    zero = jnp.zeros((), jnp.int32)
    return jax.lax.while_loop(is_on, one_day, _Path(nothing, nothing, zero, zero))


def upper_confidence_move(
    values: jax.Array, visits: jax.Array, exploration: float | jax.Array
) -> jax.Array:
    """The move to try next, int32 [...]: the first never tried, or that of the greatest bound.

    Args:
      values: float [..., moves]; scaled so that the least is 0 and the greatest 1.
      visits: int [..., moves].
      exploration: weight of the bonus ``sqrt(log(all visits) / visits)``.
    """
    tried = visits > 0
    low = jnp.min(jnp.where(tried, values, jnp.inf), axis=-1, keepdims=True)
    high = jnp.max(jnp.where(tried, values, -jnp.inf), axis=-1, keepdims=True)
    spread = jnp.where(high > low, high - low, 1)
    counts = jnp.maximum(visits, 1).astype(values.dtype)
    total = jnp.sum(counts, axis=-1, keepdims=True)
    bonus = exploration * jnp.sqrt(jnp.log(total) / counts)
    bound = jnp.where(tried, (values - low) / spread + bonus, jnp.inf)
    return jnp.argmax(bound, axis=-1).astype(jnp.int32)


def _back_up(
    search: TreeSearch,
    planning: Planning,
    tree: _Tree,
    path: _Path,
    revenue: jax.Array,
    value: jax.Array,
) -> _Tree:
    """The tree after a simulation found ``value`` at the end of ``path``."""
    days = jnp.arange(planning.depth)
    on_path = days < path.length
    values = tree.values[path.nodes]
    visits = tree.visits[path.nodes]
    is_move = jnp.arange(values.shape[-1])[None] == path.moves[:, None]
    visits = visits + is_move
    # A day's revenue is that of the plan it leads to.
    revenues = tree.revenues[jnp.append(path.nodes[1:], 0)]
    revenues = jnp.where(days == path.length - 1, revenue, revenues)
    old = jnp.sum(jnp.where(is_move, values, 0), axis=-1)
    count = jnp.sum(jnp.where(is_move, visits, 0), axis=-1)
    of_others = jnp.max(jnp.where((visits > 0) & ~is_move, values, -jnp.inf), axis=-1)
    trace = search.trace if search.backup == "sarsa_lambda" else 1
    updated = []
    for day in reversed(range(planning.depth)):
        target = revenues[day] + planning.gamma * value
        if search.backup == "max":
            new, passed = target, jnp.maximum(target, of_others[day])
        else:
            new = old[day] + (target - old[day]) / count[day]
            passed = trace * target + (1 - trace) * new
        value = jnp.where(on_path[day], passed, value)
        updated.append(new)
    values = jnp.where(is_move, jnp.stack(updated[::-1])[:, None], values)
    next_moves = upper_confidence_move(values, visits, search.exploration)
    # Out of bounds where the path has ended, and dropped.
    nodes = jnp.where(on_path, path.nodes, tree.revenues.shape[0])

    def written(rows: jax.Array, new: jax.Array) -> jax.Array:
        return rows.at[nodes].set(new, mode="drop")

    return replace(
        tree,
        values=written(tree.values, values),
        visits=written(tree.visits, visits),
        next_moves=written(tree.next_moves, next_moves),
        next_nodes=written(tree.next_nodes, tree.children[path.nodes, next_moves]),
    )
